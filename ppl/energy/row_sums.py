"""A discrete latent's part of the energy as sums over its elements: scores by matrix products, in chunks.

    score(n, k) = sum_f G[k, f] Phi[f, n] + sum_j c_j[n] M_j[u_j[n], k],
    S[k, f] = sum_n r(n, k) Phi[f, n],    S_j[u, k] = sum over n with u_j[n] = u of c_j[n] r(n, k)

The energy is affine in the sums S as it is in r, and its gradients in them are the tables G and M_j: what the
rest of the program reads of r is a few small arrays, and r itself (elements x states) is never kept.
States lead and elements trail, so that the softmax runs down a short leading axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ppl.energy.blocks.base import product
from ppl.energy.operands import Key
from ppl.energy.row_pairs import Pairs

Array = Any
CHUNK = 4096  # elements at a time: a few arrays of states x chunk stay in the cache
KEPT = 2_000_000  # probabilities; more are made anew each time they are asked for


@dataclass(frozen=True, eq=False)
class Columns:
    """Data columns Phi (F, N) that multiply functions of the state; their sums are (K, F)."""

    key: Key
    phi: Array

    places: ClassVar[int] = 0
    density: ClassVar[float] = 1.0

    def zero(self, states: int) -> Array:
        return np.zeros((states, len(self.phi)))

    def table(self, gradient: Array) -> Array:
        return np.ascontiguousarray(gradient)

    def add_scores(self, x: Array, table: Array, lo: int, hi: int) -> None:
        """Add G Phi to scores x (K, hi - lo); minus infinity in a table rules a state out where Phi is not 0."""
        phi = self.phi[:, lo:hi]
        if np.isfinite(table).all():
            x += table @ phi
            return
        finite = np.isfinite(table)
        x += np.where(finite, table, 0.0) @ phi
        x[(~finite).astype(float) @ (phi != 0) > 0] = -np.inf

    def add_sums(self, sums: Array, r: Array, lo: int, hi: int) -> None:
        """Add the sums of probabilities r (K, hi - lo)."""
        sums += r @ self.phi[:, lo:hi].T


@dataclass(frozen=True, eq=False)
class Codes:
    """Rows of a table (U, K) picked by codes u (N,), times weights c (N,) where there are any."""

    key: Key
    codes: Array
    places: int
    weight: Array | None = None
    density: ClassVar[float] = 1.0

    def zero(self, states: int) -> Array:
        return np.zeros((self.places, states))

    def table(self, gradient: Array) -> Array:
        return np.ascontiguousarray(gradient.T)

    def add_scores(self, x: Array, table: Array, lo: int, hi: int) -> None:
        """Add the picked rows to scores x (K, hi - lo)."""
        rows = np.take(table, self.codes[lo:hi], axis=1, mode="clip")
        if self.weight is not None:
            with np.errstate(invalid="ignore"):
                rows *= self.weight[lo:hi]
            rows[:, self.weight[lo:hi] == 0] = 0.0
        x += rows

    def add_sums(self, sums: Array, r: Array, lo: int, hi: int) -> None:
        """Add the sums of probabilities r (K, hi - lo) over equal codes."""
        codes, weight = self.codes[lo:hi], None if self.weight is None else self.weight[lo:hi]
        for k, row in enumerate(r):
            sums[:, k] += np.bincount(codes, row if weight is None else weight * row, self.places)


@dataclass(frozen=True, eq=False)
class Runs:
    """Like `Codes` with any number of rows for each element: element n has rows first[n] to first[n + 1].

    codes: (M,) of the rows, element by element; ``weight``: (M,); ``first``: (N + 1,).
    """

    key: Key
    codes: Array
    places: int
    first: Array
    weight: Array | None = None

    @property
    def density(self) -> float:
        """Rows for each element."""
        return len(self.codes) / max(len(self.first) - 1, 1)

    def zero(self, states: int) -> Array:
        return np.zeros((self.places, states))

    def table(self, gradient: Array) -> Array:
        return np.ascontiguousarray(gradient.T)

    def add_scores(self, x: Array, table: Array, lo: int, hi: int) -> None:
        """Add the rows of each element to scores x (K, hi - lo)."""
        starts = self.first[lo : hi + 1]
        some = np.flatnonzero(starts[1:] > starts[:-1])
        if not len(some):
            return
        a, b = starts[0], starts[-1]
        rows = np.take(table, self.codes[a:b], axis=1, mode="clip")
        if self.weight is not None:
            with np.errstate(invalid="ignore"):
                rows *= self.weight[a:b]
            rows[:, self.weight[a:b] == 0] = 0.0
        x[:, some] += np.add.reduceat(rows, starts[some] - a, axis=1)

    def add_sums(self, sums: Array, r: Array, lo: int, hi: int) -> None:
        """Add the sums of probabilities r (K, hi - lo) over rows of equal codes."""
        starts = self.first[lo : hi + 1]
        a, b = starts[0], starts[-1]
        counts, codes = np.diff(starts), self.codes[a:b]
        for k, row in enumerate(r):
            each = np.repeat(row, counts)
            if self.weight is not None:
                each *= self.weight[a:b]
            sums[:, k] += np.bincount(codes, each, self.places)


RowPart = Columns | Codes | Runs | Pairs
Tables = list[tuple[RowPart, Array]]
Dense = Callable[[int, int], Array]


@dataclass(frozen=True, eq=False)
class Pass:
    """What one pass over the elements found: the sums, sum_n m_n log sum_k exp(score), and r (N, K) if asked for.

    ``carried``: the sum of r times the dense scores.
    """

    sums: dict[Key, Array]
    log_normaliser: float
    carried: float = 0.0
    probabilities: Array | None = None


@dataclass(frozen=True, eq=False)
class RowSums:
    """All sums of one latent with N elements and K states.

    ``count``: (N,) how many elements each stands for (its score is divided by it). ``weight``: (N,) how often the
    log-normaliser of each counts. ``allowed``: (K, N) booleans.
    """

    elements: int
    states: int
    parts: tuple[RowPart, ...]
    count: Array | None = None
    weight: Array | None = None
    allowed: Array | None = None

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(p.key for p in self.parts)

    def tables(self, gradients: Mapping[Key, Array]) -> Tables:
        """The parts that have a gradient, with their tables laid out for `scores`."""
        return [(p, p.table(gradients[p.key])) for p in self.parts if p.key in gradients]

    def scores(self, tables: Tables, dense: Array | None, lo: int, hi: int) -> Array:
        """Scores (K, hi - lo); ``dense``: further scores of these elements."""
        x = np.zeros((self.states, hi - lo)) if dense is None else dense.copy()
        for part, table in tables:
            part.add_scores(x, table, lo, hi)
        if self.count is not None:
            count = self.count[lo:hi]
            x /= np.where(count > 0, count, 1.0)
        if self.allowed is not None:
            x[~self.allowed[:, lo:hi]] = -np.inf
        return x

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Ends of the chunks: long enough that making room for the sums does not dominate."""
        step = max([CHUNK, *(p.places for p in self.parts)])
        for lo in range(0, self.elements, step):
            yield lo, min(self.elements, lo + step)

    def softmax(self, gradients: Mapping[Key, Array], dense: Dense | None = None, keep: bool = False) -> Pass:
        """Every element's probabilities and all sums in one pass; r (N, K) is returned if ``keep``.

        dense: scores (K, hi - lo) of elements lo to hi, of which the sums know nothing.
        """
        tables = self.tables(gradients)
        sums = {p.key: p.zero(self.states) for p in self.parts}
        kept = np.empty((self.elements, self.states)) if keep else None
        total = carried = 0.0
        for lo, hi in self.chunks():
            own = None if dense is None else dense(lo, hi)
            r = self.scores(tables, own, lo, hi)
            total += self.counted(softmax_down(r), lo, hi)
            for part in self.parts:
                part.add_sums(sums[part.key], r, lo, hi)
            if own is not None:
                carried += float(np.sum(product(own, r)))
            if kept is not None:
                kept[lo:hi] = r.T
        return Pass(sums, total, carried, kept)

    def counted(self, log_normaliser: Array, lo: int, hi: int) -> float:
        """A sum over elements lo to hi, as often as each counts."""
        return float(log_normaliser.sum() if self.weight is None else self.weight[lo:hi] @ log_normaliser)

    def probabilities(self, gradients: Mapping[Key, Array], dense: Dense | None = None) -> Array:
        """r (N, K), anew."""
        tables = self.tables(gradients)
        out = np.empty((self.elements, self.states))
        for lo, hi in self.chunks():
            r = self.scores(tables, None if dense is None else dense(lo, hi), lo, hi)
            softmax_down(r)
            out[lo:hi] = r.T
        return out

    def of(self, r: Array) -> dict[Key, Array]:
        """All sums of given probabilities r (K, N)."""
        sums = {p.key: p.zero(self.states) for p in self.parts}
        for lo, hi in self.chunks():
            piece = np.ascontiguousarray(r[:, lo:hi])
            for part in self.parts:
                part.add_sums(sums[part.key], piece, lo, hi)
        return sums


