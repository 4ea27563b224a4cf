"""Walk the statements of a bound graph: from one vector of coordinates to values and log terms.

The same walk serves the traced log joint, plain draws, and prior simulation's bookkeeping.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import Diagnostic, ModelError
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.bind import BoundData
from ppl.graph.blocks import Block, constrained, make_block, make_imputed
from ppl.graph.cost import Folding
from ppl.graph.counts import counts_up_to
from ppl.graph.eliminate import log_partition, plate_sum
from ppl.graph.evaluate import Evaluator, StillVector
from ppl.graph.fold import folded_density, unfolded
from ppl.graph.guard import evaluating
from ppl.graph.inline import discrete_names, is_discrete
from ppl.graph.named import Named, add, aligned, union
from ppl.graph.nodes import Dim
from ppl.graph.order import groups as statement_groups
from ppl.graph.order import mentions
from ppl.graph.potentials import Latent, Potential, reads_of
from ppl.graph.recurrence import solve_recurrence
from ppl.graph.rows import check_support, checked
from ppl.graph.store import stored_dims, to_stored

Array = Any


@dataclass
class Terms:
    """Log terms gathered on the way: prior (with Jacobians), likelihood, and potentials."""

    prior: list[Named] = field(default_factory=list)
    likelihood: list[Named] = field(default_factory=list)
    potentials: list[Potential] = field(default_factory=list)
    observed: dict[str, Named] = field(default_factory=dict)
    foldings: list[Folding] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Layout:
    """The blocks of a bound graph, and the discrete latents that are summed out."""

    graph: g.Graph
    data: BoundData
    groups: tuple[tuple[g.Statement, ...], ...]
    blocks: dict[str, Block]
    size: int
    discrete: frozenset[str]
    fold: bool = True
    checked: bool = False
    """Whether observations were looked at before and are known to lie in their supports."""

    def evaluator(self) -> Evaluator:
        """A fresh evaluator that knows the domains and the dims of imputed cells."""
        at = Evaluator(self.data, self.graph.domains)
        for block in self.blocks.values():
            if block.cells is not None:
                at.define_dim(block.batch[0], len(block.cells))
        return at


def layout(graph: g.Graph, data: BoundData, data_sets: frozenset[str], groups: Any) -> Layout:
    """Place every continuous latent, param and imputed cell in one vector."""
    at = Evaluator(data, graph.domains)
    blocks: dict[str, Block] = {}
    start = 0
    discrete = {n for n in discrete_names(graph) if "." not in n or _has_blanks(data, n)}
    for s in (s for group in groups for s in group):
        if s.kind in ("latent", "param") and not is_discrete(s):
            with evaluating(s):
                blocks[s.name] = make_block(at, s, start, data_sets)
            start = blocks[s.name].where.stop
        elif s.imputes is not None and ".".join(s.imputes) not in discrete:
            with evaluating(s):
                block = make_imputed(at, s, start, data_sets)
            if block is not None:
                blocks[block.name] = block
                start = block.where.stop
    return Layout(graph, data, groups, blocks, start, frozenset(discrete))


def _has_blanks(data: BoundData, name: str) -> bool:
    table, column = name.split(".", 1)
    mask = data.missing.get((table, column))
    return mask is not None and bool(mask.any())


def walk(lay: Layout, at: Evaluator, z: Array, terms: Terms | None) -> None:
    """Give every variable its value in ``at``; with ``terms``, gather the log joint too."""
    for group in lay.groups:
        drawn = {s.name: _define(lay, at, z, terms, s) for s in group if s.kind != "value"}
        if not lay.fold or not deferred(at, group):
            define_values(at, group)
        if terms is not None:
            for s in group:
                add_factor(lay, at, terms, s, drawn.get(s.name))


def deferred(at: Evaluator, group: tuple[g.Statement, ...]) -> bool:
    """Leave a plain value until something reads it: folded rows never read a predictor row by row."""
    s = group[0]
    if len(group) > 1 or s.kind != "value" or s.recurrent or not s.place.axes:
        return False
    owner = ref(at)  # weakly: a cycle would keep every array until the collector runs
    at.deferred[s.name] = lambda: _stored(owner(), s)
    return True


def _stored(at: Evaluator | None, s: g.Statement) -> Named:
    assert at is not None
    value = at.named(s.body)
    read = next((at.reads[d] for d in value.dims if d in at.reads), None)
    if read is not None:
        raise ModelError((_whole(s, read.name),))
    return to_stored(at, s, value)


def define_values(at: Evaluator, group: tuple[g.Statement, ...]) -> None:
    """The deterministic quantities of a group, latents known: plain ones, then recurrences."""
    values = tuple(s for s in group if s.kind == "value")
    if not values:
        return
    if len(group) == 1 and not values[0].recurrent:
        _store_value(at, values[0])
        return
    for part in statement_groups(g.Graph(values)):
        if len(part) > 1 or part[0].name in mentions((part[0].body,)):
            with evaluating(part[0]):
                solve_recurrence(at, part)
        else:
            _store_value(at, part[0])


def _store_value(at: Evaluator, s: g.Statement) -> None:
    with evaluating(s):
        at.values[s.name] = _stored(at, s)


def _whole(s: g.Statement, name: str) -> Diagnostic:
    """E505: a sum over the joint states of a whole vector."""
    message = f"`{s.name}` uses the discrete latent `{name}` as a whole vector: its joint states are too many"
    help = "read one element at a time, or draw the states in place of summing: `--method bbvi`"
    return Diagnostic("E505", message, span=s.span, help=help)


def _define(lay: Layout, at: Evaluator, z: Array, terms: Terms | None, s: g.Statement) -> Named | None:
    """Give a latent, param or imputed column its value; a latent's value over its own dims."""
    with evaluating(s):
        return _defined_value(lay, at, z, terms, s)


