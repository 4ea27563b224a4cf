"""What the Wishart and LKJ families share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp

Array = Any


def log_multigamma(a: Array, size: int) -> Array:
    """log of the multivariate gamma function Gamma_K(a)."""
    out = 0.25 * size * (size - 1) * math.log(math.pi)
    for j in range(size):
        out = out + xp.lgamma(a - 0.5 * j)
    return out


def wishart_constant(half_df: Array, size: int) -> Array:
    """K (a log a - a) - log Gamma_K(a), without its large terms; a = df / 2."""
    out = size * xp.gamma_kernel(half_df) - 0.25 * size * (size - 1) * math.log(math.pi)
    for j in range(1, size):
        # lgamma(a) - lgamma(a - j / 2)
        out = out + math.lgamma(0.5 * j) - xp.log_beta(half_df - 0.5 * j, 0.5 * j)
    return out


def log_wishart(form: Any, df: Any, size: int) -> Any:
    """-(df K / 2) log 2 - log Gamma_K(df / 2), the part of a Wishart's normaliser without its scale."""

    def log_gammas(a: Array) -> Array:
        parts = [xp.lgamma(0.5 * a - 0.5 * j) for j in range(size)]
        return 0.25 * size * (size - 1) * math.log(math.pi) + sum(parts)

    return -0.5 * size * math.log(2.0) * df - form.elementwise("log_multigamma", log_gammas, df)


def log_ratio_deviance(ratio: Array, half_df: Array, size: int) -> Array:
    """a (log det M - tr M + K) of M = inv(L) X inv(L)' / (2 a), from its Cholesky factor ``ratio``."""
    diagonal = xp.diagonal(ratio)
    logs = 2.0 * xp.sum(xp.log(diagonal), axis=-1)
    trace = xp.sum(xp.square(ratio), axis=(-1, -2))
    return half_df * (logs - size * xp.log(2.0 * half_df) + size) - 0.5 * trace


def wishart_factor(rng: np.random.Generator, shape: tuple[int, ...], df: Array, size: int) -> Array:
    """Bartlett's A, lower triangular, with A A' ~ Wishart(df, I)."""
    df = np.broadcast_to(df, shape)[..., None] - np.arange(size)
    diagonal = np.sqrt(2.0 * rng.standard_gamma(0.5 * df))
    normal = np.tril(rng.standard_normal((*shape, size, size)), -1)
    return normal + diagonal[..., None] * np.eye(size)


def log_lkj_normaliser(eta: Array, size: int) -> Array:
    """log of the integral of det(R)^(eta - 1) over correlation matrices R of that size.

    Lewandowski, Kurowicka & Joe, Generating random correlation matrices, 2009.
    """
    out = 0.0 * eta
    for k in range(1, size):
        rest = xp.log_beta(eta + 0.5 * (size - 1 - k), 0.5 * k) - math.lgamma(0.5 * k)
        out = out + 0.5 * k * math.log(math.pi) + rest
    return out


def lkj_factor(rng: np.random.Generator, shape: tuple[int, ...], eta: Array, size: int) -> Array:
    """Cholesky factors of LKJ(eta) draws, row by row by the onion method (same reference)."""
    eta = np.broadcast_to(eta, shape)
    lower = np.zeros((*shape, size, size))
    lower[..., 0, 0] = 1.0
    for k in range(1, size):
        share = rng.beta(0.5 * k, eta + 0.5 * (size - 1 - k), shape)
        direction = rng.standard_normal((*shape, k))
        direction /= np.sqrt(np.square(direction).sum(-1, keepdims=True))
        lower[..., k, :k] = np.sqrt(share)[..., None] * direction
        lower[..., k, k] = np.sqrt(1.0 - share)
    return lower
