"""Draw statements that read each other's earlier rows, row by row along an ordered set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.errors import Diagnostic, ModelError
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim
from ppl.graph.order import observed_column
from ppl.graph.rewrite import substitute
from ppl.graph.simulated import Known, Simulation, draw_statement, keep_observed
from ppl.graph.store import stored_dims

if TYPE_CHECKING:
    from ppl.graph.assemble import Layout

Array = Any


def own_name(s: g.Statement) -> str:
    """The name under which a statement's own rows are read (a column's is ``table.column``)."""
    column = observed_column(s)
    return ".".join(column) if column is not None else s.name


def own_reads(body: g.Node, name: str, lagged: bool) -> list[g.Gather]:
    """The subscripts of ``name`` in an expression; with ``lagged`` only those of other rows."""
    found = [
        n
        for n in g.walk([body])
        if isinstance(n, g.Gather)
        and isinstance(n.value, g.Variable | g.Input)
        and g.stored_name(n.value) == name
    ]
    if not lagged:
        return found
    return [n for n in found if any(isinstance(x, g.Lag) for x in n.selectors)]


def simulate_rows(
    lay: Layout,
    out: Simulation,
    group: tuple[g.Statement, ...],
    draws: int,
    rng: np.random.Generator,
    known: Known,
    condition: bool,
) -> None:
    """Draw a group; cells that are known, or that a filter leaves out, keep their values."""
    at = out.at
    one_ahead = condition and all(s.kind == "observed" for s in group)
    if one_ahead and not any(_has_blanks(lay, s) for s in group):
        for s in group:
            keep_observed(lay, out, s, draw_statement(at, s, draws, rng), condition)
        return
    time = _ordered_set(group)
    stores = {s.name: _store(lay, at, s, draws, known, condition) for s in group}
    at.domains = dict(at.domains)
    order = _same_row_order(group)
    for t in range(at.sets.size(time)):
        inner = replace(at, _memo={})
        for s in order:
            _draw_row(inner, stores[s.name], s, time, t, draws, rng)
            inner._memo.clear()
    for s in group:
        if s.kind == "observed":
            drawn = _observed(at, s, stores[s.name])
            out.observed[s.name] = (
                _predicted(at, s, stores[s.name], drawn, draws, rng) if one_ahead else drawn
            )
        elif s.kind == "latent":
            out.latents[s.name] = stores[s.name].array


def _has_blanks(lay: Layout, s: g.Statement) -> bool:
    column = observed_column(s)
    blank = lay.data.missing.get(column) if column is not None and s.imputes is not None else None
    return blank is not None and bool(np.any(blank))


def _predicted(
    at: Evaluator, s: g.Statement, store: _Store, filled: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Blank cells as they were filled; the others drawn given the rows before, blank ones of which are filled."""
    value = draw_statement(at, s, draws, rng)
    dims = [d for d in (*s.place.plates, *s.event) if d in value.dims]
    drawn = np.asarray(aligned(value, dims))
    return np.where(store.free, filled, drawn) if drawn.shape[1:] == store.free.shape else drawn


@dataclass(frozen=True, eq=False)
class _Store:
    """A quantity over its stored axes, filled as rows are drawn; ``free`` cells are drawn."""

    array: np.ndarray
    free: np.ndarray


def _axes(s: g.Statement) -> tuple[Dim | g.Node, ...]:
    """The label of each stored axis, for an observation those of its column."""
    if s.kind == "observed" and isinstance(s.observed, g.Gather):
        own = tuple(x.index if isinstance(x, g.At) else x.base for x in s.observed.selectors)
        return (*own, *s.observed.event)
    return s.place.axes


def _store(lay: Layout, at: Evaluator, s: g.Statement, draws: int, known: Known, condition: bool) -> _Store:
    column = observed_column(s)
    sets = tuple((a.type.set or "") if isinstance(a, g.Node) else a.set for a in _axes(s))
    shape = tuple(at.sets.size(n) for n in sets)
    array = np.zeros((draws, *shape))
    free = np.ones(shape, dtype=bool)
    given = None if column is not None else known(s.name, sets)
    if column is not None and column in lay.data.arrays:
        array[:] = lay.data.arrays[column]
        blank = lay.data.missing.get(column)
        if condition:
            free = np.zeros(shape, dtype=bool) if blank is None else np.asarray(blank)
    elif given is not None:
        free = ~np.broadcast_to(given[1], shape)
        array[:] = np.where(free, 0.0, given[0])
    dims = stored_dims(own_name(s), len(shape))
    for d, n in zip(dims, shape, strict=True):
        at.define_dim(d, n)
    at.values[own_name(s)] = Named(array, dims)
    return _Store(array, free)


