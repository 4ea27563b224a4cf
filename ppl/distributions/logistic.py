"""Logistic(loc, scale)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, REAL, Support

Array = Any


class Logistic(Distribution):
    """exp(-z) / (scale (1 + exp(-z))^2), z = (x - loc) / scale.

    >>> round(float(Logistic.log_density(0.0, loc=0.0, scale=0.25)), 12)
    0.0
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
        return xp.log_sigmoid_slope((x - loc) / scale) - xp.log(scale)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
        return rng.logistic(loc, scale, shape)

    @classmethod
    def log_cdf(cls, x: Array, loc: Array, scale: Array) -> Array:
        return -xp.softplus((loc - x) / scale)

    @classmethod
    def log_sf(cls, x: Array, loc: Array, scale: Array) -> Array:
        return -xp.softplus((x - loc) / scale)

    @classmethod
    def quantile(cls, p: Array, loc: Array, scale: Array) -> Array:
        return loc + scale * special.logit(p)
