"""Trigonometric and hyperbolic functions."""

from __future__ import annotations

import math
from typing import Any

from ppl.backend import ops as xp
from ppl.functions._define import function
from ppl.functions._elementwise import maps
from ppl.functions._intervals import increasing
from ppl.supports import REAL, Interval

Array = Any
_BETWEEN = Interval(-1.0, 1.0, True, True)


@function("sin", "elementwise", "x", maps("sin", _BETWEEN))
def sin(x: Array) -> Array:
    """The sine of an angle in radians: `sin(2 * pi * month[t] / 12)`.

    >>> float(sin(0.0))
    0.0
    """
    return xp.sin(x)


@function("cos", "elementwise", "x", maps("cos", _BETWEEN))
def cos(x: Array) -> Array:
    """The cosine of an angle in radians: `cos(2 * pi * month[t] / 12)`.

    >>> float(cos(0.0))
    1.0
    """
    return xp.cos(x)


@function("tan", "elementwise", "x", maps("tan", REAL))
def tan(x: Array) -> Array:
    """The tangent of an angle in radians, sin x / cos x: `tan(angle[i])`.

    >>> float(tan(0.0))
    0.0
    """
    return xp.divide(xp.sin(x), xp.cos(x))


@function("atan", "elementwise", "x", maps("atan", lambda x: increasing(math.atan, x)))
def atan(x: Array) -> Array:
    """The angle between -pi/2 and pi/2 whose tangent is x: `atan(slope)`.

    >>> float(atan(0.0))
    0.0
    """
    return xp.arctan(x)


@function("tanh", "elementwise", "x", maps("tanh", lambda x: increasing(math.tanh, x)))
def tanh(x: Array) -> Array:
    """The hyperbolic tangent, between -1 and 1: `tanh(h[k])`.

    >>> float(tanh(0.0))
    0.0
    """
    return xp.tanh(x)
