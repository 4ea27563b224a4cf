"""The value of a node, as an array with named axes.

One evaluator serves every use: traced (the log joint to differentiate), plain draws (prediction,
deterministic quantities) and data only. What a latent's name stands for is in ``values``; discrete
latents that are summed out are in ``states`` and evaluate to all their values along a state dim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.errors import DataError, Diagnostic
from ppl.graph import densities, networks, reductions
from ppl.graph import nodes as g
from ppl.graph.apply import apply
from ppl.graph.bind import BoundData
from ppl.graph.gathers import Index, gather
from ppl.graph.named import Named, aligned, constant, merge_invalid, union
from ppl.graph.nodes import Dim, stored_name
from ppl.graph.sets import Sets
from ppl.graph.unrolled import Unrolled, read_row

Array = Any


@dataclass(frozen=True, eq=False)
class StateRead:
    """One way a factor reads a summed-out latent: at which cells of its stored axes."""

    name: str
    dim: Dim
    cells: tuple[Index, ...]


@dataclass
class Evaluator:
    """Evaluates nodes against bound data; memoised by node."""

    data: BoundData
    domains: dict[Dim, g.Domain]
    values: dict[str, Named] = field(default_factory=dict)
    states: dict[str, np.ndarray] = field(default_factory=dict)
    reads: dict[Dim, StateRead] = field(default_factory=dict)
    rows: dict[str, Unrolled] = field(default_factory=dict)
    deferred: dict[str, Callable[[], Named]] = field(default_factory=dict)
    _memo: dict[Any, Named] = field(default_factory=dict)
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

    def restrict(self, dim: Dim, chosen: np.ndarray, tag: str) -> Dim:
        """A dim over some places of another (plain or flat)."""
        new = Dim(dim.set, dim.tag + tag)
        plain = g.Domain(dim, (dim,), ("",), ())
        found = self.positions(dim) if dim in self.domains else (np.arange(self.size(dim)),)
        self.domains[new] = replace(self.domains.get(dim, plain), dim=new)
        self._flat[new] = tuple(p[chosen] for p in found)
        return new

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

    def remembered(self, key: Any, make: Callable[[], Named]) -> Named:
        """A value that several nodes share, kept as long as theirs are."""
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]

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
                return apply(self, node)
            case g.Choose():
                return self._choose(node)
            case g.Reduce():
                return reductions.reduce(self, node)
            case g.Segment():
                return reductions.segment(self, node)
            case g.Stack():
                return reductions.stack(self, node)
            case g.Items():
                return reductions.items(self, node)
            case g.NetworkCall():
                return networks.network(self, node)
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
        name = stored_name(node)
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
            return self._states(node.name, ())
        if node.name in self.deferred and node.name not in self.values:
            self.values[node.name] = self.deferred[node.name]()
        stored = self.values[node.name]
        return stored.renamed(dict(zip(stored.dims, node.event, strict=True)))

    def _states(self, name: str, cells: tuple[Index, ...]) -> Named:
        """All values of a summed-out latent, along the state dim of this way of reading it."""
        for dim, read in self.reads.items():
            if read.name == name and all(map(_same_codes, read.cells, cells)):
                return self._state_value(name, dim, cells)
        dim = Dim(f"#{name}", f"{name}#{len(self.reads)}")
        self.define_dim(dim, len(self.states[name]))
        self.reads[dim] = StateRead(name, dim, cells)
        return self._state_value(name, dim, cells)

    def _state_value(self, name: str, dim: Dim, cells: tuple[Index, ...]) -> Named:
        invalid = merge_invalid([c.codes for c in cells], self.size)
        return Named(self.states[name][None], (dim,), invalid)

    def _position(self, node: g.Position) -> Named:
        if node.dim in self.domains:
            domain = self.domains[node.dim]
            place = 0 if len(domain.plain) == 1 else domain.variables.index(node.variable)
            return constant(self.positions(node.dim)[place], (node.dim,))
        size = self.size(node.dim)
        places = self.remembered(("places", size), lambda: constant(np.arange(size), (node.dim,)))
        return Named(places.array, (node.dim,))

    # ---------------------------------------------------------------- subscripts

    def _gather(self, node: g.Gather) -> Named:
        if isinstance(node.value, g.Variable | g.Input) and stored_name(node.value) in self.rows:
            return read_row(self, node)
        axes = node.value.event[: len(node.selectors)]
        indices = tuple(self.index(s, axis) for s, axis in zip(node.selectors, axes, strict=True))
        if isinstance(node.value, g.Variable) and node.value.name in self.states:
            if len(indices) != len(node.value.event):
                raise StillVector(node.value.name)
            return self._states(node.value.name, indices)
        if isinstance(node.value, g.Input) and stored_name(node.value) in self.states:
            return self._states(stored_name(node.value), indices)
        out = gather(self.named(node.value), axes, indices, self.size)
        rest = node.value.event[len(axes) :]
        return out.renamed(dict(zip(rest, node.event, strict=True)))

    def index(self, selector: g.Selector, axis: Dim) -> Index:
        """The codes a selector picks along an axis; marks those outside it."""
        if isinstance(selector, g.Lag):
            return Index(self.shifted(selector.base, selector.amount, axis.set))
        label = selector.index
        codes = self.named(label)
        plain = isinstance(label, g.Position) and label.dim not in self.domains
        if plain and label.type.set == axis.set:
            assert isinstance(label, g.Position)
            return Index(codes, label.dim)
        if label.type.element != "label" and isinstance(codes.array, Traced):
            low = np.float64(self.sets.get(axis.set).low)
            return Index(Named(xp.subtract(codes.array, low), codes.dims, codes.invalid))
        if label.type.element != "label":
            return Index(
                Named(codes.numpy.astype(np.int64) - self.sets.get(axis.set).low, codes.dims, codes.invalid)
            )
        return Index(self.translated(codes, label.type.set or axis.set, axis.set))

    def translated(self, codes: Named, source: str, target: str) -> Named:
        if source == target:
            return codes
        if isinstance(codes.array, Traced):
            places = self.sets.translate(np.arange(self.sets.size(source)), source, target)
            table = np.maximum(places, 0).astype(float).reshape((1,) * codes.array.ndim + (-1,))  # type: ignore[attr-defined]
            return Named(xp.take_along(table, codes.array), codes.dims, codes.invalid)
        moved = self.sets.translate(codes.numpy.astype(np.int64), source, target)
        return Named(moved, codes.dims, _also_invalid(codes, moved < 0, self.size))

    def shifted(self, base: g.Node, amount: g.Node, target: str) -> Named:
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
        return self.translated(out, source, target) if source != target else out

    # ---------------------------------------------------------------- choices

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
        return Named(mask, dims) if np.any(mask) else None

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


def _same_codes(a: Index, b: Index) -> bool:
    """Whether two cells name the same rows along the same dims."""
    return (
        a.along == b.along and a.codes.dims == b.codes.dims and np.array_equal(a.codes.numpy, b.codes.numpy)
    )


def _truth(mask: Array) -> Array:
    return np.asarray(mask, dtype=bool) if isinstance(mask, np.ndarray) else mask


def _also_invalid(
    codes: Named, mask: Array, size: Callable[[Dim], int], dims: tuple[Dim, ...] | None = None
) -> Named | None:
    own = Named(np.any(mask, axis=0, keepdims=True), codes.dims if dims is None else dims)
    return merge_invalid([codes, Named(None, (), own if mask.any() else None)], size)
