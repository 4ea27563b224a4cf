"""Arithmetic and elementary functions, element by element with numpy broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ppl.backend.op import Array, Op, Vjp, op


def _elementwise(*vjps: Vjp | None) -> Callable[[Callable[..., Array]], Op]:
    return op(*vjps, broadcasts=True)


def floating(x: Array) -> Array:
    """x as an array of floats: of single precision where it is, else of double."""
    array = np.asarray(x)
    return array if array.dtype == np.float32 else np.asarray(array, dtype=float)


@_elementwise(lambda g, ans, x, y: g, lambda g, ans, x, y: g)
def add(x: Array, y: Array) -> Array:
    return np.add(x, y)


@_elementwise(lambda g, ans, x, y: g, lambda g, ans, x, y: -g)
def subtract(x: Array, y: Array) -> Array:
    return np.subtract(x, y)


@_elementwise(lambda g, ans, x, y: g * y, lambda g, ans, x, y: g * x)
def multiply(x: Array, y: Array) -> Array:
    return np.multiply(x, y)


@_elementwise(lambda g, ans, x, y: g / y, lambda g, ans, x, y: -g * ans / y)
def divide(x: Array, y: Array) -> Array:
    return np.divide(x, y)


@_elementwise(lambda g, ans, x: -g)
def negative(x: Array) -> Array:
    return np.negative(x)


def _power_base(g: Array, ans: Array, x: Array, y: Array) -> Array:
    return g * y * np.power(x, np.where(y == 0, 1.0, y - 1))


def _power_exponent(g: Array, ans: Array, x: Array, y: Array) -> Array:
    return g * ans * np.log(np.where(np.equal(x, 0), 1.0, x))


@_elementwise(_power_base, _power_exponent)
def power(x: Array, y: Array) -> Array:
    return np.power(floating(x), y)


@_elementwise(lambda g, ans, x: g * ans)
def exp(x: Array) -> Array:
    return np.exp(x)


@_elementwise(lambda g, ans, x: g / x)
def log(x: Array) -> Array:
    return np.log(x)


@_elementwise(lambda g, ans, x: g / (1.0 + x))
def log1p(x: Array) -> Array:
    return np.log1p(x)


@_elementwise(lambda g, ans, x: g * (ans + 1.0))
def expm1(x: Array) -> Array:
    return np.expm1(x)


@_elementwise(lambda g, ans, x: 0.5 * g / ans)
def sqrt(x: Array) -> Array:
    return np.sqrt(x)


@_elementwise(lambda g, ans, x: 2.0 * g * x)
def square(x: Array) -> Array:
    return np.square(x)


@_elementwise(lambda g, ans, x: -g * np.square(ans))
def reciprocal(x: Array) -> Array:
    return np.reciprocal(floating(x))


@_elementwise(lambda g, ans, x: g * np.sign(x))
def abs_(x: Array) -> Array:
    return np.abs(x)


@_elementwise(lambda g, ans, x: np.zeros_like(g))
def sign(x: Array) -> Array:
    return np.sign(x)


@_elementwise(lambda g, ans, x: np.zeros_like(g))
def floor(x: Array) -> Array:
    return np.floor(x)


@_elementwise(lambda g, ans, x: g * np.cos(x))
def sin(x: Array) -> Array:
    return np.sin(x)


@_elementwise(lambda g, ans, x: -g * np.sin(x))
def cos(x: Array) -> Array:
    return np.cos(x)


@_elementwise(lambda g, ans, x: g / (1.0 + np.square(x)))
def arctan(x: Array) -> Array:
    return np.arctan(x)


@_elementwise(lambda g, ans, x: g * (1.0 - np.square(ans)))
def tanh(x: Array) -> Array:
    return np.tanh(x)


@_elementwise(lambda g, ans, x: g * ans * (1.0 - ans))
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow: (1 + tanh(x/2)) / 2."""
    e = np.exp(-np.abs(x))
    return np.where(np.greater_equal(x, 0), 1.0, e) / (1.0 + e)


@_elementwise(lambda g, ans, x: g * -np.expm1(-ans))
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow; its slope is 1 - exp(-softplus)."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


@_elementwise(
    lambda g, ans, x, y: g * np.where(np.greater_equal(x, y), 1.0, 0.0),
    lambda g, ans, x, y: g * np.where(np.greater_equal(x, y), 0.0, 1.0),
)
def maximum(x: Array, y: Array) -> Array:
    return np.maximum(x, y)


@_elementwise(
    lambda g, ans, x, y: g * np.where(np.less_equal(x, y), 1.0, 0.0),
    lambda g, ans, x, y: g * np.where(np.less_equal(x, y), 0.0, 1.0),
)
def minimum(x: Array, y: Array) -> Array:
    return np.minimum(x, y)


def _share(x: Array, ans: Array) -> Array:
    return np.exp(np.where(np.isneginf(ans), -np.inf, x - np.where(np.isinf(ans), 0.0, ans)))


@_elementwise(lambda g, ans, x, y: g * _share(x, ans), lambda g, ans, x, y: g * _share(y, ans))
def logaddexp(x: Array, y: Array) -> Array:
    return np.logaddexp(x, y)


@_elementwise(
    None,
    lambda g, ans, test, x, y: np.where(test, g, 0.0),
    lambda g, ans, test, x, y: np.where(test, 0.0, g),
)
def where(test: Array, x: Array, y: Array) -> Array:
    """Element of x where test holds, else of y; the branch not taken gets a zero cotangent."""
    return np.where(test, x, y)


def _xlogy(x: Array, y: Array) -> Array:
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, x * np.log(np.where(zero, 1.0, y)))


@_elementwise(
    lambda g, ans, x, y: g * np.log(np.maximum(y, 1e-300)),
    lambda g, ans, x, y: g * np.where(np.equal(x, 0), 0.0, x / np.where(np.equal(x, 0), 1.0, y)),
)
def xlogy(x: Array, y: Array) -> Array:
    """x log y, and 0 where x is 0 whatever y is."""
    return _xlogy(x, y)


@_elementwise(
    lambda g, ans, x, y: g * np.log1p(np.maximum(y, -1.0 + 1e-16)),
    lambda g, ans, x, y: g * np.where(np.equal(x, 0), 0.0, x / np.where(np.equal(x, 0), 1.0, 1.0 + y)),
)
def xlog1py(x: Array, y: Array) -> Array:
    """x log(1 + y), and 0 where x is 0 whatever y is."""
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, x * np.log1p(np.where(zero, 0.0, y)))


def _comparison(name: str, function: Any) -> Op:
    return Op(name, function, (None, None), True)


equal = _comparison("equal", np.equal)
not_equal = _comparison("not_equal", np.not_equal)
less = _comparison("less", np.less)
less_equal = _comparison("less_equal", np.less_equal)
greater = _comparison("greater", np.greater)
greater_equal = _comparison("greater_equal", np.greater_equal)
logical_and = _comparison("logical_and", np.logical_and)
logical_or = _comparison("logical_or", np.logical_or)
logical_not = Op("logical_not", np.logical_not, (None,), True)
