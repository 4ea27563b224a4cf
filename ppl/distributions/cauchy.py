"""Cauchy(loc, scale)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, REAL, Support

Array = Any


class Cauchy(Distribution):
    """1 / (pi scale (1 + z^2)) with z = (x - loc) / scale; it has no mean.

    >>> float(Cauchy.log_density(0.0, loc=0.0, scale=1.0))
    -1.1447298858494002
    """

    parameters = (Parameter("loc", REAL), Parameter("scale", POSITIVE))
    signatures = (("loc", "scale"),)
    examples = (
        Example({"loc": 0.5, "scale": 2.0}, (-30.0, 0.0, 5.0)),
        Example({"loc": -1.0, "scale": 0.1}, (1.0,)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_support(REAL, 0.0)
    def log_density(cls, x: Array, loc: Array, scale: Array) -> Array:
        return -xp.log1p(xp.square((x - loc) / scale)) - (xp.log(scale) + math.log(math.pi))

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
        return loc + scale * rng.standard_cauchy(shape)

    @classmethod
    def log_cdf(cls, x: Array, loc: Array, scale: Array) -> Array:
        return xp.log_cauchy_cdf((x - loc) / scale)

    @classmethod
    def log_sf(cls, x: Array, loc: Array, scale: Array) -> Array:
        return xp.log_cauchy_cdf((loc - x) / scale)

    @classmethod
    def quantile(cls, p: Array, loc: Array, scale: Array) -> Array:
        return loc - scale / np.tan(math.pi * np.asarray(p))