def _defined_value(lay: Layout, at: Evaluator, z: Array, terms: Terms | None, s: g.Statement) -> Named | None:
    if s.name in lay.discrete and s.kind == "latent":
        at.states[s.name] = states_of(lay, at, s)
    elif s.name in lay.blocks and s.kind in ("latent", "param"):
        value, log_det = constrained(at, lay.blocks[s.name], z)
        at.values[s.name] = to_stored(at, s, value)
        if terms is not None and s.kind == "latent":
            terms.prior.append(Named(log_det))
        return value
    elif s.imputes is not None:
        _define_imputed(lay, at, z, terms, s)
    return None


def _define_imputed(lay: Layout, at: Evaluator, z: Array, terms: Terms | None, s: g.Statement) -> None:
    assert s.imputes is not None
    name = ".".join(s.imputes)
    if name in lay.discrete:
        at.states[name] = states_of(lay, at, s)
        return
    block = lay.blocks.get(name)
    if block is None:
        return
    assert block.cells is not None
    value, log_det = constrained(at, block, z)
    base = lay.data.arrays[s.imputes].astype(float)
    full = (
        xp.place(value.array, block.cells, shape=base.shape)
        + np.where(lay.data.missing[s.imputes], 0.0, base)[None]
    )
    assert s.observed is not None
    at.values[name] = Named(full, stored_dims(s.imputes, base.ndim))
    if terms is not None:
        terms.prior.append(Named(log_det))


def states_of(lay: Layout, at: Evaluator, s: g.Statement) -> np.ndarray:
    """All values of a discrete latent."""
    kind = s.body.type
    if kind.element == "label" and kind.set is not None:
        return np.arange(at.sets.size(kind.set))
    if kind.element == "bool":
        return np.array([0.0, 1.0])
    assert isinstance(s.body, g.Distribution)
    try:
        states = densities.prepare(at, s.body, s.event, None, s.place.plates).applied.states()
    except StillVector:
        states = None
    if states is None:
        states = counts_up_to(at, lay, s)
    return np.asarray(states, dtype=float)


# ---------------------------------------------------------------- factors


def add_factor(lay: Layout, at: Evaluator, terms: Terms, s: g.Statement, drawn: Named | None = None) -> None:
    """The log terms of a statement; ``drawn`` is the value of a continuous latent over its own dims."""
    try:
        with evaluating(s):
            _add_terms(lay, at, terms, s, drawn)
    except StillVector as error:
        raise ModelError((_whole(s, error.name),)) from None


def _add_terms(lay: Layout, at: Evaluator, terms: Terms, s: g.Statement, drawn: Named | None) -> None:
    if s.kind == "factor":
        _add(lay, at, terms.likelihood, terms, s, at.named(s.body))
    elif s.kind == "observed":
        _add_observed(lay, at, terms, s)
    elif s.name in lay.discrete and s.kind == "latent":
        value = own_cells(at, s)
        _add(lay, at, terms.prior, terms, s, at.log_density(s.body, value, s.event))
    elif s.kind == "latent" and drawn is not None:
        _add(lay, at, terms.prior, terms, s, at.log_density(s.body, drawn, s.event))


def _add_observed(lay: Layout, at: Evaluator, terms: Terms, s: g.Statement) -> None:
    assert s.observed is not None
    value = at.named(s.observed)
    terms.observed[s.name] = value
    if not lay.checked:
        check_support(at, s, value)
    density = _folded(lay, at, terms, s, value)
    if density is not None:
        terms.likelihood.append(density)
        return
    density = at.log_density(s.body, value, s.event)
    if s.imputes is not None and ".".join(s.imputes) in lay.discrete:
        density = add([density, _evidence(lay, at, s, value)], at.size)
    _add(lay, at, terms.likelihood, terms, s, density)


