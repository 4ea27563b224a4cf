"""Numbers as operations need them: truth values become 0 and 1, whole numbers floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced

Array = Any


def _dtype_kind(x: Array) -> str:
    example = getattr(x, "example", x) if isinstance(x, Traced) else x
    if isinstance(example, (np.ndarray, np.generic)):
        return example.dtype.kind
    return {bool: "b", int: "i", float: "f"}.get(type(example), "f")


def number(x: Array) -> Array:
    """Truth values as 0 and 1; whole numbers stay whole.

    >>> number(np.array([True, False])).tolist()
    [1.0, 0.0]
    """
    return real_number(x) if _dtype_kind(x) == "b" else x


def real_number(x: Array) -> Array:
    """Truth values and whole numbers as floats, so that products do not wrap around.

    >>> real_number(3)
    3.0
    """
    if _dtype_kind(x) == "f":
        return x
    if isinstance(x, Traced):
        return xp.multiply(x, 1.0)
    return x.astype(float) if isinstance(x, np.ndarray) else float(x)


def constant(x: Array) -> float | None:
    """The one number that a constant of size one holds, else None."""
    if isinstance(x, (bool, int, float, np.generic)):
        return float(x)
    if isinstance(x, np.ndarray) and x.size == 1:
        return float(x.reshape(()))
    return None


def length(x: Array, axis: int) -> int:
    """The size of an axis, counted from the last."""
    return int(x.shape[axis])


def safe_sqrt(x: Array) -> Array:
    """Square root with derivative 0, not infinity, at 0.

    >>> safe_sqrt(np.array([0.0, 4.0])).tolist()
    [0.0, 2.0]
    """
    zero = xp.equal(x, 0.0)
    return xp.where(zero, 0.0, xp.sqrt(xp.where(zero, 1.0, x)))
