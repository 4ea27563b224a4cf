"""What binding yields: sets with their sizes and labels, arrays, missing cells, and their places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ppl.errors import DataPlace, Diagnostic

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BoundSet:
    """An index set with its size.

    ``labels``: texts, or None for the whole numbers ``low .. low + size - 1``. ``group``: codes of
    the groups that an ordered table restarts in (rows are sorted by group, then order).
    ``parent`` and ``positions``: for a derived set, the set it comes from and its members' places
    there (for gaps, the left neighbour; none for pairs).
    """

    name: str
    size: int
    labels: tuple[str, ...] | None = None
    low: int = 1
    group: Array | None = None
    parent: str | None = None
    positions: Array | None = None

    def label(self, position: int) -> str:
        """The label at a position counted from 0.

        >>> BoundSet("k", 3, low=0).label(2)
        '2'
        """
        return str(self.low + position) if self.labels is None else self.labels[position]


@dataclass(frozen=True)
class BoundData:
    """A program's data: whole arrays with rows in bound order; label columns hold codes from 0.

    ``arrays`` and ``missing`` are keyed by (table, column), or (None, given); ``missing`` has a mask
    for every ``?`` column (True: no value; the array holds 0 there). ``lines`` is the file line of
    every row in bound order, where the file has lines.
    """

    sets: Mapping[str, BoundSet]
    arrays: Mapping[tuple[str | None, str], Array]
    missing: Mapping[tuple[str | None, str], Array] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)
    lines: Mapping[str, Array | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()

    def label(self, set: str, position: int) -> str:
        """The label of a set's element, counted from 0."""
        return self.sets[set].label(position)

    def element(self, table: str, row: int) -> str:
        """A row in words, as in ``radon.csv line 17`` (``row`` counts bound rows from 0)."""
        file = self.files.get(table, table)
        lines = self.lines.get(table)
        return f"{file} line {int(lines[row])}" if lines is not None else f"{file} row {row + 1}"

    def place(self, table: str, row: int | None = None, column: str | None = None) -> DataPlace:
        """The place of a bound row for a diagnostic."""
        lines = self.lines.get(table)
        line = int(lines[row]) if lines is not None and row is not None else None
        return DataPlace(self.files.get(table, table), line, column)

    def levels(self) -> dict[str, tuple[str, ...]]:
        """The labels of every set: what a saved fit keeps for `bind(levels=...)`."""
        return {name: tuple(s.label(k) for k in range(s.size)) for name, s in self.sets.items()}


def row_numbers(size: int) -> Array:
    """Row numbers from 1."""
    return np.arange(1, size + 1)
