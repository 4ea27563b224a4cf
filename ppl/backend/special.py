"""Special functions with derivatives, on scipy.special."""

from __future__ import annotations

import math

import numpy as np

from ppl.backend.lazy import special
from ppl.backend.op import Array, op

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@op(lambda g, ans, x: g * special.digamma(x), broadcasts=True)
def lgamma(x: Array) -> Array:
    """log |Gamma(x)|."""
    return special.gammaln(x)


@op(lambda g, ans, x: g * special.polygamma(1, x), broadcasts=True)
def digamma(x: Array) -> Array:
    return special.digamma(x)


@op(lambda g, ans, x: g * special.polygamma(2, x), broadcasts=True)
def trigamma(x: Array) -> Array:
    return special.polygamma(1, x)


@op(
    lambda g, ans, a, b: g * (special.digamma(a) - special.digamma(a + b)),
    lambda g, ans, a, b: g * (special.digamma(b) - special.digamma(a + b)),
    broadcasts=True,
)
def lbeta(a: Array, b: Array) -> Array:
    """log Beta(a, b)."""
    return special.betaln(a, b)


@op(lambda g, ans, x: g * np.exp(-0.5 * np.square(x) - HALF_LOG_TWO_PI), broadcasts=True)
def ndtr(x: Array) -> Array:
    """The standard normal distribution function."""
    return special.ndtr(x)


@op(
    # the inverse Mills ratio; exp(log density - answer) has no digits left at -1e8
    lambda g, ans, x: g * (math.sqrt(2.0 / math.pi) / special.erfcx(np.negative(x) / math.sqrt(2.0))),
    broadcasts=True,
)
def log_ndtr(x: Array) -> Array:
    """Logarithm of the standard normal distribution function."""
    return special.log_ndtr(x)


@op(lambda g, ans, p: g * np.exp(0.5 * np.square(ans) + HALF_LOG_TWO_PI), broadcasts=True)
def ndtri(p: Array) -> Array:
    """The standard normal quantile function."""
    return special.ndtri(p)


@op(lambda g, ans, x: g * (2.0 / math.sqrt(math.pi)) * np.exp(-np.square(x)), broadcasts=True)
def erf(x: Array) -> Array:
    return special.erf(x)
