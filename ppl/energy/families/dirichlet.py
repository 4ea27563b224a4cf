"""Dirichlet(concentration): t(x) = log x, eta = concentration - 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.backend.lazy import special
from ppl.energy.families._special import digamma, lgamma_digamma
from ppl.energy.families.base import Eta, Family
from ppl.energy.families.gamma import log_gamma_draws
from ppl.supports import Structured, Support

Array = Any


def _alpha(eta: Eta) -> Array:
    return np.asarray(eta["log"], dtype=float) + 1.0


@final
class Dirichlet(Family):
    """A = sum_k lgamma(alpha_k) - lgamma(sum_k alpha_k).

    >>> Dirichlet.expect("x", {"log": np.array([0.0, 2.0])}).tolist()
    [0.25, 0.75]
    """

    name = "Dirichlet"
    axes = {"log": 1}
    event_dims = 1

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support == Structured("simplex")

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        alpha = _alpha(eta)
        return ((alpha > 0) & np.isfinite(alpha)).all(-1)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        alpha = _alpha(eta)
        return special.gammaln(alpha).sum(-1) - special.gammaln(alpha.sum(-1))

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        alpha = _alpha(eta)
        return {"log": digamma(alpha) - digamma(alpha.sum(-1))[..., None]}

    @classmethod
    def solve(cls, eta: Eta) -> tuple[Array, dict[str, Array]]:
        alpha = _alpha(eta)
        total = alpha.sum(-1)
        (values, slopes), (value, slope) = lgamma_digamma(alpha), lgamma_digamma(total)
        slopes -= slope[..., None]
        return values.sum(-1) - value, {"log": slopes}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """``x`` and ``power:2``, elementwise."""
        alpha = _alpha(eta)
        total = alpha.sum(-1, keepdims=True)
        if stat == "x":
            return alpha / total
        if stat == "power:2":
            return alpha * (alpha + 1.0) / (total * (total + 1.0))
        return super().expect(stat, eta)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        alpha = _alpha(eta)
        total = alpha.sum(-1, keepdims=True)
        return alpha / total, np.sqrt(alpha * (total - alpha) / (total + 1.0)) / total

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        """Counts alpha - 1 below zero are cut off at zero; the centre where none is left."""
        raw = np.asarray(eta["log"], dtype=float)
        kept = np.maximum(raw, 0.0)
        total = kept.sum(-1, keepdims=True)
        value = np.where(total > 0, kept / np.where(total > 0, total, 1.0), 1.0 / raw.shape[-1])
        return value, (raw < 0) | (value == 0)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        logs = log_gamma_draws(rng, _alpha(eta), n)
        out = np.exp(logs - logs.max(-1, keepdims=True))
        out /= out.sum(-1, keepdims=True)
        return np.maximum(out, 1e-300)

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"log": np.log(x)}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        return {"concentration": _alpha(eta)}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return {"log": np.subtract(parameters["concentration"], 1.0)}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        """The concentration whose variances add up to those of ``sd``."""
        mean = np.asarray(mean, dtype=float)
        spread = np.square(sd + np.zeros_like(mean)).sum(-1, keepdims=True)
        total = np.maximum((mean * (1.0 - mean)).sum(-1, keepdims=True) / spread - 1.0, 1e-3)
        return cls.natural({"concentration": mean * total})
