"""HalfCauchy(scale): the size of a centred Cauchy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any


class HalfCauchy(Distribution):
    """2 / (pi scale (1 + (x / scale)^2)) for x >= 0.

    >>> round(float(HalfCauchy.log_density(0.0, scale=1.0)), 12)
    -0.451582705289
    """

    parameters = (Parameter("scale", POSITIVE),)
    signatures = (("scale",),)
    examples = (Example({"scale": 5.0}, (0.1, 4.0, 90.0)), Example({"scale": 0.3}, (0.2,)))
    reference = "A. Gelman, Prior distributions for variance parameters, Bayesian Analysis 2006"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return POSITIVE

    @classmethod
    @on_support(NONNEGATIVE, 1.0)
    def log_density(cls, x: Array, scale: Array) -> Array:
        return -xp.log1p(xp.square(x / scale)) - (xp.log(scale) - math.log(2.0 / math.pi))

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], scale: Array) -> Array:
        return scale * np.abs(rng.standard_cauchy(shape))

    @classmethod
    def log_cdf(cls, x: Array, scale: Array) -> Array:
        return xp.log(xp.arctan(xp.maximum(x, 0.0) / scale)) + math.log(2.0 / math.pi)

    @classmethod
    def log_sf(cls, x: Array, scale: Array) -> Array:
        return xp.log_cauchy_cdf(-xp.maximum(x, 0.0) / scale) + math.log(2.0)

    @classmethod
    def quantile(cls, p: Array, scale: Array) -> Array:
        return scale * np.tan(0.5 * math.pi * np.asarray(p))
