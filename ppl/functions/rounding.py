"""Size, rounding and bounds, element by element."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

from ppl.backend import ops as xp
from ppl.functions import _intervals
from ppl.functions._define import function, longest_axes, numeric, of_support
from ppl.functions._elementwise import maps
from ppl.functions._intervals import End, interval
from ppl.functions._numbers import number
from ppl.functions._structure import elements
from ppl.supports import Interval
from ppl.types import Type

Array = Any


@function("abs", "elementwise", "x", maps("abs", _intervals.absolute))
def absolute(x: Array) -> Array:
    """The size of x, never negative; its derivative at 0 is taken as 0: `abs(x[i] - mu)`.

    >>> float(absolute(-2.0))
    2.0
    """
    return xp.abs(number(x))


def _floor(x: Interval) -> Interval:
    top = x.upper
    if math.isfinite(top):
        below = top if x.closed_upper or not float(top).is_integer() else top - 1.0
        top = float(math.floor(below))
    bottom = float(math.floor(x.lower)) if math.isfinite(x.lower) else x.lower
    return interval(End(bottom, True), End(top, True), integer=True)


@function("floor", "elementwise", "x", maps("floor", _floor))
def floor(x: Array) -> Array:
    """The largest whole number not above x; it has derivative 0: `floor(age[i] / 10)`.

    >>> float(floor(-1.5))
    -2.0
    """
    return xp.floor(number(x))


def _smallest_type(*types: Type) -> Type:
    numeric("min", types)
    return of_support(reduce(_intervals.minimum, map(elements, types)), longest_axes(types))


def _largest_type(*types: Type) -> Type:
    numeric("max", types)
    return of_support(reduce(_intervals.maximum, map(elements, types)), longest_axes(types))


@function("minimum", "elementwise", "x", _smallest_type, variadic=True)
def minimum(*values: Array) -> Array:
    """The smallest of two or more numbers: `min(a, b)`.

    >>> import numpy as np
    >>> minimum(np.array([1.0, 5.0]), 3.0).tolist()
    [1.0, 3.0]
    """
    return reduce(xp.minimum, map(number, values))


@function("maximum", "elementwise", "x", _largest_type, variadic=True)
def maximum(*values: Array) -> Array:
    """The largest of two or more numbers: `max(a, b)`.

    >>> import numpy as np
    >>> maximum(np.array([1.0, 5.0]), 3.0).tolist()
    [3.0, 5.0]
    """
    return reduce(xp.maximum, map(number, values))


def _clip_type(x: Type, lower: Type, upper: Type) -> Type:
    return _smallest_type(_largest_type(x, lower), upper)


@function("clip", "elementwise", "x lower upper", _clip_type)
def clip(x: Array, lower: Array, upper: Array) -> Array:
    """x held between two bounds, min(max(x, lower), upper): `clip(x[i], 0, 1)`.

    >>> float(clip(2.0, 0.0, 1.0))
    1.0
    """
    return xp.minimum(xp.maximum(number(x), number(lower)), number(upper))
