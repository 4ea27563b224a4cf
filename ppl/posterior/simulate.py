"""Data sets drawn from a model's prior."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ppl.data.write import csv_text
from ppl.errors import Diagnostic, ModelError, UsageError, fail
from ppl.language import typed as t
from ppl.posterior.bound import Bound, bind_problem
from ppl.posterior.estimates import Array
from ppl.posterior.predict import observed_columns, stored_sets


@dataclass(frozen=True)
class Simulation:
    """``n`` data sets. latents, observed: name to (n, ...); labels of label-valued ones by name."""

    latents: Mapping[str, Array]
    observed: Mapping[str, Array]
    bound: Bound

    def __len__(self) -> int:
        return len(next(iter({**self.latents, **self.observed}.values())))

    def __getitem__(self, name: str) -> Array:
        return self.observed[name] if name in self.observed else self.latents[name]

    def csv(self) -> str:
        """The tables with their observed columns drawn; with several data sets a first column ``set``."""
        texts = [self._table(table) for table in self.bound.program.tables.values()]
        return "\n".join(text for text in texts if text)

    def _table(self, table: t.TableDef) -> str:
        columns = self._columns(table)
        cells = [[cell(k) for _, cell in columns] for k in range(len(self))]
        header = [name for name, _ in columns]
        if len(self) == 1:
            return csv_text(header, zip(*cells[0], strict=True))
        rows = ((k + 1, *row) for k, one in enumerate(cells) for row in zip(*one, strict=True))
        return csv_text(["set", *header], rows)

    def _columns(self, table: t.TableDef) -> list[tuple[str, Callable[[int], list[object]]]]:
        """Headers, and what gives the cells of one data set, rows in the order of the file."""
        data, size = self.bound.data, self.bound.data.sets[table.name].size
        lines = data.lines.get(table.name)
        order = np.arange(size) if lines is None else np.argsort(lines, kind="stable")
        modelled = observed_columns(self.bound.program)
        found: list[tuple[str, Callable[[int], list[object]]]] = []
        for c in (c for c in table.columns if not c.type.axes):
            if c.name in self.observed:
                drawn = self.observed[c.name]
                found.append((c.header, partial(self._drawn, drawn, order, c)))
            elif (table.name, c.name) not in modelled:
                kept = self._kept(table.name, c, size)[order]
                found.append((c.header, partial(self._same, _written(kept, c, data))))
        known = {c.name for c in table.columns}
        for name, drawn in self.observed.items():  # an expression of columns on the left of `~`
            if name not in known and stored_sets(self.bound.program, name) == [table.name]:
                found.append((name, partial(self._drawn, drawn, order, None)))
        return found

    def _drawn(self, drawn: Array, order: np.ndarray, column: t.ColumnDef | None, k: int) -> list[object]:
        values = drawn[k][order]
        return values.tolist() if column is None else _written(values, column, self.bound.data)

    @staticmethod
    def _same(cells: list[object], k: int) -> list[object]:
        return cells

    def _kept(self, table: str, column: t.ColumnDef, size: int) -> np.ndarray:
        data = self.bound.data
        if column.role == "key":
            return np.array([data.label(table, i) for i in range(size)], dtype=object)
        found = data.arrays.get((table, column.name))
        return np.arange(1, size + 1) if found is None else found

    def json(self) -> str:
        """``{"schema": 1, "sets": [{"latents": {...}, "observed": {...}}, ...]}``."""
        sets = [
            {"latents": _nested(self.latents, k), "observed": _nested(self.observed, k)}
            for k in range(len(self))
        ]
        return json.dumps({"schema": 1, "sets": sets}, ensure_ascii=False, allow_nan=False) + "\n"

    def __repr__(self) -> str:
        return f"Simulation({len(self)} data set{'s' if len(self) > 1 else ''} of {', '.join(self.observed)})"


def _written(values: np.ndarray, column: t.ColumnDef, data: Any) -> list[object]:
    if column.role == "key":
        return list(values)
    if column.type.element == "label" and column.type.set in data.sets:
        return [data.label(column.type.set, int(code)) for code in values]
    discrete = column.type.element in ("int", "bool") or column.role == "order"
    whole = discrete and bool(np.all(values == np.floor(values)))
    return list(np.asarray(values).astype(np.int64).tolist() if whole else values.tolist())


def _nested(arrays: Mapping[str, Array], k: int) -> dict[str, Any]:
    return {name: _finite(np.asarray(array)[k]) for name, array in arrays.items()}


def _finite(array: np.ndarray) -> Any:
    if np.all(np.isfinite(array)):
        return array.tolist()
    return np.where(np.isfinite(array), array, None).tolist()  # type: ignore[call-overload]


def simulate(
    program: t.Program,
    data: Any = None,
    *,
    n: int = 1,
    seed: int = 0,
    sizes: Mapping[str, Any] | None = None,
    tables: Mapping[str, Any] | None = None,
    **more: Any,
) -> Simulation:
    """Draw ``n`` data sets; observed columns need not be in the data.

    sizes: rows of tables without data, which then may have no covariates.
    """
    rows = {name: _whole(name, size) for name, size in (sizes or {}).items()}
    for name in rows:
        if name not in program.tables:
            known = ", ".join(f"`{table}`" for table in program.tables) or "none"
            raise fail(UsageError, "E704", f"the model has no table `{name}`", help=f"its tables: {known}")
    _no_covariates(program, rows)
    bound = bind_problem(program, data, tables=tables, absent=observed_columns(program), rows=rows, **more)
    drawn = bound.problem.prior(n, np.random.default_rng([seed, 4]))
    _refuse_improper(program, drawn.latents)
    return Simulation(drawn.latents, drawn.observed, bound)


def _refuse_improper(program: t.Program, latents: Mapping[str, Array]) -> None:
    for d in program.definitions:
        if d.name in latents and np.isnan(latents[d.name]).all():
            help = "give it a proper prior to draw from"
            message = f"`{d.name}` has an improper prior, which nothing can be drawn from"
            raise ModelError((Diagnostic("E604", message, span=d.span, help=help),), program.source)


def _whole(name: str, size: Any) -> int:
    try:
        number = int(size)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise fail(UsageError, "E705", f"{name} cannot have {size!r} rows", help=f"write --rows {name}=8")
    return number


def _no_covariates(program: t.Program, rows: Mapping[str, int]) -> None:
    drawn = observed_columns(program)
    for name in rows:
        for column in program.tables[name].columns:
            if column.role == "value" and (name, column.name) not in drawn:
                message = f"`{column.name}` of {name} is not drawn by the model, so it has to come from data"
                raise fail(UsageError, "E706", message, help=f"give a file with {column.header}")
