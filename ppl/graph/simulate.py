"""Ancestral draws: every latent from its prior, every observation from its distribution.

Quantities already known (draws of a fit, by label) replace the prior draw cell by cell, so the same
walk simulates data, draws new plate elements given fitted globals, and predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.errors import Diagnostic, ModelError
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim
from ppl.graph.order import mentions
from ppl.graph.recurrence import at_row, label_of, solve_recurrence
from ppl.graph.store import axis_sets, stored_dims, to_stored
from ppl.graph.unrolled import Unrolled

Array = Any
Known = Callable[[str, tuple[str, ...]], tuple[np.ndarray, np.ndarray] | None]


@dataclass
class Simulation:
    """Draws by name over stored axes: ``latents`` and ``values`` and ``observed`` (by statement)."""

    at: Evaluator
    latents: dict[str, np.ndarray] = field(default_factory=dict)
    observed: dict[str, np.ndarray] = field(default_factory=dict)


def simulate(
    lay: Layout,
    draws: int,
    rng: np.random.Generator,
    known: Known = lambda name, sets: None,
    observe: bool = True,
    condition: bool = False,
) -> Simulation:
    """Draw every latent (unless ``known`` gives cells and a mask) and every observation.

    ``condition``: observations keep their data where later statements read them (prediction); else
    simulated columns replace the data (simulation). Raises `ModelError` where a prior cannot be
    drawn from (improper).
    """
    out = Simulation(lay.evaluator())
    for group in lay.groups:
        lagged = len(group) > 1 or any(_own(s) & mentions((s.body,)) for s in group)
        if lagged and not all(s.kind == "value" for s in group):
            _simulate_chain(lay, out, group, draws, rng, known, condition)
        else:
            for s in group:
                _simulate_one(lay, out, s, group, draws, rng, known, observe, condition)
    return out


def _own(s: g.Statement) -> set[str]:
    """The names under which a statement's own rows are read."""
    names = {s.name} if s.kind != "observed" else set()
    if isinstance(s.observed, g.Gather) and isinstance(s.observed.value, g.Input):
        names.add(f"{s.observed.value.table}.{s.observed.value.name}")
    return names


def _simulate_one(
    lay: Layout,
    out: Simulation,
    s: g.Statement,
    group: tuple[g.Statement, ...],
    draws: int,
    rng: np.random.Generator,
    known: Known,
    observe: bool,
    condition: bool,
) -> None:
    at = out.at
    if s.kind == "value":
        if s.recurrent:
            solve_recurrence(at, group)
        else:
            at.values[s.name] = to_stored(at, s, at.named(s.body))
    elif s.kind in ("latent", "param"):
        _latent(lay, out, s, draws, rng, known)
    elif s.kind == "observed" and (observe or s.imputes is not None):
        value = _draw(at, s, draws, rng)
        _keep_observed(lay, out, s, value, condition)


def _draw(at: Evaluator, s: g.Statement, draws: int, rng: np.random.Generator) -> Named:
    try:
        return densities.draw(at, s.body, s.event, s.place.plates, draws, rng)
    except (NotImplementedError, TypeError, ValueError) as error:
        message = f"`{s.name}` cannot be simulated: {error}"
        help = "give it a proper prior to draw from"
        raise ModelError((Diagnostic("E604", message, span=s.span, help=help),)) from error


def _latent(
    lay: Layout, out: Simulation, s: g.Statement, draws: int, rng: np.random.Generator, known: Known
) -> None:
    at = out.at
    given = known(s.name, axis_sets(s))
    dims = stored_dims(s.name, len(s.place.axes))
    for d, name in zip(dims, axis_sets(s), strict=True):
        at.define_dim(d, at.sets.size(name))
    if given is not None and given[1].all():
        stored = np.asarray(given[0])
    else:
        if s.kind == "param":
            message = f"the param `{s.name}` has no prior: its value must come from a fit"
            raise ModelError((Diagnostic("E604", message, span=s.span),))
        drawn = to_stored(at, s, _draw(at, s, draws, rng))
        stored = np.broadcast_to(drawn.numpy, (draws, *np.shape(drawn.array)[1:]))
        if given is not None:
            stored = np.where(given[1], given[0], stored)
    at.values[s.name] = Named(stored, dims)
    out.latents[s.name] = stored


