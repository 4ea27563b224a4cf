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
from ppl.graph.named import Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.graph.rewrite import substitute
from ppl.graph.store import axis_sets, stored_dims, to_stored

Array = Any
LONGEST_UNROLLED = 5000
_AFFINE = {"add", "subtract", "negative", "multiply", "divide", "sum"}


def solve_recurrence(at: Evaluator, group: tuple[g.Statement, ...]) -> None:
    """Give every statement of a recurrent group its value in ``at``."""
    names = {s.name for s in group}
    time = _time_dim(group, names)
    if len(group) == 1 and _is_affine(group[0].body, group[0].name):
        _solve_affine(at, group[0], time)
    else:
        _unroll(at, group, time)


def _reads(body: g.Node, names: set[str]) -> list[g.Gather]:
    return [
        n
        for n in g.walk([body])
        if isinstance(n, g.Gather) and isinstance(n.value, g.Variable) and n.value.name in names
    ]


def _time_dim(group: tuple[g.Statement, ...], names: set[str]) -> Dim:
    for s in group:
        for read in _reads(s.body, names):
            for selector in read.selectors:
                if isinstance(selector, g.Lag) and isinstance(selector.base, g.Position):
                    return selector.base.dim
    raise _refuse(group[0], "no `x[t - k]` leads back along a plate")


def _is_affine(node: g.Node, name: str) -> bool:
    """Whether the expression is affine in reads of ``name`` one row back."""
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
            if len(lags) != 1 or not _is_one(lags[0].amount):
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


def _unroll(at: Evaluator, group: tuple[g.Statement, ...], time: Dim) -> None:
    if time in at.domains:
        raise _refuse(group[0], "its plate is filtered")
    n = at.size(time)
    if n > LONGEST_UNROLLED:
        raise LimitError(
            (
                Diagnostic(
                    "E601",
                    f"the recurrence `{group[0].name}` runs over {n} rows; at most {LONGEST_UNROLLED} are unrolled",
                    span=group[0].span,
                    help="write it so that each row is a constant plus a multiple of the row before",
                ),
            )
        )
    places = {s.name: _time_axis(s, time) for s in group}
    rows: dict[str, list[Named]] = {s.name: [] for s in group}
    for t in range(n):
        inner = replace(at, rows={name: (places[name], rows[name]) for name in rows}, _memo={})
        for s in group:
            rows[s.name].append(inner.named(_at_row(s.body, time, _label(at, time.set, t))))
    for s in group:
        at.values[s.name] = to_stored(at, s, _stacked(at, rows[s.name], time))


def _time_axis(s: g.Statement, time: Dim) -> int:
    for i, axis in enumerate(s.place.axes):
        if isinstance(axis, g.Position) and axis.dim == time:
            return i
    raise _refuse(s, "it is not stored along the plate that it runs over")


def _label(at: Evaluator, name: str, t: int) -> str:
    bound = at.sets.get(name)
    return bound.labels[t] if bound.labels else str(bound.low + t)


def _at_row(body: g.Node, time: Dim, label: str) -> g.Node:
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
