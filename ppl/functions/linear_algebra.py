"""Matrices: diagonals, factors, inverses, systems and quadratic forms."""

from __future__ import annotations

import math
from typing import Any

from ppl.backend import ops as xp
from ppl.functions._define import distinct, function, numeric, of_support
from ppl.functions._intervals import point
from ppl.functions._numbers import real_number
from ppl.functions._shapes import need_axes, need_same, need_square
from ppl.functions._structure import (
    CHOLESKY,
    COVARIANCE,
    DIAGONAL,
    POSITIVE_DIAGONAL,
    elements,
    kind,
)
from ppl.functions.base import Mismatch
from ppl.supports import NONNEGATIVE, POSITIVE, REAL, Interval, Structured, Support, describe, within
from ppl.types import Type

Array = Any


def _diag_type(x: Type) -> Type:
    numeric("diag", (x,))
    if not x.axes:
        raise Mismatch("E316", "`diag` of a single number needs a place that says over which set", argument=0)
    if len(x.axes) == 1:
        return of_support(_diagonal_matrix(elements(x)), distinct(x.axes + x.axes))
    need_square("diag", 0, x)
    return of_support(_diagonal(x), x.axes[:1])


def _diagonal_matrix(entries: Interval) -> Support:
    if within(entries, POSITIVE):
        return POSITIVE_DIAGONAL
    return DIAGONAL if within(entries, NONNEGATIVE) else REAL


def _diagonal(x: Type) -> Interval:
    """The diagonal of a covariance or of a Cholesky factor is positive."""
    if kind(x) == "correlation":
        return point(1.0)
    if kind(x) == "cholesky_correlation":
        return Interval(0.0, 1.0, closed_upper=True)
    if within(x.support, COVARIANCE) or within(x.support, CHOLESKY) or kind(x) == "cholesky_transposed":
        return POSITIVE
    return elements(x)


