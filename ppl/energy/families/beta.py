"""Beta(a, b): t(x) = (log x, log(1 - x)), eta = (a - 1, b - 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.backend import ops as xp
from ppl.energy.families._powers import exponent
from ppl.energy.families._special import digamma
from ppl.energy.families.base import Eta, Family
from ppl.energy.families.gamma import log_gamma_draws
from ppl.supports import Interval, Support

Array = Any


def _counts(eta: Eta) -> tuple[Array, Array]:
    return np.asarray(eta["log"], dtype=float) + 1.0, np.asarray(eta["log1m"], dtype=float) + 1.0


@final
class Beta(Family):
    """A = log B(a, b).

    >>> Beta.expect("x", {"log": np.array(0.0), "log1m": np.array(2.0)}).tolist()
    0.25
    """

    name = "Beta"
    axes = {"log": 0, "log1m": 0}

    @classmethod
    def fits(cls, support: Support) -> bool:
        if not isinstance(support, Interval) or support.integer:
            return False
        return (support.lower, support.upper) == (0.0, 1.0)

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        a, b = _counts(eta)
        return (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        return xp.log_beta(*_counts(eta))

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        a, b = _counts(eta)
        total = digamma(a + b)
        return {"log": digamma(a) - total, "log1m": digamma(b) - total}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """E x^p = B(a + p, b) / B(a, b), infinite for p <= -a."""
        p = exponent(stat)
        if p is None:
            return super().expect(stat, eta)
        a, b = _counts(eta)
        if p == 1:
            return a / (a + b)
        if p == 2:
            return a * (a + 1.0) / ((a + b) * (a + b + 1.0))
        inside = a + p > 0
        moved = np.where(inside, a + p, 1.0)
        return np.where(inside, np.exp(xp.log_beta(moved, b) - xp.log_beta(a, b)), np.inf)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        a, b = _counts(eta)
        total = a + b
        return a / total, np.sqrt(a * b / (total + 1.0)) / total

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        """With a, b < 1 both ends are modes: the heavier one is given; 1/2 where q is uniform."""
        a, b = (np.maximum(c - 1.0, 0.0) for c in _counts(eta))
        first, second = _counts(eta)
        flat = a + b == 0
        uniform = (first == 1.0) & (second == 1.0)
        end = np.where(uniform, 0.5, np.where(first > second, 1.0, 0.0))
        value = np.where(flat, end, a / np.where(flat, 1.0, a + b))
        return value, (value == 0) | (value == 1)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        a, b = np.broadcast_arrays(*_counts(eta))
        return xp.inner_sigmoid(log_gamma_draws(rng, a, n) - log_gamma_draws(rng, b, n))

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"log": np.log(x), "log1m": np.log1p(np.negative(x))}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        a, b = _counts(eta)
        return {"a": a, "b": b}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return {"log": np.subtract(parameters["a"], 1.0), "log1m": np.subtract(parameters["b"], 1.0)}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        mean = np.asarray(mean, dtype=float)
        total = np.maximum(mean * (1.0 - mean) / np.square(sd) - 1.0, 1e-3)  # an sd too large for any Beta
        return cls.natural({"a": mean * total, "b": (1.0 - mean) * total})
