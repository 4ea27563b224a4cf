"""Horseshoe(scale): a normal with a half-Cauchy scale, integrated out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, REAL, Support

Array = Any


class Horseshoe(Distribution):
    """exp(u) E1(u) / (scale sqrt(2 pi^3)) with u = (x / scale)^2 / 2: infinite at 0, heavy tails.

    x = l * z with z ~ Normal(0, scale) and l ~ HalfCauchy(1).

    >>> round(float(Horseshoe.log_density(1.0, scale=1.0)), 6)
    -2.143891
    """

    parameters = (Parameter("scale", POSITIVE),)
    signatures = (("scale",),)
    examples = (Example({"scale": 0.5}, (-3.0, 0.1, 8.0)), Example({"scale": 2.0}, (1.0,)))
    reference = "Carvalho, Polson & Scott, The horseshoe estimator for sparse signals, Biometrika 2010"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_support(REAL, 1.0)
    def log_density(cls, x: Array, scale: Array) -> Array:
        u = xp.maximum(0.5 * xp.square(x / scale), 1e-300)
        return xp.log_scaled_exp1(u) - (xp.log(scale) + 0.5 * math.log(2.0 * math.pi**3))

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], scale: Array) -> Array:
        return rng.normal(0.0, scale, shape) * rng.standard_cauchy(shape)
