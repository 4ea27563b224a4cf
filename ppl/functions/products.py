"""Products that sum over a shared set, and outer products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.functions import _intervals, _structure
from ppl.functions._define import distinct, function, numeric, of_support
from ppl.functions._numbers import real_number
from ppl.functions._shapes import need_axes, need_same
from ppl.functions._structure import elements, kind
from ppl.functions.base import Mismatch
from ppl.supports import Interval
from ppl.types import Type

Array = Any
_WEIGHTS = ("simplex", "row_stochastic")


def _summed(x: Type, y: Type) -> Interval:
    """What a sum of products lies in; weights that sum to one give an average."""
    if kind(x) in _WEIGHTS:
        return _intervals.average(elements(y))
    if kind(y) == "simplex":
        return _intervals.average(elements(x))
    return _intervals.total(_intervals.multiply(elements(x), elements(y)))


def _matmul_type(x: Type, y: Type) -> Type:
    numeric("@", (x, y))
    for i, t in enumerate((x, y)):
        if not t.axes:
            raise Mismatch(
                "E316", "`@` needs vectors or matrices, and this is a number", help="write `*`", argument=i
            )
    need_same("@", x.axes[-1], y.axes[0])
    axes = distinct(x.axes[:-1] + y.axes[1:])
    return of_support(_structure.matrix_product(x, y) or _summed(x, y), axes)


@function("matmul", "array", "x y", _matmul_type)
def matmul(x: Array, y: Array, dims: tuple[int, ...] = (2, 2)) -> Array:
    """The sum over the last axis of x and the first of y: `X @ beta`.

    (x y)_ij = sum_k x_ik y_kj, and so for vectors and for more axes.

    >>> matmul(np.eye(2), np.array([1.0, 2.0]), dims=(2, 1)).tolist()
    [1.0, 2.0]
    """
    x, y = real_number(x), real_number(y)
    left, right = dims
    if right == 1:
        return _contract(x, y, left)
    if left == 1:
        return _contract(_first_last(y, right), x, right)
    if left == 2 and right == 2:
        return xp.matmul(x, y)
    lead, tail = x.shape[-left:-1], y.shape[-right + 1 :]
    flat = xp.matmul(
        xp.reshape_last(x, left, (math.prod(lead), x.shape[-1])),
        xp.reshape_last(y, right, (y.shape[-right], math.prod(tail))),
    )
    return xp.reshape_last(flat, 2, (*lead, *tail))


def _first_last(y: Array, dims: int) -> Array:
    """Move the first event axis to the end."""
    if dims == 2:
        return xp.matrix_transpose(y)
    first, rest = y.shape[-dims], y.shape[-dims + 1 :]
    flat = xp.matrix_transpose(xp.reshape_last(y, dims, (first, math.prod(rest))))
    return xp.reshape_last(flat, 2, (*rest, first))


def _contract(x: Array, v: Array, dims: int) -> Array:
    """sum_k x[..., k] v[..., k] where x has ``dims`` event axes and v one; the batches broadcast.

    Constant rows times one vector a draw, the heart of every regression, become one matrix
    product instead of a (draws, rows, K) array.
    """
    if isinstance(x, np.ndarray):
        batch, free = x.ndim - dims, v.ndim - 1
        one_draw = batch > 0 and x.shape[0] == 1
        if one_draw and batch == free and all(n == 1 for n in v.shape[1:-1]):
            return _design(x, v)
    if dims == 1:
        return xp.sum(xp.multiply(x, v), axis=-1)
    if dims == 2:
        return xp.matvec(x, v)
    lead = x.shape[-dims:-1]
    flat = xp.matvec(xp.reshape_last(x, dims, (math.prod(lead), x.shape[-1])), v)
    return xp.reshape_last(flat, 1, lead)


def _design(x: Array, v: Array) -> Array:
    """x (1, *shape, K) constant, v (draws, 1, ..., 1, K): out (draws, *shape)."""
    shape, width = x.shape[1:-1], x.shape[-1]
    vector = xp.reshape_last(v, v.ndim - 1, (width,)) if v.ndim > 2 else v
    out = xp.design(np.reshape(x, (math.prod(shape), width)), vector)
    return xp.reshape_last(out, 1, shape)


def _dot_type(x: Type, y: Type) -> Type:
    numeric("dot", (x, y))
    need_axes("dot", 0, x, 1)
    need_axes("dot", 1, y, 1)
    need_same("dot", x.axes[0], y.axes[0])
    return of_support(_summed(x, y))


@function("dot", "array", "x y", _dot_type)
def dot(x: Array, y: Array, dims: tuple[int, ...] = (1, 1)) -> Array:
    """The sum of products sum_k x_k y_k of two vectors over one set: `dot(x[i], beta)`.

    >>> float(dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    x, y = real_number(x), real_number(y)
    rows_right = isinstance(y, np.ndarray) and not (isinstance(x, np.ndarray) and x.size > y.size)
    return _contract(y, x, 1) if rows_right else _contract(x, y, 1)


def _outer_type(x: Type, y: Type) -> Type:
    numeric("outer", (x, y))
    need_axes("outer", 0, x, 1)
    need_axes("outer", 1, y, 1)
    return of_support(_intervals.multiply(elements(x), elements(y)), distinct(x.axes + y.axes))


@function("outer", "array", "x y", _outer_type)
def outer(x: Array, y: Array, dims: tuple[int, ...] = (1, 1)) -> Array:
    """The matrix of all products x_i y_j: `outer(a, b)`.

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0])).tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    return xp.multiply(xp.expand_dims(real_number(x), -1), xp.expand_dims(real_number(y), -2))
