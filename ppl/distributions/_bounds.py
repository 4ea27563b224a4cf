"""The probability between bounds, in whichever tail keeps its digits, and draws from there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import plain
from ppl.distributions._invert import bisect
from ppl.distributions.base import Applied

Array = Any
LOG_HALF = math.log(0.5)


def is_discrete(applied: Applied) -> bool:
    """Whether draws are whole numbers; wrappers are what they wrap."""
    kind = applied.distribution
    if not kind.wrapper:
        return kind.element != "real"
    inner = applied.given.get("distribution", applied.given.get("components"))
    return is_discrete(inner[0] if isinstance(inner, tuple | list) else inner)


def finite(bound: Array | None) -> Array | None:
    """None for a bound that is absent or infinite throughout."""
    return None if bound is None or (plain(bound) and np.all(np.isinf(bound))) else bound


def at_bound(function: Callable[[Array], Array], bound: Array, beyond: float) -> Array:
    """function(bound), and ``beyond`` at infinite bounds (where its derivative would be NaN)."""
    if not plain(bound) or not np.any(np.isinf(bound)):
        return function(bound)
    endless = np.isinf(bound)
    return xp.where(endless, beyond, function(np.where(endless, 0.0, bound)))


def log_between(applied: Applied, lower: Array | None, upper: Array | None) -> Array:
    """log P(lower <= X <= upper); a whole-number lower bound counts itself."""
    lower, upper = finite(lower), finite(upper)
    if lower is not None and is_discrete(applied):
        lower = lower - 1.0
    if lower is None and upper is None:
        return 0.0
    if upper is None:
        return at_bound(applied.log_sf, lower, 0.0)
    cdf_upper = at_bound(applied.log_cdf, upper, 0.0)
    if lower is None:
        return cdf_upper
    sf_lower, sf_upper = at_bound(applied.log_sf, lower, 0.0), at_bound(applied.log_sf, upper, -math.inf)
    cdf_lower = at_bound(applied.log_cdf, lower, -math.inf)
    high = xp.greater(cdf_lower, LOG_HALF)
    return xp.where(high, xp.log_diff_exp(sf_lower, sf_upper), xp.log_diff_exp(cdf_upper, cdf_lower))


def draw_between(
    rng: np.random.Generator, shape: tuple[int, ...], applied: Applied, lower: Array, upper: Array
) -> Array:
    """Draws given lower <= X <= upper, by inversion in the tail that keeps its digits."""
    low = np.broadcast_to(-math.inf if lower is None else lower, shape)
    high = np.broadcast_to(math.inf if upper is None else upper, shape)
    before = low - 1.0 if is_discrete(applied) else low
    u = rng.random(shape)
    with np.errstate(all="ignore"):
        log_a = np.broadcast_to(at_bound(applied.log_cdf, before, -math.inf), shape)
        log_b = np.broadcast_to(at_bound(applied.log_cdf, high, 0.0), shape)
        in_tail = log_a > LOG_HALF
        p = np.exp(log_a) + u * (np.exp(log_b) - np.exp(log_a))
        if applied.distribution.quantile is not None:
            out = np.broadcast_to(applied.quantile(np.where(in_tail, 0.5, p)), shape)
        else:
            target = np.log(p)
            out = _solve(lambda x: applied.log_cdf(x) >= target, low, high, is_discrete(applied))
        if in_tail.any():
            log_a = np.broadcast_to(at_bound(applied.log_sf, before, 0.0), shape)
            log_b = np.broadcast_to(at_bound(applied.log_sf, high, -math.inf), shape)
            target = log_a + np.log1p(u * np.expm1(log_b - log_a))
            tail = _solve(lambda x: applied.log_sf(x) <= target, low, high, is_discrete(applied))
            out = np.where(in_tail, tail, out)
    return np.clip(out, low, high)


def _solve(reached: Callable[[Array], Array], low: Array, high: Array, discrete: bool) -> Array:
    """The least x in [low, high] with ``reached(x)``; infinite ends are searched for by doubling."""
    start = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0))
    below, above = low.copy(), high.copy()
    step = 1.0
    for _ in range(1000):
        open_low, open_high = np.isinf(below), np.isinf(above)
        if not (open_low.any() or open_high.any()):
            break
        below = np.where(open_low & ~reached(start - step), start - step, below)
        above = np.where(open_high & reached(start + step), start + step, above)
        step *= 2.0
    out = bisect(reached, below - (1.0 if discrete else 0.0), above)
    return np.ceil(out - 1e-9) if discrete else out
