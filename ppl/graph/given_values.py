"""The log joint with every latent's value given directly, in the user's own coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import UsageError, fail
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, Terms, add_factor, define_values, states_of
from ppl.graph.evaluate import Evaluator
from ppl.graph.gathers import gather
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.graph.store import stored_dims

Array = Any


def walk_given(
    lay: Layout, at: Evaluator, flat: Array, shapes: Mapping[str, tuple[int, ...]], terms: Terms
) -> None:
    """Like `ppl.graph.assemble.walk`, latents taken from ``flat`` (draws, total) in ``shapes`` order."""
    slices = _slices(shapes)
    for group in lay.groups:
        drawn: dict[str, Named | None] = {}
        for s in group:
            if s.imputes is not None and ".".join(s.imputes) in lay.blocks:
                _given_cells(lay, at, s, flat, slices)
            elif s.name in lay.discrete and s.kind == "latent":
                at.states[s.name] = states_of(lay, at, s)
            elif s.imputes is not None and ".".join(s.imputes) in lay.discrete:
                at.states[".".join(s.imputes)] = states_of(lay, at, s)
            elif s.kind in ("latent", "param"):
                _given(at, s, flat, slices, shapes)
                drawn[s.name] = own_value(s, at)
        define_values(at, group)
        for s in group:
            add_factor(lay, at, terms, s, drawn.get(s.name))


def _slices(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, int]]:
    out, start = {}, 0
    for name, shape in shapes.items():
        stop = start + int(np.prod(shape, dtype=int))
        out[name] = (start, stop)
        start = stop
    return out


def _given(
    at: Evaluator,
    s: g.Statement,
    flat: Array,
    slices: dict[str, tuple[int, int]],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    start, stop = _place(slices, s.name)
    part = xp.reshape_last(xp.slice_last(flat, start=start, stop=stop), count=1, shape=shapes[s.name])
    names = stored_dims(s.name, len(s.place.axes))
    for d, n in zip(names, shapes[s.name], strict=True):
        at.define_dim(d, n)
    at.values[s.name] = Named(part, names)


def _given_cells(
    lay: Layout, at: Evaluator, s: g.Statement, flat: Array, slices: dict[str, tuple[int, int]]
) -> None:
    """An imputed column with its blank cells at the values given."""
    assert s.imputes is not None
    name = ".".join(s.imputes)
    cells = lay.blocks[name].cells
    start, stop = _place(slices, name)
    assert cells is not None
    base = lay.data.arrays[s.imputes].astype(float)
    known = np.where(lay.data.missing[s.imputes], 0.0, base)[None]
    part = xp.slice_last(flat, start=start, stop=stop)
    at.values[name] = Named(
        xp.place(part, cells, shape=base.shape) + known, stored_dims(s.imputes, base.ndim)
    )


def _place(slices: dict[str, tuple[int, int]], name: str) -> tuple[int, int]:
    if name not in slices:
        raise fail(UsageError, "E606", f"no value for `{name}`", help="give one for every latent and param")
    return slices[name]


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
