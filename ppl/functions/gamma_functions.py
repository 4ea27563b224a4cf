"""The gamma function and its relatives, and the error function."""

from __future__ import annotations

import math
from typing import Any

from ppl.backend import ops as xp
from ppl.functions._define import function
from ppl.functions._elementwise import maps, unrestricted
from ppl.functions._numbers import real_number
from ppl.supports import REAL, Interval

Array = Any


@function("lgamma", "elementwise", "x", maps("lgamma", REAL))
def lgamma(x: Array) -> Array:
    """log |Gamma(x)|; lgamma(n + 1) is log n!: `lgamma(n[i] + 1)`.

    >>> float(lgamma(1.0))
    0.0
    """
    return xp.lgamma(real_number(x))


@function("digamma", "elementwise", "x", maps("digamma", REAL))
def digamma(x: Array) -> Array:
    """The derivative of lgamma: `digamma(alpha)`.

    >>> round(float(digamma(1.0)), 6)
    -0.577216
    """
    return xp.digamma(real_number(x))


@function("lbeta", "elementwise", "a b", unrestricted("lbeta"))
def lbeta(a: Array, b: Array) -> Array:
    """log Beta(a, b) = lgamma(a) + lgamma(b) - lgamma(a + b): `lbeta(a, b)`.

    >>> round(float(lbeta(2.0, 1.0)), 6)
    -0.693147
    """
    return xp.log_beta(real_number(a), real_number(b))


@function("lchoose", "elementwise", "n k", unrestricted("lchoose"))
def lchoose(n: Array, k: Array) -> Array:
    """log of n over k, -log(n + 1) - lbeta(n - k + 1, k + 1); -inf unless 0 <= k <= n.

    `lchoose(n[i], y[i])`.

    >>> round(float(lchoose(5, 2)), 6) == round(2.302585092994046, 6)
    True
    """
    n, k = real_number(n), real_number(k)
    possible = xp.logical_and(xp.greater_equal(k, 0.0), xp.less_equal(k, n))
    # impossible choices are replaced before and after, so that no NaN reaches a derivative
    chosen = xp.where(possible, k, 0.0)
    ways = xp.log_beta(xp.add(xp.subtract(n, chosen), 1.0), xp.add(chosen, 1.0))
    return xp.where(possible, xp.negative(xp.add(xp.log1p(n), ways)), -math.inf)


@function("erf", "elementwise", "x", maps("erf", Interval(-1.0, 1.0)))
def erf(x: Array) -> Array:
    """The error function, 2 Phi(x sqrt 2) - 1: `erf(x)`.

    >>> float(erf(0.0))
    0.0
    """
    return xp.erf(real_number(x))
