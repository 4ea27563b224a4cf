"""Pareto(scale, shape)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support, plain
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, Interval, Support
from ppl.supports.support import element

Array = Any


class Pareto(Distribution):
    """shape scale^shape / x^(shape + 1), x > scale: a power law above its least value.

    >>> float(Pareto.log_density(1.0, scale=1.0, shape=1.0))
    0.0
    """

    parameters = (Parameter("scale", POSITIVE, doc="the least value"), Parameter("shape", POSITIVE))
    signatures = (("scale", "shape"),)
    examples = (
        Example({"scale": 2.0, "shape": 1.5}, (2.1, 4.0, 70.0)),
        Example({"scale": 0.3, "shape": 6.0}, (0.35,)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Interval(max(element(given["scale"]).lower, 0.0), math.inf)

    @classmethod
    @on_support(POSITIVE, 1.0)
    def log_density(cls, x: Array, scale: Array, shape: Array) -> Array:
        out = xp.log(shape) - shape * xp.log(x / scale) - xp.log(x)
        return xp.where(xp.less_equal(scale, x), out, -math.inf) if plain(x) else out

    @classmethod
    def polynomial(cls, form: Any, x: Any, scale: Any, shape: Any) -> Any:
        if not form.is_data(scale):
            return None  # where x may lie would depend on latents
        return form.log(shape) + shape * form.log(scale) - (shape + 1.0) * form.log(x)

    @classmethod
    def sample(cls, rng: np.random.Generator, size: tuple[int, ...], /, scale: Array, shape: Array) -> Array:
        return scale * np.exp(rng.standard_exponential(size) / shape)

    @classmethod
    def limits(cls, scale: Array, shape: Array) -> tuple[Array, Array]:
        return scale, math.inf

    @classmethod
    def log_cdf(cls, x: Array, scale: Array, shape: Array) -> Array:
        return xp.log1mexp(_log_excess(x, scale) * shape)

    @classmethod
    def log_sf(cls, x: Array, scale: Array, shape: Array) -> Array:
        return -_log_excess(x, scale) * shape

    @classmethod
    def quantile(cls, p: Array, scale: Array, shape: Array) -> Array:
        return scale * np.exp(-np.log1p(-np.asarray(p)) / shape)


def _log_excess(x: Array, scale: Array) -> Array:
    return xp.log1p(xp.maximum((x - scale) / scale, 0.0))
