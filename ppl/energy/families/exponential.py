"""Exponential(rate): t(x) = x, eta = -rate. A Gamma of shape 1, for a q that is asked to be just that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.backend.lazy import special
from ppl.energy.families._powers import exponent
from ppl.energy.families.base import Eta, Family
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any
EULER = 0.5772156649015329


def _rate(eta: Eta) -> Array:
    return -np.asarray(eta["x"], dtype=float)


@final
class Exponential(Family):
    """A = -log rate.

    >>> Exponential.mean({"x": np.array(-4.0)})["x"].tolist()
    0.25
    """

    name = "Exponential"
    axes = {"x": 0}

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support in (POSITIVE, NONNEGATIVE)

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        rate = _rate(eta)
        return (rate > 0) & np.isfinite(rate)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        return -np.log(_rate(eta))

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        return {"x": 1.0 / _rate(eta)}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """E x^p = rate^-p Gamma(1 + p), infinite for p <= -1; E log x = -log rate - Euler's constant."""
        p = exponent(stat)
        if stat == "log":
            return -np.log(_rate(eta)) - EULER
        if p is None:
            return super().expect(stat, eta)
        return _rate(eta) ** -p * (special.gamma(1.0 + p) if p > -1 else np.inf)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        return 1.0 / _rate(eta), 1.0 / _rate(eta)

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        rate = _rate(eta)
        return np.zeros(rate.shape), np.ones(rate.shape, dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        rate = _rate(eta)
        return rng.standard_exponential((n, *rate.shape)) / rate

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"x": np.asarray(x)}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        return {"rate": _rate(eta)}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return {"x": np.negative(parameters["rate"])}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        return cls.natural({"rate": 1.0 / np.asarray(mean, dtype=float)})
