"""Laplace(loc, scale), the double exponential."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, REAL, Support

Array = Any
LOG_TWO = math.log(2.0)


def _log_lower(z: Array) -> Array:
    """log P(Z <= z) of the standard distribution."""
    upper = xp.log1p(-0.5 * xp.exp(-xp.maximum(z, 0.0)))
    return xp.where(xp.less(z, 0.0), z - LOG_TWO, upper)


class Laplace(Distribution):
    """exp(-|x - loc| / scale) / (2 scale).

    >>> round(float(Laplace.log_density(0.0, loc=0.0, scale=1.0)), 6)
    -0.693147
    """

    parameters = (Parameter("loc", REAL), Parameter("scale", POSITIVE))
    signatures = (("loc", "scale"),)
    examples = (
        Example({"loc": 0.5, "scale": 2.0}, (-9.0, 0.0, 5.0)),
        Example({"loc": -1.0, "scale": 0.1}, (-0.9,)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_support(REAL, 0.0)
    def log_density(cls, x: Array, loc: Array, scale: Array) -> Array:
        return -xp.abs(x - loc) / scale - (xp.log(scale) + LOG_TWO)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
        return rng.laplace(loc, scale, shape)

    @classmethod
    def log_cdf(cls, x: Array, loc: Array, scale: Array) -> Array:
        return _log_lower((x - loc) / scale)

    @classmethod
    def log_sf(cls, x: Array, loc: Array, scale: Array) -> Array:
        return _log_lower((loc - x) / scale)

    @classmethod
    def quantile(cls, p: Array, loc: Array, scale: Array) -> Array:
        low = np.minimum(p, 0.5)
        high = np.maximum(p, 0.5)
        return loc + scale * np.where(np.less(p, 0.5), np.log(2.0 * low), -np.log(2.0 - 2.0 * high))
