"""Triangular algebra on very many small matrices, time trailing: (K, K, n) is n matrices K by K.

Each operation is a short loop over the rows of the matrices, on long vectors: for matrices below about 20 by 20
that is several times as fast as one call of a library for each.
"""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array


def cholesky(a: Array) -> Array:
    """Lower factors of symmetric (K, K, n); where one is not positive definite its diagonal is not a number.

    >>> cholesky(np.array([[[4.0], [2.0]], [[2.0], [5.0]]]))[:, :, 0].tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    out = np.array(a, order="C")
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(len(out)):
            out[:j, j] = 0.0
            pivot = np.where(out[j, j] > 0, np.sqrt(out[j, j]), np.nan)
            out[j, j] = pivot
            out[j + 1 :, j] /= pivot
            for i in range(j + 1, len(out)):
                out[i, j + 1 : i + 1] -= out[i, j] * out[j + 1 : i + 1, j]
    return out


def lower_solve(factor: Array, b: Array) -> Array:
    """L^-1 b in place: factor (K, K, n), b (K, c, n).

    >>> lower_solve(np.array([[[2.0], [0.0]], [[1.0], [2.0]]]), np.array([[[2.0]], [[5.0]]])).ravel().tolist()
    [1.0, 2.0]
    """
    for i in range(len(b)):
        b[i] /= factor[i, i]
        for r in range(i + 1, len(b)):
            b[r] -= factor[r, i] * b[i]
    return b


def upper_solve(factor: Array, b: Array) -> Array:
    """L'^-1 b in place: factor (K, K, n), b (K, c, n).

    >>> upper_solve(np.array([[[2.0], [0.0]], [[1.0], [2.0]]]), np.array([[[4.0]], [[4.0]]])).ravel().tolist()
    [1.0, 2.0]
    """
    for i in reversed(range(len(b))):
        b[i] /= factor[i, i]
        for r in range(i):
            b[r] -= factor[i, r] * b[i]
    return b


def transposed_product(a: Array, b: Array) -> Array:
    """a' b of every pair: (K, p, n) and (K, q, n) to (p, q, n).

    >>> transposed_product(np.array([[[1.0]], [[2.0]]]), np.array([[[3.0]], [[4.0]]])).ravel().tolist()
    [11.0]
    """
    return np.einsum("kpn,kqn->pqn", a, b)


def product(a: Array, b: Array) -> Array:
    """a b of every pair: (p, K, n) and (K, q, n) to (p, q, n).

    >>> product(np.array([[[1.0], [2.0]]]), np.array([[[3.0]], [[4.0]]])).ravel().tolist()
    [11.0]
    """
    return np.einsum("pkn,kqn->pqn", a, b)
