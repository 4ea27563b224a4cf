"""Interval arithmetic: which numbers an operation can give, from the numbers that go in.

An `Interval` remembers whether its bounds belong to it, so that positive numbers stay positive:
the bound of a result belongs to it only if it is reached. An infinite bound is never reached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ppl.supports import REAL, Interval

INF = math.inf


class End(NamedTuple):
    """A bound, and whether it is reached."""

    value: float
    reached: bool


def interval(lower: End, upper: End, integer: bool = False) -> Interval:
    """The interval between two ends; whole-number intervals get bounds that are reached.

    >>> interval(End(0.0, False), End(2.5, True), integer=True)
    Interval(lower=1.0, upper=2.0, closed_lower=True, closed_upper=True, integer=True)
    """
    if math.isnan(lower.value) or math.isnan(upper.value):
        return REAL
    if integer:
        lower, upper = _whole(lower, 1), _whole(upper, -1)
    point = lower.value == upper.value
    return Interval(
        lower.value + 0.0,
        upper.value + 0.0,
        lower.reached and (point or math.isfinite(lower.value)),
        upper.reached and (point or math.isfinite(upper.value)),
        integer,
    )


def _whole(end: End, inward: int) -> End:
    """The outermost whole number inside an end."""
    if math.isinf(end.value):
        return end
    rounded = float(math.ceil(end.value) if inward > 0 else math.floor(end.value))
    if rounded == end.value and not end.reached:
        return End(rounded + inward, True)
    return End(rounded, True)


def low(x: Interval) -> End:
    return End(x.lower, x.closed_lower)


def high(x: Interval) -> End:
    return End(x.upper, x.closed_upper)


def point(value: float) -> Interval:
    """The one number.

    >>> point(2.0).integer, point(0.5).integer
    (True, False)
    """
    return Interval(value, value, True, True, math.isfinite(value) and float(value).is_integer())


def is_point(x: Interval) -> bool:
    return x.lower == x.upper


def hull(ends: Iterable[End], integer: bool = False) -> Interval:
    """The smallest interval with these ends; a bound is reached if any equal end is."""
    known = list(ends)
    if not known or any(math.isnan(e.value) for e in known):
        return REAL
    bottom = min(e.value for e in known)
    top = max(e.value for e in known)
    return interval(
        End(bottom, any(e.reached for e in known if e.value == bottom)),
        End(top, any(e.reached for e in known if e.value == top)),
        integer,
    )


def union(x: Interval, y: Interval) -> Interval:
    """The smallest interval holding both (a choice between two values).

    >>> union(point(0.0), Interval(1.0, 2.0))
    Interval(lower=0.0, upper=2.0, closed_lower=True, closed_upper=False, integer=False)
    """
    return hull([low(x), high(x), low(y), high(y)], x.integer and y.integer)


def intersection(x: Interval, y: Interval) -> Interval:
    """What lies in both; ``y`` where they have nothing in common."""
    bottom = max((low(x), low(y)), key=lambda e: (e.value, not e.reached))
    top = min((high(x), high(y)), key=lambda e: (e.value, e.reached))
    return y if bottom.value > top.value else interval(bottom, top, x.integer or y.integer)


def contains(x: Interval, value: float) -> bool:
    """Whether a number lies in an interval (whole-number intervals: between its bounds)."""
    above = value > x.lower or (value == x.lower and x.closed_lower)
    return above and (value < x.upper or (value == x.upper and x.closed_upper))


def negative(x: Interval) -> Interval:
    return interval(End(-x.upper, x.closed_upper), End(-x.lower, x.closed_lower), x.integer)


def add(x: Interval, y: Interval) -> Interval:
    """x + y; positive with nonnegative is positive.

    >>> from ppl.supports import NONNEGATIVE, POSITIVE
    >>> add(POSITIVE, NONNEGATIVE) == POSITIVE
    True
    """
    return interval(
        End(x.lower + y.lower, x.closed_lower and y.closed_lower),
        End(x.upper + y.upper, x.closed_upper and y.closed_upper),
        x.integer and y.integer,
    )


def subtract(x: Interval, y: Interval) -> Interval:
    """x - y; one minus a unit number is a unit number.

    >>> from ppl.supports import UNIT
    >>> subtract(point(1.0), UNIT) == UNIT
    True
    """
    return add(x, negative(y))


def times(p: End, q: End) -> End:
    """A corner of the product; zero times an infinity that is not reached is zero."""
    if p.value == 0 or q.value == 0:
        if (math.isinf(p.value) and p.reached) or (math.isinf(q.value) and q.reached):
            return End(math.nan, False)
        return End(0.0, (p.value == 0 and p.reached) or (q.value == 0 and q.reached))
    return End(p.value * q.value, p.reached and q.reached)


def multiply(x: Interval, y: Interval) -> Interval:
    """x y; the extremes of a product are at corners.

    >>> from ppl.supports import POSITIVE, UNIT
    >>> multiply(POSITIVE, POSITIVE) == POSITIVE, multiply(UNIT, UNIT) == UNIT
    (True, True)
    """
    corners = [times(p, q) for p in (low(x), high(x)) for q in (low(y), high(y))]
    return hull(corners, x.integer and y.integer)


def _over(p: End, q: End) -> End | None:
    """A corner of the quotient of positive-denominator intervals; None where it adds nothing."""
    if q.value == 0:
        return End(0.0, p.reached) if p.value == 0 else End(math.copysign(INF, p.value), False)
    if math.isinf(q.value):
        return None if math.isinf(p.value) else End(0.0, p.value == 0 and p.reached)
    return End(p.value / q.value, p.reached and q.reached)


def divide(x: Interval, y: Interval) -> Interval:
    """x / y where y is not zero: a quotient by zero has no value, so it counts for nothing here.

    >>> from ppl.supports import NONNEGATIVE, POSITIVE
    >>> divide(NONNEGATIVE, POSITIVE) == NONNEGATIVE, divide(POSITIVE, REAL) == REAL
    (True, True)
    """
    if y.upper <= 0 and y.lower < 0:
        return divide(negative(x), negative(y))
    if y.lower < 0 or y.upper <= 0:
        return REAL
    corners = [_over(p, q) for p in (low(x), high(x)) for q in (low(y), high(y))]
    return hull([c for c in corners if c is not None])


def absolute(x: Interval) -> Interval:
    """|x|.

    >>> absolute(Interval(-2.0, 1.0))
    Interval(lower=0.0, upper=2.0, closed_lower=True, closed_upper=False, integer=False)
    """
    if x.lower >= 0:
        return x
    flipped = negative(x)
    if x.upper <= 0:
        return flipped
    top = max((high(x), high(flipped)), key=lambda e: (e.value, e.reached))
    return interval(End(0.0, True), top, x.integer)


def increasing(f: Callable[[float], float], x: Interval, integer: bool = False) -> Interval:
    """The image under an increasing function (given at infinity too, as its limit)."""
    return interval(End(safely(f, x.lower), x.closed_lower), End(safely(f, x.upper), x.closed_upper), integer)


def decreasing(f: Callable[[float], float], x: Interval) -> Interval:
    """The image under a decreasing function."""
    return interval(End(safely(f, x.upper), x.closed_upper), End(safely(f, x.lower), x.closed_lower))


def safely(f: Callable[[float], float], value: float) -> float:
    """f at a bound, infinite where it overflows."""
    try:
        return f(value)
    except OverflowError:
        return INF


def minimum(x: Interval, y: Interval) -> Interval:
    """The smaller of the two."""
    return negative(maximum(negative(x), negative(y)))


def maximum(x: Interval, y: Interval) -> Interval:
    """The larger: at least both lower bounds, at most the larger upper one."""
    bottom = max((low(x), low(y)), key=lambda e: (e.value, not e.reached))
    top = max((high(x), high(y)), key=lambda e: (e.value, e.reached))
    return interval(bottom, top, x.integer and y.integer)


def total(x: Interval) -> Interval:
    """A sum of one or more such numbers.

    >>> total(Interval(0.0, 1.0, True, True)).upper, total(Interval(-1.0, 0.0)).lower
    (inf, -inf)
    """
    bottom = low(x) if x.lower >= 0 else End(-INF, False)
    top = high(x) if x.upper <= 0 else End(INF, False)
    return interval(bottom, top, x.integer)


def average(x: Interval) -> Interval:
    """A weighted mean of such numbers: as they are, though no longer whole."""
    return interval(low(x), high(x))
