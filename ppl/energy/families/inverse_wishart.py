"""InverseWishart(df, scale): t(X) = (log|X|, X^-1), eta = (-(df + K + 1) / 2, -scale / 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.energy.families import _wishart
from ppl.energy.families._gaussian import factor, inverse, symmetric
from ppl.energy.families.base import Eta, Family
from ppl.supports import Structured, Support

Array = Any


def _parts(eta: Eta) -> tuple[Array, Array, int]:
    """df, scale, K."""
    scale = -2.0 * symmetric(eta["inverse"])
    size = scale.shape[-1]
    return -2.0 * np.asarray(eta["logdet"], dtype=float) - size - 1.0, scale, size


@final
class InverseWishart(Family):
    """A = df K log 2 / 2 - df log|scale| / 2 + log Gamma_K(df / 2); X^-1 is Wishart(df, scale^-1).

    >>> InverseWishart.expect("x", {"logdet": np.array(-4.0), "inverse": -0.5 * np.eye(2)}).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """

    name = "InverseWishart"
    axes = {"logdet": 0, "inverse": 2}
    event_dims = 2

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support == Structured("covariance")

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        df, scale, size = _parts(eta)
        return (df > size - 1) & np.isfinite(df) & np.isfinite(factor(scale)[1])

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        df, scale, size = _parts(eta)
        return _wishart.normaliser(df, factor(scale)[1], size)

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        df, scale, size = _parts(eta)
        precision, logdet = inverse(scale)
        return {
            "logdet": -_wishart.expected_logdet(df, logdet, size),
            "inverse": df[..., None, None] * precision,
        }

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """``x``: scale / (df - K - 1), infinite (NaN off the diagonal) for df <= K + 1."""
        if stat != "x":
            return super().expect(stat, eta)
        df, scale, size = _parts(eta)
        return _wishart.over(scale, df - size - 1.0)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        """With r = df - K: Var X_ij = ((r + 1) S_ij^2 + (r - 1) S_ii S_jj) / (r (r - 1)^2 (r - 3))."""
        df, scale, size = _parts(eta)
        r = (df - size)[..., None, None]
        diagonal = np.diagonal(scale, axis1=-2, axis2=-1)
        spread = (r + 1.0) * np.square(scale) + (r - 1.0) * diagonal[..., :, None] * diagonal[..., None, :]
        good = r > 3.0
        s = np.where(good, r, 4.0)
        sd = np.sqrt(np.where(good, spread, 1.0) / (s * np.square(s - 1.0) * (s - 3.0)))
        return _wishart.over(scale, df - size - 1.0), np.where(good, sd, np.inf)

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        df, scale, size = _parts(eta)
        value = scale / (df + size + 1.0)[..., None, None]
        return value, np.zeros(value.shape, dtype=bool)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        df, scale, _ = _parts(eta)
        return inverse(_wishart.draws(rng, df, inverse(scale)[0], n))[0]

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        inverted, logdet = inverse(x)
        return {"logdet": logdet, "inverse": inverted}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        df, scale, _ = _parts(eta)
        return {"df": df, "scale": scale}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        scale = np.asarray(parameters["scale"], dtype=float)
        return {
            "logdet": -0.5 * (np.asarray(parameters["df"]) + scale.shape[-1] + 1.0),
            "inverse": -0.5 * scale,
        }

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        """df by the spread of the diagonal: Var X_ii = 2 m_ii^2 / (df - K - 3)."""
        mean = np.asarray(mean, dtype=float)
        df = mean.shape[-1] + 3.0 + 2.0 * _wishart.diagonal_ratio(mean, sd)
        return cls.natural({"df": df, "scale": mean * (df - mean.shape[-1] - 1.0)[..., None, None]})
