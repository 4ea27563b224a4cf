"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math
from typing import Any

from ppl.backend import ops as xp
from ppl.functions import _powers
from ppl.functions._define import function, numeric, of_support
from ppl.functions._elementwise import maps, unrestricted
from ppl.functions._intervals import INF, increasing, point, subtract
from ppl.functions._numbers import real_number
from ppl.functions._structure import ORDERED, POSITIVE_ORDERED, elements
from ppl.supports import NEGATIVE, NONNEGATIVE, Interval, within
from ppl.types import Type

Array = Any
LOG_2 = math.log(2.0)


def _exp_type(x: Type) -> Type:
    numeric("exp", (x,))
    ordered = within(x.support, ORDERED)
    return of_support(POSITIVE_ORDERED if ordered else _powers.exponential(elements(x)), x.axes)


@function("exp", "elementwise", "x", _exp_type)
def exp(x: Array) -> Array:
    """e to the power x, always positive: `exp(eta[i])`.

    >>> float(exp(0.0))
    1.0
    """
    return xp.exp(x)


_log = maps("log", _powers.logarithm, NONNEGATIVE)


def _log_type(x: Type) -> Type:
    plain = _log(x)
    return Type("real", ORDERED, x.axes) if within(x.support, POSITIVE_ORDERED) else plain


@function("log", "elementwise", "x", _log_type)
def log(x: Array) -> Array:
    """The natural logarithm of a number that is not negative; minus infinity at 0: `log(dose[i])`.

    >>> float(log(1.0))
    0.0
    """
    return xp.log(x)


@function("log10", "elementwise", "x", maps("log10", lambda x: _scaled_log(x, 10.0), NONNEGATIVE))
def log10(x: Array) -> Array:
    """The logarithm to base 10, log x / log 10: `log10(income[i])`.

    >>> round(float(log10(1000.0)), 12)
    3.0
    """
    return xp.divide(xp.log(x), math.log(10.0))


def _scaled_log(x: Interval, base: float) -> Interval:
    return increasing(lambda v: -INF if v <= 0 else math.log(v, base), x)


_ABOVE_MINUS_ONE = Interval(-1.0, INF, closed_lower=True)
_UP_TO_ONE = Interval(-INF, 1.0, closed_upper=True)


@function(
    "log1p",
    "elementwise",
    "x",
    maps(
        "log1p",
        lambda x: increasing(lambda v: -INF if v <= -1 else math.log1p(v), x),
        _ABOVE_MINUS_ONE,
        "at least -1",
    ),
)
def log1p(x: Array) -> Array:
    """log(1 + x), accurate for small x: `log1p(count[i])`.

    >>> float(log1p(1e-20))
    1e-20
    """
    return xp.log1p(real_number(x))


@function(
    "log1m",
    "elementwise",
    "x",
    maps("log1m", lambda x: _powers.logarithm(subtract(point(1.0), x)), _UP_TO_ONE, "at most 1"),
)
def log1m(x: Array) -> Array:
    """log(1 - x), accurate for small x: `log1m(p[i])`.

    >>> float(log1m(1e-20))
    -1e-20
    """
    return xp.log1p(xp.negative(real_number(x)))


@function("expm1", "elementwise", "x", maps("expm1", lambda x: increasing(math.expm1, x)))
def expm1(x: Array) -> Array:
    """exp(x) - 1, accurate for small x: `expm1(rate * t[i])`.

    >>> float(expm1(1e-20))
    1e-20
    """
    return xp.expm1(x)


@function(
    "log1m_exp",
    "elementwise",
    "x",
    maps("log1m_exp", NEGATIVE, Interval(-INF, 0.0, False, True), "at most 0"),
)
def log1m_exp(x: Array) -> Array:
    """log(1 - exp(x)) for x <= 0, accurate near 0 and far below it: `log1m_exp(-rate * t[i])`.

    Maechler's rule: log(-expm1(x)) above -log 2, log1p(-exp(x)) below.

    >>> import numpy as np
    >>> round(float(log1m_exp(np.float64(-1e-10))), 6)
    -23.025851
    """
    near = xp.greater(x, -LOG_2)
    inner = xp.log(xp.negative(xp.expm1(xp.where(near, x, -1.0))))
    return xp.where(near, inner, xp.log1p(xp.negative(xp.exp(xp.where(near, -1.0, x)))))


@function(
    "sqrt",
    "elementwise",
    "x",
    maps("sqrt", lambda x: increasing(lambda v: math.sqrt(max(v, 0.0)), x), NONNEGATIVE),
)
def sqrt(x: Array) -> Array:
    """The square root of a number that is not negative: `sqrt(variance)`.

    >>> float(sqrt(9.0))
    3.0
    """
    return xp.sqrt(real_number(x))


@function("square", "elementwise", "x", maps("square", lambda x: _powers.power(x, point(2.0))))
def square(x: Array) -> Array:
    """x times x, never negative: `square(x[i] - mu)`.

    >>> float(square(-3.0))
    9.0
    """
    return xp.square(real_number(x))


@function("inv", "elementwise", "x", maps("inv", _powers.reciprocal))
def inv(x: Array) -> Array:
    """1 / x: `inv(sigma)`.

    >>> float(inv(4.0))
    0.25
    """
    return xp.reciprocal(real_number(x))


@function("logaddexp", "elementwise", "x y", unrestricted("logaddexp"))
def logaddexp(x: Array, y: Array) -> Array:
    """log(exp(x) + exp(y)) without overflow: `logaddexp(a, b)`.

    >>> round(float(logaddexp(1000.0, 1000.0)), 6)
    1000.693147
    """
    return xp.logaddexp(x, y)


def _xlogy_type(x: Type, y: Type) -> Type:
    numeric("xlogy", (x,))
    _log(y)
    return unrestricted("xlogy")(x, y)


@function("xlogy", "elementwise", "x y", _xlogy_type)
def xlogy(x: Array, y: Array) -> Array:
    """x log y, and 0 where x is 0 even if y is 0 too: `xlogy(n[i], p)`.

    >>> float(xlogy(0.0, 0.0))
    0.0
    """
    return xp.xlogy(x, y)
