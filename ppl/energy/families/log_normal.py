"""LogNormal(mean, sd) of log x: t(x) = (log x, (log x)^2), eta = (mean / var - 1, -1 / (2 var))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.energy.families._powers import exponent
from ppl.energy.families.base import Eta, Family
from ppl.energy.families.gamma import LARGEST
from ppl.energy.families.normal import Normal
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any
SQUARE = "fn:log(x)^2"


def _logs(eta: Eta) -> dict[str, Array]:
    """eta of the normal density of log x."""
    return {"x": np.asarray(eta["log"], dtype=float) + 1.0, "power:2": np.asarray(eta[SQUARE], dtype=float)}


@final
class LogNormal(Family):
    """The normal family of log x, whose density has log x more.

    >>> LogNormal.parameters({"log": np.array(1.0), "fn:log(x)^2": np.array(-0.5)})["mean"].tolist()
    2.0
    """

    name = "LogNormal"
    axes = {"log": 0, SQUARE: 0}

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support in (POSITIVE, NONNEGATIVE)

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        return Normal.proper(_logs(eta))

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        return Normal.log_normaliser(_logs(eta))

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        found = Normal.mean(_logs(eta))
        return {"log": found["x"], SQUARE: found["power:2"]}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """E x^p = exp(p mean + p^2 var / 2)."""
        p = exponent(stat)
        if p is None:
            return super().expect(stat, eta)
        mean, sd = Normal.moments(_logs(eta))
        with np.errstate(over="ignore"):
            return np.exp(p * mean + 0.5 * np.square(p * sd))

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        centre, sd = Normal.moments(_logs(eta))
        with np.errstate(over="ignore"):
            mean = np.exp(centre + 0.5 * np.square(sd))
            return mean, mean * np.sqrt(np.expm1(np.square(sd)))

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        centre, sd = Normal.moments(_logs(eta))
        return np.exp(centre - np.square(sd)), np.zeros(np.shape(centre), dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        return np.exp(np.minimum(Normal.sample(rng, _logs(eta), n), LARGEST))

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"log": np.log(x), SQUARE: np.square(np.log(x))}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        return Normal.parameters(_logs(eta))

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        eta = Normal.natural(parameters)
        return {"log": eta["x"] - 1.0, SQUARE: eta["power:2"]}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        var = np.log1p(np.square(np.divide(sd, mean)))
        return cls.natural({"mean": np.log(mean) - 0.5 * var, "sd": np.sqrt(var)})
