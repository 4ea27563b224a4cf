"""One step of every block of a chain at once: messages of shape (K, ..., B), one column a block."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np

from ppl.backend.chains.cut import Cut
from ppl.backend.chains.many_tables import OwnTables
from ppl.backend.op import Array

MOST_PATCHES = 2  # groups of odd steps for each step of a block; with more, every column has its own table


class Steps(Protocol):
    """The pair tables of a chain, applied to all blocks at one step of theirs."""

    def forward(self, step: int, x: Array, out: Array) -> None:
        """out[j] = sum_i table[i, j] x[i] for x (K, ..., B)."""

    def backward(self, step: int, x: Array, out: Array) -> None:
        """out[i] = sum_j table[i, j] x[j] for x (K, B)."""

    def pair_sums(self, before: Array, ahead: Array) -> Array:
        """sum over the steps of each table u of before[i] table[i, j] ahead[j], which may be overwritten."""


def steps_of(tables: Array, codes: Array, cut: Cut) -> Steps:
    """The cheaper of the two: tables (U, K, K), codes (T,)."""
    main = int(np.bincount(codes[1:], minlength=len(tables)).argmax())
    odd = np.flatnonzero(codes != main) + cut.padding
    if len(odd) > MOST_PATCHES * cut.length:
        groups = np.unique(codes[odd - cut.padding] * cut.length + odd % cut.length)
        if len(groups) > MOST_PATCHES * cut.length:
            return OwnTables(tables, codes, cut)
    return CommonTable(tables, codes, cut)


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
