"""Data sets drawn from a model's prior."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.data.write import csv_text
from ppl.errors import UsageError, fail
from ppl.language import typed as t
from ppl.posterior.bound import Bound, bind_problem
from ppl.posterior.estimates import Array
from ppl.posterior.predict import observed_columns


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
        size = self.bound.data.sets[table.name].size
        columns = [c for c in table.columns if not c.type.axes]
        cells = [[self._cells(table.name, c, k, size) for c in columns] for k in range(len(self))]
        header = [c.header for c in columns]
        if len(self) == 1:
            return csv_text(header, zip(*cells[0], strict=True))
        rows = ((k + 1, *row) for k, one in enumerate(cells) for row in zip(*one, strict=True))
        return csv_text(["set", *header], rows)

    def _cells(self, table: str, column: t.ColumnDef, k: int, size: int) -> list[object]:
        data = self.bound.data
        if column.name in self.observed and self.observed[column.name].shape[1:] == (size,):
            values = self.observed[column.name][k]
        elif column.role == "key":
            return [data.label(table, i) for i in range(size)]
        elif (table, column.name) in data.arrays:
            values = data.arrays[(table, column.name)]
        else:
            values = np.arange(1, size + 1)
        return _written(values, column, data)

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
    if column.type.element == "label" and column.type.set in data.sets:
        return [data.label(column.type.set, int(code)) for code in values]
    whole = column.type.element in ("int", "bool") and np.all(np.isfinite(values))
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
    return Simulation(drawn.latents, drawn.observed, bound)


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
