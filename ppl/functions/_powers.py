"""Interval arithmetic of powers and logarithms."""

from __future__ import annotations

import math

from ppl.functions._intervals import (
    INF,
    End,
    absolute,
    contains,
    decreasing,
    high,
    hull,
    increasing,
    is_point,
    low,
    point,
    safely,
    times,
    union,
)
from ppl.supports import REAL, Interval


def exponential(x: Interval) -> Interval:
    """exp of an interval.

    >>> exponential(REAL)
    Interval(lower=0.0, upper=inf, closed_lower=False, closed_upper=False, integer=False)
    """
    return increasing(lambda v: 0.0 if v == -INF else math.exp(v), x)


def logarithm(x: Interval) -> Interval:
    """log of an interval of nonnegative numbers; minus infinity at zero is not reached.

    >>> logarithm(Interval(0.0, 1.0, True, True))
    Interval(lower=-inf, upper=0.0, closed_lower=False, closed_upper=True, integer=False)
    """
    if x.upper <= 0:
        return REAL
    return increasing(lambda v: -INF if v <= 0 else math.log(v), x)


def reciprocal(x: Interval) -> Interval:
    """1 / x where x is not zero."""
    if x.lower >= 0 and x.upper > 0:
        return decreasing(lambda v: INF if v == 0 else 1.0 / v, x)
    if x.upper <= 0 and x.lower < 0:
        return decreasing(lambda v: -INF if v == 0 else 1.0 / v, x)
    return REAL


def power(x: Interval, y: Interval) -> Interval:
    """x ^ y, for a nonnegative base or a whole exponent.

    >>> from ppl.supports import NONNEGATIVE, UNIT
    >>> power(UNIT, NONNEGATIVE) == UNIT, power(REAL, point(2.0)) == NONNEGATIVE
    (True, True)
    """
    if is_point(y) and math.isfinite(y.lower):
        return _constant_power(x, y.lower)
    if x.lower >= 0:
        return _nonnegative_base(x, y)
    return _whole_exponent(x, y)


def _constant_power(x: Interval, c: float) -> Interval:
    if c == 0:
        return point(1.0)
    if c < 0:
        return reciprocal(_constant_power(x, -c))
    odd = c % 2 == 1
    base = x if x.lower >= 0 or odd else absolute(x)
    return increasing(lambda v: _raised(v, c), base, x.integer and c.is_integer())


def _raised(v: float, c: float) -> float:
    try:
        return float(v**c)
    except OverflowError:
        return -INF if v < 0 else INF


def _nonnegative_base(x: Interval, y: Interval) -> Interval:
    """x^y is monotone in each argument for x > 0: its extremes are at corners; then 0^y = 0 joins."""
    whole = x.integer and y.integer and y.lower >= 0
    if x.upper == 0:
        return Interval(0.0, 1.0, True, True, whole)
    image = hull([_corner(p, q) for p in (low(x), high(x)) for q in (low(y), high(y))], whole)
    if contains(x, 0.0) and y.upper > 0:
        return union(image, Interval(0.0, 0.0, True, True, whole))
    return image


def _corner(p: End, q: End) -> End:
    """p^q as the limit of exp(q log p); p = 0 is never reached here."""
    base = End(-INF if p.value == 0 else math.log(p.value), p.reached and p.value > 0)
    exponent = times(base, q)
    if math.isfinite(base.value) and math.isfinite(q.value):
        return End(_raised(p.value, q.value), exponent.reached)
    return End(safely(lambda v: 0.0 if v == -INF else math.exp(v), exponent.value), exponent.reached)


def _whole_exponent(x: Interval, y: Interval) -> Interval:
    """A base of any sign: the size is bounded by that of the absolute value."""
    if not y.integer or y.lower < 0:
        return REAL
    size = power(absolute(x), y)
    return hull([End(-size.upper, size.closed_upper), high(size)], x.integer)
