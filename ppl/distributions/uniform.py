"""Uniform(lower, upper)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support, plain
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import REAL, Interval, Support
from ppl.supports.support import element

Array = Any


class Uniform(Distribution):
    """1 / (upper - lower) between the bounds, which may be latent.

    >>> float(Uniform.log_density(0.5, lower=0.0, upper=1.0))
    0.0
    """

    parameters = (Parameter("lower", REAL), Parameter("upper", REAL))
    signatures = (("lower", "upper"),)
    examples = (
        Example({"lower": -1.0, "upper": 3.0}, (-0.9, 0.0, 2.5)),
        Example({"lower": 0.0, "upper": 1e-3}, (5e-4,)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Interval(element(given["lower"]).lower, element(given["upper"]).upper)

    @classmethod
    @on_support(REAL, 0.0)
    def log_density(cls, x: Array, lower: Array, upper: Array) -> Array:
        flat = xp.zeros_like(x) - xp.log(upper - lower)
        if not plain(x):
            return flat
        return xp.where(xp.logical_and(xp.less_equal(lower, x), xp.less_equal(x, upper)), flat, -np.inf)

    @classmethod
    def polynomial(cls, form: Any, x: Any, lower: Any, upper: Any) -> Any:
        if not form.is_data(lower, upper):
            return None  # where x may lie would depend on latents
        return -1.0 * form.log(upper - lower)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], lower: Array, upper: Array) -> Array:
        return lower + (np.asarray(upper) - lower) * rng.random(shape)

    @classmethod
    def limits(cls, lower: Array, upper: Array) -> tuple[Array, Array]:
        return lower, upper

    @classmethod
    def log_cdf(cls, x: Array, lower: Array, upper: Array) -> Array:
        return xp.log(_clip(x - lower, upper - lower)) - xp.log(upper - lower)

    @classmethod
    def log_sf(cls, x: Array, lower: Array, upper: Array) -> Array:
        return xp.log(_clip(upper - x, upper - lower)) - xp.log(upper - lower)

    @classmethod
    def quantile(cls, p: Array, lower: Array, upper: Array) -> Array:
        return lower + np.asarray(p) * (np.asarray(upper) - lower)


def _clip(length: Array, most: Array) -> Array:
    return xp.minimum(xp.maximum(length, 0.0), most)
