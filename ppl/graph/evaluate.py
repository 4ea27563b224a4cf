"""The value of a node, as an array with named axes.

One evaluator serves every use: traced (the log joint to differentiate), plain draws (prediction,
deterministic quantities) and data only. What a latent's name stands for is in ``values``; discrete
latents that are summed out are in ``states`` and evaluate to all their values along a state dim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import DataError, Diagnostic
from ppl.functions import find
from ppl.graph import densities, reductions
from ppl.graph import nodes as g
from ppl.graph.bind import BoundData
from ppl.graph.contract import contract
from ppl.graph.gathers import Index, gather
from ppl.graph.named import Named, aligned, constant, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.graph.sets import Sets

Array = Any


@dataclass(frozen=True, eq=False)
class StateRead:
    """One way a factor reads a summed-out latent: at which cells of its stored axes."""

    name: str
    dim: Dim
    cells: tuple[Index, ...]
    selectors: tuple[g.Selector, ...]


@dataclass
class Evaluator:
    """Evaluates nodes against bound data; memoised by node."""

    data: BoundData
    domains: dict[Dim, g.Domain]
    values: dict[str, Named] = field(default_factory=dict)
    states: dict[str, np.ndarray] = field(default_factory=dict)
    networks: dict[str, Callable[..., Array]] = field(default_factory=dict)
    reads: dict[Dim, StateRead] = field(default_factory=dict)
    rows: dict[str, tuple[int, list[Named]]] = field(default_factory=dict)
    _memo: dict[g.Node, Named] = field(default_factory=dict)
    _flat: dict[Dim, tuple[np.ndarray, ...]] = field(default_factory=dict)
    _sizes: dict[Dim, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sets = Sets(self.data)

    # ---------------------------------------------------------------- sizes and positions

    def size(self, dim: Dim) -> int:
        """How long a dim is."""
        if dim not in self._sizes:
            if dim in self.domains:
                self._sizes[dim] = len(self.positions(dim)[0])
            else:
                self._sizes[dim] = self.sets.size(dim.set)
        return self._sizes[dim]

    def define_dim(self, dim: Dim, size: int) -> None:
        """Give a state dim its length."""
        self._sizes[dim] = size

    def positions(self, dim: Dim) -> tuple[np.ndarray, ...]:
        """Along a flat dim, the row of each of its plain sets."""
        if dim not in self._flat:
            domain = self.domains[dim]
            shape = tuple(self.size(d) for d in domain.plain)
            keep: Array = np.ones((1,) * (1 + len(shape)), dtype=bool)
            for c in domain.conditions:
                keep = np.logical_and(keep, aligned(self.named(c), domain.plain))
            self._flat[dim] = np.nonzero(np.broadcast_to(keep[0], shape))
        return self._flat[dim]

    # ---------------------------------------------------------------- nodes

    def named(self, node: g.Node) -> Named:
        """The value of a node."""
        known = self._memo.get(node)
        if known is None:
            with np.errstate(all="ignore"):
                known = self._memo[node] = self._evaluate(node)
        return known

    def _evaluate(self, node: g.Node) -> Named:
        match node:
            case g.Constant():
                return constant(self._literal(node))
            case g.Input():
                return self._input(node)
            case g.Variable():
                return self._variable(node)
            case g.Position():
                return self._position(node)
            case g.Gather():
                return self._gather(node)
            case g.Apply():
                return self._apply(node)
            case g.Choose():
                return self._choose(node)
            case g.Reduce():
                return reductions.reduce(self, node)
            case g.Segment():
                return reductions.segment(self, node)
            case g.Stack():
                return self.named(node.body).renamed({node.loop: node.event[0]})
            case g.Items():
                return reductions.items(self, node)
            case g.NetworkCall():
                return reductions.network(self, node)
        raise TypeError(f"a {type(node).__name__} has no value")

    def _literal(self, node: g.Constant) -> Any:
        if node.type.element == "label" and node.type.set is not None:
            code = self.sets.code(node.type.set, node.value)
            if code < 0:
                message = f"`{node.value}` is not a label of {node.type.set}"
                raise DataError((Diagnostic("E407", message, span=node.span),))
            return np.int64(code)
        return (
            np.asarray(node.value, dtype=float)
            if not isinstance(node.value, bool)
            else np.float64(node.value)
        )

    def _input(self, node: g.Input) -> Named:
        name = _stored_name(node)
        if name in self.values:
            return self.values[name].renamed(dict(zip(self.values[name].dims, node.event, strict=True)))
        array = self.data.arrays[(node.table, node.name)]
        if array.dtype.kind == "b":
            array = array.astype(float)
        return constant(array, node.event)

    def _variable(self, node: g.Variable) -> Named:
        if node.name in self.states:
            if node.event:
                raise StillVector(node.name)
            return self._states(node.name, (), ())
        stored = self.values[node.name]
        return stored.renamed(dict(zip(stored.dims, node.event, strict=True)))

    def _states(self, name: str, cells: tuple[Index, ...], selectors: tuple[g.Selector, ...]) -> Named:
        """All values of a summed-out latent, along the state dim of this way of reading it."""
        for dim, read in self.reads.items():
            if read.name == name and read.selectors == selectors:
                return self._state_value(name, dim, cells)
        dim = Dim(f"#{name}", f"{name}#{len(self.reads)}")
        self.define_dim(dim, len(self.states[name]))
        self.reads[dim] = StateRead(name, dim, cells, selectors)
        return self._state_value(name, dim, cells)

    def _state_value(self, name: str, dim: Dim, cells: tuple[Index, ...]) -> Named:
        invalid = merge_invalid([c.codes for c in cells], self.size)
        return Named(self.states[name][None], (dim,), invalid)

    def _position(self, node: g.Position) -> Named:
        if node.dim in self.domains:
            domain = self.domains[node.dim]
            place = 0 if len(domain.plain) == 1 else domain.variables.index(node.variable)
            return constant(self.positions(node.dim)[place], (node.dim,))
        return constant(np.arange(self.size(node.dim)), (node.dim,))

    # ---------------------------------------------------------------- subscripts

    def _gather(self, node: g.Gather) -> Named:
        if isinstance(node.value, g.Variable | g.Input) and _stored_name(node.value) in self.rows:
            return self._row(node)
        axes = node.value.event[: len(node.selectors)]
        indices = tuple(self.index(s, axis) for s, axis in zip(node.selectors, axes, strict=True))
        if isinstance(node.value, g.Variable) and node.value.name in self.states:
            if len(indices) != len(node.value.event):
                raise StillVector(node.value.name)
            return self._states(node.value.name, indices, node.selectors)
        if isinstance(node.value, g.Input) and _stored_name(node.value) in self.states:
            return self._states(_stored_name(node.value), indices, node.selectors)
        out = gather(self.named(node.value), axes, indices, self.size)
        rest = node.value.event[len(axes) :]
        return out.renamed(dict(zip(rest, node.event, strict=True)))

    def _row(self, node: g.Gather) -> Named:
        """An earlier row of a quantity that is being unrolled."""
        assert isinstance(node.value, g.Variable | g.Input)
        place, rows = self.rows[_stored_name(node.value)]
        axes = node.value.event[: len(node.selectors)]
        indices = [self.index(s, a) for s, a in zip(node.selectors, axes, strict=True)]
        t = int(indices[place].codes.numpy.reshape(-1)[0])
        if not 0 <= t < len(rows):
            return Named(np.zeros((1,)), (), Named(np.ones((1,), dtype=bool)))
        rest = [i for k, i in enumerate(indices) if k != place]
        kept = tuple(d for k, d in enumerate(axes) if k != place)
        if all(i.along is not None for i in rest):
            return rows[t]
        names = {i.along: d for i, d in zip(rest, kept, strict=True) if i.along is not None}
        return gather(rows[t].renamed(names), kept, tuple(rest), self.size)

    def index(self, selector: g.Selector, axis: Dim) -> Index:
        """The codes a selector picks along an axis; marks those outside it."""
        if isinstance(selector, g.Lag):
            return Index(self._shifted(selector.base, selector.amount, axis.set))
        label = selector.index
        codes = self.named(label)
        plain = isinstance(label, g.Position) and label.dim not in self.domains
        if plain and label.type.set == axis.set:
            assert isinstance(label, g.Position)
            return Index(codes, label.dim)
        if label.type.element != "label":
            return Index(
                Named(codes.numpy.astype(np.int64) - self.sets.get(axis.set).low, codes.dims, codes.invalid)
            )
        return Index(self._translated(codes, label.type.set or axis.set, axis.set))

    def _translated(self, codes: Named, source: str, target: str) -> Named:
        if source == target:
            return codes
        moved = self.sets.translate(codes.numpy.astype(np.int64), source, target)
        return Named(moved, codes.dims, _also_invalid(codes, moved < 0, self.size))

    def _shifted(self, base: g.Node, amount: g.Node, target: str) -> Named:
        """Codes ``amount`` rows before ``base`` in its own set, translated to ``target``."""
        codes, step = self.named(base), self.named(amount)
        count = step.numpy.astype(np.int64)
        if amount.type.element == "label" and amount.type.set is not None:
            count = self.sets.number(count, amount.type.set)
        dims = union((codes.dims, step.dims), self.size)
        rows = aligned(codes, dims)
        source = base.type.set or target
        moved = self.sets.shifted(rows, aligned(Named(count, step.dims), dims), source)
        out = Named(moved, dims, _also_invalid(codes, moved < 0, self.size, dims))
        return self._translated(out, source, target) if source != target else out

    # ---------------------------------------------------------------- functions

    def _apply(self, node: g.Apply) -> Named:
        if node.function in ("shift", "nothing", "first", "last", "position"):
            return self._about_positions(node)
        if node.function == "logp":
            return self.log_density(node.arguments[0], self.named(node.arguments[1]), node.arguments[1].event)
        if node.function in ("eq", "ne", "lt", "le", "gt", "ge"):
            return self._compare(node)
        function = find(node.function)
        if function is None or function.evaluate is None:
            raise TypeError(f"`{node.function}` cannot be evaluated here")
        parts = [self.named(a) for a in (*node.arguments, *(v for _, v in node.keywords))]
        if function.check is not None:
            self._check_claim(node, function.check, parts[0])
        if function.kind == "elementwise":
            return self._elementwise(node, function.evaluate, parts)
        if function.kind == "reduction":
            return self._reduce_event(node, function.evaluate, parts)
        return self._array(node, function.evaluate, parts)

    def _check_claim(self, node: g.Apply, check: Callable[..., Array], x: Named) -> None:
        """A claim of support about data must hold; of latents it is taken at its word."""
        if not x.constant:
            return
        event = node.arguments[0].event
        good = np.asarray(check(aligned(x, union((x.dims,), self.size, event))))
        if not good.all():
            count = int(good.size - np.count_nonzero(good))
            message = f"`{node.function}(...)` does not hold: {count} of {good.size} values break it"
            raise DataError((Diagnostic("E405", message, span=node.span),))

    def _about_positions(self, node: g.Apply) -> Named:
        codes = self.named(node.arguments[0])
        name = node.arguments[0].type.set or ""
        if node.function == "shift":
            return self._shifted(node.arguments[0], node.arguments[1], name)
        if node.function == "nothing":
            return Named(np.zeros_like(codes.numpy, dtype=float), codes.dims)
        function = {"first": self.sets.is_first, "last": self.sets.is_last, "position": self.sets.position}
        out = function[node.function](codes.numpy, name)
        return Named(out, codes.dims, codes.invalid)

    def _compare(self, node: g.Apply) -> Named:
        left, right = node.arguments
        x, y = self.named(left), self.named(right)
        if left.type.element == "label" and right.type.element == "label":
            y = self._translated(y, right.type.set or "", left.type.set or "")
        function = find(node.function)
        assert function is not None and function.evaluate is not None
        return self._elementwise(node, function.evaluate, [x, y])

    def _elementwise(self, node: g.Apply, evaluate: Callable[..., Array], parts: list[Named]) -> Named:
        parts = [self._over(p, a, node.event) for p, a in zip(parts, node.arguments, strict=False)] + parts[
            len(node.arguments) :
        ]
        dims = union(
            (p.dims for p in parts), self.size, [d for d in node.event if any(d in p.dims for p in parts)]
        )
        arrays = [aligned(p, dims) for p in parts]
        words = {k: a for (k, _), a in zip(node.keywords, arrays[len(node.arguments) :], strict=True)}
        out = evaluate(*arrays[: len(node.arguments)], **words)
        return Named(out, dims, merge_invalid(parts, self.size))

    def _over(self, part: Named, argument: g.Node, event: tuple[Dim, ...]) -> Named:
        """Event dims that differ in their primes only are matched by position."""
        if argument.event == event or len(argument.event) != len(event):
            return part
        return part.renamed({a: b for a, b in zip(argument.event, event, strict=True) if a.set == b.set})

    def _reduce_event(self, node: g.Apply, evaluate: Callable[..., Array], parts: list[Named]) -> Named:
        inner = node.arguments[0].event
        x = parts[0]
        dims = union((x.dims,), self.size, inner)
        words = {k: aligned(p, dims) for (k, _), p in zip(node.keywords, parts[1:], strict=True)}
        out = evaluate(self._filled(x, dims, inner), axis=tuple(range(-len(inner), 0)), **words)
        return Named(out, dims[: len(dims) - len(inner)], reductions.dropped(x.invalid, inner))

    def _filled(self, part: Named, dims: tuple[Dim, ...], event: tuple[Dim, ...]) -> Array:
        """Aligned, with its event dims at full length even where nothing varies along them."""
        array = aligned(part, dims)
        if all(d in part.dims for d in event):
            return array
        return xp.broadcast_last(array, tuple(self.size(d) for d in event))

    def _array(self, node: g.Apply, evaluate: Callable[..., Array], parts: list[Named]) -> Named:
        nodes = (*node.arguments, *(v for _, v in node.keywords))
        batch = union((set(p.dims) - set(n.event) for p, n in zip(parts, nodes, strict=True)), self.size)
        arrays = [self._filled(p, (*batch, *n.event), n.event) for p, n in zip(parts, nodes, strict=True)]
        positional = arrays[: len(node.arguments)]
        words = {k: a for (k, _), a in zip(node.keywords, arrays[len(node.arguments) :], strict=True)}
        dims = tuple(len(n.event) for n in node.arguments)
        fast = contract(node.function, positional, dims)
        out = evaluate(*positional, dims=dims, **words) if fast is None else fast
        return Named(out, (*batch, *node.event), merge_invalid(parts, self.size))

    def _choose(self, node: g.Choose) -> Named:
        test = self.named(node.test)
        if test.constant and not test.dims:
            return self.named(node.then if bool(test.numpy[0]) else node.other)
        then, other = self.named(node.then), self.named(node.other)
        dims = union(
            (test.dims, then.dims, other.dims),
            self.size,
            [d for d in node.event if d in then.dims + other.dims],
        )
        mask = aligned(test, dims)
        out = xp.where(_truth(mask), aligned(then, dims), aligned(other, dims))
        return Named(out, dims, self.chosen_invalid(test, then, other))

    def chosen_invalid(self, test: Named, then: Named, other: Named) -> Named | None:
        """Invalid where the branch taken is (only a data condition can excuse a cell)."""
        if then.invalid is None and other.invalid is None:
            return test.invalid
        no = Named(np.zeros((1,), dtype=bool))
        x, y = then.invalid or no, other.invalid or no
        if not test.constant:
            return merge_invalid([then, other, test], self.size)
        dims = union((test.dims, x.dims, y.dims), self.size)
        mask = np.where(_truth(aligned(test, dims)), aligned(x, dims), aligned(y, dims))
        return Named(mask, dims) if mask.any() else None

    # ---------------------------------------------------------------- densities

    def log_density(self, body: g.Node, x: Named, event: tuple[Dim, ...]) -> Named:
        """Log density of ``x`` (its own event dims ``event``) under a distribution node."""
        if isinstance(body, g.Choose):
            test = self.named(body.test)
            then, other = (self.log_density(b, x, event) for b in (body.then, body.other))
            dims = union((test.dims, then.dims, other.dims), self.size)
            out = xp.where(_truth(aligned(test, dims)), aligned(then, dims), aligned(other, dims))
            return Named(out, dims, self.chosen_invalid(test, then, other))
        assert isinstance(body, g.Distribution)
        return densities.log_density(self, body, x, event)


class StillVector(Exception):
    """A summed-out latent is used as a whole vector, whose joint states are too many to sum."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _stored_name(node: g.Variable | g.Input) -> str:
    """The key of a variable, or of a column (``table.column``) or given, among stored values."""
    if isinstance(node, g.Variable) or node.table is None:
        return node.name
    return f"{node.table}.{node.name}"


def _truth(mask: Array) -> Array:
    return np.asarray(mask, dtype=bool) if isinstance(mask, np.ndarray) else mask


def _also_invalid(
    codes: Named, mask: Array, size: Callable[[Dim], int], dims: tuple[Dim, ...] | None = None
) -> Named | None:
    own = Named(np.any(mask, axis=0, keepdims=True), codes.dims if dims is None else dims)
    return merge_invalid([codes, Named(None, (), own if mask.any() else None)], size)
