"""An orthonormal basis of the vectors that sum to zero."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ppl.backend import ops as xp

Array = Any
LARGEST_MATRIX = 128  # beyond this the matrix is not made: running sums do the same


@cache
def basis(size: int) -> np.ndarray:
    """Columns (size, size - 1) of Helmert's matrix: orthonormal, each summing to zero.

    >>> basis(2).ravel().round(4).tolist()
    [0.7071, -0.7071]
    """
    rows = np.arange(size)[:, None]
    k = np.arange(1, size)[None, :]
    out = np.where(rows < k, 1.0, np.where(rows == k, -1.0 * k, 0.0)) / np.sqrt(k * (k + 1.0))
    out.setflags(write=False)
    return out


def spread(u: Array) -> Array:
    """``H u`` along the last axis: (..., size - 1) to (..., size).

    Row r is sum_{k > r} v_k - r v_r with v_k = u_k / sqrt(k (k + 1)), k from 1.

    >>> spread(np.ones((1, 2))).round(4).tolist()
    [[1.1154, -0.2989, -0.8165]]
    """
    size = u.shape[-1] + 1
    if size <= LARGEST_MATRIX:
        return xp.design(basis(size), u)
    k = np.arange(1.0, size)
    v = u * (1.0 / np.sqrt(k * (k + 1.0)))
    sums = xp.cumsum(v, axis=-1)
    total = sums[..., -1:]
    return xp.concatenate(total, total - sums - v * k, axis=-1)


def gathered(x: Array) -> Array:
    """``H' x`` along the last axis of numbers: (..., size) to (..., size - 1).

    >>> bool(np.allclose(gathered(spread(np.ones((1, 200)))), 1.0))
    True
    """
    x = np.asarray(x, dtype=float)
    size = x.shape[-1]
    if size <= LARGEST_MATRIX:
        return x @ basis(size)
    k = np.arange(1.0, size)
    return (np.cumsum(x, axis=-1)[..., :-1] - k * x[..., 1:]) / np.sqrt(k * (k + 1.0))
