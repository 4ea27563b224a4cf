"""Gamma(shape, rate), Gamma(shape, scale = s) or Gamma(mean = m, sd = s)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._alternatives import rate_of
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import POSITIVE, Support

Array = Any


def _shape_rate(
    shape: Array = None, rate: Array = None, scale: Array = None, mean: Array = None, sd: Array = None
) -> tuple[Array, Array]:
    if shape is not None:
        return shape, rate_of(rate, scale)
    return xp.square(mean / sd), mean / xp.square(sd)


def _natural(**given: Array) -> tuple[Array, Array]:
    shape, rate = _shape_rate(**given)
    return shape, -rate


class Gamma(Distribution):
    """rate^shape x^(shape - 1) exp(-rate x) / Gamma(shape), x > 0.

    >>> float(Gamma.log_density(2.0, shape=1.0, rate=1.0))
    -2.0
    """

    parameters = (
        Parameter("shape", POSITIVE),
        Parameter("rate", POSITIVE),
        Parameter("scale", POSITIVE, doc="1 / rate"),
        Parameter("mean", POSITIVE, doc="shape / rate"),
        Parameter("sd", POSITIVE, doc="sqrt(shape) / rate"),
    )
    signatures = (("shape", "rate"), ("shape", "scale"), ("mean", "sd"))
    examples = (
        Example({"shape": 2.5, "rate": 0.5}, (0.1, 4.0, 30.0)),
        Example({"shape": 0.7, "scale": 2.0}, (0.01, 1.5)),
        Example({"mean": 3.0, "sd": 0.5}, (2.0, 3.3)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (xp.log(x), x),
        natural=_natural,
        log_normaliser=lambda a, b: xp.lgamma(a) - a * xp.log(-b),
        given=lambda a, b: {"shape": a, "rate": -b},
        log_base=lambda x: -xp.log(x),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return POSITIVE

    @classmethod
    @on_support(POSITIVE, 1.0)
    def log_density(cls, x: Array, **given: Array) -> Array:
        shape, rate = _shape_rate(**given)
        return xp.gamma_kernel(shape) - xp.deviance(shape, rate * x) - xp.log(x)

    @classmethod
    def polynomial(cls, form: Any, x: Any, **given: Any) -> Any:
        if "mean" in given:
            rate = given["mean"] * form.power(given["sd"], -2.0)
            shape = given["mean"] * rate
        else:
            shape = given["shape"]
            rate = given["rate"] if "rate" in given else form.power(given["scale"], -1.0)
        constant = shape * form.log(rate) - form.function("lgamma", shape)
        return constant + (shape - 1.0) * form.log(x) - rate * x

    @classmethod
    def sample(cls, rng: np.random.Generator, size: tuple[int, ...], /, **given: Array) -> Array:
        shape, rate = _shape_rate(**given)
        return rng.standard_gamma(shape, size) / rate

    @classmethod
    def log_cdf(cls, x: Array, **given: Array) -> Array:
        shape, rate = _shape_rate(**given)
        return xp.log_gammainc(shape, rate * xp.maximum(x, 0.0))

    @classmethod
    def log_sf(cls, x: Array, **given: Array) -> Array:
        shape, rate = _shape_rate(**given)
        return xp.log_gammaincc(shape, rate * xp.maximum(x, 0.0))

    @classmethod
    def quantile(cls, p: Array, **given: Array) -> Array:
        shape, rate = _shape_rate(**given)
        return special.gammaincinv(shape, p) / rate
