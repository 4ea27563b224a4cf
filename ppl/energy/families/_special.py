"""Digamma fast enough for every pass, and the multivariate gamma functions of Wishart matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend.lazy import special

Array = Any

_CHUNK = 16384  # temporaries stay in the cache
_FAR = 1e40  # beyond it the recurrence adds nothing, and its products would overflow
_LOG_PI = math.log(math.pi)


def _digamma_block(x: np.ndarray) -> np.ndarray:
    v = np.minimum(x, _FAR)
    a = v * (v + 5.0)  # 1/(x+k) for k < 6, paired: x(x+5), (x+1)(x+4), (x+2)(x+3)
    b, c = a + 4.0, a + 6.0
    product = b * c
    shift = (2.0 * v + 5.0) * (product + a * (b + c)) / (a * product)
    z = x + 6.0
    w = 1.0 / np.square(np.minimum(z, _FAR))
    tail = w * (
        1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w * (1 / 132 - w * (691 / 32760 - w / 12)))))
    )
    return np.asarray(np.log(z) - 0.5 / z - tail - shift)


def digamma(x: Array) -> np.ndarray:
    """The derivative of log Gamma for x > 0, absolute error below 1e-13 (relative where it is large).

    psi(x) = psi(x + 6) - sum_{k<6} 1 / (x + k), then Abramowitz & Stegun 6.3.18. Shape of x; NaN or scipy's
    value where x <= 0.

    >>> float(digamma(1.0).round(8))
    -0.57721566
    """
    x = np.asarray(x, dtype=float)
    if x.size and not x.min() > 0:
        return np.asarray(special.digamma(x))
    out = np.empty(x.shape)
    flat, into = np.ravel(x), out.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        into[start : start + _CHUNK] = _digamma_block(flat[start : start + _CHUNK])
    return out


def multivariate_lgamma(x: Array, size: int) -> np.ndarray:
    """log Gamma_K(x) = K (K - 1) / 4 log pi + sum_{k<K} lgamma(x - k / 2), x > (K - 1) / 2.

    >>> float(multivariate_lgamma(2.0, 1))
    0.0
    """
    steps = np.asarray(x, dtype=float)[..., None] - 0.5 * np.arange(size)
    return np.asarray(special.gammaln(steps).sum(-1) + 0.25 * size * (size - 1) * _LOG_PI)


def multivariate_digamma(x: Array, size: int) -> np.ndarray:
    """The derivative of `multivariate_lgamma`: sum_{k<K} digamma(x - k / 2)."""
    return np.asarray(digamma(np.asarray(x, dtype=float)[..., None] - 0.5 * np.arange(size)).sum(-1))
