"""Bijections from real coordinates onto every support, with exact log-determinants."""

from __future__ import annotations

import math
from typing import Any

from ppl.supports.bijections import interval, matrices, ordered, simplex
from ppl.supports.bijections.base import Bijection
from ppl.supports.support import Interval, Support, describe

__all__ = ["Bijection", "for_support"]

Array = Any

_STRUCTURED: dict[str, Bijection] = {
    "simplex": simplex.Simplex(),
    "row_stochastic": simplex.RowStochastic(),
    "zero_sum": simplex.ZeroSum(),
    "ordered": ordered.Ordered(),
    "positive_ordered": ordered.PositiveOrdered(),
    "unit_vector": ordered.UnitVector(),
    "cholesky_correlation": matrices.CholeskyCorrelation(),
    "correlation": matrices.Correlation(),
    "cholesky_covariance": matrices.CholeskyCovariance(),
    "covariance": matrices.Covariance(),
}


def for_support(support: Support, lower: Array | None = None, upper: Array | None = None) -> Bijection:
    """The bijection onto a support; array bounds, where given, replace the interval's own.

    >>> from ppl.supports import POSITIVE
    >>> float(for_support(POSITIVE).inverse(1.0))
    0.0
    """
    if not isinstance(support, Interval):
        if support.kind not in _STRUCTURED:
            raise ValueError(f"{describe(support)} has no unconstrained coordinates")
        return _STRUCTURED[support.kind]
    if support.integer:
        raise ValueError(f"{describe(support)} is discrete")
    low = support.lower if lower is None else lower
    high = support.upper if upper is None else upper
    if _endless(low):
        return interval.Identity() if _endless(high) else interval.Below(high)
    return interval.Above(low) if _endless(high) else interval.Between(low, high)


def _endless(bound: Array) -> bool:
    """Whether a bound is a plain infinity (arrays of bounds must be finite or all infinite)."""
    if isinstance(bound, float | int):
        return math.isinf(bound)
    return bool(getattr(bound, "dtype", None) is not None and bound.size and abs(bound).min() == math.inf)
