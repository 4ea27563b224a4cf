"""InverseGamma(shape, scale): t(x) = (log x, 1 / x), eta = (-shape - 1, -scale)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.backend.lazy import special
from ppl.energy.families._powers import exponent
from ppl.energy.families._special import digamma, lgamma_digamma
from ppl.energy.families.base import Eta, Family
from ppl.energy.families.gamma import LARGEST, log_gamma_draws, power_mean
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any


def _shape_scale(eta: Eta) -> tuple[Array, Array]:
    return -np.asarray(eta["log"], dtype=float) - 1.0, -np.asarray(eta["power:-1"], dtype=float)


@final
class InverseGamma(Family):
    """A = lgamma(shape) - shape log scale; 1 / x is Gamma(shape, rate = scale).

    >>> InverseGamma.mean({"log": np.array(-3.0), "power:-1": np.array(-4.0)})["power:-1"].tolist()
    0.5
    """

    name = "InverseGamma"
    axes = {"log": 0, "power:-1": 0}

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support in (POSITIVE, NONNEGATIVE)

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        shape, scale = _shape_scale(eta)
        return (shape > 0) & (scale > 0) & np.isfinite(shape) & np.isfinite(scale)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        shape, scale = _shape_scale(eta)
        return special.gammaln(shape) - shape * np.log(scale)

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        shape, scale = _shape_scale(eta)
        return {"log": np.log(scale) - digamma(shape), "power:-1": shape / scale}

    @classmethod
    def solve(cls, eta: Eta) -> tuple[Array, dict[str, Array]]:
        shape, scale = _shape_scale(eta)
        (value, slope), log_scale = lgamma_digamma(shape), np.log(scale)
        return value - shape * log_scale, {"log": log_scale - slope, "power:-1": shape / scale}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """E x^p is E y^-p of y = 1 / x, infinite for p >= shape."""
        p = exponent(stat)
        if p is None or p == -1:
            return super().expect(stat, eta)
        shape, scale = _shape_scale(eta)
        return power_mean(shape, scale, -p)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        shape, scale = _shape_scale(eta)
        mean = power_mean(shape, scale, -1.0)
        heavy = shape <= 2.0
        return mean, np.where(heavy, np.inf, mean / np.sqrt(np.where(heavy, 1.0, shape - 2.0)))

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        shape, scale = _shape_scale(eta)
        return scale / (shape + 1.0), np.zeros(np.broadcast(shape, scale).shape, dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        shape, scale = np.broadcast_arrays(*_shape_scale(eta))
        return np.exp(np.minimum(np.log(scale) - log_gamma_draws(rng, shape, n), LARGEST))

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"log": np.log(x), "power:-1": 1.0 / np.asarray(x)}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        shape, scale = _shape_scale(eta)
        return {"shape": shape, "scale": scale}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return {"log": np.negative(parameters["shape"]) - 1.0, "power:-1": np.negative(parameters["scale"])}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        shape = np.square(np.divide(mean, sd)) + 2.0
        return cls.natural({"shape": shape, "scale": np.multiply(mean, shape - 1.0)})
