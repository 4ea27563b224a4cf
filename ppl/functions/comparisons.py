"""Comparisons and logic; the answer counts as 0 or 1 in arithmetic."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ppl.backend import ops as xp
from ppl.functions._define import function, longest_axes
from ppl.functions._structure import elements
from ppl.functions.base import Mismatch
from ppl.supports import BOOL, within
from ppl.types import Type

Array = Any


def _truth(*types: Type) -> Type:
    return Type("bool", BOOL, longest_axes(types))


def _compare_type(x: Type, y: Type) -> Type:
    """Both sides are labels, or both are numbers; whether the sets agree is the checker's to say."""
    if (x.element == "label") != (y.element == "label"):
        label, where = (x, 0) if x.element == "label" else (y, 1)
        raise Mismatch(
            "E308",
            f"this is a label of {label.set}, and the other side is a number",
            help="compare it with a label of the same set",
            argument=where,
        )
    return _truth(x, y)


@function("eq", "elementwise", "x y", _compare_type)
def eq(x: Array, y: Array) -> Array:
    """x == y, of numbers or of labels of one set: `region[i] == "north"`.

    >>> import numpy as np
    >>> eq(np.array([1, 2]), 2).tolist()
    [False, True]
    """
    return xp.equal(x, y)


@function("ne", "elementwise", "x y", _compare_type)
def ne(x: Array, y: Array) -> Array:
    """x != y, of numbers or of labels of one set: `a != b`.

    >>> bool(ne(1, 2))
    True
    """
    return xp.not_equal(x, y)


@function("lt", "elementwise", "x y", _compare_type)
def lt(x: Array, y: Array) -> Array:
    """x < y, of numbers or of labels of one ordered set: `year[i] < 2000`.

    >>> bool(lt(1, 2))
    True
    """
    return xp.less(x, y)


@function("le", "elementwise", "x y", _compare_type)
def le(x: Array, y: Array) -> Array:
    """x <= y, of numbers or of labels of one ordered set: `a <= t and t <= b`.

    >>> bool(le(2, 2))
    True
    """
    return xp.less_equal(x, y)


@function("gt", "elementwise", "x y", _compare_type)
def gt(x: Array, y: Array) -> Array:
    """x > y, of numbers or of labels of one ordered set: `dose[i] > 0`.

    >>> bool(gt(1, 2))
    False
    """
    return xp.greater(x, y)


@function("ge", "elementwise", "x y", _compare_type)
def ge(x: Array, y: Array) -> Array:
    """x >= y, of numbers or of labels of one ordered set: `position(t) >= start[i]`.

    >>> bool(ge(1, 2))
    False
    """
    return xp.greater_equal(x, y)


def _logic_type(*types: Type) -> Type:
    for i, t in enumerate(types):
        if t.element == "label" or not within(elements(t), BOOL):
            raise Mismatch(
                "E304",
                f"this must be true or false, and it is {t}",
                help="write a comparison, such as `x > 0`",
                argument=i,
            )
    return _truth(*types)


@function("and", "elementwise", "x", _logic_type, variadic=True)
def and_(*tests: Array) -> Array:
    """Whether all tests hold: `treated[i] and age[i] > 40`.

    >>> import numpy as np
    >>> and_(np.array([True, False]), 1).tolist()
    [True, False]
    """
    return reduce(xp.logical_and, tests)


@function("or", "elementwise", "x", _logic_type, variadic=True)
def or_(*tests: Array) -> Array:
    """Whether any test holds: `first(t) or gap[t] > 1`.

    >>> bool(or_(False, True))
    True
    """
    return reduce(xp.logical_or, tests)


@function("not", "elementwise", "x", _logic_type)
def not_(x: Array) -> Array:
    """Whether the test fails: `not treated[i]`.

    >>> import numpy as np
    >>> bool(not_(np.array(1)))
    False
    """
    return xp.logical_not(x)
