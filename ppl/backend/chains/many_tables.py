"""Steps of a chain whose blocks have different pair tables at the same step of theirs."""

from __future__ import annotations

from typing import final

import numpy as np

from ppl.backend.chains.cut import Cut
from ppl.backend.op import Array


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
