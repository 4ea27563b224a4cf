"""Reductions of a vector, or of an expression over the members of a set.

Over nothing, a sum is 0, a product 1, a minimum inf and a maximum -inf; the supports below are
those of one term or more, which is what a model means.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ppl.backend import ops as xp
from ppl.functions import _intervals, _structure
from ppl.functions._define import function, numeric, of_support
from ppl.functions._intervals import INF, End, interval
from ppl.functions._numbers import length, real_number, safe_sqrt
from ppl.functions._structure import elements
from ppl.functions.base import Mismatch
from ppl.supports import BOOL, NONNEGATIVE, Interval, Structured, within
from ppl.types import Type

Array = Any
Axes = tuple[int, ...]


def _reduces(
    name: str,
    rule: Callable[[Interval], Interval],
    joint: Callable[[Type], Structured | None] = lambda x: None,
) -> Callable[[Type], Type]:
    """The ``result`` of a reduction: what it gives, from what every term lies in.

    A joint support without axes is that of each term of a comprehension over whole vectors or
    matrices, and ``joint`` says what becomes of it.
    """

    def result(x: Type) -> Type:
        numeric(name, (x,))
        whole = joint(x) if isinstance(x.support, Structured) and not x.axes else None
        return of_support(whole or rule(elements(x)))

    return result


def _product(x: Interval) -> Interval:
    """Products of any number of such terms: powers of 1 or more."""
    if x.lower >= 1:
        return interval(_intervals.low(x), End(INF, False), x.integer)
    if x.lower >= 0:
        top = End(1.0, True) if x.upper <= 1 else End(INF, False)
        return interval(End(0.0, x.lower == 0 and x.closed_lower), top, x.integer)
    if x.lower >= -1 and x.upper <= 1:
        return Interval(-1.0, 1.0, True, True, x.integer)
    return Interval(integer=x.integer)


def _summed(x: Type) -> Structured | None:
    return _structure.added(x, x)


def _averaged(x: Type) -> Structured | None:
    """Averages of probability vectors are probability vectors too, and of correlations correlations."""
    convex = _structure.kind(x) in ("simplex", "row_stochastic", "correlation")
    return x.support if convex and isinstance(x.support, Structured) else _summed(x)


def _log_sum(x: Interval) -> Interval:
    """log sum exp is at least the largest term."""
    return interval(_intervals.low(x), End(INF, False))


@function("sum", "reduction", "x", _reduces("sum", _intervals.total, _summed))
def sum_(x: Array, axis: Axes) -> Array:
    """The sum of all elements; 0 over nothing: `sum(w[k] * x[i, k] for k in feats)`.

    >>> import numpy as np
    >>> float(sum_(np.array([1.0, 2.0]), (-1,)))
    3.0
    """
    return xp.sum(real_number(x), axis=axis)


def size_of(x: Array, axis: Axes) -> int:
    """How many elements the axes hold together.

    >>> import numpy as np
    >>> size_of(np.zeros((2, 3)), (-1, -2))
    6
    """
    return math.prod(length(x, a) for a in axis)


@function("mean", "reduction", "x", _reduces("mean", _intervals.average, _averaged))
def mean(x: Array, axis: Axes) -> Array:
    """The sum divided by the number of elements: `mean(theta)`.

    >>> import numpy as np
    >>> float(mean(np.array([1.0, 2.0]), (-1,)))
    1.5
    """
    return xp.divide(xp.sum(real_number(x), axis=axis), float(size_of(x, axis)))


@function("prod", "reduction", "x", _reduces("prod", _product))
def prod(x: Array, axis: Axes) -> Array:
    """The product of all elements; 1 over nothing: `prod(1 - p[j] for j in traps)`.

    >>> import numpy as np
    >>> float(prod(np.array([2.0, 3.0]), (-1,)))
    6.0
    """
    out = real_number(x)
    for one in sorted(axis):
        # from the front on: axes counted from the end keep their numbers when one before them goes
        out = xp.prod(out, axis=one)
    return out


@function("var", "reduction", "x", _reduces("var", lambda x: NONNEGATIVE))
def var(x: Array, axis: Axes) -> Array:
    """The variance, sum (x - mean)^2 / (n - 1), of two elements or more: `var(height)`.

    >>> import numpy as np
    >>> float(var(np.array([1.0, 3.0]), (-1,)))
    2.0
    """
    x, n = real_number(x), size_of(x, axis)
    centre = xp.divide(xp.sum(x, axis=axis, keepdims=True), float(n))
    squares = xp.sum(xp.square(xp.subtract(x, centre)), axis=axis)
    return xp.divide(squares, float(n - 1)) if n > 1 else xp.multiply(squares, math.nan)


@function("sd", "reduction", "x", _reduces("sd", lambda x: NONNEGATIVE))
def sd(x: Array, axis: Axes) -> Array:
    """The standard deviation, the square root of the variance with n - 1: `sd(height)`.

    >>> import numpy as np
    >>> float(sd(np.array([1.0, 1.0]), (-1,)))
    0.0
    """
    return safe_sqrt(var(x, axis))


@function("min", "reduction", "x", _reduces("min", lambda x: x))
def min_(x: Array, axis: Axes) -> Array:
    """The smallest element; inf over nothing: `min(t[i] for i in trials)`.

    >>> import numpy as np
    >>> float(min_(np.array([2.0, 1.0]), (-1,)))
    1.0
    """
    return xp.min(real_number(x), axis=axis)


@function("max", "reduction", "x", _reduces("max", lambda x: x))
def max_(x: Array, axis: Axes) -> Array:
    """The largest element; -inf over nothing: `max(t[i] for i in trials)`.

    >>> import numpy as np
    >>> float(max_(np.array([2.0, 1.0]), (-1,)))
    2.0
    """
    return xp.max(real_number(x), axis=axis)


@function("logsumexp", "reduction", "x", _reduces("logsumexp", _log_sum))
def logsumexp(x: Array, axis: Axes) -> Array:
    """log of the sum of exp(x), without overflow: `logsumexp(lp[k] for k in comps)`.

    >>> import numpy as np
    >>> float(logsumexp(np.array([-np.inf, 0.0]), (-1,)))
    0.0
    """
    return xp.logsumexp(real_number(x), axis=axis)


def _truths(name: str) -> Callable[[Type], Type]:
    def result(x: Type) -> Type:
        if x.element == "label" or not within(elements(x), BOOL):
            raise Mismatch(
                "E304", f"`{name}` needs truth values", help="write a comparison inside it", argument=0
            )
        return Type("bool", BOOL)

    return result


@function("any", "reduction", "x", _truths("any"))
def any_(x: Array, axis: Axes) -> Array:
    """Whether any test holds; false over nothing: `any(y[t] > 0 for t in days)`.

    >>> import numpy as np
    >>> bool(any_(np.array([True, False]), (-1,)))
    True
    """
    return xp.greater(xp.max(real_number(x), axis=axis), 0.0)


@function("all", "reduction", "x", _truths("all"))
def all_(x: Array, axis: Axes) -> Array:
    """Whether all tests hold; true over nothing: `all(y[t] > 0 for t in days)`.

    >>> import numpy as np
    >>> bool(all_(np.array([True, False]), (-1,)))
    False
    """
    return xp.greater(xp.min(real_number(x), axis=axis), 0.0)
