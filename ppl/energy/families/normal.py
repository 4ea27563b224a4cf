"""Normal(mean, sd): t(x) = (x, x^2), eta = (mean / var, -1 / (2 var))."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.energy.families.base import Eta, Family
from ppl.supports import REAL, Support

Array = Any


def _mean_var(eta: Eta) -> tuple[Array, Array]:
    var = -0.5 / np.asarray(eta["power:2"], dtype=float)
    return eta["x"] * var, var


@final
class Normal(Family):
    """A = eta_1^2 / (-4 eta_2) + log(pi / -eta_2) / 2.

    >>> Normal.parameters({"x": np.array(2.0), "power:2": np.array(-0.5)})["mean"].tolist()
    2.0
    """

    name = "Normal"
    axes = {"x": 0, "power:2": 0}

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support == REAL

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        return np.isfinite(eta["x"]) & np.isfinite(eta["power:2"]) & (np.asarray(eta["power:2"]) < 0)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        mean, var = _mean_var(eta)
        return 0.5 * (eta["x"] * mean + np.log(2.0 * math.pi * var))

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        mean, var = _mean_var(eta)
        return {"x": mean, "power:2": np.square(mean) + var}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        mean, var = _mean_var(eta)
        if stat == "power:3":
            return mean * (np.square(mean) + 3.0 * var)
        if stat == "power:4":
            return np.square(np.square(mean)) + 6.0 * np.square(mean) * var + 3.0 * np.square(var)
        return super().expect(stat, eta)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        mean, var = _mean_var(eta)
        return mean, np.sqrt(var) + np.zeros_like(mean)

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        mean, _ = _mean_var(eta)
        return mean, np.zeros(np.shape(mean), dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        mean, sd = cls.moments(eta)
        return mean + sd * rng.standard_normal((n, *np.shape(mean)))

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"x": np.asarray(x), "power:2": np.square(x)}

    @classmethod
    def log_density(cls, x: Array, eta: Eta) -> Array:
        mean, var = _mean_var(eta)  # the plain form keeps digits far from zero, where <eta, t> cancels
        return -0.5 * (np.square(x - mean) / var + np.log(2.0 * math.pi * var))

    @classmethod
    def entropy(cls, eta: Eta) -> Array:
        _, sd = cls.moments(eta)
        return np.log(sd) + 0.5 * (1.0 + math.log(2.0 * math.pi))

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        mean, sd = cls.moments(eta)
        return {"mean": mean, "sd": sd}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        precision = 1.0 / np.square(parameters["sd"])
        return {"x": parameters["mean"] * precision, "power:2": -0.5 * precision}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        return cls.natural({"mean": np.asarray(mean, dtype=float), "sd": np.asarray(sd, dtype=float)})
