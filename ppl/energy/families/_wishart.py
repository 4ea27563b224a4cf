"""What Wishart and InverseWishart share: q(X) ~ exp(a log|X| + tr(M X)) and draws of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend.ops import cholesky
from ppl.energy.families._special import multivariate_digamma, multivariate_lgamma

Array = Any
LOG_TWO = math.log(2.0)


def normaliser(df: Array, logdet: Array, size: int) -> np.ndarray:
    """log of the integral of |X|^((df - K - 1) / 2) exp(-tr(S X) / 2), logdet = log |S|."""
    return np.asarray(0.5 * df * (size * LOG_TWO - logdet) + multivariate_lgamma(0.5 * df, size))


def expected_logdet(df: Array, logdet: Array, size: int) -> np.ndarray:
    """E log |X| of the same density."""
    return np.asarray(multivariate_digamma(0.5 * df, size) + size * LOG_TWO - logdet)


def factors(rng: np.random.Generator, df: Array, size: int, n: int) -> np.ndarray:
    """Lower factors A with A A' ~ Wishart(df, I): (n, *batch, K, K) (Bartlett 1933)."""
    df = np.asarray(df, dtype=float)
    out = np.tril(rng.standard_normal((n, *df.shape, size, size)), -1)
    square = 2.0 * rng.standard_gamma(0.5 * (df[..., None] - np.arange(size)), (n, *df.shape, size))
    where = np.arange(size)
    out[..., where, where] = np.sqrt(square)
    return out


def draws(rng: np.random.Generator, df: Array, scale: Array, n: int) -> np.ndarray:
    """Wishart(df, scale) matrices."""
    root = np.asarray(cholesky(scale)) @ factors(rng, df, np.shape(scale)[-1], n)
    return np.asarray(root @ np.swapaxes(root, -1, -2))


def diagonal_ratio(mean: Array, sd: Array) -> np.ndarray:
    """sum m_ii^2 / sum sd_ii^2."""
    spread = np.diagonal(sd + np.zeros_like(mean), axis1=-2, axis2=-1)
    return np.asarray(np.square(np.diagonal(mean, axis1=-2, axis2=-1)).sum(-1) / np.square(spread).sum(-1))


def over(matrix: Array, by: Array) -> np.ndarray:
    """matrix / by; where by is not positive, infinite on the diagonal and NaN off it."""
    good = by > 0
    out = matrix / np.where(good, by, 1.0)[..., None, None]
    if np.all(good):
        return np.asarray(out)
    none = np.where(np.eye(matrix.shape[-1]) > 0, np.inf, np.nan)
    return np.where(good[..., None, None], out, none)
