"""Factors that are no polynomial, with the scalar predictor through which they read their latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.energy.links import steady
from ppl.energy.poly import NotPolynomial, Poly
from ppl.energy.symbolic import Symbolic
from ppl.energy.terms import Residual, Term
from ppl.errors import PplError
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, row_weights
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned, constant, union
from ppl.graph.nodes import Dim
from ppl.graph.order import mentions
from ppl.supports import REAL

Array = Any
Density = Callable[[Array], Array]


def residual(lay: Layout, s: Symbolic, statement: g.Statement, error: NotPolynomial) -> Residual:
    """The factor of a statement that is no polynomial, with its predictor where it has a single one."""
    span = error.span or statement.span
    out = Residual(statement, error.why, span, names_of(lay, s, statement))
    try:
        found = _predictor(s, statement)
        if found is None:
            return out
        x, density = found
        dims = density_dims(s, statement, x, density)
    except (NotPolynomial, PplError):
        return out
    whole = [s.algebra.whole(m) for m in x.monomials]
    terms = tuple(Term(m.coefficient, m.atoms, statement, statement.span) for m in whole)
    weight = _weight(lay, s, dims)
    return replace(out, dims=dims, weight=weight, predictor=terms, density=_bare(density, dims))


def names_of(lay: Layout, s: Symbolic, statement: g.Statement) -> frozenset[str]:
    """The latents that a statement mentions, itself or through deterministic quantities."""
    bodies = {v.name: v for v in lay.graph.statements if v.kind == "value"}
    known = set(s.algebra.supports)
    roots = [statement.body, *([] if statement.observed is None else [statement.observed])]
    found = mentions(tuple(roots))
    pending, seen = list(found & set(bodies)), set[str]()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            more = mentions((bodies[name].body,))
            found |= more
            pending += list(more & set(bodies))
    own = {statement.name} if statement.kind == "latent" else set()
    return frozenset((found | own) & known)


def _predictor(s: Symbolic, statement: g.Statement) -> tuple[Poly, Callable[[Named], Named]] | None:
    """The affine predictor, and the density as a function of its value."""
    if not isinstance(statement.body, g.Distribution):
        return None
    if statement.kind == "observed":
        assert statement.observed is not None
        x = s.constant(statement.observed)
        node = None if x is None else _single_node(s, statement.body)
        if x is None or node is None:
            return None
        return affine(s, s.read(node)), lambda v: _with(s, node, v, statement, x)
    if statement.kind == "latent" and all(s.constant(v) is not None for _, v in statement.body.arguments):
        from ppl.energy.store import own_elements

        if densities.event_dims(statement.body):
            return None
        drawn = affine(s, own_elements(s, statement))
        return drawn, lambda v: densities.log_density(s.at, _distribution(statement), v, statement.event)
    return None


def _distribution(statement: g.Statement) -> g.Distribution:
    assert isinstance(statement.body, g.Distribution)
    return statement.body


def _single_node(s: Symbolic, body: g.Node) -> g.Node | None:
    """The topmost scalar node through which everything reads its latents and which is affine in them."""
    node = body
    while True:
        if node is not body and not node.event:
            try:
                affine(s, s.read(node))
                return node
            except NotPolynomial:
                pass
        below = {id(n): n for n in g.children(node) if s.constant(n) is None}
        if len(below) != 1 or isinstance(node, g.Reduce | g.Segment | g.Stack | g.Items):
            return None
        (node,) = below.values()


def affine(s: Symbolic, x: Poly) -> Poly:
    """The same where it is affine in real latents, every cell valid. Raises `NotPolynomial`."""
    for m in x.monomials:
        if len(m.atoms) > 1 or any(d in s.at.reads for d in m.free):
            raise NotPolynomial("a predictor that is not affine")
        for a in m.atoms:
            support = s.algebra.supports[a.name]
            if a.stat != "x" or support != REAL:
                raise NotPolynomial("a predictor that is not affine")
    if x.data or (x.invalid is not None and x.invalid.numpy.any()):
        raise NotPolynomial("no predictor")
    return x


def _with(s: Symbolic, node: g.Node, value: Named, statement: g.Statement, x: Named) -> Named:
    """The log density with a node's value given."""
    at = Evaluator(s.at.data, dict(s.at.domains), dict(s.at.values), dict(s.at.states))
    at._memo.update(s.at._memo)  # data and tables of states: nothing that the node enters
    at._memo[node] = value
    for d in (*value.dims, *x.dims):
        at.define_dim(d, s.at.size(d))
    with np.errstate(all="ignore"):
        return densities.log_density(at, steady(_distribution(statement)), x, statement.event)


def density_dims(
    s: Symbolic, statement: g.Statement, x: Poly, density: Callable[[Named], Named]
) -> tuple[Dim, ...]:
    """The batch dims of the log density, the statement's plates among them."""
    own = union((x.free,), s.at.size)
    zero = Named(np.full((1, *(s.at.size(d) for d in own)), 0.5), own)
    out = density(zero)
    missing = out.invalid is not None and out.invalid.numpy.any()
    if missing or any(d in s.at.reads for d in out.dims):
        raise NotPolynomial("no predictor")
    return union((out.dims, own, statement.place.plates), s.at.size)


def _bare(density: Callable[[Named], Named], dims: tuple[Dim, ...]) -> Density:
    """log f at (G, *dims) values of the predictor."""

    def evaluate(values: Array) -> Array:
        found = density(Named(np.asarray(values, dtype=float), dims))
        return np.broadcast_to(aligned(found, dims), np.shape(values))

    return evaluate


def _weight(lay: Layout, s: Symbolic, dims: tuple[Dim, ...]) -> Named | None:
    weight = row_weights(lay, s.at)
    out: Named | None = None
    for d in dims:
        own = weight(d)
        if own is not None:
            more = constant(np.asarray(own, dtype=float), (d,))
            out = more if out is None else s.algebra.times(out, more)
    return out
