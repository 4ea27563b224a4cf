"""The log joint with every latent's value given directly, in the user's own coordinates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import PplError, UsageError, fail
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, Terms, add_factor, define_values, states_of
from ppl.graph.evaluate import Evaluator
from ppl.graph.gathers import gather
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.graph.store import stored_dims

Array = Any


Part = Callable[[str], Array]


def walk_given(lay: Layout, at: Evaluator, part: Part, terms: Terms | None) -> None:
    """Like `ppl.graph.assemble.walk`; ``part`` gives the value (draws, *shape) of each latent and param.

    Without ``terms`` quantities get their values only.
    """
    for group in lay.groups:
        drawn = {s.name: give(lay, at, s, part) for s in group}
        define_values(at, group)
        if terms is not None:
            for s in group:
                add_factor(lay, at, terms, s, drawn[s.name])


def give(lay: Layout, at: Evaluator, s: g.Statement, part: Part) -> Named | None:
    """Give a statement's quantity its value; that of a latent or param is returned over its own dims."""
    column = None if s.imputes is None else ".".join(s.imputes)
    if column is not None and column in lay.blocks:
        _given_cells(lay, at, s, part(column))
    elif s.name in lay.discrete and s.kind == "latent":
        at.states[s.name] = states_of(lay, at, s)
    elif column is not None and column in lay.discrete:
        at.states[column] = states_of(lay, at, s)
    elif s.kind in ("latent", "param"):
        array = part(s.name)
        names = stored_dims(s.name, len(s.place.axes))
        for d, n in zip(names, array.shape[1:], strict=True):
            at.define_dim(d, n)
        at.values[s.name] = Named(array, names)
        return own_value(s, at)
    return None


def _given_cells(lay: Layout, at: Evaluator, s: g.Statement, cells: Array) -> None:
    """An imputed column with its blank cells at the values given."""
    assert s.imputes is not None
    where = lay.blocks[".".join(s.imputes)].cells
    assert where is not None
    base = lay.data.arrays[s.imputes].astype(float)
    known = np.where(lay.data.missing[s.imputes], 0.0, base)[None]
    full = xp.place(cells, where, shape=base.shape) + known
    at.values[".".join(s.imputes)] = Named(full, stored_dims(s.imputes, base.ndim))


def sliced(flat: Array, shapes: Mapping[str, tuple[int, ...]]) -> Part:
    """Values laid one after the other in ``flat`` (draws, total). Raises `UsageError` (E606) for others."""
    where, start = {}, 0
    for name, shape in shapes.items():
        stop = start + int(np.prod(shape, dtype=int))
        where[name] = (start, stop)
        start = stop

    def part(name: str) -> Array:
        if name not in where:
            raise missing_value(name)
        start, stop = where[name]
        return xp.reshape_last(xp.slice_last(flat, start=start, stop=stop), count=1, shape=shapes[name])

    return part


def missing_value(name: str) -> PplError:
    """E606: a latent or param without a value."""
    return fail(UsageError, "E606", f"no value for `{name}`", help="give one for every latent and param")


def own_value(s: g.Statement, at: Evaluator) -> Named:
    """A stored quantity read back over its own plates and event dims."""
    stored = at.values[s.name]
    runs = [_run(at, a) for a in s.place.axes]
    if None not in runs:
        return stored.renamed(dict(zip(stored.dims, (r for r in runs if r is not None), strict=True)))
    indices, axes, names = [], [], {}
    for dim, axis in zip(stored.dims, s.place.axes, strict=True):
        if isinstance(axis, g.Dim):
            names[dim] = axis
        else:
            axes.append(dim)
            indices.append(at.index(g.At(axis), Dim(axis.type.set or "")))
    return gather(stored.renamed(names), tuple(axes), tuple(indices), at.size)


def _run(at: Evaluator, axis: g.Dim | g.Node) -> Dim | None:
    """The dim that a stored axis simply runs along, if it does."""
    if isinstance(axis, g.Position):
        return axis.dim if axis.dim not in at.domains else None
    return axis if isinstance(axis, g.Dim) else None
