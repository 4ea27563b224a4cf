"""Wishart(df, scale): t(X) = (log|X|, X), eta = ((df - K - 1) / 2, -scale^-1 / 2)."""

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
    """df, scale^-1, K."""
    inverse_scale = -2.0 * symmetric(eta["x"])
    size = inverse_scale.shape[-1]
    return 2.0 * np.asarray(eta["logdet"], dtype=float) + size + 1.0, inverse_scale, size


@final
class Wishart(Family):
    """A = df K log 2 / 2 + df log|scale| / 2 + log Gamma_K(df / 2), E X = df scale.

    >>> Wishart.mean({"logdet": np.array(1.0), "x": -0.5 * np.eye(2)})["x"].tolist()
    [[5.0, 0.0], [0.0, 5.0]]
    """

    name = "Wishart"
    axes = {"logdet": 0, "x": 2}
    event_dims = 2

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support == Structured("covariance")

    @classmethod
    def proper(cls, eta: Eta) -> Array:
        df, inverse_scale, size = _parts(eta)
        return (df > size - 1) & np.isfinite(df) & np.isfinite(factor(inverse_scale)[1])

    @classmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        df, inverse_scale, size = _parts(eta)
        return _wishart.normaliser(df, factor(inverse_scale)[1], size)

    @classmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        df, inverse_scale, size = _parts(eta)
        scale, logdet = inverse(inverse_scale)
        return {"logdet": _wishart.expected_logdet(df, logdet, size), "x": df[..., None, None] * scale}

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """``inverse``: scale^-1 / (df - K - 1), infinite (NaN off the diagonal) for df <= K + 1."""
        if stat != "inverse":
            return super().expect(stat, eta)
        df, inverse_scale, size = _parts(eta)
        return _wishart.over(inverse_scale, df - size - 1.0)

    @classmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        """Var X_ij = df (V_ij^2 + V_ii V_jj)."""
        df, inverse_scale, _ = _parts(eta)
        scale, _ = inverse(inverse_scale)
        diagonal = np.diagonal(scale, axis1=-2, axis2=-1)
        spread = np.square(scale) + diagonal[..., :, None] * diagonal[..., None, :]
        return df[..., None, None] * scale, np.sqrt(df[..., None, None] * spread)

    @classmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        """(df - K - 1) scale; the zero matrix for df <= K + 1."""
        df, inverse_scale, size = _parts(eta)
        scale, _ = inverse(inverse_scale)
        value = np.maximum(df - size - 1.0, 0.0)[..., None, None] * scale
        return value, np.broadcast_to((df <= size + 1.0)[..., None, None], value.shape)

    @classmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        df, inverse_scale, _ = _parts(eta)
        return _wishart.draws(rng, df, inverse(inverse_scale)[0], n)

    @classmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        return {"logdet": factor(x)[1], "x": np.asarray(x)}

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        df, inverse_scale, _ = _parts(eta)
        return {"df": df, "scale": inverse(inverse_scale)[0]}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        inverse_scale, _ = inverse(parameters["scale"])
        size = inverse_scale.shape[-1]
        return {"logdet": 0.5 * (np.asarray(parameters["df"]) - size - 1.0), "x": -0.5 * inverse_scale}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        """df by the spread of the diagonal, at least K."""
        mean = np.asarray(mean, dtype=float)
        ratio = _wishart.diagonal_ratio(mean, sd)
        df = np.maximum(2.0 * ratio, mean.shape[-1])
        return cls.natural({"df": df, "scale": mean / df[..., None, None]})
