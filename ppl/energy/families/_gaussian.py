"""Dense Gaussians from h and precision, stable through Cholesky factors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ppl.backend.ops import cholesky

Array = Any


class Moments(NamedTuple):
    """Mean (*b, K), covariance (*b, K, K), log det of the precision (*b)."""

    mean: np.ndarray
    cov: np.ndarray
    logdet: np.ndarray


def symmetric(a: Array) -> np.ndarray:
    """The symmetric part of the last two axes."""
    a = np.asarray(a, dtype=float)
    return np.asarray(0.5 * (a + np.swapaxes(a, -1, -2)))


def factor(a: Array) -> tuple[np.ndarray, np.ndarray]:
    """L^-1 and log det a of a = L L'; NaN where a is not positive definite."""
    a = np.asarray(a, dtype=float)
    if a.shape[-1] == 1:
        root = np.sqrt(np.where(a > 0, a, np.nan))
        return 1.0 / root, 2.0 * np.log(root[..., 0, 0])
    lower = np.asarray(cholesky(a))
    good = np.isfinite(lower).all((-1, -2))
    if not good.all():
        lower = np.where(good[..., None, None], lower, np.eye(a.shape[-1]))
    white = np.tril(np.linalg.inv(lower))
    logdet = 2.0 * np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(-1)
    if good.all():
        return white, logdet
    return np.where(good[..., None, None], white, np.nan), np.where(good, logdet, np.nan)


def inverse(a: Array) -> tuple[np.ndarray, np.ndarray]:
    """a^-1, exactly symmetric, and log det a, of positive definite a."""
    white, logdet = factor(a)
    return np.asarray(np.swapaxes(white, -1, -2) @ white), logdet


def gaussian(h: Array, precision: Array) -> Moments:
    """Moments of q(x) ~ exp(h'x - x' precision x / 2), h (*b, K), precision (*b, K, K); NaN where improper.

    >>> gaussian(np.array([2.0]), np.array([[4.0]])).mean.tolist()
    [0.5]
    """
    cov, logdet = inverse(symmetric(precision))
    return Moments((cov @ np.asarray(h, dtype=float)[..., None])[..., 0], cov, logdet)
