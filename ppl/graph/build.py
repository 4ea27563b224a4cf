"""Typed program to log-joint graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ppl.errors import Span
from ppl.graph import networks
from ppl.graph import nodes as g
from ppl.language import typed as t
from ppl.types import Axis, Type


def build(program: t.Program) -> g.Graph:
    """The log-joint graph of a checked program: every statement over named axes.

    Raises nothing: what the checker accepts has a graph.
    """
    builder = _Builder({n: networks.specification(d) for n, d in program.networks.items()})
    statements = tuple(builder.statement(d) for d in program.definitions)
    report = tuple(builder.statement(d) for d in program.report)
    guide = tuple(builder.guided(q, d) for q in program.guide for d in program.definitions if _guides(q, d))
    used = tuple(builder.networks[n] for n in program.networks if n in builder.called)
    weights = tuple(w for n in used for w in builder.weights(program.networks[n.name]))
    return g.Graph((*weights, *statements), report, builder.domains, (), used, guide)


@dataclass(frozen=True)
class _Scope:
    """What each index variable stands for here: the node of its label."""

    labels: dict[t.Loop, g.Node]

    def extended(self, more: dict[t.Loop, g.Node]) -> _Scope:
        return _Scope({**self.labels, **more})


@dataclass(frozen=True)
class _Loops:
    """Bound loops: the scope inside, the dims they run over, and the keys into outer dims."""

    scope: _Scope
    dims: tuple[g.Dim, ...]
    keys: tuple[tuple[g.Dim, g.Node], ...] = ()


@dataclass
class _Builder:
    """Builds and interns nodes; owns the flat domains it meets."""

    networks: dict[str, g.NetworkSpec] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    domains: dict[g.Dim, g.Domain] = field(default_factory=dict)
    _known: dict[Any, g.Node] = field(default_factory=dict)
    _count: int = 0

    # ---------------------------------------------------------------- nodes

    def make(
        self,
        kind: Callable[..., g.Node],
        type: Type,
        loops: frozenset[g.Dim],
        event: Any,
        span: Span,
        *rest: Any,
    ) -> g.Node:
        """The one node with these fields."""
        key = (kind, str(type), loops, event, *(_key(r) for r in rest))
        if key not in self._known:
            self._known[key] = kind(type, loops, tuple(event), span, *rest)
        return self._known[key]

    def fresh(self, set: str, name: str) -> g.Dim:
        self._count += 1
        return g.Dim(set, f"{name}.{self._count}")

    def position(self, dim: g.Dim, loop: t.Loop) -> g.Node:
        type = Type("label", set=loop.set)
        return self.make(g.Position, type, frozenset({dim}), (), loop.span, dim, loop.name)

    # ---------------------------------------------------------------- loops

    def bind(self, loops: tuple[t.Loop, ...], scope: _Scope) -> _Loops:
        """Enter loops: plain dims, parents of ragged ones, and one flat dim where filters are."""
        labels: dict[t.Loop, g.Node] = {}
        dims: dict[t.Loop, g.Dim] = {}
        for loop in loops:
            dims[loop] = self.fresh(loop.set, loop.name)
            labels[loop] = self.position(dims[loop], loop)
            labels.update(self._parents(loop, labels[loop]))
        parents = {p for loop in loops for p in _ancestors(loop)}
        keys = {p: scope.labels[p] for p in parents if p in scope.labels and p not in dims}
        run = {loop: d for loop, d in dims.items() if loop not in parents}
        if any(loop.condition is not None for loop in loops):
            return self._flatten(loops, run, scope, labels, keys)
        inner = scope.extended(labels)
        return _Loops(inner, tuple(run.values()), self._keys(keys, inner))

    def _parents(self, loop: t.Loop, label: g.Node) -> dict[t.Loop, g.Node]:
        """The outer variables that a ragged loop determines, through its foreign keys."""
        out: dict[t.Loop, g.Node] = {}
        while loop.of is not None and loop.by is not None:
            type = Type("label", set=loop.of.set)
            own = g.Dim(loop.set)
            column = self.make(
                g.Input, type.over((Axis(loop.set),)), frozenset(), (own,), loop.span, loop.set, loop.by
            )
            label = self.make(g.Gather, type, label.loops, (), loop.span, column, (g.At(label),))
            out[loop.of] = label
            loop = loop.of
        return out

    def _flatten(
        self,
        loops: tuple[t.Loop, ...],
        run: dict[t.Loop, g.Dim],
        scope: _Scope,
        labels: dict[t.Loop, g.Node],
        keys: dict[t.Loop, g.Node],
    ) -> _Loops:
        inside = scope.extended(labels)
        conditions = tuple(self.term(x.condition, inside) for x in loops if x.condition is not None)
        mentioned = frozenset().union(*(c.loops for c in conditions))
        flat = {x: d for x, d in run.items() if d in mentioned}
        outer = {
            x: n
            for x, n in scope.labels.items()
            if isinstance(n, g.Position) and n.dim in mentioned and x not in run
        }
        plain = [*flat.values(), *(n.dim for n in outer.values())]
        dim = self.fresh("+".join(d.set for d in plain), "|".join(x.name for x in (*flat, *outer)))
        names = tuple(x.name for x in (*flat, *outer))
        self.domains[dim] = g.Domain(dim, tuple(plain), names, conditions)
        moved = {x: self.position(dim, x) for x in (*flat, *outer)}
        for x in loops:
            moved.update(self._parents(x, moved.get(x, labels[x])))
        inner = inside.extended(moved)
        rest = tuple(d for x, d in run.items() if x not in flat)
        return _Loops(inner, (dim, *rest), self._keys({**keys, **outer}, inner))

    def _keys(self, keys: dict[t.Loop, g.Node], inner: _Scope) -> tuple[tuple[g.Dim, g.Node], ...]:
        """For each outer variable that the loops determine: its dim and its label inside."""
        return tuple((n.dim, inner.labels[x]) for x, n in keys.items() if isinstance(n, g.Position))

    # ---------------------------------------------------------------- statements

    def statement(self, d: t.Definition) -> g.Statement:
        """One definition over its plates."""
        bound = self.bind(d.loops, _Scope({}))
        event = tuple(g.event_dim(s) for s in d.subscripts if isinstance(s, Axis))
        axes = tuple(bound.scope.labels[s] if isinstance(s, t.Loop) else g.event_dim(s) for s in d.subscripts)
        observed = None if d.observed is None else self.term(d.observed, bound.scope)
        if observed is not None:
            event = observed.event
        body = self.term(d.body, bound.scope)
        place = g.Place(bound.dims, axes)
        return g.Statement(
            d.name, d.kind, place, event, body, d.type, d.span, observed, d.imputes, d.recurrent
        )

    def guided(self, q: t.GuideDef, d: t.Definition) -> g.Statement:
        """A ``q`` with its own distribution, over the plates that the guide writes."""
        assert q.family is not None
        bound = self.bind(q.loops, _Scope({}))
        event = tuple(g.event_dim(s) for s in q.subscripts if isinstance(s, Axis))
        axes = tuple(bound.scope.labels[s] if isinstance(s, t.Loop) else g.event_dim(s) for s in q.subscripts)
        body = self.term(q.family, bound.scope)
        return g.Statement(d.name, "guide", g.Place(bound.dims, axes), event, body, d.type, q.span)

    # ---------------------------------------------------------------- terms

    def term(self, x: t.Term, scope: _Scope) -> g.Node:
        """The node of a typed expression."""
        match x:
            case t.Const():
                return self.make(g.Constant, x.type, frozenset(), (), x.span, x.value)
            case t.Var():
                return scope.labels[x.loop]
            case t.DataRef():
                return self.make(g.Input, x.type, frozenset(), _event(x), x.span, x.table, x.name)
            case t.Ref():
                return self.make(g.Variable, x.type, frozenset(), _event(x), x.span, x.name)
            case t.Subscript():
                return self._subscript(x, scope)
            case t.Shift():
                lag = self._lag(x, scope)
                return self.make(
                    g.Apply, x.type, lag.base.loops, (), x.span, "shift", (lag.base, lag.amount), ()
                )
            case t.Apply():
                arguments = tuple(self.term(a, scope) for a in x.arguments)
                keywords = tuple((k, self.term(v, scope)) for k, v in x.keywords)
                parts = (*arguments, *(v for _, v in keywords))
                return self.make(
                    g.Apply, x.type, _loops(parts), _event(x), x.span, x.function, arguments, keywords
                )
            case t.Choose():
                parts = (self.term(x.test, scope), self.term(x.then, scope), self.term(x.other, scope))
                return self.make(g.Choose, x.type, _loops(parts), _event(x), x.span, *parts)
            case t.Reduce():
                return self._reduce(x, scope)
            case t.Stack():
                bound = self.bind((x.loop,), scope)
                body = self.term(x.body, bound.scope)
                return self.make(
                    g.Stack, x.type, body.loops - {bound.dims[0]}, _event(x), x.span, body, bound.dims[0]
                )
            case t.ListOf():
                items = tuple(self.term(i, scope) for i in x.items)
                return self.make(g.Items, x.type, _loops(items), _event(x), x.span, items)
            case t.NetworkCall():
                return self._network(x, scope)
            case t.Dist():
                named = tuple((k, self.term(v, scope)) for k, v in x.arguments)
                loops = _loops(tuple(v for _, v in named))
                return self.make(g.Distribution, x.type, loops, _event(x), x.span, x.name, named)
        raise TypeError(f"unknown term {type(x).__name__}")

    def _network(self, x: t.NetworkCall, scope: _Scope) -> g.Node:
        spec = self.networks[x.network]
        self.called.add(x.network)
        arguments = tuple(self.term(a, scope) for a in x.arguments)
        arrays = tuple(
            self.make(g.Variable, w.type, w.loops, w.event, x.span, w.name)
            for w in networks.weight_nodes(spec, x.part, x.span)
        )
        if spec.table:
            return self._rows_of_tables(x, arguments, arrays)
        return self.make(
            g.NetworkCall, x.type, _loops(arguments), _event(x), x.span, spec, x.part, arguments, arrays
        )

    def _rows_of_tables(
        self, x: t.NetworkCall, labels: tuple[g.Node, ...], tables: tuple[g.Node, ...]
    ) -> g.Node:
        """The sum of one row of each table: subscripts, so that labels may be latents and rows come in batches."""
        rows = tuple(
            self.make(g.Gather, x.type, label.loops, _event(x), x.span, table, (g.At(label),))
            for label, table in zip(labels, tables, strict=True)
        )
        if len(rows) == 1:
            return rows[0]
        return self.make(g.Apply, x.type, _loops(rows), _event(x), x.span, "add", rows, ())

    def weights(self, network: t.NetworkDef) -> tuple[g.Statement, ...]:
        """The arrays of a network as params, or as latents where it has a prior."""
        written = dict(network.arguments).get("prior")
        prior = None if written is None else self.term(written, _Scope({}))
        spec = self.networks[network.name]
        return tuple(networks.weight_statement(network, w, prior) for w in networks.layer_weights(spec))

    def _lag(self, x: t.Shift, scope: _Scope) -> g.Lag:
        return g.Lag(self.term(x.base, scope), self.term(x.amount, scope))

    def _subscript(self, x: t.Subscript, scope: _Scope) -> g.Node:
        value = self.term(x.value, scope)
        selectors = tuple(
            self._lag(i, scope) if isinstance(i, t.Shift) else g.At(self.term(i, scope)) for i in x.indices
        )
        parts = [value]
        for s in selectors:
            parts += [s.index] if isinstance(s, g.At) else [s.base, s.amount]
        return self.make(g.Gather, x.type, _loops(parts), _event(x), x.span, value, selectors)

    def _reduce(self, x: t.Reduce, scope: _Scope) -> g.Node:
        bound = self.bind(x.loops, scope)
        body = self.term(x.body, bound.scope)
        missing = tuple(d for d in bound.dims if d not in body.loops)
        if missing:
            body = _with_loops(self, body, missing)
        if not bound.keys:
            return self.make(
                g.Reduce,
                x.type,
                body.loops - set(bound.dims),
                body.event,
                x.span,
                x.function,
                body,
                bound.dims,
            )
        dim, *rest = bound.dims
        if rest:
            body = self.make(
                g.Reduce, x.type, body.loops - set(rest), body.event, x.span, x.function, body, tuple(rest)
            )
        loops = (body.loops - {dim}) | {d for d, _ in bound.keys}
        return self.make(g.Segment, x.type, loops, body.event, x.span, x.function, body, dim, bound.keys)


def _guides(q: t.GuideDef, d: t.Definition) -> bool:
    """Whether a ``q`` gives a definition a distribution of its own (a bare family's name does not)."""
    return d.name in q.names and d.kind == "latent" and q.family is not None


def _with_loops(builder: _Builder, body: g.Node, missing: tuple[g.Dim, ...]) -> g.Node:
    """``body + 0 * position``: the same value over more loops (counts terms rightly in a sum)."""
    zero = Type("int")
    terms = []
    for dim in missing:
        code = builder.make(g.Position, Type("label", set=dim.set), frozenset({dim}), (), body.span, dim, "")
        terms.append(builder.make(g.Apply, zero, frozenset({dim}), (), body.span, "nothing", (code,), ()))
    arguments = (body, *terms)
    return builder.make(
        g.Apply, replace(body.type), _loops(arguments), body.event, body.span, "add", arguments, ()
    )


def _ancestors(loop: t.Loop) -> list[t.Loop]:
    out = []
    while loop.of is not None:
        out.append(loop.of)
        loop = loop.of
    return out


def _loops(parts: Any) -> frozenset[g.Dim]:
    return frozenset().union(*(p.loops for p in parts)) if parts else frozenset()


def _event(x: t.Term) -> tuple[g.Dim, ...]:
    """The event dims of a term; an axis that occurs twice gets primes (``trans`` over s and s')."""
    dims: list[g.Dim] = []
    for axis in x.type.axes:
        dim = g.event_dim(axis)
        while dim in dims:
            dim = g.Dim(dim.set, dim.tag + "'")
        dims.append(dim)
    return tuple(dims)


def _key(value: Any) -> Any:
    if isinstance(value, g.Node):
        return id(value)
    if isinstance(value, tuple):
        return tuple(_key(v) for v in value)
    if isinstance(value, g.At):
        return ("at", id(value.index))
    if isinstance(value, g.Lag):
        return ("lag", id(value.base), id(value.amount))
    return (type(value), value)
