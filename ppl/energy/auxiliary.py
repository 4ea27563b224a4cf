"""Logarithms of sums, made polynomials by labels that say which summand a count came from.

    m log sum_k r_k = max over q of m sum_k q_k (log r_k - log q_k),          at q_k = r_k / sum_j r_j

A count of a Poisson with a sum of rates is a sum of Poisson counts, one for each rate; a draw of a sum of
probabilities came from one of them; a draw of a mixture from one component. The labels of m equal draws are
one discrete element that counts m times (Cemgil 2009, Bayesian inference for nonnegative matrix factorisation).
They are of the fit, not of the model: kind ``auxiliary``, a name that no model can have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy.densities import density, stated
from ppl.energy.forms import LogSum
from ppl.energy.logs import read_log
from ppl.energy.poly import MOST_CELLS, Algebra, Monomial, NotPolynomial, Poly
from ppl.energy.summands import Summand, common, summands
from ppl.energy.symbolic import Symbolic
from ppl.energy.terms import Atom, Latent, Term
from ppl.graph import nodes as g
from ppl.graph.gathers import Index
from ppl.graph.named import Named, aligned, constant, union
from ppl.graph.nodes import Dim
from ppl.graph.potentials import Weight
from ppl.supports import COUNT

Array = Any
FORBIDDEN = -1e12  # stands for log 0 of a state, as everywhere in an energy


@dataclass(frozen=True, eq=False)
class Labels:
    """One auxiliary latent and the terms that read it."""

    latent: Latent
    terms: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Augmented:
    """A log density: what is a polynomial by itself, and logarithms of sums by how often each counts."""

    rest: Poly
    sums: tuple[tuple[Named, tuple[Summand, ...]], ...]


def augmented(s: Symbolic, body: g.Node, x: Poly, event: tuple[Dim, ...]) -> Augmented:
    """The log density of x with its sums inside logarithms kept apart. Raises `NotPolynomial`."""
    if not isinstance(body, g.Distribution):
        raise NotPolynomial("no distribution", body.span)
    if body.name == "Mixture":
        once = constant(np.float64(1.0))
        return Augmented(s.algebra.of(0.0), ((once, components(s, body, x, event)),))
    sums: list[LogSum] = []
    rest = stated(s, body, x, event, sums)
    return Augmented(rest, tuple((found.count, summands(s.algebra, found.value)) for found in sums))


def components(s: Symbolic, body: g.Distribution, x: Poly, event: tuple[Dim, ...]) -> tuple[Summand, ...]:
    """The components of a mixture, each with the logarithm of its weight."""
    given = dict(body.arguments)
    weights, parts = given["weights"], given["components"]
    logs, along = read_log(s, weights), weights.event[-1]
    if isinstance(parts, g.Stack):
        loop = parts.loop
        own = s.algebra.renamed(logs, {along: loop})
        return (Summand(own + density(s, parts.body, x, event), (loop,)),)
    assert isinstance(parts, g.Items)
    found = []
    for k, part in enumerate(parts.items):
        own = s.algebra.reindexed(logs, {along: Index(constant(np.int64(k)))})
        found.append(Summand(own + density(s, part, x, event), ()))
    return tuple(found)


def labels(
    s: Symbolic,
    statement: g.Statement,
    name: str,
    count: Named,
    parts: Sequence[Summand],
    weight: Weight,
) -> Labels | None:
    """The labels of one logarithm of a sum; None where nothing counts. Raises `NotPolynomial`."""
    algebra = s.algebra
    cells = union((count.dims, *(p.free for p in parts), statement.place.plates), algebra.at.size)
    if any(d in algebra.at.reads for d in cells):
        raise NotPolynomial("a sum inside a logarithm that a discrete latent chooses", statement.span)
    total = _total(algebra, count, cells, weight)
    if not total.size or not total.any():
        return None
    cell, where = _cells(algebra, total, cells)
    moved = [replace(p, log=_at(algebra, p.log, where)) for p in parts]
    alive = total.ravel()[np.flatnonzero(total)] if where else total.ravel()
    times = constant(alive, (cell,))
    state, one = common(algebra, moved)
    n, k = algebra.at.size(cell), algebra.at.size(state)
    if float(n) * k > MOST_CELLS and len(parts) > 1:
        raise NotPolynomial("a table of all summands would not fit in memory", statement.span)
    atom = Atom(name, "is", (cell,), state)
    terms = [t for m in one for t in _term(algebra, m, times, atom, statement)]
    axis = Dim(cell.set, f"@0.{name}")
    algebra.at.define_dim(axis, n)
    counts = None if (alive == 1.0).all() else alive
    latent = Latent(name, "auxiliary", (axis,), (n,), 0, COUNT, np.arange(k), None, counts, None, statement)
    return Labels(latent, tuple(terms))


def _total(algebra: Algebra, count: Named, cells: tuple[Dim, ...], weight: Weight) -> Array:
    """How often each cell counts."""
    out: Array = aligned(count, cells)[0]
    for i, d in enumerate(cells):
        own = weight(d)
        if own is not None:
            out = out * np.asarray(own, dtype=float).reshape([-1 if j == i else 1 for j in range(len(cells))])
    return np.broadcast_to(out, tuple(algebra.at.size(d) for d in cells))


def _cells(algebra: Algebra, total: Array, cells: tuple[Dim, ...]) -> tuple[Dim, dict[Dim, Index]]:
    """One dim over the cells that count, and each old dim's codes along it."""
    if len(cells) == 1 and total.all():
        return cells[0], {}
    places = np.unravel_index(np.flatnonzero(total), total.shape) if total.ndim else ()
    cell = algebra.fresh(Dim("bool", "cells"))
    algebra.at.define_dim(cell, int(np.count_nonzero(total)))
    return cell, {d: Index(constant(p, (cell,))) for d, p in zip(cells, places, strict=True)}


def _at(algebra: Algebra, x: Poly, where: dict[Dim, Index]) -> Poly:
    own = {d: i for d, i in where.items() if d in x.free}
    return algebra.reindexed(x, own) if own else x


def _term(algebra: Algebra, m: Monomial, times: Named, atom: Atom, statement: g.Statement) -> list[Term]:
    """``times * is * m``: a state of probability 0 is forbidden."""
    m = algebra.whole(m)
    array = np.where(np.isneginf(m.coefficient.numpy), FORBIDDEN, m.coefficient.numpy)
    if not array.any():
        return []
    coefficient = algebra.times(Named(array, m.coefficient.dims), times)
    return [Term(coefficient, (*m.atoms, atom), statement, statement.span)]
