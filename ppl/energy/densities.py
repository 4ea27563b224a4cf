"""Log densities as polynomials: each distribution's own, and what holds of all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.energy import poly_functions as f
from ppl.energy.forms import Form, LogSum
from ppl.energy.logs import ExpOf, read_log
from ppl.energy.poly import NotPolynomial, Poly
from ppl.errors import ModelError
from ppl.graph import densities as numeric
from ppl.graph import nodes as g
from ppl.graph.evaluate import StillVector
from ppl.graph.named import Named
from ppl.graph.nodes import Dim

if TYPE_CHECKING:
    from ppl.energy.symbolic import Symbolic

Array = Any
FEW_READS = 2  # up to here a table over the joint states is preferred to products of indicators


def density(s: Symbolic, body: g.Node, x: Poly, event: tuple[Dim, ...]) -> Poly:
    """The log density of x under a distribution node, event dims summed. Raises `NotPolynomial`."""
    if isinstance(body, g.Choose):
        test = s.constant(body.test)
        if test is None:
            raise NotPolynomial("a choice that latents determine", body.span)
        if not test.dims:
            return density(s, body.then if bool(test.numpy[0]) else body.other, x, event)
        then, other = (density(s, b, x, event) for b in (body.then, body.other))
        return s.algebra.where(test, then, other)
    assert isinstance(body, g.Distribution)
    try:
        return _density(s, body, x, event)
    except NotPolynomial as error:
        raise NotPolynomial(error.why, error.span or body.span) from None


def _density(s: Symbolic, body: g.Distribution, x: Poly, event: tuple[Dim, ...]) -> Poly:
    leaves = _leaves(body)
    constant = x.data and all(s.constant(n) is not None for n in leaves)
    if constant and _reads(s, x, leaves) <= FEW_READS:
        return _table(s, body, x, event)
    try:
        return stated(s, body, x, event, None)
    except NotPolynomial:
        if constant:
            return _table(s, body, x, event)
        found = _univariate(s, body, x, leaves)
        if found is None:
            raise
        return found


def _leaves(body: g.Distribution) -> list[g.Node]:
    """Every argument that is no distribution, wrappers' inner ones included."""
    out: list[g.Node] = []
    stack: list[g.Node] = [v for _, v in body.arguments]
    while stack:
        node = stack.pop()
        inner = node.items if isinstance(node, g.Items) else (node.body,) if isinstance(node, g.Stack) else ()
        if isinstance(node, g.Distribution):
            stack += [v for _, v in node.arguments]
        elif inner and isinstance(inner[0], g.Distribution):
            stack += inner
        else:
            out.append(node)
    return out


def _reads(s: Symbolic, x: Poly, leaves: list[g.Node]) -> int:
    dims = set(x.free).union(*(s.at.named(n).dims for n in leaves))
    return sum(d in s.at.reads for d in dims)


def _table(s: Symbolic, body: g.Distribution, x: Poly, event: tuple[Dim, ...]) -> Poly:
    """The log density of data and states, as numbers."""
    try:
        with np.errstate(all="ignore"):
            return s.algebra.of(numeric.log_density(s.at, body, f.values(x), event))
    except (ModelError, StillVector) as error:
        why = error.diagnostics[0].message if isinstance(error, ModelError) else "a whole discrete vector"
        raise NotPolynomial(why, body.span) from None


def _univariate(s: Symbolic, body: g.Distribution, x: Poly, leaves: list[g.Node]) -> Poly | None:
    """The log density of one scalar latent whose parameters are numbers, as a function of it."""
    if numeric.event_dims(body):
        return None
    found = [s.constant(n) for n in leaves]
    if any(v is None or v.dims or v.invalid is not None for v in found):
        return None
    at = s.at
    dim = s.algebra.fresh(Dim("bool", "cells"))

    def evaluate(values: list[Array]) -> Array:
        v = np.asarray(values[0], dtype=float)
        at.define_dim(dim, v.size)
        with np.errstate(all="ignore"):
            out = numeric.log_density(at, body, Named(v.reshape(1, -1), (dim,)), ())
        return out.numpy.reshape(v.shape)

    return f.several([x], evaluate, f"{_text(s, body)}.log_density({{}})")


