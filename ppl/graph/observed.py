"""Which observations lie outside the support of their distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.supports import Interval, Structured, Support

Array = Any
BLOCK = 1 << 18  # elements looked at together: the masks of a whole column would take more than it does


def outside_support(support: Support, value: Array) -> Array:
    """A mask of the value's shape: True where an element cannot have this distribution.

    >>> outside_support(Interval(0.0, float("inf")), np.array([-1.0, 2.0])).tolist()
    [True, False]
    """
    if isinstance(support, Structured):
        return _outside_structured(support.kind, value)
    if np.size(value) <= BLOCK:
        return _outside_interval(support, value)
    flat = np.ravel(value)
    out = np.empty(flat.shape, dtype=bool)
    for start in range(0, len(flat), BLOCK):
        part = slice(start, start + BLOCK)
        out[part] = _outside_interval(support, flat[part])
    return out.reshape(np.shape(value))


def _outside_interval(support: Interval, value: Array) -> Array:
    bad = ~np.isfinite(value)
    below = value < support.lower if support.closed_lower else value <= support.lower
    above = value > support.upper if support.closed_upper else value >= support.upper
    bad |= below & np.isfinite(support.lower)
    bad |= above & np.isfinite(support.upper)
    if support.integer:
        bad |= value != np.floor(np.where(np.isfinite(value), value, 0.0))
    return bad


def _outside_structured(kind: str, value: Array) -> Array:
    bad = ~np.isfinite(value)
    if kind in ("simplex", "row_stochastic"):
        wrong = (np.abs(value.sum(axis=-1, keepdims=True) - 1.0) > 1e-8) | (
            value.min(axis=-1, keepdims=True) < 0
        )
        return bad | wrong
    if kind in ("ordered", "positive_ordered") and value.shape[-1] > 1:
        return bad | (np.diff(value, axis=-1).min(axis=-1, keepdims=True) <= 0)
    return bad
