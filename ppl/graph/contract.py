"""Matrix products with a constant left side as one BLAS call over all draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced

Array = Any


def contract(function: str, arrays: list[Array], dims: tuple[int, ...]) -> Array | None:
    """``X @ b`` for a data matrix X and a traced vector b, or None where that is not the shape."""
    if function not in ("matmul", "dot") or len(arrays) != 2:
        return None
    x, v = arrays
    if dims == (1, 2):
        return None
    if dims != (2, 1) or isinstance(x, Traced) or not isinstance(v, Traced):
        return None
    if np.prod(np.shape(x)[:-2], dtype=int) != 1:
        return None
    matrix = np.ascontiguousarray(np.reshape(x, np.shape(x)[-2:]), dtype=float)
    return xp.design(matrix, v)
