"""Log likelihoods of rows with affine predictors as one primitive: a dense and a sparse design, block by block.

    t = c + X b + sum_k w_k * b[codes_k],   sum_n log p(y_n; t_n) and its gradient in b

Everything of a block of rows, predictors, densities and slopes, stays in the cache. The sparse part is read
by gathers and transposed by sums over runs of equal codes, so that rows are best sorted by the longest one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ppl.backend.op import Array, op

ROWS = 2048  # of a block
DRAWS = 32  # taken together: a block of ROWS x DRAWS stays in the second-level cache
FEW = 4  # draws for which longer blocks, whose codes are counted anew, cost less
SHORT = 6  # rows in a run below which sums of runs cost more than counting codes anew
LONG = 1 << 14  # rows of such a block


class Family(Protocol):
    """The log densities of rows as functions of their predictors."""

    def at(self, t: Array, part: slice) -> tuple[Array, Array]:
        """Of predictors t (S, rows of the part), which may be overwritten: sums (S,) and slopes (S, rows)."""
        ...


@dataclass(frozen=True, eq=False)
class Runs:
    """Equal codes in a block: the rows in their order (None: as they stand), where runs start, their codes.

    Where runs are short ``first`` is None, and ``codes`` are the least and one more than the greatest.
    """

    order: Array | None
    first: Array | None
    codes: Array


@dataclass(frozen=True, eq=False)
class Sparse:
    """One entry of every row: ``weight * b[places]``; no weight stands for 1."""

    places: Array
    weight: Array | float | None
    runs: tuple[Runs, ...] = field(repr=False)

    def add_to(self, t: Array, beta: Array, part: slice) -> None:
        """Add this entry's term to the predictors of a part."""
        term = np.take(beta, self.places[part], axis=1)
        if self.weight is not None:
            term *= self.weight if isinstance(self.weight, float) else self.weight[part]
        t += term

    def add_slope(self, slope: Array, part: slice, number: int | None, out: Array) -> None:
        """Add the transpose's product to ``out`` (S, P); ``number`` is the block's, None for a long one."""
        g = slope
        if self.weight is not None:
            g = slope * (self.weight if isinstance(self.weight, float) else self.weight[part])
        if number is None:
            where = self.places[part]
            for s in range(len(g)):
                out[s] += np.bincount(where, g[s], out.shape[1])
            return
        runs = self.runs[number]
        if runs.first is None:
            low, high = (int(c) for c in runs.codes)
            where = self.places[part].astype(np.intp) - low
            for s in range(len(g)):
                out[s, low:high] += np.bincount(where, g[s], high - low)
            return
        picked = g if runs.order is None else np.take(g, runs.order, axis=1)
        out[:, runs.codes] += np.add.reduceat(picked, runs.first, axis=1)


@dataclass(frozen=True, eq=False, repr=False)
class DesignRows:
    """Rows: a family, dense columns (N, K) at ``places`` (K,) of b, entries, constants and offsets."""

    count: int
    family: Family
    dense: Array
    places: Array
    entries: tuple[Sparse, ...]
    constant: Array
    """Weights (P,) of b in a number that all rows share."""
    offset: Array | None

    def __repr__(self) -> str:
        dense, entries = len(self.places), len(self.entries)
        return f"{type(self.family).__name__}[{self.count}, {dense} dense, {entries} sparse]"


def sparse(places: Array, weight: Array | float | None) -> Sparse:
    """An entry with the runs of each of its blocks.

    >>> sparse(np.repeat([4, 2], 10), None).runs[0].codes.tolist()
    [2, 4]
    """
    runs = tuple(_runs(places[i : i + ROWS]) for i in range(0, len(places), ROWS))
    return Sparse(places.astype(np.min_scalar_type(int(places.max(initial=0)))), weight, runs)


