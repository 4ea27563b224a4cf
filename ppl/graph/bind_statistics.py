"""Statistics of whole columns belong to a fit: new rows are measured with the fit's own.

``zscore(x)[i]`` means distance from the mean of the data that were fitted. When the fit meets new
rows, ``zscore``, ``center`` and every reduction over rows (``mean(x)``, ``size(d)``, ``sum(x[i] for i
in d)``) keep the values they had; `statistics` works them out, `frozen` puts them in their places.
``rank``, ``levels`` and ``count_of`` describe the rows at hand, and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ppl import functions
from ppl.errors import DataError
from ppl.graph.bind_terms import Scope, evaluate
from ppl.graph.bind_types import Array, BoundData, BoundSet
from ppl.graph.bind_usage import children
from ppl.language import typed as t
from ppl.supports import REAL
from ppl.types import Type

_PREFIX = "statistic "
_SCALED = ("zscore", "center")
_REAL = Type("real", REAL)


def statistics(program: t.Program, data: BoundData) -> dict[str, Array]:
    """The statistics of a program's columns, by keys that another reading of the same text repeats."""
    world = _World(program, data)
    found: dict[str, Array] = {}
    for key, term in _places(program):
        try:
            found[key] = _measured(term, Scope(world))
        except DataError:
            continue  # it needs more than the evaluator of sizes knows: it stays as written
    return found


def frozen(program: t.Program, saved: Mapping[str, Array]) -> t.Program:
    """The program with saved statistics in place of the terms that they were worked out from."""
    swaps = {
        id(term): _constant(term, np.asarray(saved[key])) for key, term in _places(program) if key in saved
    }
    if not swaps:
        return program
    return replace(
        program,
        definitions=tuple(_definition(d, swaps) for d in program.definitions),
        report=tuple(_definition(d, swaps) for d in program.report),
    )


@dataclass(frozen=True)
class _World:
    program: t.Program
    data: BoundData

    def array(self, table: str | None, name: str) -> Array:
        return self.data.arrays[(table, name)]

    def set(self, name: str) -> BoundSet:
        return self.data.sets[name]

    def definition(self, name: str) -> t.Definition | None:
        return next((d for d in self.program.definitions if d.name == name), None)


# ---------------------------------------------------------------- finding


def _places(program: t.Program) -> Iterator[tuple[str, t.Term]]:
    count = 0
    for d in (*program.definitions, *program.report):
        for root in (d.body, d.observed):
            stack = [] if root is None else [root]
            while stack:
                term = stack.pop()
                if _is_statistic(program, term):
                    yield f"{_PREFIX}{count}", term
                    count += 1
                else:
                    stack += children(term)


def _is_statistic(program: t.Program, term: t.Term) -> bool:
    if isinstance(term, t.Apply) and len(term.arguments) == 1:
        found, argument = functions.find(term.function), term.arguments[0]
        reduces = found is not None and found.kind == "reduction" and not term.type.axes
        size = term.function == "size"
        scaled = term.function in _SCALED and len(argument.type.axes) in (1, 2)
        return (reduces or size or scaled) and _of_rows(program, argument) and _plain(program, argument, ())
    if isinstance(term, t.Reduce):
        own = all(x.of is None and x.condition is None for x in term.loops)
        rows = any(x.set in program.tables for x in term.loops)
        return own and rows and _plain(program, term.body, term.loops)
    return False


def _of_rows(program: t.Program, term: t.Term) -> bool:
    return any(a.set in program.tables for a in term.type.axes)


def _plain(program: t.Program, root: t.Term, loops: tuple[t.Loop, ...]) -> bool:
    """Whether a term holds nothing but complete data, constants and the given loops."""
    stack = [root]
    while stack:
        term = stack.pop()
        if isinstance(term, t.DataRef):
            if term.table is not None and _optional(program, term):
                return False
        elif isinstance(term, t.Var):
            if not any(term.loop is x for x in loops):
                return False
        elif not isinstance(term, t.Const | t.Apply | t.Subscript | t.Choose | t.Shift):
            return False
        stack += children(term)
    return True


def _optional(program: t.Program, term: t.DataRef) -> bool:
    return any(c.optional for c in program.tables[term.table or ""].columns if c.name == term.name)


# ---------------------------------------------------------------- measuring and replacing


