"""Weibull(shape, scale)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, Support

Array = Any


class Weibull(Distribution):
    """(shape / x) h exp(-h) with the hazard h = (x / scale)^shape, x > 0.

    >>> float(Weibull.log_density(2.0, shape=1.0, scale=1.0))
    -2.0
    """

    parameters = (Parameter("shape", POSITIVE), Parameter("scale", POSITIVE))
    signatures = (("shape", "scale"),)
    examples = (
        Example({"shape": 1.5, "scale": 2.0}, (0.1, 2.0, 7.0)),
        Example({"shape": 0.6, "scale": 0.3}, (0.01, 1.0)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return POSITIVE

    @classmethod
    @on_support(POSITIVE, 1.0)
    def log_density(cls, x: Array, shape: Array, scale: Array) -> Array:
        log_x = xp.log(x)
        z = shape * xp.log(x / scale)
        return z - xp.exp(z) - log_x + xp.log(shape)

    @classmethod
    def polynomial(cls, form: Any, x: Any, shape: Any, scale: Any) -> Any:
        k = form.number(shape)
        if k is None:
            return None
        ratio = form.power(x, k) * form.power(scale, -k)
        return form.log(shape) - k * form.log(scale) + (k - 1.0) * form.log(x) - ratio

    @classmethod
    def sample(cls, rng: np.random.Generator, size: tuple[int, ...], /, shape: Array, scale: Array) -> Array:
        return scale * rng.weibull(shape, size)

    @classmethod
    def log_cdf(cls, x: Array, shape: Array, scale: Array) -> Array:
        return xp.log1mexp(_hazard(x, shape, scale))

    @classmethod
    def log_sf(cls, x: Array, shape: Array, scale: Array) -> Array:
        return -_hazard(x, shape, scale)

    @classmethod
    def quantile(cls, p: Array, shape: Array, scale: Array) -> Array:
        return scale * np.power(-np.log1p(-np.asarray(p)), 1.0 / np.asarray(shape))


def _hazard(x: Array, shape: Array, scale: Array) -> Array:
    return xp.exp(shape * xp.log(xp.maximum(x, 0.0) / scale))
