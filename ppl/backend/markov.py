"""The log-partition of a long chain of discrete states whose pair tables take few distinct values.

log Z = log sum over s_1..s_T of prod_t exp(pair[s_{t-1}, s_t, codes[t]] + unary[s_t, t]), s_0 = 0. Time is
cut into blocks that advance together (products of a block's steps first, then messages from block to block,
then messages inside all blocks), each message rescaled at every step; both sweeps are made at once and their
marginals kept for the derivatives. Where a rescaled message underflows, the same sums are taken in logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from threading import local

import numpy as np

from ppl.backend.markov_logs import sums_in_logs
from ppl.backend.op import Array, op, unbroadcast

SMALLEST = 1e-300  # a mass below is none: whether it mattered is seen from the marginals' own mass
TRUSTED = 1e-270  # marginals with less mass before normalising are taken in logs
CALL, STACKED, ELEMENT = 12e-6, 3e-7, 4e-9  # seconds of a step, of each further matrix, of each element


@dataclass(frozen=True)
class _Sums:
    """log Z (N, R), single marginals (N, R, K, T), summed pair marginals (N, R, U, K, K)."""

    log_partition: Array
    single: Array
    pairs: Array


_last = local()  # the sums of the latest forward call: its two derivatives follow on the same arrays


def _sums(pair: Array, unary: Array, codes: Array) -> _Sums:
    known = getattr(_last, "entry", None)
    if known is not None and known[0] is pair and known[1] is unary and known[2] is codes:
        found: _Sums = known[3]
        return found
    out = _computed(*_flat(pair, unary), codes)
    _last.entry = (pair, unary, codes, out)
    return out


def _flat(pair: Array, unary: Array) -> tuple[Array, Array]:
    """Tables (N, U, K, K) and (N, R, K, T): N batches with tables of their own, R chains that share one."""
    lead = np.broadcast_shapes(pair.shape[:-3], unary.shape[:-2])
    cut = _cut(pair)
    n, r = prod(lead[:cut]), prod(lead[cut:])
    own = np.broadcast_to(pair.reshape(*pair.shape[:cut], *pair.shape[-3:]), (*lead[:cut], *pair.shape[-3:]))
    tables = np.ascontiguousarray(np.moveaxis(own.reshape(n, *pair.shape[-3:]), -1, 1))
    return tables, np.broadcast_to(unary, (*lead, *unary.shape[-2:])).reshape(n, r, *unary.shape[-2:])


def _cut(pair: Array) -> int:
    """How many leading axes the pair tables differ along."""
    return max((i + 1 for i, size in enumerate(pair.shape[:-3]) if size != 1), default=0)


def _computed(tables: Array, unary: Array, codes: Array) -> _Sums:
    sweep = _Sweep(tables, unary, codes)
    out = sweep.sums()
    for n in np.flatnonzero(sweep.doubtful):
        out.log_partition[n], out.single[n], out.pairs[n] = sums_in_logs(tables[n], unary[n], codes)
    return out


def block_count(steps: int, n: int, r: int, k: int) -> int:
    """Blocks that time is cut into: one where products of matrices cost more than they save."""
    call = CALL + STACKED * n
    blocks = max(int(np.sqrt(2 * steps)), 1)
    cut = 5 * call * steps / blocks + 2 * blocks * call + n * r * steps * k * k * (ELEMENT + k * ELEMENT / 10)
    return blocks if cut < 2 * call * steps else 1


class _Sweep:
    """Arrays (N, L, M, K): L steps of M = R * B rows, a row being one block of one chain."""

    def __init__(self, tables: Array, unary: Array, codes: Array) -> None:
        self.n, self.r, self.k, self.steps = unary.shape
        self.blocks = block_count(self.steps, self.n, self.r, self.k)
        self.length = -(-self.steps // self.blocks)
        self.rows = self.r * self.blocks
        self.padding = self.blocks * self.length - self.steps
        top = _finite(tables.max(axis=(-2, -1)))
        identity = np.broadcast_to(np.eye(self.k), (self.n, 1, self.k, self.k))
        self.tables = np.concatenate([np.exp(tables - top[..., None, None]), identity], axis=1)
        used = np.bincount(codes, minlength=tables.shape[1])
        shift = _finite(unary.max(axis=2))
        self.scale = (top @ used)[:, None] + shift.sum(axis=-1)
        self.weights = self._cut(np.exp(unary - shift[:, :, None]))
        self._place(codes)
        self.doubtful = np.zeros(self.n, dtype=bool)

    def _cut(self, x: Array) -> Array:
        if self.padding:
            x = np.concatenate([x, np.ones((*x.shape[:-1], self.padding))], axis=-1)
        x = x.reshape(self.n, self.r, self.k, self.blocks, self.length)
        out = np.ascontiguousarray(x.transpose(0, 4, 1, 3, 2))
        return out.reshape(self.n, self.length, self.rows, self.k)

    def _joined(self, x: Array) -> Array:
        """The inverse of `_cut`."""
        x = x.reshape(self.n, self.length, self.r, self.blocks, self.k).transpose(0, 2, 4, 3, 1)
        return x.reshape(self.n, self.r, self.k, -1)[..., : self.steps]

    def _place(self, codes: Array) -> None:
        """The commonest table, and at each step the rows with another: steps past the end change nothing."""
        beyond = self.tables.shape[1] - 1
        full = np.concatenate([codes, np.full(self.padding, beyond)]).reshape(self.blocks, self.length)
        self.codes = np.tile(full.T, (1, self.r))
        self.main = int(np.bincount(codes).argmax())
        self.others: list[list[tuple[int, Array]]] = [[] for _ in range(self.length)]
        for u in range(beyond + 1):
            step, row = np.nonzero(self.codes == u)
            if u == self.main or not len(step):
                continue
            cuts = np.flatnonzero(np.diff(step)) + 1
            for at, rows in zip(step[np.r_[0, cuts]], np.split(row, cuts), strict=True):
                self.others[at].append((u, rows))

    def _moved(self, x: Array, step: int, tables: Array) -> Array:
        """Every row of x (N, M, q, K) times its own table at one step."""
        n, m, q, k = x.shape
        out = np.matmul(x.reshape(n, m * q, k), tables[:, self.main]).reshape(x.shape)
        for u, rows in self.others[step]:
            part = x[:, rows]
            out[:, rows] = np.matmul(part.reshape(n, -1, k), tables[:, u]).reshape(part.shape)
        return out

    def _products(self) -> tuple[Array, Array]:
        """The product of every block's steps (N, R, B, K, K), and the log of what each row was divided by."""
        shape = (self.n, self.rows, self.k, self.k)
        out = np.broadcast_to(np.eye(self.k), shape)
        logs = np.zeros(shape[:-1])
        for step in range(self.length):
            out = self._moved(out, step, self.tables)
            out *= self.weights[:, step, :, None]
            size = np.maximum(_row_sums(out), SMALLEST)
            out /= size[..., None]
            logs += np.log(size)
        split = (self.n, self.r, self.blocks)
        return out.reshape(*split, self.k, self.k), logs.reshape(*split, self.k)

    def _ends(self) -> tuple[Array, Array]:
        """The messages that enter each block from the left and from the right: (N, M, 1, K)."""
        left = np.zeros((self.n, self.r, self.blocks, self.k))
        right = np.ones_like(left)
        left[:, :, 0, 0] = 1.0
        if self.blocks > 1:
            product, logs = self._products()
            for b in range(self.blocks - 1):
                weight = _relative(np.log(left[:, :, b]) + logs[:, :, b])
                out = np.matmul(weight[..., None, :], product[:, :, b])[..., 0, :]
                left[:, :, b + 1] = out / _row_sums(out)[..., None]
            for b in range(self.blocks - 1, 0, -1):
                out = np.matmul(product[:, :, b], right[:, :, b, :, None])[..., 0]
                right[:, :, b - 1] = _relative(np.log(out) + logs[:, :, b])
        shape = (self.n, self.rows, 1, self.k)
        return left.reshape(shape), right.reshape(shape)

    def sums(self) -> _Sums:
        with np.errstate(all="ignore"):
            left, right = self._ends()
            before, after, size = self._forward(left)
            ahead = self._backward(right)
            both = after * ahead
            mass = _row_sums(both)
            self.doubtful = ~(np.minimum(mass, size * mass) > TRUSTED).all(axis=(1, 2))
            ahead *= self.weights
            ahead /= (size * mass)[..., None]
            both /= mass[..., None]
            logs = np.log(size).reshape(self.n, self.length, self.r, self.blocks).sum(axis=(1, 3))
            return _Sums(logs + self.scale, self._joined(both), self._pairs(before, ahead))

    def _forward(self, message: Array) -> tuple[Array, Array, Array]:
        before, after = np.empty_like(self.weights), np.empty_like(self.weights)
        size = np.empty(self.weights.shape[:-1])
        for step in range(self.length):
            before[:, step] = message[:, :, 0]
            message = self._moved(message, step, self.tables)
            message *= self.weights[:, step, :, None]
            own = np.maximum(_row_sums(message), SMALLEST)
            message /= own[..., None]
            size[:, step] = own[..., 0]
            after[:, step] = message[:, :, 0]
        return before, after, size

    def _backward(self, message: Array) -> Array:
        ahead = np.empty_like(self.weights)
        transposed = np.ascontiguousarray(np.swapaxes(self.tables, -1, -2))
        for step in reversed(range(self.length)):
            ahead[:, step] = message[:, :, 0]
            message = self._moved(message * self.weights[:, step, :, None], step, transposed)
            message /= np.maximum(_row_sums(message), SMALLEST)[..., None]
        return ahead

    def _pairs(self, before: Array, ahead: Array) -> Array:
        """Pair marginals summed over the steps of each table."""
        k, split = self.k, (self.n, self.length, self.r, self.blocks, self.k)
        x = np.moveaxis(before.reshape(split), 2, 1).reshape(self.n, self.r, -1, k)
        y = np.moveaxis(ahead.reshape(split), 2, 1).reshape(self.n, self.r, -1, k)
        code = self.codes[:, : self.blocks].ravel()
        out = np.zeros((self.n, self.r, self.tables.shape[1], k, k))
        for u in range(self.tables.shape[1] - 1):
            if u != self.main:
                at = np.flatnonzero(code == u)
                out[:, :, u] = np.matmul(np.swapaxes(x[:, :, at], -1, -2), y[:, :, at])
        y[:, :, code != self.main] = 0.0
        out[:, :, self.main] = np.matmul(np.swapaxes(x, -1, -2), y)
        return (out * self.tables[:, None])[:, :, :-1]


