"""Nodes of the graph as polynomials in statistics of latents, data and states as coefficients.

What only data and discrete latents determine is evaluated by the `Evaluator`: a discrete latent stands for
all its values along a state dim. Everything else is taken apart here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.energy import symbolic_functions
from ppl.energy.poly import Algebra, Entry, NotPolynomial, Poly
from ppl.energy.states import attached, states_along
from ppl.errors import ModelError
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator, StillVector
from ppl.graph.gathers import Index
from ppl.graph.named import Named, aligned, constant, merge_invalid
from ppl.graph.nodes import Dim, stored_name
from ppl.graph.reductions import at_place

Array = Any
DEEPEST = 120
MOST_UNROLLED = 16
MOST_INDICATORS = 4_000_000


@dataclass
class Symbolic:
    """Reads nodes; memoised. ``values`` are deterministic quantities over their stored dims."""

    at: Evaluator
    algebra: Algebra
    latents: frozenset[str]
    values: dict[str, Poly] = field(default_factory=dict)
    log_values: dict[str, Poly] = field(default_factory=dict)
    residual: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, NotPolynomial] = field(default_factory=dict)
    _memo: dict[g.Node, Poly | NotPolynomial] = field(default_factory=dict)
    _known: dict[g.Node, tuple[bool, bool, bool]] = field(default_factory=dict)
    _depth: int = 0

    # ---------------------------------------------------------------- what is data

    def nature(self, node: g.Node) -> tuple[bool, bool, bool]:
        """Whether latents that are not discrete enter; whether discrete ones do; whether a sum runs over these."""
        if node not in self._known:
            below = list(g.walk([node]))
            self._known[node] = (
                any(self._continuous(n) for n in below),
                any(self._discrete(n) for n in below),
                any(isinstance(n, g.Reduce | g.Segment | g.Stack) and self._reads(n) for n in below),
            )
        return self._known[node]

    def _continuous(self, n: g.Node) -> bool:
        if isinstance(n, g.NetworkCall | g.Distribution):
            return True
        if isinstance(n, g.Variable):
            return n.name not in self.at.states and n.name not in self.at.values
        return isinstance(n, g.Input) and stored_name(n) in self.latents

    def _discrete(self, n: g.Node) -> bool:
        return isinstance(n, g.Variable | g.Input) and stored_name(n) in self.at.states

    def _reads(self, n: g.Node) -> bool:
        return any(self._discrete(b) for b in g.walk([n]))

    def constant(self, node: g.Node) -> Named | None:
        """The value of what data and states of discrete latents determine, else None."""
        continuous, _, summed = self.nature(node)
        return None if continuous or summed else self.table(node)

    def table(self, node: g.Node) -> Named:
        """The value by the evaluator. Raises `NotPolynomial` where there are too many states."""
        try:
            return self.at.named(node)
        except StillVector as error:
            why = f"it uses the discrete latent `{error.name}` as a whole vector"
            raise NotPolynomial(why, node.span) from None
        except ModelError as error:
            raise NotPolynomial(error.diagnostics[0].message, node.span) from None

    # ---------------------------------------------------------------- reading

    def read(self, node: g.Node) -> Poly:
        """The node as a polynomial. Raises `NotPolynomial`."""
        known = self._memo.get(node)
        if known is None:
            try:
                with self._deeper(node):
                    known = self._read(node)
            except NotPolynomial as error:
                known = error if error.span is not None else NotPolynomial(error.why, node.span)
            self._memo[node] = known
        if isinstance(known, NotPolynomial):
            raise known
        return known

    @contextmanager
    def _deeper(self, node: g.Node) -> Iterator[None]:
        if self._depth > DEEPEST:
            raise NotPolynomial("the expression is nested too deeply", node.span)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _read(self, node: g.Node) -> Poly:
        continuous, discrete, summed = self.nature(node)
        if not continuous and not discrete:
            return self.algebra.of(self.table(node))
        if continuous:
            return self._taken_apart(node)
        if not summed:
            found = self.table(node)
            if sum(d in self.at.reads for d in found.dims) <= 1:
                return self.algebra.of(found)
        try:
            return self._taken_apart(node)
        except NotPolynomial:
            if summed and not isinstance(node, g.Reduce):
                raise
            return self.algebra.of(self.table(node))

    def _taken_apart(self, node: g.Node) -> Poly:
        match node:
            case g.Variable():
                return self._variable(node)
            case g.Input():
                return self._imputed(node)
            case g.Gather():
                return self._gather(node)
            case g.Apply():
                return symbolic_functions.apply(self, node)
            case g.Choose():
                return self._choose(node)
            case g.Reduce():
                return self._reduce(node)
            case g.Segment():
                return self._segment(node)
            case g.Stack():
                return self._stack(node)
            case g.Items():
                return self._items(node)
            case g.NetworkCall():
                raise NotPolynomial(f"the network `{node.network}`", node.span)
        raise NotPolynomial(f"a {type(node).__name__.lower()}", node.span)

    # ---------------------------------------------------------------- quantities

    def _variable(self, node: g.Variable) -> Poly:
        if node.name in self.residual:
            error = self.reasons.get(node.name)
            raise NotPolynomial(self.residual[node.name], node.span if error is None else error.span)
        if node.name in self.latents:
            return self.algebra.atom(node.name, node.event)
        stored = self.values.get(node.name)
        if stored is None:
            raise NotPolynomial(f"`{node.name}` is not known as an expression", node.span)
        return self.algebra.renamed(stored, dict(zip(self.algebra.axes[node.name], node.event, strict=True)))

    def _imputed(self, node: g.Input) -> Poly:
        """Data where they are, elements of the latent where they are not."""
        assert node.table is not None
        data = self.at.data.arrays[(node.table, node.name)].astype(float)
        blank = constant(self.at.data.missing[(node.table, node.name)], node.event)
        atom = self.algebra.atom(stored_name(node), node.event)
        return self.algebra.where(blank, atom, self.algebra.of(constant(data, node.event)))

    def _gather(self, node: g.Gather) -> Poly:
        value = node.value
        if isinstance(value, g.Variable) and value.name in self.latents:
            axes = value.event[: len(node.selectors)]
            return self._elements(value.name, self._indices(node), axes, node.event)
        return self.picked(node, self.read(value))

    def picked(self, node: g.Gather, value: Poly) -> Poly:
        """The value of a subscript, given that of what it picks from."""
        axes = node.value.event[: len(node.selectors)]
        rest = node.value.event[len(axes) :]
        clash = set(axes) & set(node.event)  # what is left may take the name of what is picked from
        along = [self.algebra.fresh(a) if a in clash else a for a in axes]
        names = dict(zip((*rest, *axes), (*node.event, *along), strict=True))
        named = self.algebra.renamed(value, {a: b for a, b in names.items() if a != b})
        return self.algebra.reindexed(named, dict(zip(along, self._indices(node), strict=True)))

    def _indices(self, node: g.Gather) -> list[Index]:
        for s in node.selectors:
            inside = (s.index,) if isinstance(s, g.At) else (s.base, s.amount)
            if any(self.constant(n) is None for n in inside):
                raise NotPolynomial("a subscript that latents determine", node.span)
        axes = node.value.event[: len(node.selectors)]
        return [self.at.index(s, a) for s, a in zip(node.selectors, axes, strict=True)]

    def _elements(
        self, name: str, indices: list[Index], axes: tuple[Dim, ...], rest: tuple[Dim, ...]
    ) -> Poly:
        found = [self.algebra.entry(i, a) for i, a in zip(indices, axes, strict=True)]
        entries: list[Entry] = [e for e, _ in found]
        invalid = merge_invalid([Named(None, (), bad) for _, bad in found], self.at.size)
        return self.algebra.atom(name, [*entries, *rest], invalid)

    # ---------------------------------------------------------------- choices, sums, lists

    def _choose(self, node: g.Choose) -> Poly:
        test = self.constant(node.test)
        if test is None:
            raise NotPolynomial("a choice that latents determine", node.span)
        if not test.dims:
            return self.read(node.then if bool(test.numpy[0]) else node.other)
        return self.algebra.where(test, self.read(node.then), self.read(node.other))

    def _reduce(self, node: g.Reduce) -> Poly:
        if node.function not in ("sum", "mean", "prod"):
            raise NotPolynomial(f"`{node.function}` of latents", node.span)
        body = self.read(node.body)
        places = [self.at.size(d) for d in node.over]
        count = int(np.prod(places, dtype=int))
        if node.function == "prod":
            return symbolic_functions.product_over(self, node, count)
        if states_along(self.at, body, node.over):
            body = self._summed_states(node, body, count)
        else:
            body = self.algebra.bind(body, node.over)
        return body * (1.0 / count) if node.function == "mean" and count else body

    def _summed_states(self, node: g.Reduce, body: Poly, count: int) -> Poly:
        """A sum along which discrete latents are read: place by place, or with their states attached."""
        if count <= MOST_UNROLLED:
            return self.algebra.add(*(self.read(p) for p in self.places(node)))
        return self.algebra.bind(attached(self.algebra, body, along=node.over), node.over)

    def places(self, node: g.Reduce) -> list[g.Node]:
        """The body of a reduction at every place that it runs over."""
        parts = [node.body]
        for dim in node.over:
            parts = [at_place(self.at, p, dim, k) for p in parts for k in range(self.at.size(dim))]
        return parts

    def _segment(self, node: g.Segment) -> Poly:
        if node.function not in ("sum", "mean"):
            raise NotPolynomial(f"`{node.function}` of latents over rows of its own", node.span)
        return self.ragged_sum(node, self.read(node.body))

    def ragged_sum(self, node: g.Segment, body: Poly) -> Poly:
        """A sum (or mean) over the rows of each group, as a sum of all rows with indicators."""
        keys = [(d, self.constant(k)) for d, k in node.keys]
        n = self.at.size(node.over)
        if any(k is None for _, k in keys):
            raise NotPolynomial("rows that latents group", node.span)
        if n * np.prod([float(self.at.size(d)) for d, _ in keys]) > MOST_INDICATORS:
            raise NotPolynomial("a sum over too many rows, each with its own group", node.span)
        match = self._membership(node.over, [(d, k) for d, k in keys if k is not None])
        if node.function == "mean":
            match = Named(match.numpy / np.maximum(match.numpy.sum(axis=1, keepdims=True), 1.0), match.dims)
        body = self.algebra.scaled(body, match)
        if states_along(self.at, body, (node.over,)):
            body = attached(self.algebra, body, along=(node.over,))
        return self.algebra.bind(body, (node.over,))

    def _membership(self, over: Dim, keys: list[tuple[Dim, Named]]) -> Named:
        """1 where a row belongs to a group, over the rows and then the outer dims."""
        out: Array = np.ones((1, self.at.size(over)))
        for dim, key in keys:
            codes = np.broadcast_to(aligned(key, (over,))[0], (self.at.size(over),))
            match = codes[:, None] == np.arange(self.at.size(dim))
            out = out[..., None] * match.reshape(1, len(codes), *[1] * (out.ndim - 2), -1)
        return Named(out, (over, *(d for d, _ in keys)))

    def _stack(self, node: g.Stack) -> Poly:
        body = self.read(node.body)
        if states_along(self.at, body, (node.loop,)):
            raise NotPolynomial("a list of cells of a discrete latent", node.span)
        names = dict(zip(node.body.event, node.event[1:], strict=True))
        return self.algebra.renamed(body, {**names, node.loop: node.event[0]})

    def _items(self, node: g.Items) -> Poly:
        """A list: each value times the indicator of its place."""
        first, inner = node.event[0], node.event[1:]
        out = []
        for k, item in enumerate(node.items):
            part = self.algebra.renamed(self.read(item), dict(zip(item.event, inner, strict=True)))
            here = constant(np.arange(len(node.items)) == k, (first,))
            out.append(self.algebra.masked(part, here))
        return self.algebra.add(*out)

    def matched(self, part: Poly, own: tuple[Dim, ...], event: tuple[Dim, ...]) -> Poly:
        """Event dims that differ in their primes only are matched by position."""
        if own == event or len(own) != len(event):
            return part
        return self.algebra.renamed(part, {a: b for a, b in zip(own, event, strict=True) if a.set == b.set})
