"""One pass over elements whose scores are sums of rows of tables, without an exponential or a probability of any.

    r(n, k) = prod_j T_j[u_j[n], k] / norm_n,    T_j = exp M_j,
    S_j[u, k] = T_j[u, k] * sum over n with u_j[n] = u of (m_n / norm_n) prod_{i /= j} T_i[u_i[n], k]

Exponentials are taken of the tables, of which there are as many as documents and words, not tokens. Sums over
equal codes are sums over runs of a prepared order. Topics of documents (Blei, Ng & Jordan 2003), mixed
membership and Poisson factorisation all have this form.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ppl.energy.operands import Key
from ppl.energy.row_sums import CHUNK, Codes, Pass

Array = Any
SMALLEST_NORM = 1e-280  # below this a product of tables may have lost digits: those elements are done by logs


@dataclass(frozen=True, eq=False)
class Order:
    """Elements in the order of one code. ``first``: where each run of equal codes starts; ``which``: its code.

    ``elements`` (N,) is the order, or nothing where the elements have it already; ``others`` are the other codes
    in it.
    """

    elements: Array | None
    others: tuple[Array, ...]
    first: Array
    which: Array

    def runs(self, lo: int, hi: int) -> tuple[Array, Array]:
        """Starts of the runs within places lo to hi, and their codes."""
        a, b = np.searchsorted(self.first, [lo, hi])
        if a == len(self.first) or self.first[a] > lo:
            a -= 1
        return np.maximum(self.first[a:b] - lo, 0), self.which[a:b]


def order_of(parts: Sequence[Codes], j: int) -> Order:
    """The order of part j's codes."""
    codes = parts[j].codes
    elements = None if (codes[1:] >= codes[:-1]).all() else np.argsort(codes, kind="stable").astype(np.int32)
    ordered = codes if elements is None else codes[elements]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    others = tuple(p.codes if elements is None else p.codes[elements] for i, p in enumerate(parts) if i != j)
    return Order(elements, others, first, ordered[first])


@dataclass(frozen=True, eq=False)
class Collapsed:
    """The pass for ``parts``, all of them codes; ``count``: (N,) how many elements each stands for."""

    parts: tuple[Codes, ...]
    states: int
    count: Array | None

    @cached_property
    def orders(self) -> tuple[Order, ...]:
        return tuple(order_of(self.parts, j) for j in range(len(self.parts)))

    @cached_property
    def masses(self) -> tuple[Array, ...]:
        """How many elements have each code."""
        return tuple(np.bincount(p.codes, self.count, p.places) for p in self.parts)

    def softmax(self, gradients: Mapping[Key, Array], only: Collection[Key] | None = None) -> Pass:
        """All sums, or ``only`` those of some parts, and the sum of the log-normalisers."""
        assert self.orders  # made before the arrays below take their memory
        tables, total = [], 0.0
        for part, mass in zip(self.parts, self.masses, strict=True):
            m = gradients[part.key]
            top = m.max(axis=1, keepdims=True)
            top = np.where(np.isfinite(top), top, 0.0)
            tables.append(np.exp(m - top))
            total += float(mass @ top[:, 0])
        share, logs = self._shares(tables)
        sums = {
            p.key: table * self._summed(j, tables, share)
            for j, (p, table) in enumerate(zip(self.parts, tables, strict=True))
            if only is None or p.key in only
        }
        return self._mended(gradients, Pass(sums, total + logs), share)

    def _shares(self, tables: Sequence[Array]) -> tuple[Array, float]:
        """m / norm of each element, 0 where the norm is too small, and the sum of m log norm of the others."""
        n = len(self.parts[0].codes)
        share, total, ones = np.empty(n), 0.0, np.ones(self.states)
        for lo in range(0, n, CHUNK):
            hi = min(n, lo + CHUNK)
            rows = self._product(tables, [p.codes for p in self.parts], lo, hi)
            norm = np.matmul(rows, ones, out=share[lo:hi])
            small = norm < SMALLEST_NORM if norm.min() < SMALLEST_NORM else None
            if small is not None:
                norm[small] = 1.0
            log = np.log(norm)
            total += float(log.sum() if self.count is None else self.count[lo:hi] @ log)
            np.divide(1.0 if self.count is None else self.count[lo:hi], norm, out=norm)
            if small is not None:
                norm[small] = -1.0
        return share, total

    def _product(self, tables: Sequence[Array], codes: Sequence[Array], lo: int, hi: int) -> Array:
        rows = np.take(tables[0], codes[0][lo:hi], axis=0, mode="clip")
        for table, own in zip(tables[1:], codes[1:], strict=True):
            rows *= np.take(table, own[lo:hi], axis=0, mode="clip")
        return rows

    def _summed(self, j: int, tables: Sequence[Array], share: Array) -> Array:
        """Sums over equal codes of part j of the shares times the other tables' rows."""
        order, out = self.orders[j], np.zeros((self.parts[j].places, self.states))
        others = [t for i, t in enumerate(tables) if i != j]
        n = len(share)
        for lo in range(0, n, CHUNK):
            hi = min(n, lo + CHUNK)
            own = share[lo:hi] if order.elements is None else share.take(order.elements[lo:hi])
            rows = self._product(others, order.others, lo, hi) if others else np.ones((hi - lo, self.states))
            rows *= np.maximum(own, 0.0)[:, None]
            starts, which = order.runs(lo, hi)
            out[which] += np.add.reduceat(rows, starts, axis=0)
        return out

    def _mended(self, gradients: Mapping[Key, Array], found: Pass, share: Array) -> Pass:
        """The same with the elements that were left out, by logs."""
        left = np.flatnonzero(share < 0.0)
        if not len(left):
            return found
        total = found.log_normaliser
        for lo in range(0, len(left), CHUNK):
            at = left[lo : lo + CHUNK]
            m = np.ones(len(at)) if self.count is None else self.count[at]
            tops = [np.max(gradients[p.key], axis=1) for p in self.parts]
            shift = sum(
                np.where(np.isfinite(t), t, 0.0)[p.codes[at]] for p, t in zip(self.parts, tops, strict=True)
            )
            x = sum(gradients[p.key][p.codes[at]] for p in self.parts)
            top = x.max(axis=1)
            r = np.exp(x - top[:, None])
            norm = r.sum(axis=1)
            total += float(m @ (np.log(norm) + top - shift))
            r *= (m / norm)[:, None]
            for p in self.parts:
                if p.key in found.sums:
                    np.add.at(found.sums[p.key], p.codes[at], r)
        return Pass(found.sums, total)
