"""From a bound problem to its energy: the log joint as terms over statistics of latents, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.energy.auxiliary import Labels, augmented, labels
from ppl.energy.contracted import contracted, live
from ppl.energy.declare import declared, orders_of, supports_of
from ppl.energy.densities import density
from ppl.energy.outer import outer
from ppl.energy.poly import Algebra, Monomial, NotPolynomial, Poly
from ppl.energy.residuals import residual
from ppl.energy.states import attached, one_state_each
from ppl.energy.store import define_values, own_elements
from ppl.energy.symbolic import Symbolic
from ppl.energy.terms import Energy, Latent, Residual, Term
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, layout, own_cells, row_weights
from ppl.graph.evaluate import StillVector
from ppl.graph.guard import evaluating
from ppl.graph.named import Named, constant
from ppl.graph.nodes import Dim
from ppl.graph.order import groups
from ppl.graph.potentials import Weight
from ppl.graph.problem import Problem
from ppl.graph.rows import check_support, checked

Array = Any
FORBIDDEN = -1e12  # stands for log 0 of a state: its probability is exactly 0, and 0 times this is 0


def energy(problem: Problem, centres: Mapping[str, np.ndarray] | None = None) -> Energy:
    """The log joint of a bound problem, as it is written (nothing non-centred), latents measured from centres."""
    tables = frozenset(problem.program.tables)
    lay = layout(problem.plain, problem.data, tables, groups(problem.plain))
    at = lay.evaluator()
    supports, axes = supports_of(lay)
    latents = frozenset(supports) - lay.discrete
    s = Symbolic(at, Algebra(at, supports, axes, orders_of(lay), centres or {}), latents)
    if lay.discrete:
        at.states.update(problem.state_values())
    made = _Made()
    terms, residuals = made.terms, made.residuals
    for group in lay.groups:
        define_values(s, group)
        for statement in group:
            if statement.kind in ("latent", "observed", "factor"):
                with evaluating(statement):
                    _add(lay, s, statement, made)
    sizes = {d: at.size(d) for d in _all_dims(terms, residuals)}
    found = {**declared(lay, s), **made.labels}
    sizes.update({d: n for latent in found.values() for d, n in zip(latent.dims, latent.shape, strict=True)})
    merged, constants = _without_constants(terms)
    total = sum(c for _, c in constants)
    states = dict(at.states)
    return Energy(
        found, merged, tuple(residuals), total, sizes, constants, lay, states, centres=centres or {}
    )


@dataclass(frozen=True, eq=False)
class _Made:
    """What statements have given so far; ``labels``: auxiliary latents."""

    terms: list[Term] = field(default_factory=list)
    residuals: list[Residual] = field(default_factory=list)
    labels: dict[str, Latent] = field(default_factory=dict)


def _add(lay: Layout, s: Symbolic, statement: g.Statement, made: _Made) -> None:
    try:
        made.terms.extend(finished(lay, s, statement, _log_density(lay, s, statement)))
    except NotPolynomial as error:
        why = error
    except StillVector as error:
        why = NotPolynomial(f"it uses the discrete latent `{error.name}` as a whole vector", statement.span)
    else:
        return
    left = residual(lay, s, statement, why)
    if left.predictor is not None or not _labelled(lay, s, statement, made):
        made.residuals.append(left)


def _labelled(lay: Layout, s: Symbolic, statement: g.Statement, made: _Made) -> bool:
    """Spell out a statement with labels of summands; False where that cannot be."""
    if statement.kind == "factor":
        return False
    found: list[Labels] = []
    try:
        out = augmented(s, statement.body, value_of(lay, s, statement), statement.event)
        for count, parts in out.sums:
            name = _unused(f"#{statement.name}", {*made.labels, *(own.latent.name for own in found)})
            own = labels(s, statement, name, count, parts, row_weights(lay, s.at))
            found += [] if own is None else [own]
        terms = finished(lay, s, statement, out.rest)
    except (NotPolynomial, StillVector):
        return False
    made.terms.extend([*terms, *(t for own in found for t in own.terms)])
    made.labels.update({own.latent.name: own.latent for own in found})
    return True


def _unused(name: str, taken: set[str]) -> str:
    """A name that no other labels have."""
    later = (f"{name}.{i}" for i in range(2, len(taken) + 3))
    return next(n for n in (name, *later) if n not in taken)


def _log_density(lay: Layout, s: Symbolic, statement: g.Statement) -> Poly:
    """The log density of one statement, over its plates."""
    if statement.kind == "factor":
        return s.read(statement.body)
    return density(s, statement.body, value_of(lay, s, statement), statement.event)


def value_of(lay: Layout, s: Symbolic, statement: g.Statement) -> Poly:
    """What a statement draws: data, elements of a latent, or the states of a discrete one."""
    if statement.kind == "observed":
        assert statement.observed is not None
        found = s.constant(statement.observed)
        if found is not None:
            check_support(s.at, statement, found)
        return s.read(statement.observed)
    if statement.name in lay.discrete:
        return s.algebra.of(own_cells(s.at, statement))
    return own_elements(s, statement)


def finished(lay: Layout, s: Symbolic, statement: g.Statement, x: Poly) -> list[Term]:
    """The terms of a statement's log density: states with their atoms, plates with their weights."""
    marker = Named(np.zeros((1,)), (), x.invalid)
    checked(s.at, statement, marker)
    every = frozenset(d for d in x.free if d not in s.at.reads) | frozenset(statement.place.plates)
    x = attached(s.algebra, one_state_each(s.algebra, x))
    weight = row_weights(lay, s.at)
    out = []
    for m in x.monomials:
        m = contracted(s.algebra, _weighted(s, m, every, weight))
        if m.more:
            product = outer((m.coefficient, *m.more), s.at.size)
            out.append(Term(product, m.atoms, statement, statement.span))
            continue
        m = live(s.algebra, m)
        array = m.coefficient.numpy
        if np.isneginf(array).any() and any(a.stat == "is" for a in m.atoms):
            array = np.where(np.isneginf(array), FORBIDDEN, array)
        if array.any():
            out.append(Term(Named(array, m.coefficient.dims), m.atoms, statement, statement.span))
    return out


def _weighted(s: Symbolic, m: Monomial, every: frozenset[Dim], weight: Weight) -> Monomial:
    """Summed over all plates, each row as often as its weight says."""
    for d in sorted(every, key=str):
        weights = weight(d)
        if d not in m.dims:
            count = float(s.at.size(d)) if weights is None else float(np.sum(weights))
            m = s.algebra.product(m, Monomial(constant(np.float64(count))))
        elif weights is not None:
            m = s.algebra.product(m, Monomial(constant(weights.astype(float, copy=False), (d,))))
    return m


def _without_constants(
    terms: list[Term],
) -> tuple[tuple[Term, ...], tuple[tuple[g.Statement, float], ...]]:
    """Terms with atoms, and the sums of the others with their statements."""
    constants = [
        (t.origin, float(np.sum(t.coefficient.numpy))) for t in terms if not t.atoms and t.origin is not None
    ]
    return tuple(t for t in terms if t.atoms), tuple(constants)


def _all_dims(terms: list[Term], residuals: list[Residual]) -> set[Dim]:
    dims: set[Dim] = set()
    for t in terms:
        dims |= t.dims
    for r in residuals:
        dims |= set(r.dims)
        for t in r.predictor or ():
            dims |= t.dims
    return dims
