"""Draws whose slopes follow from their distribution function, where no formula of standard noise gives them."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array, op


@op(
    None,
    lambda g, ans, x, below, above, density: np.where(below < above, -g * np.exp(below - density), 0.0),
    lambda g, ans, x, below, above, density: np.where(below < above, 0.0, g * np.exp(above - density)),
    None,
    broadcasts=True,
)
def implicit_draw(x: Array, below: Array, above: Array, density: Array) -> Array:
    """x itself, with the slopes dx = -dF(x) / f(x) of a draw at which F(x; arguments) stays what it is.

    below: log F(x), above: log (1 - F(x)), density: log f(x), where x counts as fixed. The smaller tail gives
    the slope. (Figurnov, Mohamed and Mnih 2018, "Implicit reparameterization gradients".)
    """
    return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), np.shape(below)))
