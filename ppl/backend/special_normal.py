"""Quadratic forms and log determinants of positive definite matrices, one factorisation each."""

from __future__ import annotations

import math

import numpy as np

from ppl.backend.linalg import cholesky
from ppl.backend.op import Array, op, unbroadcast

LOG_TWO_PI = math.log(2.0 * math.pi)


def _t(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _lower_inverse(lower: Array) -> Array:
    """Inverse of lower-triangular matrices; NaN where a factor is NaN or singular."""
    dead = ~(np.abs(np.diagonal(lower, axis1=-2, axis2=-1)) > 0).all(-1)
    eye = np.eye(lower.shape[-1])
    if dead.any():
        lower = np.where(dead[..., None, None], eye, lower)
    out = np.linalg.solve(lower, np.broadcast_to(eye, lower.shape))
    return np.where(dead[..., None, None], np.nan, out) if dead.any() else out


def _parts(cov: Array) -> tuple[Array, Array]:
    """Inverse Cholesky factor and log determinant."""
    lower = cholesky.forward(np.asarray(cov, dtype=float))
    return _lower_inverse(lower), 2.0 * np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(-1)


def _whiten(white: Array, r: Array) -> Array:
    return np.matmul(white, np.asarray(r, dtype=float)[..., None])[..., 0]


def _outer(v: Array) -> Array:
    return v[..., :, None] * v[..., None, :]


def _shared(r: Array, cov: Array) -> bool:
    """Whether few matrices serve many vectors, so that an explicit inverse pays."""
    return bool(np.prod(np.shape(cov)[:-2]) < np.prod(np.shape(r)[:-1]))


def _inverse(cov: Array) -> Array:
    """cov^-1; NaN where it is not positive definite and LU meets a zero pivot."""
    try:
        return np.linalg.inv(cov)
    except np.linalg.LinAlgError:
        white, _ = _parts(cov)
        return np.matmul(_t(white), white)


def _solved(r: Array, cov: Array) -> Array:
    """cov^-1 r."""
    if not _shared(r, cov):
        try:
            return np.linalg.solve(cov, np.asarray(r, dtype=float)[..., None])[..., 0]
        except np.linalg.LinAlgError:
            pass
    white, _ = _parts(cov)
    return _whiten(_t(white), _whiten(white, r))


def _quadratic_logdet(r: Array, cov: Array) -> tuple[Array, Array]:
    """r' cov^-1 r and log det cov, by a Cholesky factor; NaN where there is none."""
    lower = cholesky.forward(np.asarray(cov, dtype=float))
    diagonal = np.diagonal(lower, axis1=-2, axis2=-1)
    logdet = 2.0 * np.log(diagonal).sum(-1)
    if _shared(r, cov) or not (np.abs(diagonal) > 0).all():
        return np.square(_whiten(_lower_inverse(lower), r)).sum(-1), logdet
    z = np.linalg.solve(lower, np.asarray(r, dtype=float)[..., None])[..., 0]
    return np.square(z).sum(-1), logdet


def _gaussian_r(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    return unbroadcast(-np.asarray(g)[..., None] * _solved(r, cov), np.shape(r))


def _gaussian_cov(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    inverse = _inverse(cov)
    out = _outer(_whiten(inverse, r))
    out -= inverse
    out *= 0.5 * np.asarray(g)[..., None, None]
    return unbroadcast(out, np.shape(cov))


@op(_gaussian_r, _gaussian_cov)
def gaussian_log_density(r: Array, cov: Array) -> Array:
    """log N(r; 0, cov), r (..., K), cov (..., K, K); NaN where cov is not positive definite."""
    quadratic, logdet = _quadratic_logdet(r, cov)
    return -0.5 * (quadratic + logdet + np.shape(r)[-1] * LOG_TWO_PI)


def _mahalanobis_r(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    return unbroadcast(2.0 * np.asarray(g)[..., None] * _solved(r, cov), np.shape(r))


def _mahalanobis_cov(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    return unbroadcast(-np.asarray(g)[..., None, None] * _outer(_solved(r, cov)), np.shape(cov))


@op(_mahalanobis_r, _mahalanobis_cov)
def mahalanobis(r: Array, cov: Array) -> Array:
    """r' cov^-1 r, r (..., K), cov (..., K, K)."""
    return _quadratic_logdet(r, cov)[0]


def _logdet_vjp(g: Array, ans: Array, cov: Array) -> Array:
    white, _ = _parts(cov)
    return np.asarray(g)[..., None, None] * np.matmul(_t(white), white)


@op(_logdet_vjp)
def logdet_pd(cov: Array) -> Array:
    """log det of a positive definite matrix; NaN where it is not."""
    return _parts(cov)[1]


def _trace_a(g: Array, ans: Array, a: Array, b: Array) -> Array:
    white, _ = _parts(b)
    return unbroadcast(np.asarray(g)[..., None, None] * np.matmul(_t(white), white), np.shape(a))


def _trace_b(g: Array, ans: Array, a: Array, b: Array) -> Array:
    white, _ = _parts(b)
    inverse = np.matmul(_t(white), white)
    out = -np.asarray(g)[..., None, None] * np.matmul(np.matmul(inverse, _t(a)), inverse)
    return unbroadcast(out, np.shape(b))


@op(_trace_a, _trace_b)
def trace_ratio(a: Array, b: Array) -> Array:
    """tr(b^-1 a) for positive definite b."""
    white, _ = _parts(b)
    return np.sum(np.matmul(white, a) * white, axis=(-1, -2))


def _solve_lower_r(g: Array, ans: Array, lower: Array, r: Array) -> Array:
    return unbroadcast(_whiten(_t(_lower_inverse(lower)), g), np.shape(r))


def _solve_lower_l(g: Array, ans: Array, lower: Array, r: Array) -> Array:
    back = _whiten(_t(_lower_inverse(lower)), g)
    return unbroadcast(-np.tril(back[..., :, None] * ans[..., None, :]), np.shape(lower))


@op(_solve_lower_l, _solve_lower_r)
def solve_lower(lower: Array, r: Array) -> Array:
    """lower^-1 r for lower-triangular matrices (the upper part is not read by the derivative)."""
    return _whiten(_lower_inverse(np.asarray(lower, dtype=float)), r)


@op(
    lambda g, ans, m, s, m0, s0: g * (np.subtract(m, m0) / np.square(s0)),
    lambda g, ans, m, s, m0, s0: g * (s / np.square(s0) - 1.0 / s),
    lambda g, ans, m, s, m0, s0: g * (np.subtract(m0, m) / np.square(s0)),
    lambda g, ans, m, s, m0, s0: (
        g * ((1.0 - (np.square(s) + np.square(np.subtract(m, m0))) / np.square(s0)) / s0)
    ),
    broadcasts=True,
)
def gaussian_divergence(m: Array, s: Array, m0: Array, s0: Array) -> Array:
    """KL of N(m, s) from N(m0, s0): log(s0 / s) + (s^2 + (m - m0)^2) / (2 s0^2) - 1/2.

    >>> float(gaussian_divergence(1.0, 1.0, 0.0, 1.0))
    0.5
    """
    ratio = np.square(s) + np.square(np.subtract(m, m0))
    return np.log(np.divide(s0, s)) + 0.5 * (ratio / np.square(s0) - 1.0)
