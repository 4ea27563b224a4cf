"""Poisson(rate) or Poisson(log_rate = l)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import COUNT, NONNEGATIVE, REAL, Support
from ppl.types import Element

Array = Any


def _rate(rate: Array | None, log_rate: Array | None) -> Array:
    return rate if rate is not None else xp.exp(log_rate)


class Poisson(Distribution):
    """rate^x exp(-rate) / x!; a rate of 0 gives 0 for sure.

    >>> float(Poisson.log_density(0, rate=2.0)), float(Poisson.log_density(0, rate=0.0))
    (-2.0, 0.0)
    """

    parameters = (Parameter("rate", NONNEGATIVE), Parameter("log_rate", REAL, doc="log of the rate"))
    signatures = (("rate",), ("log_rate",))
    element: ClassVar[Element] = "int"
    examples = (Example({"rate": 3.2}, (0, 3, 12)), Example({"log_rate": -0.5}, (0, 2)))
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (x,),
        natural=lambda rate=None, log_rate=None: (log_rate if rate is None else xp.log(rate),),
        log_normaliser=lambda a: xp.exp(a),
        given=lambda a: {"rate": xp.exp(a)},
        log_base=lambda x: -xp.lgamma(x + 1.0),
    )
    reference = "C. Loader, Fast and Accurate Computation of Binomial Probabilities, 2000"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return COUNT

    @classmethod
    @on_support(COUNT, 0.0)
    def log_density(cls, x: Array, rate: Array = None, log_rate: Array = None) -> Array:
        if log_rate is not None:
            return xp.factorial_kernel(x) - xp.log_deviance(x, log_rate)
        return xp.factorial_kernel(x) - xp.deviance(x, rate)

    @classmethod
    def polynomial(cls, form: Any, x: Any, rate: Any = None, log_rate: Any = None) -> Any:
        logs = x * log_rate if rate is None else form.counted_log(x, rate)
        rate = form.exp(log_rate) if rate is None else rate
        return logs - rate - form.function("lgamma", x + 1.0)

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], rate: Array = None, log_rate: Array = None
    ) -> Array:
        return rng.poisson(np.minimum(_rate(rate, log_rate), 9e18), shape)

    @classmethod
    def log_cdf(cls, x: Array, rate: Array = None, log_rate: Array = None) -> Array:
        k = xp.floor(xp.maximum(x, 0.0))
        inner = xp.log_gammaincc(k + 1.0, _rate(rate, log_rate))
        return xp.where(xp.less(x, 0.0), -np.inf, inner)

    @classmethod
    def log_sf(cls, x: Array, rate: Array = None, log_rate: Array = None) -> Array:
        k = xp.floor(xp.maximum(x, 0.0))
        inner = xp.log_gammainc(k + 1.0, _rate(rate, log_rate))
        return xp.where(xp.less(x, 0.0), 0.0, inner)

    @classmethod
    def quantile(cls, p: Array, rate: Array = None, log_rate: Array = None) -> Array:
        mean = _rate(rate, log_rate)
        guess = np.ceil(special.pdtrik(p, mean))
        lower = np.maximum(guess - 1.0, 0.0)
        return np.where(special.pdtr(lower, mean) >= p, lower, np.maximum(guess, 0.0))
