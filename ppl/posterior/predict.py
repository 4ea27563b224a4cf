"""Prediction: the fit's draws carried over to new data, and new observations drawn there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppl.errors import FitError, Source, UsageError, fail
from ppl.language import typed as t
from ppl.posterior.bound import Bound, bind_problem
from ppl.posterior.estimates import Array
from ppl.posterior.fit import Fit
from ppl.posterior.predicted import Column, Prediction, Table
from ppl.posterior.record import FitWarning
from ppl.types import Type

MOST_NUMBERS = 50_000_000  # predicted values held at once


def predict(
    fit: Fit,
    data: Any = None,
    tables: Mapping[str, Any] | None = None,
    *,
    new_levels: str = "error",
    seed: int = 0,
    of: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    na: Any = (),
    drop_missing: Any = (),
) -> Prediction:
    """Predict the observed columns, which new data need not have.

    Draws of quantities without an index over rows are used as they are, elements of known levels
    by their label. new_levels: ``prior`` draws the rest from their prior given those; ``error``
    raises `DataError` E407 with the unseen labels.
    """
    if new_levels not in ("error", "prior"):
        raise fail(UsageError, "E705", f"new_levels is `{new_levels}`", help="write `error` or `prior`")
    if not fit.draws:
        raise fail(FitError, "E802", "this fit has no draws to predict from")
    bound = _bound(fit, data, tables or {}, new_levels == "prior", settings, na, drop_missing)
    draws = _thinned(dict(fit.draws), bound)
    rng = np.random.default_rng([seed, 3])
    if data is not None or tables:
        draws = moved(fit, bound, draws, rng)
    found = dict(bound.problem.predictive(draws, rng))
    found |= _values(bound, draws, of)
    columns = tuple(_column(bound, name, array) for name, array in found.items())
    names = tuple(dict.fromkeys(c.table for c in columns))
    return Prediction(tuple(_table(bound, name, columns) for name in names), columns, _caution(fit))


def moved(fit: Fit, bound: Bound, draws: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Draws of a fit for other data: elements of known levels by label, the rest from their prior."""
    known = {name: level.labels for name, level in fit.levels.items() if level.labels is not None}
    found: dict[str, Array] = bound.problem.transfer(draws, known, rng)
    return found


def _bound(
    fit: Fit, data: Any, tables: Mapping[str, Any], new: bool, settings: Any, na: Any, drop_missing: Any
) -> Bound:
    if data is None and not tables:
        if fit.problem is None:
            raise fail(
                UsageError, "E705", "a saved fit predicts for data that are given", help="name a data file"
            )
        found: Bound = fit.problem
        return found
    return bind_new(fit, data, tables, new, settings, na, drop_missing, observed_too=False)


def bind_new(
    fit: Fit,
    data: Any,
    tables: Mapping[str, Any],
    new: bool,
    settings: Any = None,
    na: Any = (),
    drop_missing: Any = (),
    observed_too: bool = True,
) -> Bound:
    """New data for the model of a fit, with the fit's levels, settings and givens.

    new: whether levels may be new. observed_too: whether the observed columns have to be there.
    """
    from ppl.graph.bind_statistics import frozen

    program = frozen(_compiled(fit), fit.constants)
    levels = {
        name: level.labels or tuple(str(level.low + k) for k in range(level.size))
        for name, level in fit.levels.items()
        if name not in program.tables or level.labels is not None
    }
    return bind_problem(
        program, data, tables=tables, settings={**fit.settings, **(settings or {})}, na=na,
        drop_missing=drop_missing, constants=_constants(fit, program), levels=levels, new_levels=new,
        absent=() if observed_too else observed_columns(program),
    )  # fmt: skip


def _compiled(fit: Fit) -> t.Program:
    from ppl.language.check import check
    from ppl.language.parse import parse

    source = Source(fit.model_name, fit.model_text)
    return check(parse(source), source, prior=True)  # it has been fitted: nothing is left to refuse


def observed_columns(program: t.Program) -> set[tuple[str | None, str]]:
    """The (table, column) of every observation."""
    found: set[tuple[str | None, str]] = set()
    for definition in program.definitions:
        if definition.kind == "observed" and definition.observed is not None:
            found |= {(r.table, r.name) for r in data_refs(definition.observed)}
    return found


def data_refs(term: t.Term) -> list[t.DataRef]:
    """The columns and givens that a term mentions."""
    found, stack = [], [term]
    while stack:
        node = stack.pop()
        match node:
            case t.DataRef():
                found.append(node)
            case t.Subscript(value=value, indices=indices):
                stack += [value, *indices]
            case t.Apply(arguments=arguments, keywords=keywords):
                stack += [*arguments, *(k for _, k in keywords)]
            case t.Choose(test=test, then=then, other=other):
                stack += [test, then, other]
            case t.Reduce(body=body) | t.Stack(body=body):
                stack.append(body)
            case t.ListOf(items=items):
                stack += items
    return found


