"""The log joint with every latent's value given directly, in the user's own coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import UsageError, fail
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, Terms, _add_factor, _define, _own_states, _walk_group
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named
from ppl.graph.store import stored_dims

Array = Any


def walk_given(
    lay: Layout, at: Evaluator, flat: Array, shapes: Mapping[str, tuple[int, ...]], terms: Terms
) -> None:
    """Like `ppl.graph.assemble.walk`, latents taken from ``flat`` (draws, total) in ``shapes`` order."""
    slices = _slices(shapes)
    for group in lay.groups:
        for s in group:
            if s.kind in ("latent", "param") and s.name not in lay.discrete:
                _given(at, s, flat, slices, shapes, terms)
        if len(group) > 1 or group[0].recurrent:
            _walk_group(lay, at, flat, terms, tuple(s for s in group if s.kind == "value") or group)
            continue
        s = group[0]
        if s.kind not in ("latent", "param") or s.name in lay.discrete:
            _define(lay, at, flat, terms, s)
            _add_factor(lay, at, terms, s)


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
    terms: Terms,
) -> None:
    if s.name not in slices:
        raise fail(UsageError, "E606", f"no value for `{s.name}`", help="give one for every latent and param")
    start, stop = slices[s.name]
    part = xp.reshape_last(xp.slice_last(flat, start=start, stop=stop), count=1, shape=shapes[s.name])
    names = stored_dims(s.name, len(s.place.axes))
    for d, n in zip(names, shapes[s.name], strict=True):
        at.define_dim(d, n)
    at.values[s.name] = Named(part, names)
    if s.kind == "latent":
        terms.prior.append(at.log_density(s.body, own_value(s, at), s.event))


def own_value(s: g.Statement, at: Evaluator) -> Named:
    """A stored quantity read back over its own plates and event dims."""
    if all(isinstance(a, g.Dim) for a in s.place.axes):
        return at.values[s.name].renamed(dict(zip(at.values[s.name].dims, s.place.axes, strict=True)))  # type: ignore[arg-type]
    if not s.event:
        return _own_states(at, s)
    runs = {}
    for stored, axis in zip(at.values[s.name].dims, s.place.axes, strict=True):
        assert isinstance(axis, g.Dim | g.Position)
        runs[stored] = axis if isinstance(axis, g.Dim) else axis.dim
    return at.values[s.name].renamed(runs)
