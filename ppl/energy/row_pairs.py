"""Sums over elements of products of two columns each, formed chunk by chunk: R-weighted Gram matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ppl.energy.operands import Key

Array = Any


@dataclass(frozen=True, eq=False)
class Pairs:
    """Columns a_d b_e of elements, of which only a (D, N) and b (E, N) are stored; their sums are (K, D E).

        score(k, n) = sum_de G[k, de] a_d[n] b_e[n],    S[k, de] = sum_n r(k, n) a_d[n] b_e[n]

    by one matrix product for each state: Gram matrices with the probabilities as weights.
    """

    key: Key
    left: Array
    right: Array

    places: ClassVar[int] = 0
    density: ClassVar[float] = 1.0

    def zero(self, states: int) -> Array:
        return np.zeros((states, len(self.left) * len(self.right)))

    def table(self, gradient: Array) -> Array:
        return np.ascontiguousarray(gradient)

    def add_scores(self, x: Array, table: Array, lo: int, hi: int) -> None:
        """Add G Phi to scores x (K, hi - lo)."""
        left, right = self.left[:, lo:hi], self.right[:, lo:hi]
        for k, row in enumerate(table.reshape(-1, len(self.left), len(self.right))):
            x[k] += np.einsum("dn,dn->n", left, row @ right)

    def add_sums(self, sums: Array, r: Array, lo: int, hi: int) -> None:
        """Add the sums of probabilities r (K, hi - lo)."""
        left, right = self.left[:, lo:hi], self.right[:, lo:hi]
        for k, weights in enumerate(r):
            sums[k] += ((left * weights) @ right.T).ravel()