def _constants(fit: Fit, program: t.Program) -> list[tuple[str | None, Any]]:
    """The fit's own givens, for those that the new data do not bring."""
    from ppl.data import from_python

    observed = {name for table, name in observed_columns(program) if table is None}
    values: dict[str, Any] = {}
    for name, array in fit.constants.items():
        given = program.givens.get(name)
        if given is None or name in observed or name in fit.settings:
            continue
        values[given.header] = (
            _labelled(fit, given.type.set, array) if given.type.element == "label" else array
        )
    return [(None, from_python(values, "the fit"))] if values else []


def _labelled(fit: Fit, name: str | None, codes: np.ndarray) -> np.ndarray:
    level = fit.levels[name or ""]
    labels = level.labels or tuple(str(level.low + k) for k in range(level.size))
    texts: np.ndarray = np.array(labels, dtype=object)[codes]
    return texts


def _thinned(draws: dict[str, Array], bound: Bound) -> dict[str, Array]:
    rows = max([len(a) for a in bound.data.arrays.values() if np.ndim(a)], default=1)
    count = len(next(iter(draws.values())))
    keep = max(200, MOST_NUMBERS // max(rows, 1))
    if keep >= count:
        return draws
    chosen = np.linspace(0, count - 1, keep).astype(int)
    return {name: array[chosen] for name, array in draws.items()}


def _values(bound: Bound, draws: dict[str, Array], of: Sequence[str]) -> dict[str, Array]:
    known = {q.name for q in bound.problem.quantities if q.kind == "value"}
    for name in of:
        if name not in known and name not in draws:
            listed = ", ".join(f"`{k}`" for k in (*sorted(known), *draws)) or "none"
            raise fail(UsageError, "E202", f"the model has no value `{name}`", help=f"it has: {listed}")
    wanted = tuple(name for name in of if name in known)
    values = bound.problem.values(draws, wanted) if wanted else {}
    return {name: values[name] if name in values else draws[name] for name in of}


def _column(bound: Bound, name: str, array: Array) -> Column:
    """Give a predicted array its table, the names of its parts, and its labels."""
    kind, sets = _stored(bound.program, name)
    count = len(array)
    labels = _labels(bound, kind)
    if sets and sets[0] in bound.program.tables and array.ndim == 1 + len(sets):
        return Column(name, sets[0], array.reshape(*array.shape[:2], -1), _parts(bound, sets[1:]), labels)
    if len(sets) == array.ndim - 1:
        return Column(name, None, array.reshape(count, 1, -1), _parts(bound, sets), labels)
    size = int(np.prod(array.shape[1:], dtype=int))
    parts = tuple(str(i + 1) for i in range(size)) if size != 1 else ("",)
    return Column(name, None, array.reshape(count, 1, -1), parts, labels)


def _stored(program: t.Program, name: str) -> tuple[Type | None, list[str]]:
    """The type of one element, and the index sets of the axes."""
    for table in program.tables.values():
        for column in table.columns:
            if name in (column.name, f"{table.name}.{column.name}"):
                return column.type, [table.name, *(axis.set for axis in column.type.axes)]
    if name in program.givens:
        return program.givens[name].type, [axis.set for axis in program.givens[name].type.axes]
    for definition in (*program.definitions, *program.report):
        if definition.name == name:
            return definition.type, [axis.set for axis in definition.type.axes]
    return None, []


def stored_sets(program: t.Program, name: str) -> list[str]:
    """The index sets of a quantity's axes, in order."""
    return _stored(program, name)[1]


def _parts(bound: Bound, sets: Sequence[str]) -> tuple[str, ...]:
    parts = [""]
    for name in sets:
        labels = [bound.data.label(name, k) for k in range(bound.data.sets[name].size)]
        parts = [f"{p},{label}" if p else label for p in parts for label in labels]
    return tuple(parts)


def _labels(bound: Bound, kind: Type | None) -> tuple[str, ...] | None:
    if kind is None or kind.element != "label" or kind.set is None or kind.set not in bound.data.sets:
        return None
    found = bound.data.sets[kind.set]
    return tuple(found.label(k) for k in range(found.size))


def _table(bound: Bound, name: str | None, columns: Sequence[Column]) -> Table:
    count = next(c.draws.shape[1] for c in columns if c.table == name)
    if name is None:
        return Table(None, (), ((),) * count, np.arange(count))
    lines = bound.data.lines.get(name)
    numbers = lines if lines is not None else np.arange(1, count + 1)
    headers, rows = ["line" if lines is not None else "row"], [numbers.tolist()]
    for column in bound.program.tables[name].columns:
        if column.role == "key":
            found = bound.data.sets[name]
            headers.append(column.header)
            rows.append([found.label(k) for k in range(count)])
    return Table(name, tuple(headers), tuple(zip(*rows, strict=True)), np.argsort(numbers, kind="stable"))


def _caution(fit: Fit) -> tuple[FitWarning, ...]:
    if fit.usable:
        return ()
    return (FitWarning("W702", f"the fit is not to be used as it is ({fit.status}): {fit.verdict}"),)