@function("diag", "array", "x", _diag_type)
def diag(x: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """The diagonal matrix of a vector, or the diagonal of a matrix: `K + diag(noise)`.

    >>> import numpy as np
    >>> diag(np.array([1.0, 2.0])).tolist(), diag(np.eye(2), dims=(2,)).tolist()
    ([[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0])
    """
    x = real_number(x)
    return xp.diagonal_matrix(x) if dims[0] == 1 else xp.diagonal(x)


def _need_covariance(name: str, argument: int, t: Type) -> None:
    need_square(name, argument, t)
    if not within(t.support, COVARIANCE):
        raise Mismatch(
            "E304",
            f"`{name}` needs a covariance matrix, and this is {describe(t.support)}",
            help="add `diag(..)` of something positive, or claim it with `covariance(..)`",
            argument=argument,
        )


def _cholesky_type(x: Type) -> Type:
    _need_covariance("cholesky", 0, x)
    kinds = {"correlation": "cholesky_correlation", "diagonal_positive": "diagonal_positive"}
    return Type("real", Structured(kinds.get(kind(x), "cholesky_covariance")), x.axes)


@function("cholesky", "array", "x", _cholesky_type)
def cholesky(x: Array, dims: tuple[int, ...] = (2,)) -> Array:
    """The lower triangular L with L L' = x; NaN where x is not positive definite: `cholesky(Sigma)`.

    >>> import numpy as np
    >>> cholesky(np.array([[4.0, 2.0], [2.0, 2.0]])).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    return xp.cholesky(real_number(x))


def _inverse_type(x: Type) -> Type:
    numeric("inverse", (x,))
    need_square("inverse", 0, x)
    if within(x.support, POSITIVE_DIAGONAL):
        return Type("real", POSITIVE_DIAGONAL, x.axes)
    return of_support(COVARIANCE if within(x.support, COVARIANCE) else REAL, x.axes)


@function("inverse", "array", "x", _inverse_type)
def inverse(x: Array, dims: tuple[int, ...] = (2,)) -> Array:
    """The inverse of a square matrix; `solve` is better for one system: `inverse(Precision)`.

    >>> import numpy as np
    >>> inverse(np.array([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return xp.inverse(real_number(x))


def _solve_type(a: Type, b: Type) -> Type:
    numeric("solve", (a, b))
    need_square("solve", 0, a)
    if len(b.axes) not in (1, 2):
        raise Mismatch("E316", "the right side of `solve` must be a vector or a matrix", argument=1)
    need_same("solve", a.axes[0], b.axes[0])
    return Type("real", REAL, distinct((a.axes[1], *b.axes[1:])))


@function("solve", "array", "a b", _solve_type)
def solve(a: Array, b: Array, dims: tuple[int, ...] = (2, 1)) -> Array:
    """The x with a x = b, for a vector or a matrix b: `solve(Sigma, y)`.

    >>> import numpy as np
    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0])).tolist()
    [1.0, 0.5]
    """
    a, b = real_number(a), real_number(b)
    if dims[1] == 2:
        return xp.solve(a, b)
    return xp.squeeze(xp.solve(a, xp.expand_dims(b, -1)), axis=-1)


def _logdet_type(x: Type) -> Type:
    numeric("logdet", (x,))
    need_square("logdet", 0, x)
    return of_support(Interval(-math.inf, 0.0, closed_upper=True) if kind(x) == "correlation" else REAL)


@function("logdet", "array", "x", _logdet_type)
def logdet(x: Array, dims: tuple[int, ...] = (2,)) -> Array:
    """log |det x| of a square matrix: `-0.5 * logdet(Sigma)`.

    >>> import numpy as np
    >>> float(logdet(np.eye(3)))
    0.0
    """
    return xp.logdet(real_number(x))


_TRANSPOSES = ("covariance", "correlation", "diagonal_positive", "diagonal_nonnegative")


def _transpose_type(x: Type) -> Type:
    numeric("transpose", (x,))
    need_axes("transpose", 0, x, 2)
    axes = distinct(reversed(x.axes))
    if kind(x) in _TRANSPOSES:
        return Type("real", x.support, axes)
    if within(x.support, CHOLESKY):
        return Type("real", Structured("cholesky_transposed"), axes)
    return of_support(CHOLESKY if kind(x) == "cholesky_transposed" else elements(x), axes)


@function("transpose", "array", "x", _transpose_type)
def transpose(x: Array, dims: tuple[int, ...] = (2,)) -> Array:
    """The matrix with rows and columns exchanged: `L @ transpose(L)`.

    >>> import numpy as np
    >>> transpose(np.array([[1.0, 2.0]])).tolist()
    [[1.0], [2.0]]
    """
    return xp.matrix_transpose(x)


def _quad_form_type(x: Type, v: Type) -> Type:
    numeric("quad_form", (x, v))
    need_square("quad_form", 0, x)
    need_axes("quad_form", 1, v, 1)
    need_same("quad_form", x.axes[0], v.axes[0])
    return of_support(NONNEGATIVE if within(x.support, COVARIANCE) else REAL)


@function("quad_form", "array", "x v", _quad_form_type)
def quad_form(x: Array, v: Array, dims: tuple[int, ...] = (2, 1)) -> Array:
    """v' x v, not negative for a covariance: `quad_form(Precision, y)`.

    >>> import numpy as np
    >>> float(quad_form(np.eye(2), np.array([3.0, 4.0])))
    25.0
    """
    x, v = real_number(x), real_number(v)
    return xp.sum(xp.multiply(xp.matvec(x, v), v), axis=-1)


def _quad_form_diag_type(x: Type, d: Type) -> Type:
    _need_covariance("quad_form_diag", 0, x)
    need_axes("quad_form_diag", 1, d, 1)
    need_same("quad_form_diag", x.axes[0], d.axes[0])
    positive = within(elements(d), POSITIVE)
    return of_support(COVARIANCE if positive else REAL, x.axes)


@function("quad_form_diag", "array", "x d", _quad_form_diag_type)
def quad_form_diag(x: Array, d: Array, dims: tuple[int, ...] = (2, 1)) -> Array:
    """diag(d) x diag(d), the covariance of a correlation and scales: `quad_form_diag(Omega, tau)`.

    >>> import numpy as np
    >>> quad_form_diag(np.eye(2), np.array([2.0, 3.0])).tolist()
    [[4.0, 0.0], [0.0, 9.0]]
    """
    d = real_number(d)
    scales = xp.multiply(xp.expand_dims(d, -1), xp.expand_dims(d, -2))
    return xp.multiply(real_number(x), scales)
