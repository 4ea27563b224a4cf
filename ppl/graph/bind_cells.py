"""Cells by their declared type, before rows are ordered and sets are known."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.data.column import Column, Labels, Values
from ppl.errors import DataError
from ppl.language import typed as t

_DIGITS = re.compile(r"([0-9]+)")

Cells = Values | Labels


@dataclass(frozen=True)
class MissingCodes:
    """Texts that mean a missing cell: everywhere, and by column (``name`` or ``table.name``)."""

    everywhere: frozenset[str] = frozenset()
    by_column: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, table: str | None, name: str) -> frozenset[str]:
        """The codes of one column or given."""
        own = self.by_column.get(name, frozenset()) | self.by_column.get(f"{table}.{name}", frozenset())
        return self.everywhere | own


def missing_codes(na: Mapping[str, Collection[str]] | Collection[str] | None) -> MissingCodes:
    """Codes from a mapping (the key ``*`` stands for every column) or a plain collection.

    >>> missing_codes({"grade": ["-1"]}).of("pupils", "grade")
    frozenset({'-1'})
    """
    if na is None:
        return MissingCodes()
    if not isinstance(na, Mapping):
        return MissingCodes(frozenset([na] if isinstance(na, str) else na))
    each = {k: frozenset([v] if isinstance(v, str) else (str(x) for x in v)) for k, v in na.items()}
    return MissingCodes(each.pop("*", frozenset()), each)


def read_cells(
    column: Column, kind: Any, role: str, codes: frozenset[str], declared: frozenset[str], given: bool = False
) -> Cells:
    """A column's cells as its type and role say."""
    if role == "key":
        return column.as_labels(codes)
    if role == "order":
        return _order_cells(column, codes)
    if role == "weight":
        return column.as_real(codes)
    if kind.element == "bool" or (kind.element == "label" and kind.set == "bool"):
        return column.as_bool(codes)
    if kind.element == "label":
        return column.as_labels(codes, declared)
    return column.as_int(codes) if kind.element == "int" else column.as_real(codes, infinite=given)


def _order_cells(column: Column, codes: frozenset[str]) -> Values:
    """Numbers as they are; other texts (dates) by their place in natural order."""
    try:
        return column.as_int(codes)
    except DataError:
        pass
    try:
        return column.as_real(codes)
    except DataError:
        labels = column.as_labels(codes)
    ranks = np.empty(len(labels.levels) + 1, dtype=np.int64)
    ranks[-1] = 0
    for rank, k in enumerate(sorted(range(len(labels.levels)), key=lambda i: natural(labels.levels[i]))):
        ranks[k] = rank + 1
    return Values(ranks[labels.codes], labels.missing)


def natural(text: str) -> tuple[Any, ...]:
    """A sort key: numbers by value and before texts; digits inside texts by value.

    >>> sorted(["g10", "g2", "3", "-1", "Ohio"], key=natural)
    ['-1', '3', 'Ohio', 'g2', 'g10']
    """
    try:
        return (0, float(text), text)
    except ValueError:
        parts = _DIGITS.split(text)
        return (1, 0.0, tuple((int(p), "") if i % 2 else (-1, p) for i, p in enumerate(parts)), text)


def taken(cells: Cells, rows: Any) -> Cells:
    """The cells of chosen rows, in their order."""
    if isinstance(cells, Labels):
        return Labels(cells.codes[rows], cells.levels, cells.declared)
    missing = None if cells.missing is None else cells.missing[rows]
    return Values(cells.values[rows], missing, cells.warnings)


def declared_labels(
    program: t.Program, name: str | None, saved: Mapping[str, tuple[str, ...]]
) -> frozenset[str]:
    """Labels that a set is known to have before any column is read."""
    found = program.sets.get(name or "")
    own = found.labels if found is not None else ()
    return frozenset(own) | frozenset(saved.get(name or "", ()))
