"""Arithmetic operators, element by element; truth values count as 0 and 1."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ppl.backend import ops as xp
from ppl.functions import _intervals, _powers, _structure
from ppl.functions._define import function, longest_axes, numeric, of_support
from ppl.functions._numbers import constant, number, real_number
from ppl.functions._structure import elements
from ppl.functions.base import Mismatch
from ppl.supports import Support
from ppl.types import Type

Array = Any


def _typed(support: Support, *types: Type) -> Type:
    return of_support(support, longest_axes(types))


def _sum_type(x: Type, y: Type) -> Type:
    return _typed(_structure.added(x, y) or _intervals.add(elements(x), elements(y)), x, y)


def _add_type(*types: Type) -> Type:
    numeric("+", types)
    return reduce(_sum_type, types)


@function("add", "elementwise", "x", _add_type, variadic=True)
def add(*terms: Array) -> Array:
    """The sum of two or more numbers: `b0 + b1 * age[i] + a[region[i]]`.

    >>> import numpy as np
    >>> add(np.array([1.0, 2.0]), 1.0, True).tolist()
    [3.0, 4.0]
    """
    return reduce(xp.add, [number(t) for t in terms])


def _subtract_type(x: Type, y: Type) -> Type:
    numeric("-", (x, y))
    return _typed(_structure.subtracted(x, y) or _intervals.subtract(elements(x), elements(y)), x, y)


@function("subtract", "elementwise", "x y", _subtract_type)
def subtract(x: Array, y: Array) -> Array:
    """The difference; one minus a unit number is a unit number: `1 - p`.

    >>> float(subtract(1.0, 0.25))
    0.75
    """
    return xp.subtract(number(x), number(y))


def _product_type(x: Type, y: Type) -> Type:
    return _typed(_structure.multiplied(x, y) or _intervals.multiply(elements(x), elements(y)), x, y)


def _multiply_type(*types: Type) -> Type:
    numeric("*", types)
    return reduce(_product_type, types)


@function("multiply", "elementwise", "x", _multiply_type, variadic=True)
def multiply(*factors: Array) -> Array:
    """The product, element by element; positive numbers give a positive one: `tau * lambda[j]`.

    >>> import numpy as np
    >>> multiply(np.array([1, 2]), 3).tolist()
    [3.0, 6.0]
    """
    return reduce(xp.multiply, [real_number(f) for f in factors])


def _divide_type(x: Type, y: Type) -> Type:
    numeric("/", (x, y))
    below = elements(y)
    if _intervals.is_point(below) and below.lower == 0:
        raise Mismatch("E304", "this divides by zero", argument=1)
    inverse = Type("real", _powers.reciprocal(below), y.axes)
    return _typed(_structure.scaled(x, inverse) or _intervals.divide(elements(x), below), x, y)


@function("divide", "elementwise", "x y", _divide_type)
def divide(x: Array, y: Array) -> Array:
    """The quotient; division by zero gives an infinity or NaN, which the fit reports: `1 / sigma`.

    >>> float(divide(1, 4))
    0.25
    """
    return xp.divide(real_number(x), real_number(y))


def _negative_type(x: Type) -> Type:
    numeric("-", (x,))
    zero_sum = _structure.kind(x) == "zero_sum"
    return _typed(x.support if zero_sum else _intervals.negative(elements(x)), x)


@function("negative", "elementwise", "x", _negative_type)
def negative(x: Array) -> Array:
    """Minus x: `exp(-rate * t[i])`.

    >>> float(negative(2.0))
    -2.0
    """
    return xp.negative(number(x))


def _power_type(x: Type, y: Type) -> Type:
    numeric("^", (x, y))
    base, exponent = elements(x), elements(y)
    if base.lower < 0 and not exponent.integer:
        raise Mismatch(
            "E304",
            "a power that may be fractional needs a base that is not negative",
            help="claim it with `nonnegative(..)`, or give the base a positive prior",
            argument=0,
        )
    return _typed(_powers.power(base, exponent), x, y)


@function("power", "elementwise", "x y", _power_type)
def power(x: Array, y: Array) -> Array:
    """x to the power y, with 0 ^ 0 = 1; a negative base needs a whole exponent: `1 - phi ^ 2`.

    >>> import numpy as np
    >>> power(np.array([-3.0, 2.0]), 2).tolist()
    [9.0, 4.0]
    """
    exponent = constant(y)
    base = real_number(x)
    if exponent == 2.0:
        return xp.square(base)
    if exponent == 1.0:
        return base
    if exponent == 0.5:
        return xp.sqrt(base)
    if exponent == -1.0:
        return xp.reciprocal(base)
    return xp.power(base, real_number(y))
