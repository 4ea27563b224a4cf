"""InverseGamma(shape, scale): the reciprocal of Gamma(shape, rate = scale)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import POSITIVE, Support

Array = Any


class InverseGamma(Distribution):
    """scale^shape x^(-shape - 1) exp(-scale / x) / Gamma(shape), x > 0.

    >>> float(InverseGamma.log_density(1.0, shape=1.0, scale=1.0))
    -1.0
    """

    parameters = (Parameter("shape", POSITIVE), Parameter("scale", POSITIVE))
    signatures = (("shape", "scale"),)
    examples = (
        Example({"shape": 2.5, "scale": 0.5}, (0.1, 0.4, 3.0)),
        Example({"shape": 0.7, "scale": 2.0}, (40.0,)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (xp.log(x), 1.0 / x),
        natural=lambda shape, scale: (-shape, -scale),
        log_normaliser=lambda a, b: xp.lgamma(-a) + a * xp.log(-b),
        given=lambda a, b: {"shape": -a, "scale": -b},
        log_base=lambda x: -xp.log(x),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return POSITIVE

    @classmethod
    @on_support(POSITIVE, 1.0)
    def log_density(cls, x: Array, shape: Array, scale: Array) -> Array:
        return xp.gamma_kernel(shape) - xp.deviance(shape, scale / x) - xp.log(x)

    @classmethod
    def polynomial(cls, form: Any, x: Any, shape: Any, scale: Any) -> Any:
        constant = shape * form.log(scale) - form.function("lgamma", shape)
        return constant - (shape + 1.0) * form.log(x) - scale * form.power(x, -1.0)

    @classmethod
    def sample(cls, rng: np.random.Generator, size: tuple[int, ...], /, shape: Array, scale: Array) -> Array:
        return scale / rng.standard_gamma(shape, size)

    @classmethod
    def log_cdf(cls, x: Array, shape: Array, scale: Array) -> Array:
        return xp.log_gammaincc(shape, scale / xp.maximum(x, 0.0))

    @classmethod
    def log_sf(cls, x: Array, shape: Array, scale: Array) -> Array:
        return xp.log_gammainc(shape, scale / xp.maximum(x, 0.0))

    @classmethod
    def quantile(cls, p: Array, shape: Array, scale: Array) -> Array:
        return scale / special.gammainccinv(shape, p)
