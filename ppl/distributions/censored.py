"""Censored(distribution, lower = a, upper = b): values beyond a bound are only known to be so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._bounds import at_bound, finite, is_discrete
from ppl.distributions._checks import plain
from ppl.distributions.base import Applied, Distribution, Example, Parameter
from ppl.supports import REAL, Support

Array = Any


class Censored(Distribution):
    """p(x) between the bounds, P(X <= lower) at or below lower, P(X >= upper) at or above upper.

    A bound may be the observed column itself: rows where they agree are censored.

    >>> from ppl.distributions import find
    >>> inner = Applied(find("Normal"), {"mean": 0.0, "sd": 1.0})
    >>> round(float(Censored.log_density(0.0, distribution=inner, upper=0.0)), 6)
    -0.693147
    """

    parameters = (Parameter("lower", REAL), Parameter("upper", REAL))
    signatures = (
        ("distribution", "lower"),
        ("distribution", "upper"),
        ("distribution", "lower", "upper"),
    )
    wrapper = True
    examples = (
        Example({"distribution": ("Normal", {"mean": 0.0, "sd": 1.0}), "upper": 1.5}, (0.1, 1.5, -2.0)),
    )

    @classmethod
    def support(cls, distribution: Support = REAL, **given: Support) -> Support:
        return distribution

    @classmethod
    def log_density(cls, x: Array, distribution: Applied, lower: Array = None, upper: Array = None) -> Array:
        lower, upper = finite(lower), finite(upper)
        with np.errstate(all="ignore"):
            out = distribution.log_density(x)
            if lower is not None:
                out = _replace(out, xp.less_equal(x, lower), lower, x, distribution.log_cdf)
            if upper is not None:
                last = upper - 1.0 if is_discrete(distribution) else upper
                out = _replace(out, xp.less_equal(upper, x), last, x, distribution.log_sf)
            return out

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        distribution: Applied,
        lower: Array = None,
        upper: Array = None,
    ) -> Array:
        low = -math.inf if lower is None else lower
        high = math.inf if upper is None else upper
        return np.clip(distribution.sample(rng, shape), low, high)

    @classmethod
    def limits(cls, distribution: Applied, **given: Array) -> tuple[Array, Array] | None:
        return distribution.limits()

    @classmethod
    def log_cdf(cls, x: Array, distribution: Applied, lower: Array = None, upper: Array = None) -> Array:
        out = distribution.log_cdf(x)
        out = out if lower is None else xp.where(xp.less(x, lower), -math.inf, out)
        return out if upper is None else xp.where(xp.less(x, upper), out, 0.0)

    @classmethod
    def log_sf(cls, x: Array, distribution: Applied, lower: Array = None, upper: Array = None) -> Array:
        out = distribution.log_sf(x)
        out = out if lower is None else xp.where(xp.less(x, lower), 0.0, out)
        return out if upper is None else xp.where(xp.less(x, upper), out, -math.inf)


def _replace(out: Array, hit: Array, bound: Array, x: Array, tail: Any) -> Array:
    """``tail(bound)`` where ``hit``; not computed where it is known that nothing is.

    Elsewhere the tail is taken at x itself: at an infinite bound its slopes are not numbers.
    """
    if plain(hit) and not np.any(hit):
        return out
    return xp.where(hit, at_bound(tail, xp.where(hit, bound, x), -math.inf), out)
