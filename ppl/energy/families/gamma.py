"""Gamma(shape, rate): t(x) = (log x, x), eta = (shape - 1, -rate)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.backend.lazy import special
from ppl.energy.families._powers import exponent
from ppl.energy.families._special import digamma, lgamma_digamma
from ppl.energy.families.base import Eta, Family
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any
LARGEST = 709.0  # draws of the heaviest tails stop at exp of it


def _shape_rate(eta: Eta) -> tuple[Array, Array]:
    return np.asarray(eta["log"], dtype=float) + 1.0, -np.asarray(eta["x"], dtype=float)


@final
class Gamma(Family):
    """A = lgamma(shape) - shape log rate.

    >>> Gamma.mean({"log": np.array(1.0), "x": np.array(-4.0)})["x"].tolist()
    0.5
    """

    name = "Gamma"
    axes = {"log": 0, "x": 0}

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support in (POSITIVE, NONNEGATIVE)

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        shape, rate = _shape_rate(eta)
        return (shape > 0) & (rate > 0) & np.isfinite(shape) & np.isfinite(rate)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        shape, rate = _shape_rate(eta)
        return special.gammaln(shape) - shape * np.log(rate)

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        shape, rate = _shape_rate(eta)
        return {"log": digamma(shape) - np.log(rate), "x": shape / rate}

    @classmethod
    def solve(cls, eta: Eta) -> tuple[Array, dict[str, Array]]:
        shape, rate = _shape_rate(eta)
        (value, slope), log_rate = lgamma_digamma(shape), np.log(rate)
        return value - shape * log_rate, {"log": slope - log_rate, "x": shape / rate}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """E x^p = rate^-p Gamma(shape + p) / Gamma(shape), infinite for p <= -shape."""
        p = exponent(stat)
        if p is None or p == 1:
            return super().expect(stat, eta)
        shape, rate = _shape_rate(eta)
        return power_mean(shape, rate, p)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        shape, rate = _shape_rate(eta)
        return shape / rate, np.sqrt(shape) / rate

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        shape, rate = _shape_rate(eta)
        return np.maximum(shape - 1.0, 0.0) / rate, (shape <= 1.0) & (rate > 0)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        shape, rate = np.broadcast_arrays(*_shape_rate(eta))
        return np.exp(np.minimum(log_gamma_draws(rng, shape, n) - np.log(rate), LARGEST))

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"log": np.log(x), "x": np.asarray(x)}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        shape, rate = _shape_rate(eta)
        return {"shape": shape, "rate": rate}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return {"log": np.subtract(parameters["shape"], 1.0), "x": np.negative(parameters["rate"])}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        mean, var = np.asarray(mean, dtype=float), np.square(sd)
        return cls.natural({"shape": np.square(mean) / var, "rate": mean / var})


def power_mean(shape: Array, rate: Array, p: float) -> np.ndarray:
    """E x^p under Gamma(shape, rate)."""
    inside = shape + p > 0
    # whole powers as products: lgamma differences lose digits at large shapes
    if p == -1:
        ratio = rate / np.where(inside, shape - 1.0, 1.0)
    elif p == -2:
        ratio = np.square(rate) / np.where(inside, (shape - 1.0) * (shape - 2.0), 1.0)
    elif p == 2:
        ratio = shape * (shape + 1.0) / np.square(rate)
    else:
        ratio = special.poch(np.where(inside, shape, 1.0 - p), p) * rate**-p
    return np.where(inside, ratio, np.inf)


def log_gamma_draws(rng: np.random.Generator, shape: Array, n: int) -> np.ndarray:
    """Logarithms of n draws of Gamma(shape, 1): (n, *shape of shape), finite for the smallest shapes too.

    If g ~ Gamma(a + 1) and u ~ Uniform then g u^(1/a) ~ Gamma(a) (Marsaglia & Tsang 2000).
    """
    size = (n, *np.shape(shape))
    return np.asarray(np.log(rng.standard_gamma(shape + 1.0, size)) - rng.standard_exponential(size) / shape)
