"""Exponential(rate) or Exponential(scale = s)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._alternatives import rate_of
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any


class Exponential(Distribution):
    """rate exp(-rate x), x >= 0; the mean is the scale, 1 / rate.

    >>> float(Exponential.log_density(2.0, rate=1.0))
    -2.0
    """

    parameters = (Parameter("rate", POSITIVE), Parameter("scale", POSITIVE, doc="1 / rate, the mean"))
    signatures = (("rate",), ("scale",))
    examples = (Example({"rate": 0.5}, (0.1, 2.0, 20.0)), Example({"scale": 3.0}, (1.0, 9.0)))
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (x,),
        natural=lambda rate=None, scale=None: (-rate_of(rate, scale),),
        log_normaliser=lambda a: -xp.log(-a),
        given=lambda a: {"rate": -a},
        log_base=lambda x: xp.zeros_like(x),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return POSITIVE

    @classmethod
    @on_support(NONNEGATIVE, 1.0)
    def log_density(cls, x: Array, rate: Array = None, scale: Array = None) -> Array:
        if rate is None:
            return -x / scale - xp.log(scale)
        return xp.log(rate) - rate * x

    @classmethod
    def polynomial(cls, form: Any, x: Any, rate: Any = None, scale: Any = None) -> Any:
        rate = form.power(scale, -1.0) if rate is None else rate
        return form.log(rate) - rate * x

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], rate: Array = None, scale: Array = None
    ) -> Array:
        return rng.standard_exponential(shape) / rate_of(rate, scale)

    @classmethod
    def log_cdf(cls, x: Array, rate: Array = None, scale: Array = None) -> Array:
        return xp.log1mexp(xp.maximum(x, 0.0) * rate_of(rate, scale))

    @classmethod
    def log_sf(cls, x: Array, rate: Array = None, scale: Array = None) -> Array:
        return -xp.maximum(x, 0.0) * rate_of(rate, scale)

    @classmethod
    def quantile(cls, p: Array, rate: Array = None, scale: Array = None) -> Array:
        return -np.log1p(-np.asarray(p)) / rate_of(rate, scale)