def _row_sums(x: Array) -> Array:
    """Sums over the short last axis, by one product: NumPy's own sum takes several times as long there."""
    k = x.shape[-1]
    return (x.reshape(-1, k) @ np.ones(k)).reshape(x.shape[:-1])


def _finite(x: Array) -> Array:
    return np.where(np.isfinite(x), x, 0.0)


def _relative(logs: Array) -> Array:
    return np.exp(logs - logs.max(axis=-1, keepdims=True))


def _pair_vjp(g: Array, ans: Array, pair: Array, unary: Array, codes: Array) -> Array:
    """g times the pair marginals of each table."""
    found = _sums(pair, unary, codes).pairs
    lead = np.broadcast_shapes(pair.shape[:-3], unary.shape[:-2])[: _cut(pair)]
    out = (np.reshape(g, (*found.shape[:2], 1, 1, 1)) * found).sum(axis=1)
    middle = (1,) * (pair.ndim - 3 - len(lead))
    out = np.moveaxis(out, 1, -1).reshape(*lead, *middle, *pair.shape[-3:])
    return unbroadcast(out, pair.shape)


def _unary_vjp(g: Array, ans: Array, pair: Array, unary: Array, codes: Array) -> Array:
    """g times the marginals of each step."""
    found = _sums(pair, unary, codes).single
    out = np.reshape(g, (*found.shape[:2], 1, 1)) * found
    return unbroadcast(out.reshape(*np.shape(g), *unary.shape[-2:]), unary.shape)


@op(_pair_vjp, _unary_vjp, None)
def markov_log_partition(pair: Array, unary: Array, codes: Array) -> Array:
    """log Z of pair (..., K, K, U), unary (..., K, T) and codes (T,) below U; leading axes broadcast.

    >>> tables, codes = np.log(np.full((1, 2, 2, 1), 0.5)), np.zeros(3, dtype=int)
    >>> float(np.exp(markov_log_partition(tables, np.zeros((1, 2, 3)), codes)[0]).round(12))
    1.0
    """
    lead = np.broadcast_shapes(pair.shape[:-3], unary.shape[:-2])
    return _sums(pair, unary, codes).log_partition.reshape(lead)
