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


def _precise(r: Array, cov: Array) -> tuple[Array, Array]:
    """cov^-1 r and cov^-1."""
    white, _ = _parts(cov)
    return _whiten(_t(white), _whiten(white, r)), np.matmul(_t(white), white)


def _gaussian_r(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    return unbroadcast(-np.asarray(g)[..., None] * _precise(r, cov)[0], np.shape(r))


def _gaussian_cov(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    v, inverse = _precise(r, cov)
    return unbroadcast(0.5 * np.asarray(g)[..., None, None] * (_outer(v) - inverse), np.shape(cov))


@op(_gaussian_r, _gaussian_cov)
def gaussian_log_density(r: Array, cov: Array) -> Array:
    """log N(r; 0, cov), r (..., K), cov (..., K, K); NaN where cov is not positive definite."""
    white, logdet = _parts(cov)
    quadratic = np.square(_whiten(white, r)).sum(-1)
    return -0.5 * (quadratic + logdet + np.shape(r)[-1] * LOG_TWO_PI)


def _mahalanobis_r(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    return unbroadcast(2.0 * np.asarray(g)[..., None] * _precise(r, cov)[0], np.shape(r))


def _mahalanobis_cov(g: Array, ans: Array, r: Array, cov: Array) -> Array:
    return unbroadcast(-np.asarray(g)[..., None, None] * _outer(_precise(r, cov)[0]), np.shape(cov))


@op(_mahalanobis_r, _mahalanobis_cov)
def mahalanobis(r: Array, cov: Array) -> Array:
    """r' cov^-1 r, r (..., K), cov (..., K, K)."""
    return np.square(_whiten(_parts(cov)[0], r)).sum(-1)


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