def _draw_row(
    at: Evaluator, store: _Store, s: g.Statement, time: str, t: int, draws: int, rng: np.random.Generator
) -> None:
    """Draw the cells of a statement at one place of the ordered set, and write them."""
    one = _at_time(at, s, time, t)
    if one is None:
        return
    value = at.named(one.body) if s.kind == "value" else draw_statement(at, one, draws, rng)
    axes = _axes(one)
    codes = [Named(np.arange(at.size(a))[None], (a,)) if isinstance(a, Dim) else at.named(a) for a in axes]
    dims = union((value.dims, *(c.dims for c in codes)), at.size)
    shape = tuple(at.size(d) for d in dims)
    cells: tuple[Any, ...] = tuple(np.broadcast_to(aligned(c, dims)[0], shape).astype(np.intp) for c in codes)
    where: tuple[Any, ...] = (slice(None), *cells)
    full = np.broadcast_to(aligned(value, dims), (draws, *shape))
    store.array[where] = np.where(store.free[cells], full, store.array[where])


def _at_time(at: Evaluator, s: g.Statement, time: str, t: int) -> g.Statement | None:
    """The statement over the plates' rows at one place of the ordered set; None where there is none."""
    label = next((a for a in _axes(s) if isinstance(a, g.Position) and a.type.set == time), None)
    if label is None:
        return s if t == 0 else None
    chosen = np.flatnonzero(at.named(label).numpy[0] == t)
    if not len(chosen):
        return None
    old = label.dim
    new = at.restrict(old, chosen, f"@{t}")

    def change(node: g.Node) -> g.Node | None:
        if isinstance(node, g.Position) and node.dim == old:
            return g.Position(node.type, frozenset({new}), (), node.span, new, node.variable)
        return None

    axes = tuple(substitute(a, change) if isinstance(a, g.Node) else a for a in s.place.axes)
    place = g.Place(tuple(new if d == old else d for d in s.place.plates), axes)
    observed = None if s.observed is None else substitute(s.observed, change)
    return replace(s, place=place, body=substitute(s.body, change), observed=observed)


def _observed(at: Evaluator, s: g.Statement, store: _Store) -> np.ndarray:
    """The drawn column over the statement's own plates and event dims."""
    assert s.observed is not None
    value = at.named(s.observed)
    dims = [d for d in (*s.place.plates, *s.event) if d in value.dims]
    return np.asarray(aligned(value, dims))


def _ordered_set(group: tuple[g.Statement, ...]) -> str:
    for s in group:
        for other in group:
            for read in own_reads(s.body, own_name(other), lagged=True):
                for selector in read.selectors:
                    if isinstance(selector, g.Lag) and selector.base.type.set is not None:
                        return selector.base.type.set
    message = f"`{group[0].name}` needs itself at the same row, so it cannot be simulated"
    raise ModelError((Diagnostic("E604", message, span=group[0].span),))


def _at_same_row(s: g.Statement, name: str) -> bool:
    return len(own_reads(s.body, name, lagged=False)) > len(own_reads(s.body, name, lagged=True))


def _same_row_order(group: tuple[g.Statement, ...]) -> list[g.Statement]:
    """Statements after those they read at the same row."""
    needs: Mapping[str, set[str]] = {
        s.name: {
            o.name
            for o in group
            if o is not s
            and len(own_reads(s.body, own_name(o), False)) > len(own_reads(s.body, own_name(o), True))
        }
        for s in group
    }
    left, out = list(group), []
    while left:
        waiting = {s.name for s in left}
        ready = [s for s in left if not needs[s.name] & waiting] or left[:1]
        out += ready
        left = [s for s in left if s not in ready]
    return out
