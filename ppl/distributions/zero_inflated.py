"""ZeroInflated(distribution, p_zero): extra zeros."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._bounds import is_discrete
from ppl.distributions._checks import plain
from ppl.distributions.base import Applied, Distribution, Example, Parameter
from ppl.supports import NONNEGATIVE, UNIT, Interval, Support
from ppl.supports.support import element

Array = Any


class ZeroInflated(Distribution):
    """0 with probability p_zero, else a draw of the distribution (which may be 0 as well).

    A continuous distribution puts no mass on 0: there x = 0 has mass p_zero and other x the density
    (1 - p_zero) p(x).

    >>> from ppl.distributions import find
    >>> inner = Applied(find("Poisson"), {"rate": 2.0})
    >>> round(float(ZeroInflated.log_density(0, distribution=inner, p_zero=1.0)), 6)
    0.0
    """

    parameters = (Parameter("p_zero", UNIT, doc="probability of an extra zero"),)
    signatures = (("distribution", "p_zero"),)
    wrapper = True
    examples = (Example({"distribution": ("Poisson", {"rate": 2.5}), "p_zero": 0.3}, (0, 1, 6)),)

    @classmethod
    def support(cls, distribution: Support = NONNEGATIVE, **given: Support) -> Support:
        base = element(distribution)
        low = min(base.lower, 0.0)
        return Interval(low, base.upper, base.closed_lower or low == 0.0, base.closed_upper, base.integer)

    @classmethod
    def log_density(cls, x: Array, distribution: Applied, p_zero: Array) -> Array:
        with np.errstate(all="ignore"):
            zero = np.equal(x, 0) if plain(x) else xp.equal(x, 0)
            discrete = is_discrete(distribution)
            if plain(x) and not discrete:
                # the density at 0 does not matter: look at it anywhere inside
                x = np.where(zero, np.where(np.any(~zero), np.max(np.where(zero, -np.inf, x)), 1.0), x)
            log_other = xp.log_probability(1.0 - p_zero)
            out = log_other + distribution.log_density(x)
            if plain(zero) and not np.any(zero):
                return out
            log_zero = xp.log_probability(p_zero)
            return xp.where(zero, xp.logaddexp(log_zero, out) if discrete else log_zero, out)

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], distribution: Applied, p_zero: Array
    ) -> Array:
        extra = rng.random(shape) < p_zero
        return np.where(extra, 0, distribution.sample(rng, shape))

    @classmethod
    def states(cls, distribution: Applied, p_zero: Array) -> Array | None:
        known = distribution.states()
        return None if known is None else np.union1d(known, [0])

    @classmethod
    def log_cdf(cls, x: Array, distribution: Applied, p_zero: Array) -> Array:
        log_zero = xp.where(xp.less(x, 0.0), -math.inf, xp.log_probability(p_zero))
        return xp.logaddexp(log_zero, xp.log_probability(1.0 - p_zero) + distribution.log_cdf(x))

    @classmethod
    def log_sf(cls, x: Array, distribution: Applied, p_zero: Array) -> Array:
        log_zero = xp.where(xp.less(x, 0.0), xp.log_probability(p_zero), -math.inf)
        return xp.logaddexp(log_zero, xp.log_probability(1.0 - p_zero) + distribution.log_sf(x))
