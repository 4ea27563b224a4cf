"""Vectors to probabilities, running sums, and the place of the largest element."""

from __future__ import annotations

from typing import Any

from ppl.backend import extra_ops
from ppl.backend import ops as xp
from ppl.functions import _intervals
from ppl.functions._define import function, numeric, of_support
from ppl.functions._numbers import real_number
from ppl.functions._shapes import need_vector_like
from ppl.functions._structure import POSITIVE_ORDERED, elements, kind
from ppl.supports import INTEGER, POSITIVE, UNIT, Interval, Structured, Support, within
from ppl.types import Type

Array = Any
_LOG_PROBABILITY = Interval(upper=0.0, closed_upper=True)


def _softmax_type(x: Type) -> Type:
    numeric("softmax", (x,))
    need_vector_like("softmax", x)
    joint: dict[int, Support] = {1: Structured("simplex"), 2: Structured("row_stochastic")}
    return of_support(joint.get(len(x.axes), UNIT), x.axes)


@function("softmax", "array", "x", _softmax_type)
def softmax(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """exp(x_k) / sum_l exp(x_l) along the last axis, probabilities: `softmax(score[n])`.

    >>> import numpy as np
    >>> softmax(np.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    return xp.exp(log_softmax(x, dims))


def _log_softmax_type(x: Type) -> Type:
    numeric("log_softmax", (x,))
    need_vector_like("log_softmax", x)
    return Type("real", _LOG_PROBABILITY, x.axes)


@function("log_softmax", "array", "x", _log_softmax_type)
def log_softmax(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """x_k - log sum_l exp(x_l) along the last axis, log probabilities: `log_softmax(score[n])`.

    >>> import numpy as np
    >>> [round(v, 6) for v in log_softmax(np.array([1000.0, 0.0])).tolist()]
    [0.0, -1000.0]
    """
    x = real_number(x)
    return xp.subtract(x, xp.logsumexp(x, axis=-1, keepdims=True))


def _cumsum_type(x: Type) -> Type:
    numeric("cumsum", (x,))
    need_vector_like("cumsum", x)
    if len(x.axes) == 1 and within(elements(x), POSITIVE):
        return Type("real", POSITIVE_ORDERED, x.axes)
    support = UNIT if kind(x) in ("simplex", "row_stochastic") else _intervals.total(elements(x))
    return of_support(support, x.axes)


@function("cumsum", "array", "x", _cumsum_type)
def cumsum(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """Running sums x_1 + ... + x_k along the last axis; ordered if x is positive: `cumsum(step)`.

    >>> import numpy as np
    >>> cumsum(np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 3.0, 6.0]
    """
    return xp.cumsum(real_number(x), axis=-1)


def _argmax_type(x: Type) -> Type:
    numeric("argmax", (x,))
    need_vector_like("argmax", x)
    return Type("label", INTEGER, x.axes[:-1], x.axes[-1].set)


@function("argmax", "array", "x", _argmax_type)
def argmax(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """The label of the largest element along the last axis, the first of equals: `argmax(p[n])`.

    >>> import numpy as np
    >>> int(argmax(np.array([1.0, 3.0, 2.0])))
    1
    """
    return extra_ops.argmax(real_number(x), axis=-1)
