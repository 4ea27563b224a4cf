"""Predicted columns: figures for every row, as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ppl.data.write import csv_text
from ppl.posterior.estimates import COLUMNS, Array, estimate
from ppl.posterior.record import FitWarning


@dataclass(frozen=True)
class Column:
    """One predicted column. draws: (S, rows, parts); part_labels name the parts of a wide column.

    ``labels``, for a column of labels, are the names its codes from 0 stand for.
    """

    name: str
    table: str | None
    draws: Array
    part_labels: tuple[str, ...] = ("",)
    labels: tuple[str, ...] | None = None

    def names(self) -> list[str]:
        """``y`` or ``x[a], x[b]``."""
        return [f"{self.name}[{part}]" if part else self.name for part in self.part_labels]

    def headers(self) -> list[str]:
        """CSV headers of the figures of all parts."""
        ends = ("most_probable", "probability") if self.labels is not None else COLUMNS
        return [f"{name}_{end}" for name in self.names() for end in ends]

    def figures(self) -> list[list[object]]:
        """A list a row, aligned with `headers`."""
        flat = self.draws.reshape(len(self.draws), -1)
        each = self._modes(flat) if self.labels is not None else self._numbers(flat)
        width = len(self.part_labels)
        rows = [each[i : i + width] for i in range(0, len(each), width)]
        return [[value for part in row for value in part] for row in rows]

    def _numbers(self, flat: Array) -> list[list[object]]:
        names = tuple(str(i) for i in range(flat.shape[1]))
        return [list(row) for row in estimate(self.name, "predicted", names, flat).values.tolist()]

    def _modes(self, flat: Array) -> list[list[object]]:
        assert self.labels is not None
        counts = np.stack([(flat == code).mean(0) for code in range(len(self.labels))])
        best = counts.argmax(0)
        return [[self.labels[k], float(counts[k, i])] for i, k in enumerate(best)]


@dataclass(frozen=True)
class Table:
    """The rows of one table: what each is called (file line, key), and its place in the file's order."""

    name: str | None
    headers: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    order: np.ndarray


@dataclass(frozen=True)
class Prediction:
    """Predictions by table; prints as CSV."""

    tables: tuple[Table, ...]
    columns: tuple[Column, ...]
    warnings: tuple[FitWarning, ...] = ()

    def draws(self, name: str) -> Array:
        """Draws of one predicted column: (S, rows) or, where it is wide, (S, rows, parts)."""
        column = next(c for c in self.columns if c.name == name)
        return column.draws[..., 0] if column.part_labels == ("",) else column.draws

    def csv(self) -> str:
        """One wide table; with several tables one after another, with a blank line between."""
        return "\n".join(self._csv(table) for table in self.tables)

    def _csv(self, table: Table) -> str:
        mine = [c for c in self.columns if c.table == table.name]
        header = [*table.headers, *(h for c in mine for h in c.headers())]
        return csv_text(header, self._rows(table, [c.figures() for c in mine]))

    @staticmethod
    def _rows(table: Table, figures: list[list[list[object]]]) -> Iterator[list[object]]:
        for i in table.order:
            yield [*table.rows[i], *(value for column in figures for value in column[i])]

    def __str__(self) -> str:
        return self.csv()

    __repr__ = __str__
