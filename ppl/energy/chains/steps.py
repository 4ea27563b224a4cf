"""One step of every block of a chain at once: messages of shape (K, ..., B), one column a block."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol, final

import numpy as np

from ppl.backend.op import Array

MOST_PATCHES = 2  # groups of odd steps for each step of a block; with more, every column has its own table


@final
@dataclass(frozen=True)
class Cut:
    """Time cut into `blocks` of `length` steps; the first block is filled up in front by `padding` steps.

    Where blocks are `apart`, each is a chain of its own.
    """

    steps: int
    length: int
    blocks: int
    apart: bool = False

    @property
    def padding(self) -> int:
        """Steps in front of the first."""
        return self.length * self.blocks - self.steps

    @property
    def fresh(self) -> slice:
        """The blocks that start a chain."""
        return slice(None) if self.apart else slice(0, 1)

    def blocked(self, x: Array) -> Array:
        """A view (..., L, B) of x (..., B * L)."""
        return x.reshape(*x.shape[:-1], self.blocks, self.length).swapaxes(-1, -2)


def cut(steps: int, states: int) -> Cut:
    """Blocks of about sqrt(T / 4) steps, or a single one where there is too little to gain."""
    length = steps if steps <= 60 else max(round(sqrt(steps / 4)), 16)
    return Cut(steps, length, -(-steps // length))


class Steps(Protocol):
    """The pair tables of a chain, applied to all blocks at one step of theirs."""

    def forward(self, step: int, x: Array, out: Array) -> None:
        """out[j] = sum_i table[i, j] x[i] for x (K, ..., B)."""

    def backward(self, step: int, x: Array, out: Array) -> None:
        """out[i] = sum_j table[i, j] x[j] for x (K, B)."""

    def pair_sums(self, before: Array, ahead: Array) -> Array:
        """sum over the steps of each table u of before[i] table[i, j] ahead[j], which may be overwritten."""


@final
class CommonTable:
    """Nearly all steps share one table: one product a step, and the few others are patched in."""

    def __init__(self, tables: Array, codes: Array, cut: Cut) -> None:
        self.tables, self.cut = tables, cut
        self.transposed = np.ascontiguousarray(tables.swapaxes(-1, -2))
        counts = np.bincount(codes[1:], minlength=len(tables))
        self.main = int(counts.argmax())
        self.at = _odd_steps(codes, counts, self.main, cut)
        self.patches = _patches(self.at, cut)

    def forward(self, step: int, x: Array, out: Array) -> None:
        """out[j] = sum_i table[i, j] x[i] for x (K, ..., B)."""
        self._apply(self.transposed, step, x, out)

    def backward(self, step: int, x: Array, out: Array) -> None:
        """out[i] = sum_j table[i, j] x[j] for x (K, B)."""
        self._apply(self.tables, step, x, out)

    def _apply(self, tables: Array, step: int, x: Array, out: Array) -> None:
        k = len(x)
        np.matmul(tables[self.main], x.reshape(k, -1), out=out.reshape(k, -1))
        for u, columns in self.patches.get(step, ()):
            part = x[..., columns]
            out[..., columns] = (tables[u] @ part.reshape(k, -1)).reshape(part.shape)

    def pair_sums(self, before: Array, ahead: Array) -> Array:
        """sum over the steps of each table u of before[i] table[i, j] ahead[j]: (U, K, K)."""
        k = len(before)
        x, y = before.reshape(k, -1), ahead.reshape(k, -1)
        out = np.zeros(self.tables.shape)
        for u, (step, block) in self.at.items():
            flat = step * self.cut.blocks + block
            out[u] = x[:, flat] @ y[:, flat].T
            y[:, flat] = 0.0
        out[self.main] = x @ y.T
        return out * self.tables


@final
class OwnTables:
    """Every step of every block has a table of its own, looked up by code."""

    def __init__(self, tables: Array, codes: Array, cut: Cut) -> None:
        self.tables, self.cut = np.ascontiguousarray(np.moveaxis(tables, 0, -1)), cut
        padded = np.concatenate([np.zeros(cut.padding, dtype=codes.dtype), codes])
        self.codes = np.ascontiguousarray(cut.blocked(padded))

    def forward(self, step: int, x: Array, out: Array) -> None:
        """out[j] = sum_i table[i, j] x[i] for x (K, ..., B)."""
        forward_by_column(self.tables[:, :, self.codes[step]], x, out)

    def backward(self, step: int, x: Array, out: Array) -> None:
        """out[i] = sum_j table[i, j] x[j] for x (K, B)."""
        backward_by_column(self.tables[:, :, self.codes[step]], x, out)

    def pair_sums(self, before: Array, ahead: Array) -> Array:
        """sum over the steps of each table u of before[i] table[i, j] ahead[j]: (U, K, K)."""
        k, count = len(before), self.tables.shape[-1]
        x, y, code = before.reshape(k, -1), ahead.reshape(k, -1), self.codes.ravel()
        out = np.empty((count, k, k))
        for i in range(k):
            for j in range(k):
                out[:, i, j] = np.bincount(code, weights=x[i] * y[j], minlength=count)
        return out * np.moveaxis(self.tables, -1, 0)


@final
class VaryingTables:
    """Every step of time has a table of its own; the pair marginals come back one by one."""

    def __init__(self, tables: Array, cut: Cut) -> None:
        self.cut = cut
        self.tables = np.ones((*tables.shape[:2], cut.length, cut.blocks))
        padded = np.concatenate([np.ones((*tables.shape[:2], cut.padding)), tables], axis=-1)
        np.copyto(self.tables, cut.blocked(padded))

    def forward(self, step: int, x: Array, out: Array) -> None:
        """out[j] = sum_i table[i, j] x[i] for x (K, ..., B)."""
        forward_by_column(self.tables[:, :, step], x, out)

    def backward(self, step: int, x: Array, out: Array) -> None:
        """out[i] = sum_j table[i, j] x[j] for x (K, B)."""
        backward_by_column(self.tables[:, :, step], x, out)

    def pair_sums(self, before: Array, ahead: Array) -> Array:
        """before[i] table[i, j] ahead[j] of every step: (K, K, T)."""
        k = len(before)
        out = np.empty((k, k, self.cut.length * self.cut.blocks))
        np.copyto(self.cut.blocked(out), before[:, None] * self.tables * ahead)
        return out[..., self.cut.padding :]


@final
class BatchTables:
    """Blocks that are chains of their own and share the codes: tables (N, U, K, K) or (1, U, K, K)."""

    def __init__(self, tables: Array, codes: Array) -> None:
        self.tables = np.ascontiguousarray(np.moveaxis(tables, 0, -1))
        self.shared, self.codes = len(tables) == 1, codes

    def forward(self, step: int, x: Array, out: Array) -> None:
        """out[j] = sum_i table[i, j] x[i] for x (K, B)."""
        table = self.tables[self.codes[step]]
        if self.shared:
            np.matmul(table[..., 0].T, x, out=out)
        else:
            forward_by_column(table, x, out)

    def backward(self, step: int, x: Array, out: Array) -> None:
        """out[i] = sum_j table[i, j] x[j] for x (K, B)."""
        table = self.tables[self.codes[step]]
        if self.shared:
            np.matmul(table[..., 0], x, out=out)
        else:
            backward_by_column(table, x, out)

    def pair_sums(self, before: Array, ahead: Array) -> Array:
        """sum over the steps of each table u of before[i] table[i, j] ahead[j]: (N, U, K, K)."""
        out = np.zeros((*self.tables.shape[:3], before.shape[-1]))
        for u in np.unique(self.codes[1:]):
            at = self.codes == u
            out[u] = np.einsum("ilb,jlb->ijb", before[:, at], ahead[:, at])
        return np.ascontiguousarray(np.moveaxis(out * self.tables, -1, 0))


def forward_by_column(table: Array, x: Array, out: Array) -> None:
    """out[j] = sum_i table[i, j] x[i], every column with its table: (K, K, B), (K, ..., B).

    >>> out = np.empty((2, 1))
    >>> forward_by_column(np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), np.array([[1.0], [1.0]]), out)
    >>> out.ravel().tolist()
    [4.0, 6.0]
    """
    middle = (slice(None),) + (None,) * (x.ndim - 2)
    np.multiply(table[0][middle], x[0], out=out)
    for i in range(1, len(x)):
        out += table[i][middle] * x[i]


def backward_by_column(table: Array, x: Array, out: Array) -> None:
    """out[i] = sum_j table[i, j] x[j], every column with its table: (K, K, B), (K, B).

    >>> out = np.empty((2, 1))
    >>> backward_by_column(np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), np.array([[1.0], [1.0]]), out)
    >>> out.ravel().tolist()
    [3.0, 7.0]
    """
    np.multiply(table[:, 0], x[0], out=out)
    for j in range(1, len(x)):
        out += table[:, j] * x[j]


def steps_of(tables: Array, codes: Array, cut: Cut) -> Steps:
    """The cheaper of the two: tables (U, K, K), codes (T,)."""
    main = int(np.bincount(codes[1:], minlength=len(tables)).argmax())
    odd = np.flatnonzero(codes != main) + cut.padding
    if len(odd) > MOST_PATCHES * cut.length:
        groups = np.unique(codes[odd - cut.padding] * cut.length + odd % cut.length)
        if len(groups) > MOST_PATCHES * cut.length:
            return OwnTables(tables, codes, cut)
    return CommonTable(tables, codes, cut)


def _odd_steps(codes: Array, counts: Array, main: int, cut: Cut) -> dict[int, tuple[Array, Array]]:
    """Step in its block and block, of every step of each table but the main one."""
    out = {}
    for u in np.flatnonzero(counts):
        if u != main:
            at = np.flatnonzero(codes == u)
            at = at[at > 0] + cut.padding
            out[int(u)] = (at % cut.length, at // cut.length)
    return out


def _patches(at: dict[int, tuple[Array, Array]], cut: Cut) -> dict[int, list[tuple[int, Array]]]:
    """For each step of a block that has any, the tables other than the main one and their blocks."""
    out: dict[int, list[tuple[int, Array]]] = {}
    for u, (step, block) in at.items():
        order = np.argsort(step, kind="stable")
        step, block = step[order], block[order]
        starts = np.flatnonzero(np.diff(step, prepend=-1))
        for first, group in zip(starts, np.split(block, starts[1:]), strict=True):
            out.setdefault(int(step[first]), []).append((u, group))
    return out
