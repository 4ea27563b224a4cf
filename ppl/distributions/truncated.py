"""Truncated(distribution, lower = a, upper = b): a distribution given that it lies in between."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._bounds import draw_between, finite, is_discrete, log_between
from ppl.distributions._checks import plain
from ppl.distributions.base import Applied, Distribution, Example, Parameter
from ppl.supports import REAL, Interval, Support
from ppl.supports.support import element

Array = Any


class Truncated(Distribution):
    """p(x) / P(lower <= X <= upper) for lower <= x <= upper, both ends included.

    With ``normalised`` false the divisor is left out.

    >>> from ppl.distributions import find
    >>> inner = Applied(find("Normal"), {"mean": 0.0, "sd": 1.0})
    >>> round(float(Truncated.log_density(1.0, distribution=inner, lower=0.0)), 6)
    -0.725791
    """

    parameters = (Parameter("lower", REAL), Parameter("upper", REAL))
    signatures = (
        ("distribution", "lower"),
        ("distribution", "upper"),
        ("distribution", "lower", "upper"),
    )
    wrapper = True
    examples = (Example({"distribution": ("Normal", {"mean": 0.0, "sd": 1.0}), "lower": -0.5}, (0.1, 3.0)),)

    @classmethod
    def support(cls, distribution: Support = REAL, **given: Support) -> Support:
        base = element(distribution)
        low = max(base.lower, element(given["lower"]).lower) if "lower" in given else base.lower
        high = min(base.upper, element(given["upper"]).upper) if "upper" in given else base.upper
        whole = base.integer
        return Interval(low, high, whole or base.closed_lower, whole or base.closed_upper, whole)

    @classmethod
    def log_density(
        cls,
        x: Array,
        distribution: Applied,
        lower: Array = None,
        upper: Array = None,
        normalised: Any = True,
    ) -> Array:
        with np.errstate(all="ignore"):
            out = distribution.log_density(x)
            if bool(np.all(normalised)):
                out = out - log_between(distribution, lower, upper)
            return _cut(x, out, lower, upper) if plain(x) else out

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        distribution: Applied,
        lower: Array = None,
        upper: Array = None,
        normalised: Any = True,
    ) -> Array:
        return draw_between(rng, shape, distribution, lower, upper)

    @classmethod
    def limits(
        cls, distribution: Applied, lower: Array = None, upper: Array = None, normalised: Any = True
    ) -> tuple[Array, Array] | None:
        own = distribution.limits()
        if own is None:
            if lower is None and upper is None:
                return None
            own = _static(distribution)
        return _tighter(own[0], lower, xp.maximum), _tighter(own[1], upper, xp.minimum)

    @classmethod
    def states(
        cls, distribution: Applied, lower: Array = None, upper: Array = None, normalised: Any = True
    ) -> Array | None:
        known = distribution.states()
        if known is None:
            if finite(upper) is None or not plain(upper) or not is_discrete(distribution):
                return None
            known = np.arange(int(np.max(upper)) + 1)
        if lower is not None and plain(lower):
            known = known[known >= np.min(lower)]
        return known[known <= np.max(upper)] if upper is not None and plain(upper) else known

    @classmethod
    def log_cdf(cls, x: Array, distribution: Applied, lower: Array = None, upper: Array = None) -> Array:
        top = x if upper is None else xp.minimum(x, upper)
        whole = log_between(distribution, lower, upper)
        part = log_between(distribution, lower, top if lower is None else xp.maximum(top, lower))
        return part - whole if lower is None else xp.where(xp.less(x, lower), -math.inf, part - whole)

    @classmethod
    def log_sf(cls, x: Array, distribution: Applied, lower: Array = None, upper: Array = None) -> Array:
        return xp.log1mexp(-xp.minimum(cls.log_cdf(x, distribution, lower, upper), 0.0))


def _cut(x: Array, out: Array, lower: Array | None, upper: Array | None) -> Array:
    inside: Array = True
    if finite(lower) is not None:
        inside = xp.less_equal(lower, x)
    if finite(upper) is not None:
        inside = xp.logical_and(inside, xp.less_equal(x, upper))
    return out if plain(inside) and np.all(inside) else xp.where(inside, out, -math.inf)


def _static(distribution: Applied) -> tuple[float, float]:
    """The bounds of a distribution whose support does not depend on its arguments."""
    base = element(distribution.distribution.support())
    return base.lower, base.upper


def _tighter(own: Array, bound: Array | None, pick: Any) -> Array:
    if bound is None or (plain(bound) and np.all(np.isinf(bound))):
        return own
    if plain(own) and np.all(np.isinf(own)):
        return bound
    return pick(own, bound)
