"""An orthonormal basis of the vectors that sum to zero."""

from __future__ import annotations

from functools import cache

import numpy as np


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
