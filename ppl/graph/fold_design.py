"""Poisson, Bernoulli and Binomial rows with an affine predictor: one primitive over one dense and sparse design.

Rows of equal parameters are one row of the design, with the sums of their counts; others are rows of it as
they stand. Columns that read the same latents are one column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.design_rows import BinomialRows, DesignRows, Family, PoissonRows, design_rows, sparse
from ppl.backend.logistic_rows import first_with_gradient
from ppl.distributions.binomial import log_choose
from ppl.graph.design import BLOCK, Column, Design, dense_block
from ppl.graph.gram import Rows

Array = Any
_Unsorted = Callable[[np.ndarray | None], Family]
LINKS = {"Poisson": "log_rate", "Bernoulli": "logit", "Binomial": "logit"}


@dataclass(frozen=True, eq=False)
class Counts:
    """Observations of rows: by class (``rows``), or each by itself with its weight."""

    y: np.ndarray
    rows: Rows | None
    weights: np.ndarray | None
    trials: float | np.ndarray = 1.0

    @property
    def total(self) -> np.ndarray:
        """The weighted sum of y in each row of the design."""
        if self.rows is not None:
            return self.rows.sum(self.y)
        return _narrow(self.y) if self.weights is None else self.y * self.weights

    @property
    def count(self) -> np.ndarray | None:
        """Observations by weight in each row of the design; None where one in each."""
        return self.weights if self.rows is None else self.rows.count

    @property
    def mean(self) -> np.ndarray:
        """The mean of y in each row of the design, 1 where all weights are zero."""
        if self.rows is None:
            return self.y
        return np.where(self.rows.count > 0.0, self.rows.mean(self.y), 1.0)

    def sum(self, f: Callable[[np.ndarray, Any], np.ndarray]) -> float:
        """The weighted sum of f(y, row of the design), block by block."""
        n, total = len(self.y), 0.0
        for start in range(0, n, BLOCK):
            part = slice(start, min(start + BLOCK, n))
            found = f(self.y[part].astype(float), part if self.rows is None else self.rows.of_row[part])
            if self.weights is not None:
                w = self.weights[part]
                found = np.where(w > 0.0, found, 0.0) * w  # what counts for nothing may be infinite
            total += float(found.sum())
        return total


def _narrow(y: np.ndarray) -> np.ndarray:
    """Counts in the smallest type that holds them: a copy of the rows keeps them."""
    kind = np.min_scalar_type(int(y.max(initial=0)))
    small = y.astype(kind)
    return small if np.array_equal(small, y) else y


def design_density(name: str, design: Design, counts: Counts) -> Array:
    """The summed log density of each draw: (draw,)."""
    family, base = _BUILT[name](counts)
    columns = joined(design.columns)
    order = order_of(columns)
    rows = rows_of_design(design, columns, family(order), order)
    return first_with_gradient(design.beta, design_rows(design.beta, rows)) + base


def entries(design: Design) -> tuple[int, int, int]:
    """Columns all rows share with one weight, dense columns, and entries of the sparse part in each row."""
    columns = joined(design.columns)
    sparse_ones = sum(c.by_row for c in columns)
    shared = sum(not c.by_row and not isinstance(c.weight, np.ndarray) for c in columns)
    return shared, len(columns) - sparse_ones - shared, sparse_ones


def joined(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Columns that read the same elements as one, their weights added.

    >>> [c.weight for c in joined([Column(1.0, 0), Column(2.0, 1), Column(0.5, 0)])]
    [1.5, 2.0]
    """
    out: list[Column] = []
    for c in columns:
        k = next((k for k, d in enumerate(out) if _same_places(c, d)), None)
        if k is None:
            out.append(c)
        else:
            out[k] = replace(out[k], weight=out[k].weight + c.weight)
    return tuple(out)


