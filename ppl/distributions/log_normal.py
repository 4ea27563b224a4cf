"""LogNormal(mean, sd): the exponential of a normal; mean and sd are those of the logarithm."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.distributions.normal import LOG_TWO_PI, Normal
from ppl.supports import POSITIVE, REAL, Support

Array = Any


class LogNormal(Distribution):
    """Normal(log x; mean, sd) / x, x > 0.

    >>> float(LogNormal.log_density(1.0, mean=0.0, sd=1.0))
    -0.9189385332046727
    """

    parameters = (
        Parameter("mean", REAL, doc="mean of log x"),
        Parameter("sd", POSITIVE, doc="standard deviation of log x"),
    )
    signatures = (("mean", "sd"),)
    examples = (
        Example({"mean": 0.5, "sd": 1.2}, (0.1, 2.0, 40.0)),
        Example({"mean": -1.0, "sd": 0.1}, (0.4,)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (xp.log(x), xp.square(xp.log(x))),
        natural=Normal.family.natural,
        log_normaliser=Normal.family.log_normaliser,
        given=Normal.family.given,
        log_base=lambda x: -xp.log(x) - 0.5 * LOG_TWO_PI,
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return POSITIVE

    @classmethod
    @on_support(POSITIVE, 1.0)
    def log_density(cls, x: Array, mean: Array, sd: Array) -> Array:
        z = xp.log(x)
        return xp.normal_log_density(z, mean, sd) - z

    @classmethod
    def polynomial(cls, form: Any, x: Any, mean: Any, sd: Any) -> Any:
        logs = form.log(x)
        precision = form.power(sd, -2.0)
        square = form.elementwise("square_log", lambda v: xp.square(xp.log(v)), x)
        ratio = precision * (square - 2.0 * logs * mean + form.square(mean))
        return 0.5 * (form.log(precision) - ratio - LOG_TWO_PI) - logs

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], mean: Array, sd: Array) -> Array:
        return np.exp(rng.normal(mean, sd, shape))

    @classmethod
    def log_cdf(cls, x: Array, mean: Array, sd: Array) -> Array:
        return xp.log_ndtr((xp.log(xp.maximum(x, 0.0)) - mean) / sd)

    @classmethod
    def log_sf(cls, x: Array, mean: Array, sd: Array) -> Array:
        return xp.log_ndtr((mean - xp.log(xp.maximum(x, 0.0))) / sd)

    @classmethod
    def quantile(cls, p: Array, mean: Array, sd: Array) -> Array:
        return np.exp(mean + sd * special.ndtri(p))
