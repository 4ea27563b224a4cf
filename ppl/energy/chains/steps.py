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
    """Time cut into `blocks` of `length` steps; the first block is filled up in front by `padding` steps."""

    steps: int
    length: int
    blocks: int

    @property
    def padding(self) -> int:
        """Steps in front of the first."""
        return self.length * self.blocks - self.steps

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
        """sum over the steps of each table u of before[i] table[i, j] ahead[j]: (U, K, K)."""


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
        """sum over the steps of each table u of before[i] table[i, j] ahead[j]; `ahead` is overwritten."""
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
        table = self.tables[:, :, self.codes[step]]
        middle = (slice(None),) + (None,) * (x.ndim - 2)
        np.multiply(table[0][middle], x[0], out=out)
        for i in range(1, len(x)):
            out += table[i][middle] * x[i]

    def backward(self, step: int, x: Array, out: Array) -> None:
        """out[i] = sum_j table[i, j] x[j] for x (K, B)."""
        table = self.tables[:, :, self.codes[step]]
        np.multiply(table[:, 0], x[0], out=out)
        for j in range(1, len(x)):
            out += table[:, j] * x[j]

    def pair_sums(self, before: Array, ahead: Array) -> Array:
        """sum over the steps of each table u of before[i] table[i, j] ahead[j]: (U, K, K)."""
        k, count = len(before), self.tables.shape[-1]
        x, y, code = before.reshape(k, -1), ahead.reshape(k, -1), self.codes.ravel()
        out = np.empty((count, k, k))
        for i in range(k):
            for j in range(k):
                out[:, i, j] = np.bincount(code, weights=x[i] * y[j], minlength=count)
        return out * np.moveaxis(self.tables, -1, 0)


def steps_of(tables: Array, codes: Array, cut: Cut) -> Steps:
    """The cheaper of the two: tables (U, K, K), codes (T,)."""
    if len(tables) > cut.steps:
        return OwnTables(tables, codes, cut)
    common = CommonTable(tables, codes, cut)
    patches = sum(len(groups) for groups in common.patches.values())
    return common if patches <= MOST_PATCHES * cut.length else OwnTables(tables, codes, cut)


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
