"""Links between the real line and probabilities or positive numbers."""

from __future__ import annotations

import math
from typing import Any

from ppl.backend import ops as xp
from ppl.functions._define import function
from ppl.functions._elementwise import maps
from ppl.functions._intervals import INF, increasing
from ppl.functions._numbers import real_number
from ppl.supports import NEGATIVE, REAL, UNIT

Array = Any


def _sigmoid(v: float) -> float:
    return 1.0 / (1.0 + math.exp(-v)) if v >= 0 else math.exp(v) / (1.0 + math.exp(v))


def _softplus(v: float) -> float:
    return max(v, 0.0) + math.log1p(math.exp(-abs(v)))


def _normal_cdf(v: float) -> float:
    return 0.5 * math.erfc(-v / math.sqrt(2.0))


def _logit(v: float) -> float:
    if v <= 0 or v >= 1:
        return -INF if v <= 0 else INF
    return math.log(v) - math.log1p(-v)


@function("inv_logit", "elementwise", "x", maps("inv_logit", lambda x: increasing(_sigmoid, x)))
def inv_logit(x: Array) -> Array:
    """1 / (1 + exp(-x)), a probability: `inv_logit(eta[i])`.

    >>> float(inv_logit(0.0))
    0.5
    """
    return xp.sigmoid(x)


@function("log_inv_logit", "elementwise", "x", maps("log_inv_logit", NEGATIVE))
def log_inv_logit(x: Array) -> Array:
    """log of inv_logit(x), without underflow: `log_inv_logit(eta[i])`.

    >>> float(log_inv_logit(-800.0))
    -800.0
    """
    return xp.negative(xp.softplus(xp.negative(x)))


@function("log1m_inv_logit", "elementwise", "x", maps("log1m_inv_logit", NEGATIVE))
def log1m_inv_logit(x: Array) -> Array:
    """log of 1 - inv_logit(x), without underflow: `log1m_inv_logit(eta[i])`.

    >>> float(log1m_inv_logit(800.0))
    -800.0
    """
    return xp.negative(xp.softplus(x))


@function(
    "logit", "elementwise", "p", maps("logit", lambda p: increasing(_logit, p), UNIT, "between 0 and 1")
)
def logit(p: Array) -> Array:
    """log(p / (1 - p)), the log odds of a probability: `logit(p)`.

    >>> float(logit(0.5))
    0.0
    """
    p = real_number(p)
    return xp.subtract(xp.log(p), xp.log1p(xp.negative(p)))


@function("Phi", "elementwise", "x", maps("Phi", lambda x: increasing(_normal_cdf, x)))
def normal_cdf(x: Array) -> Array:
    """The standard normal distribution function, a probability: `Phi(eta[i])`.

    >>> float(normal_cdf(0.0))
    0.5
    """
    return xp.ndtr(real_number(x))


@function("log_Phi", "elementwise", "x", maps("log_Phi", NEGATIVE))
def log_normal_cdf(x: Array) -> Array:
    """log of Phi(x), without underflow: `log_Phi(-eta[i])`.

    >>> round(float(log_normal_cdf(-40.0)), 6)
    -804.608442
    """
    return xp.log_ndtr(real_number(x))


@function("probit", "elementwise", "p", maps("probit", REAL, UNIT, "between 0 and 1"))
def probit(p: Array) -> Array:
    """The standard normal quantile of a probability, the inverse of Phi: `probit(p)`.

    >>> float(probit(0.5))
    0.0
    """
    return xp.ndtri(real_number(p))


@function("softplus", "elementwise", "x", maps("softplus", lambda x: increasing(_softplus, x)))
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), positive and without overflow: `softplus(eta[i])`.

    >>> import numpy as np
    >>> float(softplus(np.float64(800.0)))
    800.0
    """
    return xp.softplus(x)
