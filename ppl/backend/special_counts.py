"""The part of the negative binomial's log mass that is a difference of two large deviances."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array, op


def _log_total_ratio(k: Array, size: Array, mean: Array) -> Array:
    """log((k + size) / (mean + size)), keeping digits where the two are close."""
    total, expected = np.add(k, size), np.add(mean, size)
    u = np.subtract(k, mean) / expected
    out = np.log1p(u)
    low = u < -0.5
    return np.where(low, np.log(total / expected), out) if np.any(low) else out


def _log_odds_ratio(k: Array, size: Array, mean: Array) -> Array:
    """log1p(size / k) - log1p(size / mean), and 0 at k = 0."""
    zero = np.equal(k, 0)
    up = np.log1p(size / np.where(zero, 1.0, k))
    return np.where(zero, 0.0, up - np.log1p(size / np.where(zero, 1.0, mean)))


def _by_size(g: Array, ans: Array, k: Array, size: Array, mean: Array) -> Array:
    return g * (_log_total_ratio(k, size, mean) - np.subtract(k, mean) / np.add(mean, size))


def _by_mean(g: Array, ans: Array, k: Array, size: Array, mean: Array) -> Array:
    zero = np.equal(k, 0)
    share = np.where(zero, -1.0, np.subtract(k, mean) / np.where(zero, 1.0, mean))
    return g * np.where(np.isinf(ans), 0.0, share * size / np.add(mean, size))


@op(
    lambda g, ans, k, size, mean: g * _log_odds_ratio(k, size, mean),
    _by_size,
    _by_mean,
    broadcasts=True,
)
def negative_binomial_kernel(k: Array, size: Array, mean: Array) -> Array:
    """k log(mean / k) + (k + size) log((k + size) / (mean + size)), without its large terms."""
    zero = np.equal(k, 0)
    odds = np.where(zero, 0.0, k) * _log_odds_ratio(k, size, mean)
    return odds + size * _log_total_ratio(k, size, mean)
