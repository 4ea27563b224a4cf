"""Covariance functions of Gaussian processes, over the positions x of a set's members.

x has one axis [S], or two [S, F] for positions of several coordinates; `sd` is the standard
deviation, `length` the distance over which values are alike (a number, or one for each of F). The
matrices are positive semidefinite: add `diag(..)` of something positive before factoring one.
"""

from __future__ import annotations

import math
from typing import Any

from ppl.backend import ops as xp
from ppl.functions._define import distinct, function, need, numeric
from ppl.functions._numbers import real_number, safe_sqrt
from ppl.functions._structure import COVARIANCE
from ppl.functions.base import Mismatch
from ppl.supports import NONNEGATIVE, POSITIVE
from ppl.types import Type

Array = Any


def _kernel_type(name: str, x: Type, sd: Type, *scales: Type) -> Type:
    """A covariance over [S, S'], from positions over [S] or [S, F]."""
    numeric(name, (x, sd, *scales))
    if len(x.axes) not in (1, 2):
        raise Mismatch("E316", f"`{name}` needs positions over one set; this is {x}", argument=0)
    need(name, 1, sd, NONNEGATIVE, "not negative", "give `sd` a positive prior, such as `HalfNormal(1)`")
    for i, scale in enumerate(scales, start=2):
        need(name, i, scale, POSITIVE, "positive", "give it a positive prior, such as `InverseGamma(5, 5)`")
    for i, t in enumerate((sd, *scales), start=1):
        by_coordinate = i == 2 and len(x.axes) == 2 and t.axes == x.axes[1:]
        if t.axes and not by_coordinate:
            raise Mismatch("E316", f"`{name}` needs a single number here; this is {t}", argument=i)
    return Type("real", COVARIANCE, distinct((x.axes[0], x.axes[0])))


def _columns(x: Array, dims: int) -> Array:
    """Positions with a coordinate axis: (batch, S, F)."""
    return real_number(x) if dims == 2 else xp.expand_dims(real_number(x), -1)


def _over_points(scale: Array, dims: int) -> Array:
    """A scale beside differences (batch, S, S', F)."""
    return xp.expand_dims(scale, (-3, -2)) if dims == 1 else xp.expand_dims(scale, (-3, -2, -1))


def _differences(x: Array, dims: int) -> Array:
    """x_i - x_j for each coordinate: (batch, S, S', F)."""
    points = _columns(x, dims)
    return xp.subtract(xp.expand_dims(points, -2), xp.expand_dims(points, -3))


def _event_dims(scale: Array, x: Array, dims: tuple[int, ...]) -> int:
    """How many event axes a scale has: it leads with the same batch axes as the positions."""
    return int(scale.ndim - (x.ndim - dims[0]))


def _squared_distance(x: Array, length: Array, dims: tuple[int, ...]) -> Array:
    """sum_f (x_if - x_jf)^2 / length_f^2, (batch, S, S')."""
    apart = _differences(x, dims[0])
    length = real_number(length)
    if _event_dims(length, x, dims) == 1:
        return xp.sum(xp.square(xp.divide(apart, _over_points(length, 1))), axis=-1)
    # with one length the distances of data positions are computed once, while tracing
    squares = xp.sum(xp.square(apart), axis=-1)
    return xp.divide(squares, xp.square(_over_matrix(length)))


def _over_matrix(scale: Array) -> Array:
    """A single number beside a matrix."""
    return xp.expand_dims(real_number(scale), (-2, -1))


def _scaled(sd: Array, correlation: Array) -> Array:
    return xp.multiply(xp.square(_over_matrix(sd)), correlation)


def _rbf_type(x: Type, sd: Type, length: Type) -> Type:
    return _kernel_type("RBF", x, sd, length)


@function("RBF", "array", "x | sd length", _rbf_type)
def rbf(x: Array, sd: Array, length: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """sd^2 exp(-d^2 / (2 length^2)), smooth curves: `RBF(x, sd = alpha, length = rho)`.

    >>> import numpy as np
    >>> np.round(rbf(np.array([0.0, 1.0]), np.array(1.0), np.array(1.0)), 6).tolist()
    [[1.0, 0.606531], [0.606531, 1.0]]
    """
    return _scaled(sd, xp.exp(xp.multiply(-0.5, _squared_distance(x, length, dims))))


def _matern32_type(x: Type, sd: Type, length: Type) -> Type:
    return _kernel_type("Matern32", x, sd, length)


@function("Matern32", "array", "x | sd length", _matern32_type)
def matern32(x: Array, sd: Array, length: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """sd^2 (1 + r) exp(-r), r = sqrt(3) d / length, curves with one derivative.

    `Matern32(x, sd = alpha, length = rho)`.

    >>> import numpy as np
    >>> float(matern32(np.array([0.0]), np.array(2.0), np.array(1.0))[0, 0])
    4.0
    """
    r = safe_sqrt(xp.multiply(3.0, _squared_distance(x, length, dims)))
    return _scaled(sd, xp.multiply(xp.add(1.0, r), xp.exp(xp.negative(r))))


def _matern52_type(x: Type, sd: Type, length: Type) -> Type:
    return _kernel_type("Matern52", x, sd, length)


@function("Matern52", "array", "x | sd length", _matern52_type)
def matern52(x: Array, sd: Array, length: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """sd^2 (1 + r + r^2 / 3) exp(-r), r = sqrt(5) d / length, curves with two derivatives.

    `Matern52(x, sd = alpha, length = rho)`.

    >>> import numpy as np
    >>> float(matern52(np.array([0.0]), np.array(2.0), np.array(1.0))[0, 0])
    4.0
    """
    squared = xp.multiply(5.0, _squared_distance(x, length, dims))
    r = safe_sqrt(squared)
    shape = xp.add(xp.add(1.0, r), xp.divide(squared, 3.0))
    return _scaled(sd, xp.multiply(shape, xp.exp(xp.negative(r))))


def _periodic_type(x: Type, sd: Type, length: Type, period: Type) -> Type:
    return _kernel_type("Periodic", x, sd, length, period)


@function("Periodic", "array", "x | sd length period", _periodic_type)
def periodic(x: Array, sd: Array, length: Array, period: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """sd^2 exp(-2 sum_f sin^2(pi d_f / period) / length^2), curves that repeat.

    `Periodic(day, sd = alpha, length = rho, period = 7)`.

    >>> import numpy as np
    >>> np.round(periodic(np.array([0.0, 7.0]), np.array(1.0), np.array(1.0), np.array(7.0)), 6).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    turns = xp.divide(_differences(x, dims[0]), _over_points(real_number(period), 0))
    waves = xp.divide(
        xp.sin(xp.multiply(math.pi, turns)), _over_points(real_number(length), _event_dims(length, x, dims))
    )
    return _scaled(sd, xp.exp(xp.multiply(-2.0, xp.sum(xp.square(waves), axis=-1))))


def _linear_kernel_type(x: Type, sd: Type) -> Type:
    return _kernel_type("Linear", x, sd)


@function("Linear", "array", "x | sd", _linear_kernel_type)
def linear(x: Array, sd: Array, dims: tuple[int, ...] = (1,)) -> Array:
    """sd^2 sum_f x_if x_jf, straight lines through zero: `Linear(x, sd = slope)`.

    >>> import numpy as np
    >>> linear(np.array([1.0, 2.0]), np.array(1.0)).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    points = _columns(x, dims[0])
    return _scaled(sd, xp.matmul(points, xp.matrix_transpose(points)))