def softmax_down(x: Array) -> Array:
    """Scores x (K, n) become probabilities in place; the log of each normaliser (n,) comes back.

    >>> x = np.log([[1.0, 2.0], [3.0, 2.0]])
    >>> np.exp(softmax_down(x)).round(9).tolist(), x.round(9).tolist()
    ([4.0, 4.0], [[0.25, 0.5], [0.75, 0.5]])
    """
    top = x.max(axis=0)
    if not np.isfinite(top).all():
        top = np.where(np.isfinite(top), top, 0.0)
    x -= top
    np.exp(x, out=x)
    total = x.sum(axis=0)
    x /= total
    np.log(total, out=total)
    total += top
    return total


@dataclass(frozen=True, eq=False)
class Means(Mapping[Key, Array]):
    """Mean parameters of which some are made when they are asked for; iteration is over those that are kept."""

    kept: dict[Key, Array]
    made: Mapping[Key, Callable[[], Array]] = field(default_factory=dict)
    known: dict[Key, Array] = field(default_factory=dict)

    def __getitem__(self, key: Key) -> Array:
        if key in self.kept:
            return self.kept[key]
        if key not in self.known:
            array = self.made[key]()
            if array.size > KEPT:
                return array
            self.known[key] = array
        return self.known[key]

    def __contains__(self, key: object) -> bool:
        return key in self.kept or key in self.made

    def __iter__(self) -> Iterator[Key]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)
