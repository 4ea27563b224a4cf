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
        states, share = modes(flat.astype(np.int64), len(self.labels))
        return [[self.labels[k], p] for k, p in zip(states.tolist(), share.tolist(), strict=True)]


def modes(codes: np.ndarray, states: int, most: int = 4_000_000) -> tuple[np.ndarray, Array]:
    """The most frequent code of each column of (S, n), and its share of the draws; ``most`` counts at once.

    >>> modes(np.array([[0, 2], [1, 2], [1, 0]]), 3)[0]
    array([1, 2])
    """
    count, n = codes.shape
    step = max(1, most // max(states, 1))
    best, share = np.empty(n, dtype=np.int64), np.empty(n)
    for lo in range(0, n, step):
        part = codes[:, lo : lo + step]
        width = part.shape[1]
        places = (part + states * np.arange(width)).ravel()
        counts = np.bincount(places, minlength=states * width).reshape(width, states)
        best[lo : lo + step], share[lo : lo + step] = counts.argmax(1), counts.max(1) / count
    return best, share


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
