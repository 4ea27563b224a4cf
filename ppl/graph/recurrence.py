"""Deterministic recurrences along an ordered plate.

A recurrence that is affine in its own previous row, x_t = a_t + b_t x_{t-1}, is solved by one scan
with a and b computed for all rows at once. Any other is unrolled row by row over all draws.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import Diagnostic, LimitError
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.inline import expand
from ppl.graph.named import Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.graph.rewrite import substitute
from ppl.graph.store import axis_sets, stored_dims, to_stored
from ppl.graph.unrolled import Unrolled

Array = Any
LONGEST_UNROLLED = 5000
_AFFINE = {"add", "subtract", "negative", "multiply", "divide", "sum"}


def solve_recurrence(at: Evaluator, group: tuple[g.Statement, ...]) -> None:
    """Give every statement of a recurrent group its value in ``at``."""
    names = {s.name for s in group}
    for s in group:
        if len(group) > 1 and _only_same_row(s, group):
            rest = tuple(_inlined(other, s) for other in group if other is not s)
            solve_recurrence(at, rest)
            at.values[s.name] = to_stored(at, s, at.named(s.body))
            return
    time = _time_set(group, names)
    if len(group) == 1 and _is_affine(group[0]):
        _solve_affine(at, group[0], _time_dim(group[0], time))
    else:
        _unroll(at, group, time)


def _only_same_row(s: g.Statement, group: tuple[g.Statement, ...]) -> bool:
    """Whether a statement is read by the others at their own row only, and not by itself."""
    if s.name in g.variables([s.body]):
        return False
    for other in group:
        for read in _reads(other.body, {s.name}):
            same = [isinstance(x, g.At) and isinstance(x.index, g.Position) for x in read.selectors]
            if not all(same) or len(read.selectors) != len(s.place.axes):
                return False
    return True


def _inlined(other: g.Statement, s: g.Statement) -> g.Statement:
    return replace(other, body=expand(other.body, {s.name: s}))


def _reads(body: g.Node, names: set[str]) -> list[g.Gather]:
    return [
        n
        for n in g.walk([body])
        if isinstance(n, g.Gather) and isinstance(n.value, g.Variable) and n.value.name in names
    ]


def _time_set(group: tuple[g.Statement, ...], names: set[str]) -> str:
    """The ordered set that the group runs along: that of its lagged reads."""
    for s in group:
        for read in _reads(s.body, names):
            for selector in read.selectors:
                if isinstance(selector, g.Lag):
                    return selector.base.type.set or ""
    for s in group:
        for read in _reads(s.body, names):
            for selector in read.selectors:
                if isinstance(selector, g.At) and selector.index not in s.place.axes:
                    return selector.index.type.set or ""
    raise _refuse(group[0], "no `x[t - k]` leads back along a plate")


def _time_dim(s: g.Statement, time: str) -> Dim:
    for axis in s.place.axes:
        if isinstance(axis, g.Position) and axis.type.set == time:
            return axis.dim
    raise _refuse(s, "it is not stored along the plate that it runs over")


def _own_cells(read: g.Gather, s: g.Statement) -> bool:
    """Whether a read leads back along time only, other axes at the row's own labels."""
    if len(read.selectors) != len(s.place.axes):
        return False
    labels = [x.index if isinstance(x, g.At) else x.base for x in read.selectors]
    return all(
        label is axis
        or (isinstance(label, g.Position) and isinstance(axis, g.Position) and label.dim == axis.dim)
        for label, axis in zip(labels, s.place.axes, strict=True)
    )


def _is_affine(s: g.Statement) -> bool:
    """Whether the expression is affine in reads of its own name one row back."""
    node, name = s.body, s.name
    depends: dict[int, bool] = {}

    def dependent(n: g.Node) -> bool:
        if id(n) not in depends:
            depends[id(n)] = name in g.variables([n])
        return depends[id(n)]

    stack = [node]
    while stack:
        n = stack.pop()
        if not dependent(n):
            continue
        if isinstance(n, g.Gather) and isinstance(n.value, g.Variable):
            lags = [s for s in n.selectors if isinstance(s, g.Lag)]
            if len(lags) != 1 or not _is_one(lags[0].amount) or not _own_cells(n, s):
                return False
        elif isinstance(n, g.Choose) and not dependent(n.test):
            stack += [n.then, n.other]
        elif isinstance(n, g.Apply) and n.function in _AFFINE:
            if n.function == "multiply" and sum(map(dependent, n.arguments)) > 1:
                return False
            if n.function == "divide" and dependent(n.arguments[1]):
                return False
            stack += n.arguments
        else:
            return False
    return True


def _is_one(amount: g.Node) -> bool:
    return isinstance(amount, g.Constant) and amount.value == 1


def _solve_affine(at: Evaluator, s: g.Statement, time: Dim) -> None:
    shape = tuple(at.sets.size(n) for n in axis_sets(s))
    at_zero = _with_guess(at, s, np.zeros(shape))
    at_one = _with_guess(at, s, np.ones(shape))
    dims = union((at_zero.dims, at_one.dims), at.size, (time,))
    a = aligned(at_zero, dims)
    b = aligned(at_one, dims) - a
    n = at.size(time)
    out = xp.affine_scan(xp.broadcast_last(a, (n,)), xp.broadcast_last(b, (n,)))
    at.values[s.name] = to_stored(at, s, Named(out, dims, merge_invalid([at_zero], at.size)))


