"""Reads of earlier rows of a quantity that is being computed row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import nodes as g
from ppl.graph import reductions
from ppl.graph.gathers import Index, gather
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim, stored_name

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator

Array = Any


@dataclass(frozen=True, eq=False)
class Unrolled:
    """The rows so far of a quantity that is computed row by row.

    ``place``: which stored axis the rows run along; ``dims``: the dim of each stored axis.
    """

    place: int
    rows: list[Named]
    dims: tuple[Dim | None, ...]


def read_row(at: Evaluator, node: g.Gather) -> Named:
    """An earlier row of a quantity that is being unrolled."""
    assert isinstance(node.value, g.Variable | g.Input)
    earlier = at.rows[stored_name(node.value)]
    axes = node.value.event[: len(node.selectors)]
    indices = [at.index(s, a) for s, a in zip(node.selectors, axes, strict=True)]
    codes = indices[earlier.place].codes
    if codes.numpy.size != 1:
        return _past(at, node, earlier, tuple(indices))
    t = int(codes.numpy.reshape(-1)[0])
    if not 0 <= t < len(earlier.rows):
        return Named(np.zeros((1,)), (), Named(np.ones((1,), dtype=bool)))
    rest = [i for k, i in enumerate(indices) if k != earlier.place]
    return _at_rest(at, node, earlier, earlier.rows[t], rest)


def _at_rest(at: Evaluator, node: g.Gather, earlier: Unrolled, row: Named, rest: list[Index]) -> Named:
    """The other axes of one row, picked by their own indices."""
    names, axes = {}, []
    stored = [d for k, d in enumerate(earlier.dims) if k != earlier.place]
    for k, dim in enumerate(stored):
        axis = Dim("stored", f"@{k}")
        at.define_dim(axis, at.sets.size(node.value.event[k + (k >= earlier.place)].set))
        if dim is not None and dim in row.dims:
            names[dim] = axis if k < len(rest) else node.event[k - len(rest)]
            axes += [(axis, rest[k])] if k < len(rest) else []
    moved = row.renamed(names)
    return gather(moved, tuple(a for a, _ in axes), tuple(i for _, i in axes), at.size)


def _past(at: Evaluator, node: g.Gather, earlier: Unrolled, indices: tuple[Index, ...]) -> Named:
    """Several earlier rows at once: they are stacked along the time axis first."""
    rows = earlier.rows
    time = Dim("stored", f"past.{len(rows)}")
    at.define_dim(time, max(len(rows), 1))
    codes = indices[earlier.place].codes
    if not rows:
        return Named(np.zeros((1,)), (), Named(np.ones((1,), dtype=bool)) if codes.numpy.size else None)
    dims = union((r.dims for r in rows), at.size)
    shape = tuple(at.size(d) for d in dims)
    parts = [
        xp.expand_dims(xp.broadcast_last(aligned(r, dims), shape) if dims else r.array, -1) for r in rows
    ]
    stacked = Named(reductions.concatenated(parts, -1), (*dims, time))
    rest = [i for k, i in enumerate(indices) if k != earlier.place]
    picked = gather(stacked, (time,), (Index(codes),), at.size)
    return _at_rest(at, node, earlier, picked, rest)
