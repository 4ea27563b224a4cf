"""Data as factors kept apart: multiplied only where that is small, and summed over rows without their product.

    sum_n prod_j x_j[n] = sum over chunks C of rows, of sum over n in C of prod_j x_j[n]

so that a sum of products of columns needs room for a chunk, not for another column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ppl.graph.named import Named, aligned, constant, union
from ppl.graph.nodes import Dim

Array = Any
MANY_CELLS = 100_000
CHUNK = 1 << 16  # cells of the widest factor at a time
ROWS = 64, 1 << 13  # fewest and most rows of a chunk; a BLAS starts threads for longer dot products

Size = Callable[[Dim], int]


def cells(factors: Sequence[Named], size: Size) -> int:
    """How many cells the product of factors has."""
    return prod(size(d) for d in {d for x in factors for d in x.dims})


def grows(factors: Sequence[Named], size: Size) -> bool:
    """Whether the product is large and larger than every factor."""
    dims = {d for x in factors for d in x.dims}
    return len(dims) > max(len(x.dims) for x in factors) and cells(factors, size) > MANY_CELLS


def widest(factors: Sequence[Named]) -> set[Dim] | None:
    """The dims of the product where one factor has them all."""
    own = [set(x.dims) for x in factors]
    out = max(own, key=len)
    return out if all(dims <= out for dims in own) else None


def apart(factors: Sequence[Named], size: Size) -> tuple[Named, tuple[Named, ...]]:
    """The numbers and small factors multiplied, and those that would make another large array."""
    number = constant(np.float64(prod(float(x.numpy[0]) for x in factors if not x.dims)))
    first, more = number, list[Named]()
    for x in (x for x in factors if x.dims):
        if float(number.numpy[0]) == 1.0 and first is number:
            first = x
        elif cells([first, x], size) > MANY_CELLS:
            more.append(x)
        else:
            first = times(first, x, size)
    return first, tuple(more)


def times(x: Named, y: Named, size: Size) -> Named:
    """The product of two factors."""
    dims = union((x.dims, y.dims), size)
    with np.errstate(invalid="ignore"):
        return Named(aligned(x, dims) * aligned(y, dims), dims)


def summed(factors: Sequence[Named], keep: tuple[Dim, ...], size: Size) -> Named:
    """The product of factors summed over every dim but ``keep``, chunk by chunk along the longest."""
    number = prod(float(x.numpy[0]) for x in factors if not x.dims)
    wide = [x for x in factors if x.dims]
    gone = {d for x in wide for d in x.dims} - set(keep)
    if not gone:
        raise ValueError("nothing to sum over")
    rows = max(gone, key=size)
    per_row = max(cells([x], size) // max(size(rows), 1) for x in wide if rows in x.dims)
    step = min(max(ROWS[0], CHUNK // max(per_row, 1)), ROWS[1])
    if cells(wide, size) <= MANY_CELLS or step >= size(rows):
        return Named((number * einsum([x.numpy[0] for x in wide], [x.dims for x in wide], keep))[None], keep)
    total: Array = np.zeros(tuple(size(d) for d in keep))
    for lo in range(0, size(rows), step):
        parts = [_piece(x, rows, slice(lo, lo + step)) for x in wide]
        total = total + einsum(parts, [x.dims for x in wide], keep)
    return Named((number * total)[None], keep)


def _piece(x: Named, rows: Dim, chosen: slice) -> np.ndarray:
    """Some rows of a factor."""
    if rows not in x.dims:
        return np.asarray(x.numpy[0])
    return np.asarray(x.numpy[0][(slice(None),) * x.dims.index(rows) + (chosen,)])


def einsum(arrays: Sequence[Array], dims: Sequence[tuple[Dim, ...]], out: tuple[Dim, ...]) -> np.ndarray:
    """The product of arrays over dims, summed over all but ``out``."""
    if len(arrays) == 2 and not out and dims[0] == dims[1] and len(dims[0]) == 1:
        return np.asarray(arrays[0] @ arrays[1])
    number = {d: i for i, d in enumerate(dict.fromkeys(d for own in dims for d in own))}
    operands = [p for a, own in zip(arrays, dims, strict=True) for p in (a, [number[d] for d in own])]
    return np.asarray(np.einsum(*operands, [number[d] for d in out], optimize=len(arrays) > 1))


def finite(x: Named) -> Named:
    """The value as floats, without its mask; cells that no value stands for hold 0."""
    array = x.numpy.astype(float, copy=False)
    if x.invalid is None:
        return Named(array, x.dims)
    if set(x.invalid.dims) <= set(x.dims):
        bad = aligned(x.invalid, x.dims)
        array = np.where(bad & ~np.isfinite(array), 0.0, array)
    return Named(array, x.dims)
