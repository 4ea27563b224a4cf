"""Evaluates data-only terms: sizes of sets, defaults of givens, filters.

A term inside loops has one array axis for each loop, in the order the loops were entered; what
mentions no loop is a scalar or a whole array.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ppl import functions
from ppl.errors import DataError, Diagnostic
from ppl.graph.bind_types import Array, BoundSet
from ppl.language import typed as t

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "prod": np.prod,
    "mean": np.mean,
    "max": lambda x, **k: np.max(np.asarray(x, dtype=np.float64), initial=-np.inf, **k),
    "min": lambda x, **k: np.min(np.asarray(x, dtype=np.float64), initial=np.inf, **k),
    "any": np.any,
    "all": np.all,
}


class World(Protocol):
    """What a term may look up: arrays, sets, and defined data-only names."""

    def array(self, table: str | None, name: str) -> Array:
        """A column or given."""
        ...

    def set(self, name: str) -> BoundSet:
        """A bound set."""
        ...

    def definition(self, name: str) -> t.Definition | None:
        """The definition of a name."""
        ...


@dataclass(frozen=True)
class Scope:
    """The loops entered so far with the codes of their elements."""

    world: World
    loops: tuple[tuple[t.Loop, Array], ...] = ()

    def enter(self, loop: t.Loop, codes: Array) -> Scope:
        """The scope inside one more loop."""
        return replace(self, loops=(*self.loops, (loop, codes)))

    def codes(self, loop: t.Loop) -> Array:
        """A loop's codes, shaped to their own axis."""
        for k, (known, codes) in enumerate(self.loops):
            if known is loop:
                return codes.reshape([-1 if i == k else 1 for i in range(len(self.loops))])
        raise _unsupported(loop.span, f"`{loop.name}` is not known here")


def evaluate(term: t.Term, scope: Scope) -> Array:
    """The value of a data-only term; raises `DataError` E408 when it needs more than data."""
    match term:
        case t.Const():
            return _constant(term, scope)
        case t.Var():
            return scope.codes(term.loop)
        case t.DataRef():
            return scope.world.array(term.table, term.name)
        case t.Ref():
            return _defined(term, scope)
        case t.Subscript():
            return _subscript(term, scope)
        case t.Apply():
            return _apply(term, scope)
        case t.Choose():
            test = evaluate(term.test, scope)
            return np.asarray(np.where(test, evaluate(term.then, scope), evaluate(term.other, scope)))
        case t.Reduce():
            return _reduce(term, scope)
        case t.ListOf():
            return np.stack([np.asarray(evaluate(item, scope)) for item in term.items])
        case _:
            raise _unsupported(term.span, "only data may stand here")


def _unsupported(span: Any, message: str) -> DataError:
    return DataError((Diagnostic("E408", f"a size or filter cannot be computed: {message}", span=span),))


def _constant(term: t.Const, scope: Scope) -> Array:
    if term.type.element == "label" and term.type.set is not None:
        bound = scope.world.set(term.type.set)
        texts = bound.labels or tuple(bound.label(i) for i in range(bound.size))
        if str(term.value) not in texts:
            raise _unsupported(term.span, f"`{term.value}` is not in {term.type.set}")
        return np.asarray(texts.index(str(term.value)))
    return np.asarray(term.value)


def _defined(term: t.Ref, scope: Scope) -> Array:
    found = scope.world.definition(term.name)
    if found is None or found.kind != "value" or found.loops:
        raise _unsupported(term.span, f"`{term.name}` is not data")
    return evaluate(found.body, Scope(scope.world))


def _subscript(term: t.Subscript, scope: Scope) -> Array:
    value = evaluate(term.value, scope)
    index = tuple(np.asarray(_index(i, scope)) for i in term.indices)
    if len(index) == value.ndim:
        return np.asarray(value[index])
    raise _unsupported(term.span, "every axis needs a subscript")


def _index(term: t.Term, scope: Scope) -> Array:
    if not isinstance(term, t.Shift):
        return evaluate(term, scope)
    base, amount = evaluate(term.base, scope), evaluate(term.amount, scope)
    shifted = base - amount.astype(np.int64)
    size = scope.world.set(term.base.type.set or "").size
    if (shifted < 0).any() or (shifted >= size).any():
        raise _unsupported(term.span, "the row that the lag points at does not exist")
    return shifted


def _apply(term: t.Apply, scope: Scope) -> Array:
    name, arguments = term.function, term.arguments
    if name in ("first", "last", "position"):
        return _place(name, arguments[0], scope)
    if name == "size" and arguments[0].type.axes:
        return np.asarray(scope.world.set(arguments[0].type.axes[0].set).size)
    found = functions.find(name)
    if found is None or found.evaluate is None:
        raise _unsupported(term.span, f"`{name}` is not available in sizes and filters")
    values = [np.asarray(evaluate(a, scope)) for a in arguments]
    if found.kind == "reduction":
        return np.asarray(found.evaluate(values[0], tuple(range(-values[0].ndim, 0))))
    keywords = {k: float(evaluate(v, scope)) for k, v in term.keywords}
    if found.kind == "elementwise":
        return np.asarray(found.evaluate(*map(_number, values), **keywords))
    return np.asarray(found.evaluate(*values, dims=tuple(v.ndim for v in values), **keywords))


def _number(value: Array) -> Array:
    return value.astype(np.int64) if value.dtype == bool else value


def _place(name: str, term: t.Term, scope: Scope) -> Array:
    codes = evaluate(term, scope)
    bound = scope.world.set(term.type.set or "")
    starts = np.zeros(bound.size, dtype=np.int64)
    ends = np.full(bound.size, bound.size - 1)
    if bound.group is not None:
        firsts = np.flatnonzero(np.r_[True, bound.group[1:] != bound.group[:-1]])
        lengths = np.diff(np.r_[firsts, bound.size])
        starts, ends = np.repeat(firsts, lengths), np.repeat(firsts + lengths - 1, lengths)
    if name == "position":
        return codes - starts[codes] + 1
    return np.asarray(codes == (starts if name == "first" else ends)[codes])


def _reduce(term: t.Reduce, scope: Scope) -> Array:
    if term.function not in _REDUCTIONS or any(loop.of is not None for loop in term.loops):
        raise _unsupported(term.span, f"this `{term.function}` is not available in sizes and filters")
    counts = [scope.world.set(loop.set).size for loop in term.loops]
    if isinstance(term.body, t.Const) and term.function == "sum" and not any(x.condition for x in term.loops):
        return np.asarray(float(term.body.value) * math.prod(counts))  # `size(S)`, without a loop over S
    inner = scope
    for loop in term.loops:
        inner = inner.enter(loop, np.arange(scope.world.set(loop.set).size))
    shape = tuple(len(codes) for _, codes in inner.loops)
    body = np.broadcast_to(evaluate(term.body, inner), shape)
    axes = tuple(range(len(scope.loops), len(shape)))
    keep = np.ones(shape, dtype=bool)
    for loop in term.loops:
        if loop.condition is not None:
            keep &= np.broadcast_to(evaluate(loop.condition, inner), shape).astype(bool)
    if keep.all():
        return np.asarray(_REDUCTIONS[term.function](body, axis=axes))
    if term.function not in ("sum", "max", "min"):
        raise _unsupported(term.span, f"`{term.function}` with a filter is not available here")
    empty = {"sum": 0.0, "max": -np.inf, "min": np.inf}[term.function]
    return np.asarray(_REDUCTIONS[term.function](np.where(keep, body, empty), axis=axes))
