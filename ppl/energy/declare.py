"""The latents of an energy: shapes, supports, states, and which elements exist or stand for several."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.energy.symbolic import Symbolic
from ppl.energy.terms import Latent
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout
from ppl.graph.blocks import structured_dims
from ppl.graph.named import aligned, union
from ppl.graph.nodes import Dim
from ppl.graph.store import axis_sets, stored_dims
from ppl.supports import Support

Array = Any


def supports_of(lay: Layout) -> tuple[dict[str, Support], dict[str, tuple[Dim, ...]]]:
    """The support and the stored axes of every latent, param, value and imputed column."""
    supports: dict[str, Support] = {}
    axes: dict[str, tuple[Dim, ...]] = {}
    at = lay.evaluator()
    for s in lay.graph.statements:
        if s.kind in ("latent", "param", "value"):
            axes[s.name] = _axes(s.name, axis_sets(s))
        if s.kind in ("latent", "param"):
            supports[s.name] = s.type.support if s.kind == "param" else s.body.type.support
        if s.imputes is not None:
            name = ".".join(s.imputes)
            if name in lay.blocks or name in lay.discrete:
                rank = at.data.arrays[s.imputes].ndim
                assert s.observed is not None
                whole = s.observed.value if isinstance(s.observed, g.Gather) else s.observed
                axes[name] = _axes(name, tuple(d.set for d in whole.event[:rank]))
                supports[name] = s.body.type.support
    return supports, axes


def _axes(name: str, sets: tuple[str, ...]) -> tuple[Dim, ...]:
    """Dims of a stored quantity that know their set, so that they have a length."""
    return tuple(Dim(s, f"@{d.tag or d.set}.{i}.{name}") for i, (s, d) in enumerate(_pairs(name, sets)))


def _pairs(name: str, sets: tuple[str, ...]) -> list[tuple[str, Dim]]:
    return list(zip(sets, stored_dims(name, len(sets)), strict=True))


def stored_order(statement: g.Statement) -> tuple[int, ...]:
    """Where the axes of a latent lie among its stored axes: plates first, the axes of one draw last.

    ``latent_array = stored_array.transpose(order)``; the identity unless an event axis is written first.
    """
    if statement.kind != "latent":
        return tuple(range(len(statement.place.axes)))
    k = densities.event_dims(statement.body)
    consumed = statement.event[len(statement.event) - k :]
    places = {d: i for i, d in enumerate(statement.place.axes) if isinstance(d, Dim)}
    last = [places[d] for d in consumed]
    return (*(i for i in range(len(statement.place.axes)) if i not in last), *last)


def orders_of(lay: Layout) -> dict[str, tuple[int, ...]]:
    """`stored_order` of every latent where it is not the identity."""
    found = {v.name: stored_order(v) for v in lay.graph.statements if v.kind == "latent"}
    return {n: o for n, o in found.items() if o != tuple(range(len(o)))}


def declared(lay: Layout, s: Symbolic) -> dict[str, Latent]:
    """Every latent that q has to cover, in the order of the model."""
    out: dict[str, Latent] = {}
    for statement in lay.graph.statements:
        if statement.kind in ("latent", "param"):
            out[statement.name] = _quantity(lay, s, statement)
        if statement.imputes is not None:
            name = ".".join(statement.imputes)
            if name in lay.blocks or name in lay.discrete:
                out[name] = _column(lay, s, statement, name)
    return out


def _quantity(lay: Layout, s: Symbolic, statement: g.Statement) -> Latent:
    name = statement.name
    order = stored_order(statement)
    dims = tuple(s.algebra.axes[name][i] for i in order)
    mask = _defined(s, statement, s.algebra.axes[name])
    discrete = name in lay.discrete and statement.kind == "latent"
    kind = "discrete" if discrete else statement.kind
    support = s.algebra.supports[name]
    event = structured_dims(support) if statement.kind == "param" else densities.event_dims(statement.body)
    return Latent(
        name,
        kind,
        dims,
        tuple(s.at.size(d) for d in dims),
        event,
        support,
        states=np.asarray(s.at.states[name]) if discrete else None,
        multiplicity=_multiplicity(s, dims),
        defined=None if mask is None else mask.transpose(order),
        statement=statement,
    )


def _column(lay: Layout, s: Symbolic, statement: g.Statement, name: str) -> Latent:
    """The blank cells of a column."""
    assert statement.imputes is not None
    blank = s.at.data.missing[statement.imputes]
    dims, support = s.algebra.axes[name], s.algebra.supports[name]
    shape = blank.shape
    weights = _multiplicity(s, dims)
    if name not in lay.discrete:
        return Latent(name, "imputed", dims, shape, 0, support, None, None, weights, blank, statement)
    states = np.asarray(s.at.states[name])
    seen = s.at.data.arrays[statement.imputes]
    allowed = blank[..., None] | (seen[..., None] == states)
    return Latent(name, "discrete", dims, shape, 0, support, states, allowed, weights, None, statement)


def _multiplicity(s: Symbolic, dims: tuple[Dim, ...]) -> np.ndarray | None:
    """The weights of a table's rows, where an axis runs over them."""
    shape = tuple(s.at.size(d) for d in dims)
    out: Array = None
    for i, d in enumerate(dims):
        weights = s.at.data.weights.get(d.set)
        if weights is not None:
            own = weights.reshape([-1 if j == i else 1 for j in range(len(dims))])
            out = own if out is None else out * own
    return None if out is None else np.broadcast_to(out, shape).astype(float, copy=False)


def _defined(s: Symbolic, statement: g.Statement, dims: tuple[Dim, ...]) -> np.ndarray | None:
    """Which cells the plates define; None where all."""
    axes = statement.place.axes
    if all(isinstance(a, Dim) or (isinstance(a, g.Position) and a.dim not in s.at.domains) for a in axes):
        return None
    labels = [(i, s.at.named(a)) for i, a in enumerate(axes) if isinstance(a, g.Node)]
    plates = union((c.dims for _, c in labels), s.at.size)
    sizes = tuple(s.at.size(d) for d in plates)
    mask = np.zeros(tuple(s.at.size(d) for d in dims), dtype=bool)
    where: list[Any] = [slice(None)] * len(dims)
    for i, c in labels:
        where[i] = np.broadcast_to(aligned(c, plates)[0], sizes).ravel()
    mask[tuple(where)] = True
    return None if mask.all() else mask
