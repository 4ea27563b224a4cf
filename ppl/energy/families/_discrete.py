"""Families over finitely many states: t(x) indicates the state, eta holds log potentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.energy.families._powers import exponent
from ppl.energy.families._states import draws, log_sum_exp, one_hot, softmax
from ppl.energy.families.base import Eta, Family

Array = Any


class Discrete(Family):
    """A = log sum_k exp(eta_k) over states 0 .. K - 1; -inf rules a state out. Draws are codes."""

    axes = {"is": 1}

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        potential = np.asarray(eta["is"], dtype=float)
        return np.isfinite(potential.max(-1))

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        return log_sum_exp(eta["is"])

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        return {"is": softmax(eta["is"])[1]}

    @classmethod
    def solve(cls, eta: Eta) -> tuple[Array, dict[str, Array]]:
        normaliser, p = softmax(eta["is"])
        return normaliser, {"is": p}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """Powers of the code."""
        p = exponent(stat)
        if p is None or p < 0:
            return super().expect(stat, eta)
        probabilities = cls.mean(eta)["is"]
        return probabilities @ np.arange(probabilities.shape[-1], dtype=float) ** p

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        p = cls.mean(eta)["is"]
        codes = np.arange(p.shape[-1], dtype=float)
        mean = p @ codes
        return mean, np.sqrt((p * np.square(codes - mean[..., None])).sum(-1))

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        code = np.argmax(eta["is"], axis=-1)
        return code, np.zeros(np.shape(code), dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        return draws(rng, cls.mean(eta)["is"], n)

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"is": one_hot(x, np.shape(eta["is"])[-1]).astype(float)}

    @classmethod
    def log_density(cls, x: Array, eta: Eta) -> Array:
        potential = np.asarray(eta["is"], dtype=float)
        logs = potential - log_sum_exp(potential)[..., None]
        return np.where(one_hot(x, logs.shape[-1]), logs, -np.inf).max(-1)
