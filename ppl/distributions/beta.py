"""Beta(a, b) or Beta(mean = m, concentration = c)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import POSITIVE, UNIT, Interval, Support

Array = Any
INSIDE = Interval(0.0, 1.0)


def _shapes(
    a: Array = None, b: Array = None, mean: Array = None, concentration: Array = None
) -> tuple[Array, Array]:
    if a is not None:
        return a, b
    return mean * concentration, (1.0 - mean) * concentration


class Beta(Distribution):
    """x^(a - 1) (1 - x)^(b - 1) / B(a, b) on (0, 1); a = mean c, b = (1 - mean) c.

    >>> float(Beta.log_density(0.3, a=1.0, b=1.0))
    0.0
    """

    parameters = (
        Parameter("a", POSITIVE),
        Parameter("b", POSITIVE),
        Parameter("mean", INSIDE, doc="a / (a + b)"),
        Parameter("concentration", POSITIVE, doc="a + b"),
    )
    signatures = (("a", "b"), ("mean", "concentration"))
    examples = (
        Example({"a": 2.0, "b": 3.5}, (0.01, 0.4, 0.95)),
        Example({"a": 0.5, "b": 0.5}, (0.001, 0.7)),
        Example({"mean": 0.2, "concentration": 10.0}, (0.1, 0.3)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (xp.log(x), xp.log1p(-x)),
        natural=lambda **given: _shapes(**given),
        log_normaliser=lambda a, b: xp.log_beta(a, b),
        given=lambda a, b: {"a": a, "b": b},
        log_base=lambda x: -xp.log(x) - xp.log1p(-x),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return INSIDE

    @classmethod
    @on_support(UNIT, 0.5)
    def log_density(cls, x: Array, **given: Array) -> Array:
        a, b = _shapes(**given)
        return xp.xlogy(a - 1.0, x) + xp.xlog1py(b - 1.0, -x) - xp.log_beta(a, b)

    @classmethod
    def polynomial(cls, form: Any, x: Any, **given: Any) -> Any:
        a, b = _shapes(**given)
        normaliser = form.elementwise("log_beta", xp.log_beta, a, b)
        return (a - 1.0) * form.log(x) + (b - 1.0) * form.log1m(x) - normaliser

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], **given: Array) -> Array:
        a, b = _shapes(**given)
        return np.clip(rng.beta(a, b, shape), 1e-300, 1.0 - 2.0**-53)

    @classmethod
    def log_cdf(cls, x: Array, **given: Array) -> Array:
        return xp.log_betainc(*_shapes(**given), xp.minimum(xp.maximum(x, 0.0), 1.0))

    @classmethod
    def log_sf(cls, x: Array, **given: Array) -> Array:
        return xp.log_betaincc(*_shapes(**given), xp.minimum(xp.maximum(x, 0.0), 1.0))

    @classmethod
    def quantile(cls, p: Array, **given: Array) -> Array:
        return special.betaincinv(*_shapes(**given), p)
