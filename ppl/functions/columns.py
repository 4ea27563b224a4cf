"""Functions of whole data columns, computed once when the data bind.

As for array functions, ``dims`` says how many event axes a column has: the first of them holds the
rows, so a wide column is treated column by column. Standard deviations divide by n - 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.functions._define import function, numeric, of_support
from ppl.functions.base import Mismatch
from ppl.supports import COUNT, REAL, Interval
from ppl.types import Type

Array = Any


def _column(name: str, x: Type) -> None:
    if not x.axes:
        raise Mismatch(
            "E310",
            f"`{name}` works on a whole column, and this is a single value",
            help=f"write `{name}(column)[i]`",
            argument=0,
        )


def _number_column(name: str, x: Type) -> None:
    numeric(name, (x,))
    _column(name, x)


def _zscore_type(x: Type) -> Type:
    _number_column("zscore", x)
    return Type("real", REAL, x.axes)


def _centred(x: Array, rows: int) -> Array:
    x = np.asarray(x, dtype=float)
    return x - np.mean(x, axis=rows, keepdims=True) if x.shape[rows] else x


@function("zscore", "data", "x", _zscore_type)
def zscore(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """(x - mean(x)) / sd(x) of a column; 0 throughout if the column is constant: `zscore(age)[i]`.

    >>> zscore(np.array([1.0, 2.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    rows = -dims[0]
    apart = _centred(x, rows)
    # the largest deviation is divided out first, so that squares neither overflow nor vanish
    size = np.max(np.abs(apart), axis=rows, keepdims=True, initial=0.0)
    level = np.max(np.abs(np.asarray(x, dtype=float)), axis=rows, keepdims=True, initial=0.0)
    constant = size <= 8 * np.finfo(float).eps * level
    scaled = np.where(constant, 0.0, apart / np.where(constant, 1.0, size))
    squares = np.sum(np.square(scaled), axis=rows, keepdims=True)
    spread = np.sqrt(squares / max(apart.shape[rows] - 1, 1))
    return scaled / np.where(constant, 1.0, spread)


def _center_type(x: Type) -> Type:
    _number_column("center", x)
    return Type("real", REAL, x.axes)


@function("center", "data", "x", _center_type)
def center(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """x - mean(x) of a column: `center(age)[i]`.

    >>> center(np.array([1.0, 2.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return _centred(x, -dims[0])


def _rank_type(x: Type) -> Type:
    _number_column("rank", x)
    return Type("real", Interval(1.0, math.inf, closed_lower=True), x.axes)


@function("rank", "data", "x", _rank_type)
def rank(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """The place of each value from 1 for the smallest; equal values share their mean: `rank(score)[i]`.

    >>> rank(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    x = np.asarray(x, dtype=float)
    return np.apply_along_axis(_rank, -dims[0], x)


def _rank(x: Array) -> Array:
    _, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - 0.5 * (counts - 1))[which.reshape(-1)].astype(float)


def _levels_type(x: Type) -> Type:
    _column("levels", x)
    return of_support(COUNT)


@function("levels", "data", "x", _levels_type)
def levels_(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """How many different values a column holds: `index groups = levels(group)`.

    >>> int(levels_(np.array([3.0, 1.0, 3.0])))
    2
    """
    return np.full(_lead(x, dims), float(len(np.unique(x))))


def _lead(x: Array, dims: tuple[int, ...]) -> tuple[int, ...]:
    return np.shape(x)[: np.ndim(x) - dims[0]]


def _count_of_type(x: Type) -> Type:
    _column("count_of", x)
    return of_support(Interval(1.0, math.inf, closed_lower=True, integer=True), x.axes)


@function("count_of", "data", "x", _count_of_type)
def count_of(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """How many rows hold the same value as each row: `count_of(doc)[n]`.

    >>> count_of(np.array([0.5, 7.0, 7.0])).tolist()
    [1.0, 2.0, 2.0]
    """
    return np.apply_along_axis(_frequency, -dims[0], np.asarray(x))


def _frequency(x: Array) -> Array:
    _, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    return counts[which.reshape(-1)].astype(float)


def _size_type(x: Type) -> Type:
    _column("size", x)
    return of_support(COUNT)


@function("size", "data", "x", _size_type)
def size(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """How many rows a column has, or members a set has: `size(schools)`.

    >>> int(size(np.array([3.0, 1.0])))
    2
    """
    return np.full(_lead(x, dims), float(np.shape(x)[-dims[0]]))
