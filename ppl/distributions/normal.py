"""Normal(mean, sd), Normal(mean, var = v) or Normal(mean, precision = t)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._alternatives import sd_of
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import POSITIVE, REAL, Support

Array = Any
LOG_TWO_PI = math.log(2.0 * math.pi)


def _natural(mean: Array, sd: Array = None, var: Array = None, precision: Array = None) -> tuple[Array, ...]:
    t = 1.0 / xp.square(sd_of(sd, var, precision))
    return mean * t, -0.5 * t


def _given(linear: Array, quadratic: Array) -> dict[str, Array]:
    return {"mean": -0.5 * linear / quadratic, "sd": xp.sqrt(-0.5 / quadratic)}


class Normal(Distribution):
    """The Gaussian: exp(-((x - mean) / sd)^2 / 2) / (sd sqrt(2 pi)).

    >>> float(Normal.log_density(0.0, mean=0.0, sd=1.0))
    -0.9189385332046727
    """

    parameters = (
        Parameter("mean", REAL),
        Parameter("sd", POSITIVE, doc="standard deviation"),
        Parameter("var", POSITIVE, doc="variance"),
        Parameter("precision", POSITIVE, doc="1 / variance"),
    )
    signatures = (("mean", "sd"), ("mean", "var"), ("mean", "precision"))
    examples = (
        Example({"mean": 0.5, "sd": 2.0}, (-3.0, 0.5, 7.0)),
        Example({"mean": -1.0, "var": 0.25}, (-1.2, 0.3)),
        Example({"mean": 3.0, "precision": 4.0}, (2.0, 3.5)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (x, xp.square(x)),
        natural=_natural,
        log_normaliser=lambda a, b: -0.25 * xp.square(a) / b - 0.5 * xp.log(-2.0 * b),
        given=_given,
        log_base=lambda x: xp.zeros_like(x) - 0.5 * LOG_TWO_PI,
    )
    reference = "Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions 1, ch. 13"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_support(REAL, 0.0)
    def log_density(
        cls, x: Array, mean: Array, sd: Array = None, var: Array = None, precision: Array = None
    ) -> Array:
        return xp.normal_log_density(x, mean, sd_of(sd, var, precision))

    @classmethod
    def polynomial(
        cls, form: Any, x: Any, mean: Any, sd: Any = None, var: Any = None, precision: Any = None
    ) -> Any:
        if precision is None:
            precision = form.power(var, -1.0) if var is not None else form.power(sd, -2.0)
        return 0.5 * (form.log(precision) - precision * form.square(x - mean) - LOG_TWO_PI)

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        mean: Array,
        sd: Array = None,
        var: Array = None,
        precision: Array = None,
    ) -> Array:
        return rng.normal(mean, sd_of(sd, var, precision), shape)

    @classmethod
    def log_cdf(cls, x: Array, mean: Array, **spread: Array) -> Array:
        return xp.log_ndtr((x - mean) / sd_of(**_spread(spread)))

    @classmethod
    def log_sf(cls, x: Array, mean: Array, **spread: Array) -> Array:
        return xp.log_ndtr((mean - x) / sd_of(**_spread(spread)))

    @classmethod
    def quantile(cls, p: Array, mean: Array, **spread: Array) -> Array:
        return mean + sd_of(**_spread(spread)) * special.ndtri(p)


def _spread(given: dict[str, Array]) -> dict[str, Array]:
    return {"sd": None, "var": None, "precision": None, **given}