def _with_guess(at: Evaluator, s: g.Statement, guess: np.ndarray) -> Named:
    """The body with the recurrent quantity itself set to a constant."""
    names = stored_dims(s.name, guess.ndim)
    for name, n in zip(names, guess.shape, strict=True):
        at.define_dim(name, n)
    other = replace(at, values={**at.values, s.name: Named(guess[None], names)}, _memo={})
    return other.named(s.body)


def _unroll(at: Evaluator, group: tuple[g.Statement, ...], time: str) -> None:
    dims = {s.name: _time_dim(s, time) for s in group}
    if any(d in at.domains for d in dims.values()):
        raise _refuse(group[0], "its plate is filtered")
    n = at.sets.size(time)
    if n > LONGEST_UNROLLED:
        raise _too_long(group[0], n)
    places = {s.name: s.place.axes.index(_axis_of(s, dims[s.name])) for s in group}
    rows: dict[str, list[Named]] = {s.name: [] for s in group}
    kept = {s.name: tuple(_dim_of(a) for a in s.place.axes) for s in group}
    for t in range(n):
        inner = replace(at, rows={k: Unrolled(places[k], rows[k], kept[k]) for k in rows}, _memo={})
        for s in _same_row_order(group):
            body = past_of_row(inner, s.body, dims[s.name], t)
            rows[s.name].append(inner.named(at_row(body, dims[s.name], label_of(at, time, t))))
    for s in group:
        at.values[s.name] = to_stored(at, s, _stacked(at, rows[s.name], dims[s.name]))


def _dim_of(axis: Dim | g.Node) -> Dim:
    if isinstance(axis, Dim):
        return axis
    if isinstance(axis, g.Position):
        return axis.dim
    raise TypeError("a stored axis without a dim")


def _axis_of(s: g.Statement, dim: Dim) -> g.Node:
    return next(a for a in s.place.axes if isinstance(a, g.Position) and a.dim == dim)


def _same_row_order(group: tuple[g.Statement, ...]) -> list[g.Statement]:
    """Statements after those they read at the same row."""
    left, out = list(group), []
    while left:
        names = {s.name for s in left}
        ready = [s for s in left if not _same_row_names(s) & names]
        out += ready or left
        left = [s for s in left if s not in out]
    return out


def _same_row_names(s: g.Statement) -> set[str]:
    reads = [n for n in g.walk([s.body]) if isinstance(n, g.Gather) and isinstance(n.value, g.Variable)]
    return {n.value.name for n in reads if not any(isinstance(x, g.Lag) for x in n.selectors)}  # type: ignore[attr-defined]


def _too_long(s: g.Statement, n: int) -> LimitError:
    message = f"the recurrence `{s.name}` runs over {n} rows; at most {LONGEST_UNROLLED} are unrolled"
    help = "write it so that each row is a constant plus a multiple of the row before"
    return LimitError((Diagnostic("E601", message, span=s.span, help=help),))


def label_of(at: Evaluator, name: str, t: int) -> str:
    bound = at.sets.get(name)
    return bound.labels[t] if bound.labels else str(bound.low + t)


def past_of_row(at: Evaluator, body: g.Node, time: Dim, t: int) -> g.Node:
    """Comprehensions over a filtered range that depends on the row: only this row's elements."""
    at.domains = dict(at.domains)

    def change(node: g.Node) -> g.Node | None:
        if not isinstance(node, g.Segment) or time not in {d for d, _ in node.keys}:
            return None
        own = next(k for d, k in node.keys if d == time)
        chosen = np.flatnonzero(at.named(own).numpy[0] == t)
        dim = at.restrict(node.over, chosen, f"@{t}")
        moved = substitute(node.body, lambda n: _moved(n, node.over, dim))
        rest = tuple(
            (d, substitute(k, lambda n: _moved(n, node.over, dim))) for d, k in node.keys if d != time
        )
        loops = (moved.loops - {dim}) | {d for d, _ in rest}
        if rest:
            return g.Segment(node.type, loops, node.event, node.span, node.function, moved, dim, rest)
        return g.Reduce(node.type, loops, node.event, node.span, node.function, moved, (dim,))

    return substitute(body, change)


def _moved(node: g.Node, old: Dim, new: Dim) -> g.Node | None:
    if isinstance(node, g.Position) and node.dim == old:
        return g.Position(node.type, frozenset({new}), (), node.span, new, node.variable)
    return None


def at_row(body: g.Node, time: Dim, label: str) -> g.Node:
    def change(node: g.Node) -> g.Node | None:
        if isinstance(node, g.Position) and node.dim == time:
            return g.Constant(node.type, frozenset(), (), node.span, label)
        return None

    return substitute(body, change)


def _stacked(at: Evaluator, rows: list[Named], time: Dim) -> Named:
    dims = union((r.dims for r in rows), at.size)
    shape = tuple(at.size(d) for d in dims)
    parts = [
        xp.expand_dims(xp.broadcast_last(aligned(r, dims), shape) if dims else r.array, -1) for r in rows
    ]
    while len(parts) > 1:
        parts = [xp.concatenate(*parts[i : i + 32], axis=-1) for i in range(0, len(parts), 32)]
    return Named(parts[0], (*dims, time), merge_invalid(rows, at.size))


def _refuse(s: g.Statement, why: str) -> LimitError:
    message = f"the recurrence `{s.name}` cannot be evaluated: {why}"
    return LimitError(
        (Diagnostic("E602", message, span=s.span, help="write it over the rows of one ordered plate"),)
    )
