"""A whole function with its own gradient as one operation, inside any program that autograd differentiates.

One forward call computes value and gradient together; the reverse sweep multiplies by it once. The gradient
is an operation too, whose derivative is a Hessian-vector product, so that second derivatives are right:

    d f = <g(z), dz>,   d <c, g(z)> = <H(z) c, dz>,   d <c, H(z) v> = <H(z) c, dv>

Third derivatives are not there: autograd says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from ppl.backend.directional import hessian_vector
from ppl.backend.op import Array, Traced, op

ValueAndGrad = Callable[[Array], tuple[Array, Array]]


@final
class Embedded:
    """A function of rows z (S, D) -> (S,), by its value and gradient.

    >>> import autograd
    >>> half_square = Embedded(lambda z: ((z**2).sum(-1) / 2, z))
    >>> autograd.grad(lambda z: half_square(3.0 * z)[0])(np.array([[1.0, 2.0]]))
    array([[ 9., 18.]])
    """

    def __init__(self, value_and_grad: ValueAndGrad) -> None:
        self._both = value_and_grad
        self._known: tuple[Array, Array] | None = None

    def __call__(self, z: Any) -> Any:
        """The values at plain rows; at rows that are being differentiated, a value that can be too."""
        if isinstance(z, np.ndarray) and not isinstance(z, Traced):
            return self._both(z)[0]
        return whole_value(z, self)

    def value(self, z: Array) -> Array:
        """The values, keeping the gradient for the reverse sweep at the same z."""
        value, slope = self._both(z)
        self._known = (np.array(z), slope)
        return value

    def slope(self, z: Array) -> Array:
        """The gradient, from the last value where it was taken at the same z."""
        if self._known is not None and np.array_equal(self._known[0], z):
            return self._known[1]
        return self._both(z)[1]

    def product(self, z: Array, v: Array) -> Array:
        """H(z_s) v_s of each row (see `hessian_vector`)."""
        return hessian_vector(lambda at: self._both(at)[1], z, v)


def _value_vjp(g: Array, ans: Array, z: Array, whole: Embedded) -> Array:
    return g[..., None] * whole_slope(z, whole)


def _slope_vjp(g: Array, ans: Array, z: Array, whole: Embedded) -> Array:
    return whole_product(z, g, whole)


def _product_vjp(g: Array, ans: Array, z: Array, v: Array, whole: Embedded) -> Array:
    return whole_product(z, g, whole)


@op(_value_vjp, None)
def whole_value(z: Array, whole: Embedded) -> Array:
    """The function's value of each row: (S, D) -> (S,)."""
    return whole.value(z)


@op(_slope_vjp, None)
def whole_slope(z: Array, whole: Embedded) -> Array:
    """The function's gradient of each row: (S, D)."""
    return whole.slope(z)


@op(None, _product_vjp, None)
def whole_product(z: Array, v: Array, whole: Embedded) -> Array:
    """The function's Hessian times v of each row: (S, D)."""
    return whole.product(z, v)
