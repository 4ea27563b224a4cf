"""Geometric(p) or Geometric(logit = l): failures before the first success."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._alternatives import probability_of
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import COUNT, REAL, Interval, Support
from ppl.types import Element

Array = Any


def _natural(p: Array = None, logit: Array = None) -> tuple[Array]:
    return (-xp.softplus(logit) if p is None else xp.log1p(-p),)


class Geometric(Distribution):
    """(1 - p)^x p, x = 0, 1, ...; the mean is (1 - p) / p.

    >>> round(float(Geometric.log_density(1, p=0.5)), 12)
    -1.38629436112
    """

    parameters = (
        Parameter("p", Interval(0.0, 1.0, False, True)),
        Parameter("logit", REAL, doc="log odds of p"),
    )
    signatures = (("p",), ("logit",))
    element: ClassVar[Element] = "int"
    examples = (Example({"p": 0.3}, (0, 2, 9)), Example({"logit": -1.5}, (0, 3)))
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (x,),
        natural=_natural,
        log_normaliser=lambda a: -xp.log1mexp(-a),
        given=lambda a: {"p": -xp.expm1(a)},
        log_base=lambda x: xp.zeros_like(x),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return COUNT

    @classmethod
    @on_support(COUNT, 0.0)
    def log_density(cls, x: Array, p: Array = None, logit: Array = None) -> Array:
        if p is None:
            return -x * xp.softplus(logit) - xp.softplus(-logit)
        return xp.xlog1m(x, p) + xp.log_probability(p)

    @classmethod
    def polynomial(cls, form: Any, x: Any, p: Any = None, logit: Any = None) -> Any:
        return None if p is None else form.times_log1m(x, p) + form.log(p)

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], p: Array = None, logit: Array = None
    ) -> Array:
        return rng.geometric(probability_of(p, logit), shape) - 1

    @classmethod
    def log_cdf(cls, x: Array, p: Array = None, logit: Array = None) -> Array:
        return xp.log1mexp(_steps(x) * _hazard(p, logit))

    @classmethod
    def log_sf(cls, x: Array, p: Array = None, logit: Array = None) -> Array:
        return -_steps(x) * _hazard(p, logit)

    @classmethod
    def quantile(cls, q: Array, /, p: Array = None, logit: Array = None) -> Array:
        steps = np.ceil(np.log1p(-np.asarray(q)) / -_hazard(p, logit) - 1e-12)
        return np.maximum(steps - 1.0, 0.0)


def _steps(x: Array) -> Array:
    return xp.floor(xp.maximum(x, -1.0)) + 1.0


def _hazard(p: Array | None, logit: Array | None) -> Array:
    """-log(1 - p)."""
    return xp.softplus(logit) if p is None else -xp.log1p(-p)
