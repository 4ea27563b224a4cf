"""Keep a computed value under its target's axes, whatever dims it was computed over."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim

Array = Any


def stored_dims(key: tuple[str, str] | str, count: int) -> tuple[Dim, ...]:
    """Names of the axes of a stored quantity (read back by position)."""
    name = key if isinstance(key, str) else ".".join(key)
    return tuple(Dim("stored", f"{name}@{i}") for i in range(count))


def axis_sets(s: g.Statement) -> tuple[str, ...]:
    """The index sets of a statement's stored axes."""
    return tuple((a.type.set or "") if isinstance(a, g.Node) else a.set for a in s.place.axes)


def to_stored(at: Evaluator, s: g.Statement, value: Named) -> Named:
    """The value over the target's axes in order; cells outside a filtered plate hold 0."""
    names = stored_dims(s.name, len(s.place.axes))
    for name, set_name in zip(names, axis_sets(s), strict=True):
        at.define_dim(name, at.sets.size(set_name))
    runs = [_run(at, a) for a in s.place.axes]
    if None not in runs and len(set(runs)) == len(runs):
        return _renamed(at, value, [r for r in runs if r is not None], names)
    return _placed(at, s, value, runs, names)


def _run(at: Evaluator, axis: Dim | g.Node) -> Dim | None:
    """The dim that an axis simply runs along, if it does."""
    if isinstance(axis, Dim):
        return axis
    if isinstance(axis, g.Position) and axis.dim not in at.domains and axis.dim.set == axis.type.set:
        return axis.dim
    return None


def _renamed(at: Evaluator, value: Named, runs: list[Dim], names: tuple[Dim, ...]) -> Named:
    array = aligned(value, runs)
    shape = tuple(at.size(d) for d in runs)
    if len(value.dims) < len(runs):
        array = xp.broadcast_last(array, shape)
    moved = value.renamed(dict(zip(runs, names, strict=True)))
    return Named(array, names, moved.invalid)


def _placed(
    at: Evaluator, s: g.Statement, value: Named, runs: list[Dim | None], names: tuple[Dim, ...]
) -> Named:
    """Scatter rows of flat or ragged plates to the cells their labels name."""
    codes = []
    for axis, run in zip(s.place.axes, runs, strict=True):
        if run is not None:
            codes.append(Named(np.arange(at.size(run))[None], (run,)))
        else:
            assert isinstance(axis, g.Node)
            codes.append(at.named(axis))
    dims = union((*(c.dims for c in codes), value.dims), at.size)
    shape = tuple(at.size(n) for n in names)
    flat: Array = np.zeros((1,) * (1 + len(dims)), dtype=np.int64)
    for c, n in zip(codes, shape, strict=True):
        flat = flat * n + aligned(c, dims)
    sizes = tuple(at.size(d) for d in dims)
    index = np.broadcast_to(flat, (1, *sizes)).ravel()
    array = xp.broadcast_last(aligned(value, dims), sizes) if dims else value.array
    array = xp.reshape_last(array, count=len(dims), shape=(len(index),))
    return Named(xp.place(array, index, shape=shape), names, _outside(names, index, shape))


def _outside(names: tuple[Dim, ...], index: np.ndarray, shape: tuple[int, ...]) -> Named | None:
    """Cells that no row of the plates defines must not be read."""
    free = np.ones(int(np.prod(shape, dtype=int)), dtype=bool)
    free[index] = False
    return Named(free.reshape(1, *shape), names) if free.any() else None