def _runs(codes: Array) -> Runs:
    order = None
    if (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable").astype(np.uint16)
        codes = codes[order]
    first = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    if SHORT * len(first) > len(codes):
        return Runs(None, None, np.array([codes[0], codes[-1] + 1]))
    return Runs(order, first.astype(np.uint16), codes[first].astype(np.int32))


@op(None, None)
def design_rows(beta: Array, rows: DesignRows) -> Array:
    """The sum of log densities and its gradient in beta: (S, P) -> (S, 1 + P)."""
    out = np.zeros((len(beta), 1 + beta.shape[1]))
    for i in range(0, len(beta), DRAWS):
        _some_draws(beta[i : i + DRAWS], rows, out[i : i + DRAWS])
    return out


def _some_draws(beta: Array, rows: DesignRows, out: Array) -> None:
    picked = np.take(beta, rows.places, axis=1)
    shared = beta @ rows.constant
    dense, total = np.zeros_like(picked), np.zeros(len(beta))
    slopes = out[:, 1:]
    for number, part in _parts(rows.count, len(beta)):
        t = np.empty((len(beta), part.stop - part.start))
        np.matmul(picked, rows.dense[part].T, out=t)
        t += shared[:, None]
        if rows.offset is not None:
            t += rows.offset[part]
        for entry in rows.entries:
            entry.add_to(t, beta, part)
        value, slope = rows.family.at(t, part)
        out[:, 0] += value
        total += slope.sum(axis=1)
        dense += slope @ rows.dense[part]
        for entry in rows.entries:
            entry.add_slope(slope, part, number, slopes)
    slopes[:, rows.places] += dense
    slopes += total[:, None] * rows.constant


def _parts(count: int, draws: int) -> Iterator[tuple[int | None, slice]]:
    """Numbered blocks of the rows; few draws take longer ones, without a number."""
    few = draws <= FEW
    step = LONG if few else ROWS
    for number, start in enumerate(range(0, count, step)):
        yield None if few else number, slice(start, min(start + step, count))


@dataclass(frozen=True, eq=False)
class PoissonRows:
    """w (y t - e^t) of counts y, as deviances: relative to its value at t = log y (0 where y is 0).

    ``total`` is w y, ``weight`` is w. Nothing cancels where counts are large.
    """

    total: Array
    weight: Array | None

    def at(self, t: Array, part: slice) -> tuple[Array, Array]:
        """Sums of total (t - log m) - w e^t + total, m the mean count, and total - w e^t."""
        total = self.total[part].astype(float)
        weight = np.ones_like(total) if self.weight is None else self.weight[part]
        some = total > 0.0
        mean = np.where(some, total / np.where(some, weight, 1.0), 1.0)
        t -= np.log(mean)
        slope = np.exp(t)
        slope *= weight * mean
        np.subtract(total, slope, out=slope)
        return t @ total + slope.sum(axis=1), slope


@dataclass(frozen=True, eq=False)
class SquareRows:
    """w (t - y)^2; no weights stand for 1."""

    y: Array
    weight: Array | None

    def at(self, t: Array, part: slice) -> tuple[Array, Array]:
        """Sums and 2 w (t - y)."""
        t -= self.y[part]
        slope = t * 2.0 if self.weight is None else t * (2.0 * self.weight[part])
        return 0.5 * np.einsum("sn,sn->s", t, slope), slope


@dataclass(frozen=True, eq=False)
class BinomialRows:
    """y log p + (n - y) log(1 - p), p = 1 / (1 + e^-t), every term of one sign."""

    successes: Array
    failures: Array

    def at(self, t: Array, part: slice) -> tuple[Array, Array]:
        """Sums and y - n p."""
        yes, no = self.successes[part].astype(float), self.failures[part].astype(float)
        n = yes + no
        small = np.abs(t)
        np.negative(small, out=small)
        np.exp(small, out=small)
        value = np.minimum(t, 0.0) @ yes - np.maximum(t, 0.0) @ no - np.log1p(small) @ n
        np.greater_equal(t, 0.0, out=t)
        np.maximum(small, t, out=t)
        small += 1.0
        t /= small
        t *= n
        return value, np.subtract(yes, t, out=t)
