"""Hessian-vector products of a function whose gradient is exact, two gradients each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ppl.backend.op import Array

EPSILON = float(np.finfo(float).eps)


def hessian_vector(slope: Callable[[Array], Array], z: Array, v: Array, step: float | None = None) -> Array:
    """H(z_s) v_s of each row, H being the Jacobian of ``slope``: (S, D), (S, D) -> (S, D).

    The central difference of the gradient along v,

        (g(z + h v) - g(z - h v)) / 2h,   h = cbrt(eps max(1, |z|)) / max |v|,

    where |z| is the largest coordinate that moves; all points in one call of ``slope``, which takes (n, D).
    The error is h^2/6 of the third directional derivative of g and eps/h of g's own terms: 1e-12 to 1e-9
    relative for coordinates of order one, exact to rounding where g is linear. ``step`` gives the h of each
    v as it is. A row of zeros has the product zero.

    >>> hessian_vector(lambda z: z**3, np.array([[1.0, 2.0]]), np.array([[1.0, 1.0]])).round(8)
    array([[ 3., 12.]])
    """
    if step is None:
        moved = np.where(v == 0.0, 0.0, np.abs(z)).max(axis=-1, keepdims=True, initial=1.0)
        length = np.abs(v).max(axis=-1, keepdims=True, initial=0.0)
        h = np.cbrt(EPSILON * moved) / np.where(length > 0.0, length, 1.0)
    else:
        h = np.full((len(z), 1), step)
    up, down = np.split(slope(np.concatenate([z + h * v, z - h * v])), 2)
    return np.asarray((up - down) / (2.0 * h))