def _folded(lay: Layout, at: Evaluator, terms: Terms, s: g.Statement, value: Named) -> Named | None:
    """The density over fewer rows, where rows are many and nothing is summed out."""
    summed = bool(mentions((s.body,)) & lay.discrete)
    if not lay.fold or s.imputes is not None or summed:
        why = "as asked" if not lay.fold else "summed over states" if summed else "cells are imputed"
        terms.foldings.append(unfolded(at, s, value, why))
        return None
    values = {v.name: v for v in lay.graph.statements if v.kind == "value"}
    weights = row_weights(lay, at)(value.dims[0]) if value.dims else None
    density, note = folded_density(at, s, value, values, weights)
    terms.foldings.append(note)
    return density


def own_cells(at: Evaluator, s: g.Statement) -> Named:
    """A latent (its states, where summed out) at each of its own cells."""
    plates = tuple(a for a in s.place.axes if isinstance(a, g.Node))
    if len(plates) != len(s.place.axes):
        raise StillVector(s.name)
    stored = tuple(Dim(a.type.set or "", f"@{i}") for i, a in enumerate(plates))
    variable = g.Variable(s.type, frozenset(), stored, s.span, s.name)
    if not plates:
        return at.named(variable)
    loops: frozenset[Dim] = frozenset().union(*(p.loops for p in plates))
    own = g.Gather(s.body.type, loops, (), s.span, variable, tuple(g.At(p) for p in plates))
    return at.named(own)


def _evidence(lay: Layout, at: Evaluator, s: g.Statement, value: Named) -> Named:
    """0 where a cell of an imputed discrete column is blank or agrees with the state, else -inf."""
    assert s.imputes is not None
    data = lay.data.arrays[s.imputes]
    blank = lay.data.missing[s.imputes]
    read = at.reads[value.dims[0]]
    codes = [c.codes.numpy[0] for c in read.cells]
    dims = union((c.codes.dims for c in read.cells), at.size)
    cells = tuple(np.broadcast_to(c, tuple(at.size(d) for d in dims)) for c in codes)
    seen, free = data[cells], blank[cells]
    agree = free[..., None] | (seen[..., None] == value.numpy[0])
    with np.errstate(divide="ignore"):
        return Named(np.log(agree.astype(float))[None], (*dims, value.dims[0]))


def _add(
    lay: Layout, at: Evaluator, simple: list[Named], terms: Terms, s: g.Statement, density: Named
) -> None:
    density = checked(at, s, density)
    reads = reads_of(at, density)
    missing = tuple(d for d in s.place.plates if d not in density.dims)
    if missing and s.kind != "latent":
        dims = (*density.dims, *missing)
        full = tuple(at.size(d) for d in dims)
        density = Named(xp.broadcast_last(aligned(density, dims), full), dims)
    if reads:
        terms.potentials.append(Potential(density, reads, s.span))
    else:
        simple.append(density)


def joint(lay: Layout, at: Evaluator, terms: Terms) -> tuple[Named, Named]:
    """The prior part and the rest of the log joint, over the draw axis alone."""
    weight = row_weights(lay, at)
    latents = {}
    for name in lay.discrete:
        sets = _stored_sets(lay, name)
        latents[name] = Latent(name, len(at.states[name]), sets, _defined_cells(lay, at, name, sets))
    prior = add([Named(np.zeros(1)), *(plate_sum(at, weight, t) for t in terms.prior)], at.size)
    rest = [Named(np.zeros(1)), *(plate_sum(at, weight, t) for t in terms.likelihood)]
    if terms.potentials:
        rest.append(log_partition(at, latents, weight, terms.potentials))
    return prior, add(rest, at.size)


def _stored_sets(lay: Layout, name: str) -> tuple[str, ...]:
    if "." in name:
        return (name.split(".", 1)[0],)
    s = lay.graph.statement(name)
    assert s is not None
    return tuple(a.type.set or "" if isinstance(a, g.Node) else a.set for a in s.place.axes)


def _defined_cells(lay: Layout, at: Evaluator, name: str, sets: tuple[str, ...]) -> np.ndarray | None:
    """Which cells of a discrete latent its plates define; None where all."""
    s = lay.graph.statement(name)
    labels = [] if s is None else [a for a in s.place.axes if isinstance(a, g.Node)]
    if not labels or all(isinstance(a, g.Position) and a.dim not in at.domains for a in labels):
        return None
    codes = [at.named(a) for a in labels]
    dims = union((c.dims for c in codes), at.size)
    shape = tuple(at.size(d) for d in dims)
    mask = np.zeros(tuple(at.sets.size(n) for n in sets), dtype=bool)
    mask[tuple(np.broadcast_to(aligned(c, dims)[0], shape) for c in codes)] = True
    return None if mask.all() else mask


def row_weights(lay: Layout, at: Evaluator) -> Any:
    """A function from a plate dim to the weights of its rows (None where all count once)."""

    def weight(dim: Dim) -> np.ndarray | None:
        if dim in at.domains:
            domain = at.domains[dim]
            found = [
                lay.data.weights[d.set][p]
                for d, p in zip(domain.plain, at.positions(dim), strict=True)
                if d.set in lay.data.weights
            ]
            return np.prod(found, axis=0) if found else None
        return lay.data.weights.get(dim.set)

    return weight
