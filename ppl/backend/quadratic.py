"""Sums of squared residuals through triangular factors: what is left of rows after they are folded."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array, op


def _square_vjp(g: Array, ans: Array, beta: Array, factor: Array, target: Array) -> Array:
    return 2.0 * np.asarray(g)[:, None] * ((beta @ factor.T - target) @ factor)


@op(_square_vjp, None, None)
def residual_square(beta: Array, factor: Array, target: Array) -> Array:
    """|factor beta - target|^2 of each draw: beta (S, K), factor (M, K), target (M,) -> (S,)."""
    gap = beta @ factor.T - target
    return np.einsum("sm,sm->s", gap, gap)


def _gaps(beta: Array, factor: Array, target: Array) -> Array:
    return np.einsum("mkg,skg->smg", factor, beta) - target


def _squares_vjp(g: Array, ans: Array, beta: Array, factor: Array, target: Array) -> Array:
    gap = _gaps(beta, factor, target) * (2.0 * np.asarray(g))[:, None, :]
    return np.einsum("mkg,smg->skg", factor, gap)


@op(_squares_vjp, None, None)
def residual_squares(beta: Array, factor: Array, target: Array) -> Array:
    """The same for each class: beta (S, K, G), factor (M, K, G), target (M, G) -> (S, G)."""
    gap = _gaps(beta, factor, target)
    return np.einsum("smg,smg->sg", gap, gap)
