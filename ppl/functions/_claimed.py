"""Whether vectors and matrices obey a joint constraint, to the accuracy of their computation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
TOLERANCE = 1e-8
SUMS = 1e-6  # of probabilities: those that linear equations were solved for carry their rounding


def _simplex(x: Array) -> Array:
    return np.all(x >= -SUMS, axis=-1) & _near(np.sum(x, axis=-1), 1.0, SUMS)


def _near(x: Array, target: Array, tolerance: float = TOLERANCE) -> Array:
    return np.abs(x - target) <= tolerance * np.maximum(1.0, np.abs(target))


def _ordered(x: Array) -> Array:
    return np.all(np.greater(x[..., 1:], x[..., :-1]), axis=-1)


def _positive_ordered(x: Array) -> Array:
    return _ordered(x) & np.all(x > 0, axis=-1)


def _zero_sum(x: Array) -> Array:
    return np.abs(np.sum(x, axis=-1)) <= TOLERANCE * np.maximum(1.0, np.sum(np.abs(x), axis=-1))


def _unit_vector(x: Array) -> Array:
    return _near(np.sum(np.square(x), axis=-1), 1.0)


def _row_stochastic(x: Array) -> Array:
    return np.all(_simplex(x), axis=-1)


def _covariance(x: Array) -> Array:
    """Symmetric, and with no eigenvalue below zero by more than rounding."""
    usable = np.all(np.isfinite(x), axis=(-1, -2))
    safe = np.where(usable[..., None, None], x, 0.0)
    size = np.maximum(1.0, np.max(np.abs(safe), axis=(-1, -2), initial=0.0))
    gap = np.max(np.abs(safe - np.swapaxes(safe, -1, -2)), axis=(-1, -2), initial=0.0)
    least = np.min(np.linalg.eigvalsh(safe), axis=-1, initial=np.inf)
    return usable & (gap <= TOLERANCE * size) & (least >= -TOLERANCE * size)


def _ones_on_diagonal(x: Array) -> Array:
    return np.all(_near(np.diagonal(x, axis1=-2, axis2=-1), 1.0), axis=-1)


def _correlation(x: Array) -> Array:
    return _covariance(x) & _ones_on_diagonal(x)


def _cholesky_covariance(x: Array) -> Array:
    lower = np.all(np.equal(np.triu(x, 1), 0.0), axis=(-1, -2))
    return lower & np.all(np.diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1)


def _cholesky_correlation(x: Array) -> Array:
    return _cholesky_covariance(x) & np.all(_unit_vector(x), axis=-1)


_CHECKS: dict[str, Callable[[Array], Array]] = {
    "simplex": _simplex,
    "ordered": _ordered,
    "positive_ordered": _positive_ordered,
    "zero_sum": _zero_sum,
    "unit_vector": _unit_vector,
    "row_stochastic": _row_stochastic,
    "covariance": _covariance,
    "correlation": _correlation,
    "cholesky_covariance": _cholesky_covariance,
    "cholesky_correlation": _cholesky_correlation,
}


def joint_check(kind: str) -> Callable[[Array], Array]:
    """The check of one kind: an array with its event axes last to truth values over its batch.

    >>> joint_check("simplex")(np.array([[0.5, 0.5], [0.5, 0.6]])).tolist()
    [True, False]
    """
    return _CHECKS[kind]
