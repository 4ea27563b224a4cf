"""HalfNormal(scale): t(x) = x^2, eta = -1 / (2 scale^2), the size of a centred normal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.backend.lazy import special
from ppl.energy.families._powers import exponent
from ppl.energy.families.base import Eta, Family
from ppl.energy.families.exponential import EULER
from ppl.supports import NONNEGATIVE, POSITIVE, Support

Array = Any
LOG_TWO = math.log(2.0)


def _scale(eta: Eta) -> Array:
    return np.sqrt(-0.5 / np.asarray(eta["power:2"], dtype=float))


@final
class HalfNormal(Family):
    """A = log scale + log(pi / 2) / 2.

    >>> HalfNormal.parameters({"power:2": np.array(-0.125)})["scale"].tolist()
    2.0
    """

    name = "HalfNormal"
    axes = {"power:2": 0}

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support in (POSITIVE, NONNEGATIVE)

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        value = np.asarray(eta["power:2"], dtype=float)
        return (value < 0) & np.isfinite(value)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        return np.log(_scale(eta)) + 0.5 * math.log(0.5 * math.pi)

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        return {"power:2": np.square(_scale(eta))}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """E x^p = scale^p 2^(p/2) Gamma((p + 1) / 2) / sqrt(pi), infinite for p <= -1; E log x alike."""
        p = exponent(stat)
        if stat == "log":
            return np.log(_scale(eta)) - 0.5 * (EULER + LOG_TWO)
        if p is None or p == 2:
            return super().expect(stat, eta)
        factor = 2.0 ** (0.5 * p) * special.gamma(0.5 * (p + 1.0)) / math.sqrt(math.pi) if p > -1 else np.inf
        return _scale(eta) ** p * factor

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        scale = _scale(eta)
        return scale * math.sqrt(2.0 / math.pi), scale * math.sqrt(1.0 - 2.0 / math.pi)

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        shape = np.shape(_scale(eta))
        return np.zeros(shape), np.ones(shape, dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        scale = _scale(eta)
        return scale * np.abs(rng.standard_normal((n, *scale.shape)))

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"power:2": np.square(x)}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        return {"scale": _scale(eta)}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return {"power:2": -0.5 / np.square(parameters["scale"])}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        return cls.natural({"scale": np.asarray(mean, dtype=float) * math.sqrt(0.5 * math.pi)})
