"""Ancestral draws: every latent from its prior, every observation from its distribution.

Quantities already known (draws of a fit, by label) replace the prior draw cell by cell, so the same
walk simulates data, draws new plate elements given fitted globals, and predicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.errors import Diagnostic, ModelError
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout
from ppl.graph.guard import evaluating
from ppl.graph.named import Named
from ppl.graph.order import groups
from ppl.graph.recurrence import solve_recurrence
from ppl.graph.simulate_rows import own_name, own_reads, simulate_rows
from ppl.graph.simulated import Known, Simulation, draw_statement, keep_observed
from ppl.graph.store import axis_sets, stored_dims, to_stored

Array = Any


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
    for group in lay.groups if condition else _with_columns(lay):
        if _lagged(group):
            with evaluating(group[0]):
                simulate_rows(lay, out, group, draws, rng, known, condition)
            continue
        for s in group:
            with evaluating(s):
                _simulate_one(lay, out, s, group, draws, rng, known, observe, condition)
    return out


def _with_columns(lay: Layout) -> list[tuple[g.Statement, ...]]:
    """The layout's statements in the order that simulated columns ask for."""
    statements = tuple(s for group in lay.groups for s in group)
    return groups(replace(lay.graph, statements=statements), columns=True)


def _lagged(group: tuple[g.Statement, ...]) -> bool:
    """Whether drawing the group needs earlier rows of its own."""
    if all(s.kind == "value" for s in group):
        return False
    return len(group) > 1 or any(own_reads(s.body, own_name(s), lagged=True) for s in group)


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
        value = draw_statement(at, s, draws, rng)
        keep_observed(lay, out, s, value, condition)


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
        drawn = to_stored(at, s, draw_statement(at, s, draws, rng))
        stored = np.broadcast_to(drawn.numpy, (draws, *np.shape(drawn.array)[1:]))
        if given is not None:
            stored = np.where(given[1], given[0], stored)
    at.values[s.name] = Named(stored, dims)
    out.latents[s.name] = stored


def from_draws(draws: Mapping[str, np.ndarray]) -> Known:
    """Every named quantity known in full."""

    def known(name: str, sets: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray] | None:
        array = draws.get(name)
        return None if array is None else (array, np.ones(array.shape[1:], dtype=bool))

    return known