def _keep_observed(lay: Layout, out: Simulation, s: g.Statement, value: Named, condition: bool) -> None:
    at = out.at
    dims = (*s.place.plates, *s.event)
    array = aligned(value, [d for d in dims if d in value.dims])
    out.observed[s.name] = np.asarray(array)
    column = _column_of(s)
    if column is None:
        return
    data = lay.data.arrays.get(column)
    name = f"{column[0]}.{column[1]}"
    if condition and data is not None and s.imputes is None:
        return
    if condition and data is not None:
        mask = lay.data.missing.get(column, np.zeros(data.shape, dtype=bool))
        if not mask.any():
            return
        array = np.where(mask, array, data)
    if data is None or np.shape(array)[1:] == data.shape:
        at.values[name] = Named(np.asarray(array), stored_dims(column, np.ndim(array) - 1))


def _column_of(s: g.Statement) -> tuple[str, str] | None:
    node = s.observed
    if isinstance(node, g.Gather):
        node = node.value
    if isinstance(node, g.Input) and node.table is not None:
        return (node.table, node.name)
    return None


def _simulate_chain(
    lay: Layout,
    out: Simulation,
    group: tuple[g.Statement, ...],
    draws: int,
    rng: np.random.Generator,
    known: Known,
    condition: bool,
) -> None:
    """Draw a group of statements that read each other's earlier rows, row by row."""
    at = out.at
    time = _chain_dim(group)
    keys = {s: next(iter(sorted(_own(s))), s.name) for s in group}
    if condition and all(s.kind == "observed" for s in group):
        for s in group:
            _keep_observed(lay, out, s, _draw(at, s, draws, rng), condition)
        return
    axes = {keys[s]: _axis(s, time) for s in group}
    rows: dict[str, list[Named]] = {k: [] for k in axes}
    kept = {keys[s]: _axis_dims(s) for s in group}
    for t in range(at.size(time)):
        inner = replace(at, rows={k: Unrolled(axes[k], rows[k], kept[k]) for k in rows}, _memo={})
        label = label_of(at, time.set, t)
        for s in group:
            plates = tuple(d for d in s.place.plates if d != time)
            body = at_row(s.body, time, label)
            if s.kind == "value":
                rows[keys[s]].append(inner.named(body))
            else:
                rows[keys[s]].append(densities.draw(inner, body, s.event, plates, draws, rng))
    for s in group:
        stacked = _stack_rows(at, rows[keys[s]], time, draws)
        if s.kind == "observed":
            _keep_observed(lay, out, s, stacked, condition)
        else:
            stored = to_stored(at, s, stacked)
            at.values[s.name] = stored
            if s.kind == "latent":
                out.latents[s.name] = stored.numpy


def _chain_dim(group: tuple[g.Statement, ...]) -> Dim:
    for s in group:
        for node in g.walk([s.body]):
            if isinstance(node, g.Gather):
                for selector in node.selectors:
                    if isinstance(selector, g.Lag) and isinstance(selector.base, g.Position):
                        return selector.base.dim
    message = f"`{group[0].name}` reads its own earlier rows in a way that cannot be simulated"
    raise ModelError((Diagnostic("E604", message, span=group[0].span),))


def _labels(s: g.Statement) -> tuple[Any, ...]:
    """The label of each stored axis, for an observation those of its column."""
    if s.kind == "observed" and isinstance(s.observed, g.Gather):
        own = tuple(x.index if isinstance(x, g.At) else x.base for x in s.observed.selectors)
        return (*own, *s.observed.event)
    return s.place.axes


def _axis_dims(s: g.Statement) -> tuple[Dim | None, ...]:
    return tuple(
        a if isinstance(a, Dim) else a.dim if isinstance(a, g.Position) else None for a in _labels(s)
    )


def _axis(s: g.Statement, time: Dim) -> int:
    for i, axis in enumerate(_labels(s)):
        if isinstance(axis, g.Position) and axis.dim.set == time.set:
            return i
    return 0


def _stack_rows(at: Evaluator, rows: list[Named], time: Dim, draws: int) -> Named:
    dims = max((r.dims for r in rows), key=len)
    shape = tuple(at.size(d) for d in dims)
    parts = [np.broadcast_to(aligned(r, dims), (draws, *shape)) for r in rows]
    return Named(np.stack(parts, axis=-1), (*dims, time))


def from_draws(draws: Mapping[str, np.ndarray]) -> Known:
    """Every named quantity known in full."""

    def known(name: str, sets: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray] | None:
        array = draws.get(name)
        return None if array is None else (array, np.ones(array.shape[1:], dtype=bool))

    return known
