"""How joint constraints (covariance, ordered, simplex, ...) pass through operations.

Each rule takes two types and gives the kind of the result, or None where nothing joint is known.
"""

from __future__ import annotations

from ppl.supports import NONNEGATIVE, POSITIVE, Interval, Structured, within
from ppl.supports.support import element
from ppl.types import Type

COVARIANCE = Structured("covariance")
CHOLESKY = Structured("cholesky_covariance")
DIAGONAL = Structured("diagonal_nonnegative")
POSITIVE_DIAGONAL = Structured("diagonal_positive")
ORDERED = Structured("ordered")
POSITIVE_ORDERED = Structured("positive_ordered")
ZERO_SUM = Structured("zero_sum")


def kind(t: Type) -> str:
    """The name of a structured support, or nothing."""
    return t.support.kind if isinstance(t.support, Structured) else ""


def _both(x: Type, y: Type, support: Structured) -> bool:
    return within(x.support, support) and within(y.support, support)


def _scalar(t: Type) -> bool:
    return not t.axes and isinstance(t.support, Interval)


def added(x: Type, y: Type) -> Structured | None:
    """x + y: sums of covariances, Cholesky factors, ordered and zero-sum vectors are such again.

    >>> added(Type(support=COVARIANCE), Type(support=DIAGONAL)).kind
    'covariance'
    """
    return _added_matrices(x, y) or _added_vectors(x, y)


def _added_matrices(x: Type, y: Type) -> Structured | None:
    if _both(x, y, DIAGONAL):
        strict = within(x.support, POSITIVE_DIAGONAL) or within(y.support, POSITIVE_DIAGONAL)
        return POSITIVE_DIAGONAL if strict else DIAGONAL
    for whole in (COVARIANCE, CHOLESKY):
        one = within(x.support, whole) or within(y.support, whole)
        if one and all(within(t.support, whole) or within(t.support, DIAGONAL) for t in (x, y)):
            return whole
    return None


def _added_vectors(x: Type, y: Type) -> Structured | None:
    for whole in (POSITIVE_ORDERED, ORDERED, ZERO_SUM):
        if _both(x, y, whole):
            return whole
    vector, shift = (y, x) if _scalar(x) else (x, y)
    if not _scalar(shift):
        return None
    if within(vector.support, POSITIVE_ORDERED) and within(shift.support, NONNEGATIVE):
        return POSITIVE_ORDERED
    return ORDERED if within(vector.support, ORDERED) else None


def subtracted(x: Type, y: Type) -> Structured | None:
    """x - y: an ordered vector less a number is ordered; zero-sum vectors differ by one."""
    if _both(x, y, ZERO_SUM):
        return ZERO_SUM
    return ORDERED if within(x.support, ORDERED) and _scalar(y) else None


def multiplied(x: Type, y: Type) -> Structured | None:
    """x y, element by element: a covariance times a covariance (Schur), or anything times a scale."""
    if _both(x, y, DIAGONAL):
        return POSITIVE_DIAGONAL if _both(x, y, POSITIVE_DIAGONAL) else DIAGONAL
    if _both(x, y, COVARIANCE):
        return COVARIANCE
    return scaled(y, x) if _scalar(x) else scaled(x, y)


def scaled(x: Type, factor: Type) -> Structured | None:
    """x times one number, the same for all its elements."""
    if not _scalar(factor):
        return None
    if within(x.support, ZERO_SUM):
        return ZERO_SUM
    if within(factor.support, POSITIVE):
        for whole in (POSITIVE_DIAGONAL, DIAGONAL, COVARIANCE, CHOLESKY, POSITIVE_ORDERED, ORDERED):
            if within(x.support, whole):
                return whole
    if within(factor.support, NONNEGATIVE) and within(x.support, DIAGONAL):
        return DIAGONAL
    return None


def matrix_product(x: Type, y: Type) -> Structured | None:
    """x @ y.

    L @ transpose(L) and D @ C @ D are taken to be covariances: types cannot tell whether both
    sides are the same matrix, so whoever sees the terms makes sure of it.

    >>> matrix_product(Type(support=POSITIVE_DIAGONAL), Type(support=CHOLESKY)).kind
    'cholesky_covariance'
    """
    if _both(x, y, POSITIVE_DIAGONAL):
        return POSITIVE_DIAGONAL
    if _both(x, y, DIAGONAL):
        return DIAGONAL
    if _both(x, y, CHOLESKY):
        return CHOLESKY
    if within(x.support, CHOLESKY) and kind(y) == "cholesky_transposed":
        return COVARIANCE
    if within(x.support, POSITIVE_DIAGONAL) and within(y.support, COVARIANCE):
        return Structured("scaled_covariance")
    if kind(x) == "scaled_covariance" and within(y.support, POSITIVE_DIAGONAL):
        return COVARIANCE
    if kind(x) in ("simplex", "row_stochastic") and kind(y) == "row_stochastic":
        return Structured(kind(x))
    return None


def elements(t: Type) -> Interval:
    """What each element lies in, as far as arithmetic needs it."""
    return element(t.support)
