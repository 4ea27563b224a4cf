"""HalfNormal(scale): the size of a centred normal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.distributions.normal import Normal
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any
LOG_TWO = math.log(2.0)


class HalfNormal(Distribution):
    """|z| of z ~ Normal(0, scale): sqrt(2 / pi) exp(-(x / scale)^2 / 2) / scale.

    >>> round(float(HalfNormal.log_density(0.0, scale=1.0)), 12)
    -0.225791352645
    """

    parameters = (Parameter("scale", POSITIVE),)
    signatures = (("scale",),)
    examples = (Example({"scale": 2.0}, (0.1, 1.0, 6.0)), Example({"scale": 0.3}, (0.2,)))

    @classmethod
    def support(cls, **given: Support) -> Support:
        return POSITIVE

    @classmethod
    @on_support(NONNEGATIVE, 1.0)
    def log_density(cls, x: Array, scale: Array) -> Array:
        return xp.normal_log_density(x, 0.0, scale) + LOG_TWO

    @classmethod
    def polynomial(cls, form: Any, x: Any, scale: Any) -> Any:
        return LOG_TWO + Normal.polynomial(form, x, 0.0, sd=scale)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], scale: Array) -> Array:
        return np.abs(rng.normal(0.0, scale, shape))

    @classmethod
    def log_cdf(cls, x: Array, scale: Array) -> Array:
        return xp.log_erf(xp.maximum(x, 0.0) / (scale * math.sqrt(2.0)))

    @classmethod
    def log_sf(cls, x: Array, scale: Array) -> Array:
        return xp.log_ndtr(-xp.maximum(x, 0.0) / scale) + LOG_TWO

    @classmethod
    def quantile(cls, p: Array, scale: Array) -> Array:
        return scale * math.sqrt(2.0) * special.erfinv(p)
