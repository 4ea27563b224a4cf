"""Logarithms of probabilities that may be exactly zero, with finite derivatives."""

from __future__ import annotations

import numpy as np

from ppl.backend.lazy import special
from ppl.backend.op import Array, op


def _log_probability_vjp(g: Array, ans: Array, p: Array) -> Array:
    zero = np.equal(p, 0)
    return g * np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, p))


@op(_log_probability_vjp, broadcasts=True)
def log_probability(p: Array) -> Array:
    """log p, and -inf with derivative 0 at p = 0; NaN below 0."""
    return np.log(p)


def _log_mills(u: Array) -> Array:
    """log(exp(u) E1(u)) for u > 0."""
    u = np.asarray(u, dtype=float)
    small = np.minimum(u, 2.0)
    large = np.maximum(u, 2.0)
    fraction = np.zeros_like(large)
    for n in range(60, 0, -1):
        fraction = n / (1.0 + n / (large + fraction))
    return np.where(u <= 2.0, small + np.log(special.exp1(small)), -np.log(large + fraction))


@op(lambda g, ans, u: g * (1.0 - np.exp(-ans) / u), broadcasts=True)
def log_scaled_exp1(u: Array) -> Array:
    """log(exp(u) E1(u)), u > 0, E1 the exponential integral (Abramowitz & Stegun 5.1.22)."""
    return _log_mills(u)


def _tail(u: Array) -> Array:
    return np.exp(-np.abs(u))


@op(lambda g, ans, u: g * (_tail(u) / np.square(1.0 + _tail(u))), broadcasts=True)
def inner_sigmoid(u: Array) -> Array:
    """1 / (1 + exp(-u)) kept strictly between 0 and 1: it stops at 1e-300 and 1 - 2^-53."""
    e = _tail(u)
    return np.clip(np.where(np.greater_equal(u, 0), 1.0, e) / (1.0 + e), 1e-300, 1.0 - 2.0**-53)


@op(lambda g, ans, u: g * -np.tanh(0.5 * np.asarray(u)), broadcasts=True)
def log_sigmoid_slope(u: Array) -> Array:
    """log of the derivative of the sigmoid: -|u| - 2 log(1 + exp(-|u|))."""
    return -np.abs(u) - 2.0 * np.log1p(_tail(u))


def _xlog1m_p(g: Array, ans: Array, k: Array, p: Array) -> Array:
    flat = np.equal(k, 0) | np.equal(p, 1)
    return g * np.where(flat, 0.0, -k / np.where(flat, 1.0, 1.0 - np.asarray(p)))


def _xlog1m_k(g: Array, ans: Array, k: Array, p: Array) -> Array:
    sure = np.equal(p, 1)
    return g * np.where(sure, 0.0, np.log1p(-np.where(sure, 0.0, p)))


@op(_xlog1m_k, _xlog1m_p, broadcasts=True)
def xlog1m(k: Array, p: Array) -> Array:
    """k log(1 - p); 0 at k = 0 and -inf (derivative 0) at p = 1 otherwise."""
    zero = np.equal(k, 0)
    return np.where(zero, 0.0, k * np.log1p(-np.where(zero, 0.0, p)))
