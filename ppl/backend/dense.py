"""A dense layer as one operation: two matrix products forward and back, whatever the draws share."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array, op


def _flat(x: Array) -> Array:
    return np.reshape(x, (-1, np.shape(x)[-1]))


def _shared(w: Array) -> bool:
    """Whether one product of two matrices does: the weights do not differ between draws."""
    return int(np.shape(w)[0]) == 1


def _vjp_x(g: Array, ans: Array, x: Array, w: Array) -> Array:
    if _shared(w):
        out = np.reshape(_flat(g) @ w[0].T, (*np.shape(g)[:-1], np.shape(w)[1]))
    else:
        out = np.matmul(g, np.swapaxes(w, -1, -2))
    return out if np.shape(x)[0] == np.shape(out)[0] else out.sum(axis=0, keepdims=True)


def _vjp_w(g: Array, ans: Array, x: Array, w: Array) -> Array:
    if _shared(w):
        return (_flat(x).T @ _flat(g))[None]
    return np.matmul(np.swapaxes(x, -1, -2), g)


@op(_vjp_x, _vjp_w)
def dense(x: Array, w: Array) -> Array:
    """x (S, N, F) times w (S, F, H): (S, N, H); either may have a draw axis of size one.

    Weights that all draws share make one product of two plain matrices.

    >>> dense(np.ones((4, 3, 2)), np.ones((1, 2, 5))).shape
    (4, 3, 5)
    """
    if _shared(w):
        return np.reshape(_flat(x) @ w[0], (*np.shape(x)[:-1], np.shape(w)[-1]))
    return np.matmul(x, w)
