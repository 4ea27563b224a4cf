"""Quantiles without a closed form: bisection on a distribution function, for samplers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def smallest_count(reached: Callable[[Array], Array], scale: Array) -> Array:
    """The smallest whole k >= 0 with ``reached(k)`` (increasing in k); ``scale`` is a typical k."""
    shape = np.shape(reached(np.zeros(np.shape(scale))))
    low = np.full(shape, -1.0)
    high = np.broadcast_to(np.ceil(scale) + 1.0, shape).copy()
    for _ in range(1100):
        short = ~reached(high) & np.isfinite(high)
        if not short.any():
            break
        low = np.where(short, high, low)
        high = np.where(short, 2.0 * high, high)
    for _ in range(1100):
        middle = np.floor(0.5 * (low + high))
        # beyond 2^53 neighbours are more than 1 apart
        open_ = (high - low > 1.0) & (middle > low) & (middle < high)
        if not np.any(open_):
            break
        hit = reached(middle)
        high = np.where(open_ & hit, middle, high)
        low = np.where(open_ & ~hit, middle, low)
    return high


def bisect(reached: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """The point between finite bounds where ``reached`` turns true, to the last bit or so."""
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    for _ in range(1100):
        middle = 0.5 * (low + high)
        if np.all((middle <= low) | (middle >= high)):
            break
        hit = reached(middle)
        high = np.where(hit, middle, high)
        low = np.where(hit, low, middle)
    return high