def _measured(term: t.Term, scope: Scope) -> Array:
    if isinstance(term, t.Apply) and term.function in _SCALED:
        x = np.asarray(evaluate(term.arguments[0], scope), dtype=np.float64)
        spread = x.std(axis=0, ddof=1) if term.function == "zscore" and len(x) > 1 else np.ones(x.shape[1:])
        return np.stack([x.mean(axis=0), spread])
    return np.asarray(evaluate(term, scope), dtype=np.float64)


def _constant(term: t.Term, saved: Array) -> t.Term:
    if not (isinstance(term, t.Apply) and term.function in _SCALED):
        return t.Const(term.type, term.span, _number(term, saved.item()))
    x = term.arguments[0]
    kind = replace(term.type, axes=x.type.axes)
    mean, spread = (_along(row, x) for row in _finite(saved))
    centred = t.Apply(kind, term.span, "subtract", (x, mean))
    return centred if term.function == "center" else t.Apply(kind, term.span, "divide", (centred, spread))


def _finite(saved: Array) -> Array:
    """Means and spreads, (2, columns); a constant column has zscore 0 whatever the new value."""
    mean, spread = saved.reshape(2, -1)
    return np.stack([mean, np.where(spread == 0.0, np.inf, spread)])


def _along(row: Array, x: t.Term) -> t.Term:
    """One number for every column of ``x``: a list over its second axis, or the number alone."""
    items = tuple(t.Const(_REAL, x.span, value) for value in row.tolist())
    return (
        items[0] if len(x.type.axes) == 1 else t.ListOf(replace(_REAL, axes=x.type.axes[1:]), x.span, items)
    )


def _number(term: t.Term, value: float) -> float | int:
    return int(value) if term.type.element == "int" else value


def _definition(d: t.Definition, swaps: Mapping[int, t.Term]) -> t.Definition:
    body = _swapped(d.body, swaps)
    observed = None if d.observed is None else _swapped(d.observed, swaps)
    return d if body is d.body and observed is d.observed else replace(d, body=body, observed=observed)


def _swapped(term: t.Term, swaps: Mapping[int, t.Term]) -> t.Term:
    """The term with its statistics replaced; the same object where there are none."""
    if id(term) in swaps:
        return swaps[id(term)]
    match term:
        case t.Apply():
            arguments = _all(term.arguments, swaps)
            keywords = _named(term.keywords, swaps)
            if arguments is not term.arguments or keywords is not term.keywords:
                return replace(term, arguments=arguments, keywords=keywords)
        case t.Dist():
            named = _named(term.arguments, swaps)
            return term if named is term.arguments else replace(term, arguments=named)
        case t.Subscript():
            value, indices = _swapped(term.value, swaps), _all(term.indices, swaps)
            if value is not term.value or indices is not term.indices:
                return replace(term, value=value, indices=indices)
        case t.Shift():
            return _changed(term, swaps, "base", "amount")
        case t.Choose():
            return _changed(term, swaps, "test", "then", "other")
        case t.Reduce() | t.Stack():
            return _changed(term, swaps, "body")
        case t.ListOf():
            items = _all(term.items, swaps)
            return term if items is term.items else replace(term, items=items)
        case t.NetworkCall():
            arguments = _all(term.arguments, swaps)
            return term if arguments is term.arguments else replace(term, arguments=arguments)
    return term


def _changed(term: t.Term, swaps: Mapping[int, t.Term], *names: str) -> t.Term:
    new = {n: _swapped(getattr(term, n), swaps) for n in names}
    return replace(term, **new) if any(new[n] is not getattr(term, n) for n in names) else term  # type: ignore[arg-type]


def _all(terms: tuple[t.Term, ...], swaps: Mapping[int, t.Term]) -> tuple[t.Term, ...]:
    new = tuple(_swapped(x, swaps) for x in terms)
    return new if any(a is not b for a, b in zip(new, terms, strict=True)) else terms


def _named(
    terms: tuple[tuple[str, t.Term], ...], swaps: Mapping[int, t.Term]
) -> tuple[tuple[str, t.Term], ...]:
    new = tuple((name, _swapped(x, swaps)) for name, x in terms)
    return new if any(a[1] is not b[1] for a, b in zip(new, terms, strict=True)) else terms
