"""Coefficients that are outer products of rows, c[n, d, e] = a[n, d] b[n, e], which are never multiplied out.

Products of the columns of wide rows (as many as there are pairs) multiply the precision of a mixture's component.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, final

import numpy as np

from ppl.energy.factors import grows
from ppl.energy.terms import Atom
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim

Array = Any
MOST_STORED = 64  # products of columns that are stored; sweeps over more are faster from the columns
Size = Callable[[Dim], int]


@final
@dataclass(frozen=True, eq=False)
class Outer:
    """The array of a `Named` (1, *shape) as factors and the axes that each has; multiplied out when it is read."""

    factors: tuple[tuple[Array, tuple[int, ...]], ...]
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Axes, the draws' among them."""
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        out: Array = np.ones((1,) * self.ndim)
        for array, axes in self.factors:
            out = out * np.expand_dims(array, tuple(i for i in range(self.ndim) if i not in (0, *axes)))
        whole = np.broadcast_to(out, self.shape)
        return whole if dtype is None else whole.astype(dtype)

    def over(self, dims: Sequence[Dim]) -> list[Named]:
        """The factors by the names of the axes."""
        return [Named(array, tuple(dims[i - 1] for i in axes)) for array, axes in self.factors]


def outer(factors: Sequence[Named], size: Size) -> Named:
    """The product of factors, not multiplied out."""
    dims = union((x.dims for x in factors), size)
    parts = [
        Named(aligned(x, [d for d in dims if d in x.dims]), tuple(d for d in dims if d in x.dims))
        for x in factors
    ]
    made = tuple((x.array, tuple(1 + dims.index(d) for d in x.dims)) for x in parts)
    return Named(Outer(made, (1, *(size(d) for d in dims))), dims)


def lasting(factors: Sequence[Named], atoms: Sequence[Atom], size: Size) -> bool:
    """Whether factors are rows of two kinds of columns, and of the atoms only the indicator of a state has the rows."""
    labels = [a for a in atoms if a.stat == "is" and a.state is not None]
    if len(labels) != 1 or not grows(factors, size):
        return False
    if not all(isinstance(e, Dim) for e in labels[0].index):
        return False
    rows = labels[0].dims - {labels[0].state}
    others = frozenset[Dim]().union(*(a.dims for a in atoms if a is not labels[0]))
    wide = {d for x in factors for d in x.dims} - rows
    each = [set(x.dims) - rows for x in factors]
    return (
        len(wide) == 2
        and prod(size(d) for d in wide) > MOST_STORED
        and not rows & others
        and labels[0].state not in wide
        and all(len(own) <= 1 for own in each)
        and all(np.isfinite(x.numpy).all() for x in factors)
    )


def columns(
    data: Sequence[Named], free: Sequence[Dim], rows: Sequence[Dim], size: Size
) -> tuple[Array, Array] | None:
    """The two kinds of columns (D, N) and (E, N) whose outer products data are; None where they are no such."""
    if len(free) != 2:
        return None
    sides = [[x for x in data if free[0] in x.dims], [x for x in data if free[1] in x.dims]]
    if not sides[0] or not sides[1] or any(free[1] in x.dims for x in sides[0]):
        return None
    if len(data) == 2 and _same(sides[0][0], sides[1][0], free):
        left = _stacked(sides[0], free[0], rows, size)
        return left, left
    sides[0] += [x for x in data if not set(x.dims) & set(free)]
    return _stacked(sides[0], free[0], rows, size), _stacked(sides[1], free[1], rows, size)


def _same(x: Named, y: Named, free: Sequence[Dim]) -> bool:
    """Whether both are one array."""
    a, b = x.numpy, y.numpy
    named = tuple(free[1] if d == free[0] else d for d in x.dims) == y.dims
    return named and a.shape == b.shape and (a is b or np.array_equal(a, b))


def _stacked(factors: Sequence[Named], first: Dim, rows: Sequence[Dim], size: Size) -> Array:
    dims = (first, *rows)
    out: Array = np.ones((1,) * len(dims))
    for k, x in enumerate(factors):
        out = out * aligned(x, dims)[0] if k else aligned(x, dims)[0]
    whole = np.broadcast_to(out, tuple(size(d) for d in dims))
    return np.ascontiguousarray(whole.reshape(size(first), -1))
