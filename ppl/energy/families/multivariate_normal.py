"""MultivariateNormal(mean, cov): t(x) = (x, x x'), eta = (precision mean, -precision / 2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.energy.families._gaussian import Moments, factor, gaussian, inverse, symmetric
from ppl.energy.families.base import Eta, Family
from ppl.supports import REAL, Support

__all__ = ["MultivariateNormal", "gaussian"]

Array = Any
LOG_TWO_PI = math.log(2.0 * math.pi)


def _moments(eta: Eta) -> Moments:
    return gaussian(eta["x"], -2.0 * np.asarray(eta["outer"], dtype=float))


def _normaliser(eta: Eta, found: Moments) -> Array:
    size = found.mean.shape[-1]
    return 0.5 * ((eta["x"] * found.mean).sum(-1) - found.logdet + size * LOG_TWO_PI)


@final
class MultivariateNormal(Family):
    """A = (h'm - log det precision + K log 2 pi) / 2; ``outer`` counts its symmetric part.

    >>> eta = {"x": np.array([1.0, 0.0]), "outer": -0.5 * np.eye(2)}
    >>> MultivariateNormal.mean(eta)["outer"].tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """

    name = "MultivariateNormal"
    axes = {"x": 1, "outer": 2}
    event_dims = 1

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support == REAL

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        _, logdet = factor(symmetric(-2.0 * np.asarray(eta["outer"], dtype=float)))
        return np.isfinite(logdet) & np.isfinite(eta["x"]).all(-1)

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        return _normaliser(eta, _moments(eta))

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        return cls.solve(eta)[1]

    @classmethod
    def solve(cls, eta: Eta) -> tuple[Array, dict[str, Array]]:
        found = _moments(eta)
        outer = found.cov + found.mean[..., :, None] * found.mean[..., None, :]
        return _normaliser(eta, found), {"x": found.mean, "outer": outer}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """``cov`` too, and ``power:2`` elementwise."""
        if stat == "cov":
            return _moments(eta).cov
        if stat == "power:2":
            mean, sd = cls.moments(eta)
            return np.square(mean) + np.square(sd)
        return super().expect(stat, eta)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        found = _moments(eta)
        return found.mean, np.sqrt(np.diagonal(found.cov, axis1=-2, axis2=-1))

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        mean = _moments(eta).mean
        return mean, np.zeros(mean.shape, dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        white, _ = factor(symmetric(-2.0 * np.asarray(eta["outer"], dtype=float)))
        mean = _moments(eta).mean
        z = rng.standard_normal((n, *mean.shape))
        return mean + (np.swapaxes(white, -1, -2) @ z[..., None])[..., 0]

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        x = np.asarray(x, dtype=float)
        return {"x": x, "outer": x[..., :, None] * x[..., None, :]}

    @classmethod
    def log_density(cls, x: Array, eta: Eta) -> Array:
        precision = symmetric(-2.0 * np.asarray(eta["outer"], dtype=float))
        found = _moments(eta)
        r = np.asarray(x) - found.mean  # centred: keeps digits far from zero
        quadratic = (r * (precision @ r[..., None])[..., 0]).sum(-1)
        return 0.5 * (found.logdet - quadratic - r.shape[-1] * LOG_TWO_PI)

    @classmethod
    def entropy(cls, eta: Eta) -> Array:
        found = _moments(eta)
        return 0.5 * (found.mean.shape[-1] * (1.0 + LOG_TWO_PI) - found.logdet)

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        found = _moments(eta)
        return {"mean": found.mean, "cov": found.cov}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        precision, _ = inverse(parameters["cov"])
        mean = np.asarray(parameters["mean"], dtype=float)
        return {"x": (precision @ mean[..., None])[..., 0], "outer": -0.5 * precision}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        """Independent elements."""
        mean = np.asarray(mean, dtype=float)
        precision = 1.0 / np.square(sd + np.zeros_like(mean))
        return {"x": mean * precision, "outer": -0.5 * precision[..., None] * np.eye(mean.shape[-1])}
