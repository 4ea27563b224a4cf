"""Deterministic quantities as polynomials over their stored axes, and latents over their own plates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.energy.logs import read_log
from ppl.energy.poly import NotPolynomial, Poly
from ppl.energy.symbolic import Symbolic
from ppl.graph import assemble
from ppl.graph import nodes as g
from ppl.graph.gathers import Index
from ppl.graph.guard import evaluating
from ppl.graph.named import Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.graph.order import mentions
from ppl.graph.store import to_stored

Array = Any


def own_elements(s: Symbolic, statement: g.Statement) -> Poly:
    """The elements of a latent that its statement draws, over its plates and event dims."""
    axes = s.algebra.axes[statement.name]
    entries: list[Any] = []
    bad = []
    for place, axis in zip(statement.place.axes, axes, strict=True):
        if isinstance(place, Dim):
            entries.append(place)
            continue
        entry, invalid = s.algebra.entry(s.at.index(g.At(place), axis), axis)
        entries.append(entry)
        bad.append(Named(None, (), invalid))
    return s.algebra.atom(statement.name, entries, merge_invalid(bad, s.at.size))


def define_values(s: Symbolic, group: tuple[g.Statement, ...]) -> None:
    """The deterministic quantities of a group: numbers where only data enter, else polynomials."""
    values = tuple(v for v in group if v.kind == "value")
    if not values:
        return
    own = {v.name for v in values}
    if all(_plain(s, v, own) for v in values):
        assemble.define_values(s.at, group)
        return
    for v in values:
        if len(values) > 1 or v.recurrent or v.name in mentions((v.body,)):
            s.residual[v.name] = f"`{v.name}` is a recurrence of latents"
            continue
        with evaluating(v):
            _define(s, v)


def _plain(s: Symbolic, v: g.Statement, own: set[str]) -> bool:
    """Whether only data and the group itself enter a value."""
    for node in g.walk([v.body]):
        if isinstance(node, g.Variable) and node.name in own:
            continue
        if s._continuous(node) or s._discrete(node):
            return False
    return True


def _define(s: Symbolic, v: g.Statement) -> None:
    try:
        if s.constant(v.body) is not None and not s.nature(v.body)[1]:
            s.at.values[v.name] = to_stored(s.at, v, s.at.named(v.body))
        else:
            s.values[v.name] = stored(s, v, s.read(v.body))
    except NotPolynomial as error:
        s.residual[v.name] = f"`{v.name}` holds {error.why}"
        s.reasons[v.name] = error
        try:
            s.log_values[v.name] = stored(s, v, read_log(s, v.body))
        except NotPolynomial:
            return


def stored(s: Symbolic, v: g.Statement, x: Poly) -> Poly:
    """A value over its stored axes; cells that no plate defines are invalid."""
    axes = s.algebra.axes[v.name]
    runs = [_run(s, a) for a in v.place.axes]
    if None not in runs and len(set(runs)) == len(runs):
        return s.algebra.renamed(x, {r: a for r, a in zip(runs, axes, strict=True) if r is not None})
    return _scattered(s, v, x, axes)


def _run(s: Symbolic, axis: Dim | g.Node) -> Dim | None:
    if isinstance(axis, Dim):
        return axis
    if isinstance(axis, g.Position) and axis.dim not in s.at.domains and axis.dim.set == axis.type.set:
        return axis.dim
    return None


def _scattered(s: Symbolic, v: g.Statement, x: Poly, axes: tuple[Dim, ...]) -> Poly:
    """For each stored cell the place along the plates that defines it."""
    labelled = [i for i, a in enumerate(v.place.axes) if isinstance(a, g.Node)]
    codes = [s.at.named(v.place.axes[i]) for i in labelled]  # type: ignore[arg-type]
    plates = union((*(c.dims for c in codes), v.place.plates), s.at.size)
    sizes = tuple(s.at.size(d) for d in plates)
    shape = tuple(s.at.size(axes[i]) for i in labelled)
    where = tuple(np.broadcast_to(aligned(c, plates)[0], sizes).ravel() for c in codes)
    source = np.full(shape, -1, dtype=np.int64)
    source[where] = np.arange(int(np.prod(sizes, dtype=int)))
    stored_axes = tuple(axes[i] for i in labelled)
    undefined = Named((source < 0)[None], stored_axes) if (source < 0).any() else None
    places = np.unravel_index(np.maximum(source, 0), sizes) if source.size else [source] * len(sizes)
    picks = {
        d: Index(Named(np.asarray(p)[None], stored_axes, undefined))
        for d, p in zip(plates, places, strict=True)
    }
    events = {a: axes[i] for i, a in enumerate(v.place.axes) if isinstance(a, Dim)}
    out = s.algebra.renamed(s.algebra.reindexed(x, picks), events)
    invalid = merge_invalid([Named(None, (), out.invalid), Named(None, (), undefined)], s.at.size)
    return Poly(s.algebra, out.monomials, invalid)