def _text(s: Symbolic, body: g.Distribution) -> str:
    parts = []
    for name, node in body.arguments:
        if isinstance(node, g.Distribution):
            parts.append(_text(s, node))
        elif not isinstance(node, g.Items | g.Stack):
            parts.append(f"{name}={float(s.at.named(node).numpy.ravel()[0]):.17g}")
        else:
            parts.append(f"{name}=@{id(node):x}")
    return f"{body.name}[{', '.join(parts)}]"


def stated(
    s: Symbolic, body: g.Distribution, x: Poly, event: tuple[Dim, ...], sums: list[LogSum] | None
) -> Poly:
    """The log density as the distribution itself spells it out, logarithms of sums put into ``sums``."""
    kind = numeric.distribution(body)
    k = numeric.event_dims(body)
    consumed = event[len(event) - k :]
    if body.name == "Ordered":
        inner = dict(body.arguments)["distribution"]
        out = s.algebra.bind(density(s, inner, x, event), consumed)
        return out + math.lgamma(s.at.size(consumed[-1]) + 1.0)
    if kind.wrapper:
        raise NotPolynomial(_why(s, body), body.span)
    form = Form(s.algebra, consumed, *_own_axes(s, body, consumed), sums)
    given = {name: _argument(s, form, body, name, node, event) for name, node in body.arguments}
    out = kind.polynomial(form, x, **given)
    if out is None:
        raise NotPolynomial(_why(s, body), body.span)
    return s.algebra.of(out)


def _why(s: Symbolic, body: g.Distribution) -> str:
    """The reason in words: which parameters the log density is no polynomial in."""
    names = [n for n, node in body.arguments if s.constant(node) is None] or ["value"]
    listed = " and ".join(f"`{n}`" for n in names)
    return f"the log density of `{body.name}` is no polynomial in statistics of its {listed}"


def _own_axes(s: Symbolic, body: g.Distribution, consumed: tuple[Dim, ...]) -> tuple[Dim | None, Dim | None]:
    """The column dim of matrix arguments, and the axis of tables of probabilities."""
    kind = numeric.distribution(body)
    second = s.algebra.fresh(consumed[0]) if len(consumed) == 1 else None
    tables = [p.name for p in kind.parameters if p.event_dims and p.length == "states"]
    table = next((node for name, node in body.arguments if name in tables and node.event), None)
    return second, s.algebra.fresh(table.event[-1]) if table is not None else None


def _argument(
    s: Symbolic, form: Form, body: g.Distribution, name: str, node: g.Node, event: tuple[Dim, ...]
) -> Poly | ExpOf:
    kind = numeric.distribution(body)
    parameter = next((p for p in kind.parameters if p.name == name), None)
    k = 0 if parameter is None else parameter.event_dims
    own = node.event[len(node.event) - k :] if k and len(node.event) >= k else ()
    names = dict(_matched(node.event[: len(node.event) - len(own)], event))
    if own and parameter is not None and parameter.length == "states":
        assert form.states is not None
        names[own[0]] = form.states
    elif own and parameter is not None and parameter.length == "gaps":
        raise NotPolynomial(_why(s, body), body.span)
    elif own:
        names.update(zip(own, form.matrix if k == 2 else form.event, strict=True))
    try:
        return s.algebra.renamed(s.read(node), names)
    except NotPolynomial as error:
        return ExpOf(s.algebra.renamed(read_log(s, node), names), error)


def _matched(own: tuple[Dim, ...], event: tuple[Dim, ...]) -> list[tuple[Dim, Dim]]:
    """Event dims of an elementwise argument take the names of the value's dims over the same sets."""
    free = [d for d in event if d not in own]
    out = []
    for d in own:
        same = [e for e in free if e.set == d.set]
        if d not in event and same:
            out.append((d, same[0]))
            free.remove(same[0])
    return out