def _same_places(c: Column, d: Column) -> bool:
    if not isinstance(c.codes, np.ndarray) or not isinstance(d.codes, np.ndarray):
        return not c.by_row and not d.by_row and c.places == d.places
    return c.start == d.start and (c.codes is d.codes or np.array_equal(c.codes, d.codes))


def order_of(columns: Sequence[Column]) -> np.ndarray | None:
    """The rows sorted by the codes of most kinds; None where they are, or where none are."""
    codes = [c.codes for c in columns if isinstance(c.codes, np.ndarray)]
    if not codes:
        return None
    longest = max(codes, key=lambda c: int(c.max(initial=0)))
    if (longest[1:] >= longest[:-1]).all():
        return None
    kind = np.int32 if len(longest) < 2**31 else np.int64
    return np.argsort(longest, kind="stable").astype(kind)


def sorted_by(x: Array, order: np.ndarray | None) -> Array:
    """An array over rows in an order; numbers and None as they are."""
    return x if order is None or not isinstance(x, np.ndarray) else x[order]


def rows_of_design(
    design: Design, columns: Sequence[Column], family: Family, order: np.ndarray | None
) -> DesignRows:
    constant = np.zeros(design.beta.shape[-1])
    dense: list[Column] = []
    found = []
    for c in columns:
        if isinstance(c.codes, np.ndarray):
            places = sorted_by(c.codes, order) + c.start
            found.append(sparse(places, _weight(sorted_by(c.weight, order))))
        elif isinstance(c.weight, np.ndarray):
            dense.append(c)
        else:
            constant[c.places] += c.weight
    block = _block(design.rows, dense, order)
    places = np.array([c.places for c in dense], dtype=np.intp)
    plain = not isinstance(design.offset, np.ndarray) and design.offset == 0.0
    offset = None if plain else np.broadcast_to(sorted_by(design.offset, order), (design.rows,))
    return DesignRows(design.rows, family, block, places, tuple(found), constant, offset)


def _block(rows: int, dense: Sequence[Column], order: np.ndarray | None) -> np.ndarray:
    """The weights of dense columns as one matrix (rows, K), in order."""
    if order is None and dense:
        return dense_block(rows, dense)
    out = np.empty((rows, len(dense)))
    for start in range(0, rows, BLOCK):
        part = slice(start, start + BLOCK)
        for k, c in enumerate(dense):
            out[part, k] = np.asarray(c.weight)[order[part]] if order is not None else c.weight
    return out


def _weight(weight: float | np.ndarray) -> float | np.ndarray | None:
    return None if isinstance(weight, float) and weight == 1.0 else weight


# ---------------------------------------------------------------- families


def _poisson(c: Counts) -> tuple[_Unsorted, float]:
    total, count, mean = c.total, c.count, c.mean
    base = c.sum(lambda y, where: xp.factorial_kernel(y) - xp.deviance(y, mean[where]))
    return lambda order: PoissonRows(sorted_by(total, order), sorted_by(count, order)), base


def _bernoulli(c: Counts) -> tuple[_Unsorted, float]:
    return _two_sided(c.total, 1.0 if c.count is None else c.count), 0.0


def _binomial(c: Counts) -> tuple[_Unsorted, float]:
    def base(y: np.ndarray, where: Any) -> np.ndarray:
        n = c.trials[where] if isinstance(c.trials, np.ndarray) else c.trials
        return np.asarray(np.where(y <= n, log_choose(n, np.minimum(y, n)), -np.inf))

    return _two_sided(c.total, c.trials if c.count is None else c.count * c.trials), c.sum(base)


def _two_sided(yes: np.ndarray, trials: float | np.ndarray) -> _Unsorted:
    no = trials - yes if yes.dtype.kind == "f" else _narrow(np.asarray(trials - yes))
    return lambda order: BinomialRows(sorted_by(yes, order), sorted_by(no, order))


_BUILT: dict[str, Callable[[Counts], tuple[_Unsorted, float]]] = {
    "Poisson": _poisson,
    "Bernoulli": _bernoulli,
    "Binomial": _binomial,
}
