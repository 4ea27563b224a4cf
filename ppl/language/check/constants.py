"""Constants against supports, and supports in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.supports import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Structured, Support, describe, within
from ppl.supports.support import EVENT_DIMS


def outside(value: np.ndarray[Any, Any], need: Support) -> str:
    """What keeps a constant from a support, in words; empty if it belongs."""
    if isinstance(need, Interval):
        return _outside_interval(value, need)
    if need.kind in ("simplex", "row_stochastic"):
        return _outside_simplex(value)
    if need.kind in ("ordered", "positive_ordered") and value.ndim:
        low = need.kind == "positive_ordered" and bool(np.any(value <= 0))
        return "these do not increase" if np.any(np.diff(value) <= 0) or low else ""
    if EVENT_DIMS[need.kind] == 2:
        return _outside_covariance(value, need.kind)
    return ""


def _outside_interval(value: np.ndarray[Any, Any], need: Interval) -> str:
    for x in value.ravel():
        point = Interval(float(x), float(x), True, True, float(x).is_integer())
        inside = need == REAL or (abs(x) == np.inf and need.upper == np.inf and x > 0) or within(point, need)
        if not inside:
            return f"here it is {x:g}" if value.ndim == 0 else f"one of these is {x:g}"
    return ""


def _outside_simplex(value: np.ndarray[Any, Any]) -> str:
    if value.ndim == 0:
        return f"here it is the one number {float(value):g}"
    if np.any(value < 0):
        return f"one of these is {value.min():g}"
    total = value.sum(axis=-1)
    worst = total.ravel()[np.argmax(np.abs(total.ravel() - 1))]
    return "" if abs(worst - 1) < 1e-8 else f"these sum to {worst:g}"


def _outside_covariance(value: np.ndarray[Any, Any], kind: str) -> str:
    if value.ndim != 2 or value.shape[0] != value.shape[1]:
        return "here it is one number" if value.ndim == 0 else "this is no square matrix"
    if kind.startswith("cholesky"):
        wrong = np.any(np.triu(value, 1) != 0) or np.any(np.diag(value) <= 0)
        return "this is not lower triangular with a positive diagonal" if wrong else ""
    if not np.array_equal(value, value.T):
        return "this matrix is not symmetric"
    least = float(np.linalg.eigvalsh(value)[0])
    return "" if least > 0 else f"the smallest eigenvalue of this matrix is {least:.3g}"


def words(support: Support) -> str:
    """A support as a condition: what an argument must be.

    >>> words(POSITIVE), words(UNIT), words(Structured("simplex"))
    ('positive', 'between 0 and 1', 'probabilities that sum to 1')
    """
    known: dict[Support, str] = {
        POSITIVE: "positive",
        NONNEGATIVE: "nonnegative",
        UNIT: "between 0 and 1",
        Structured("simplex"): "probabilities that sum to 1",
        Structured("covariance"): "a covariance matrix",
        Structured("cholesky_covariance"): "the Cholesky factor of a covariance matrix",
        Structured("row_stochastic"): "rows of probabilities",
    }
    if support in known:
        return known[support]
    if isinstance(support, Interval) and support.integer:
        ends = "" if support.lower == -np.inf else f" of at least {support.lower:g}"
        return f"a whole number{ends}"
    if isinstance(support, Interval):
        return f"between {support.lower:g} and {support.upper:g}"
    return describe(support).replace("_", " ")
