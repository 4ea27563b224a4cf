"""Which file each column and each given comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.data.column import NO_CODES, Column, Labels, Values
from ppl.data.frame import Frame
from ppl.data.python import column_of_object
from ppl.data.text_column import TextColumn
from ppl.data.where import Where
from ppl.errors import DataError, Diagnostic, PplError, fail
from ppl.language import typed as t
from ppl.supports import describe

Inputs = Sequence[tuple[str | None, Frame]]


class WideColumn(Column):
    """Columns side by side as one array: rows first, then one entry for each header."""

    def __init__(self, name: str, parts: Sequence[Column], labels: tuple[str, ...]) -> None:
        super().__init__(name, (parts[0].shape[0], len(parts)), parts[0].where)
        self.parts = tuple(parts)
        self.part_labels = labels

    def chosen(self, order: Sequence[int]) -> WideColumn:
        """The same columns in another order."""
        return WideColumn(
            self.name, [self.parts[i] for i in order], tuple(self.part_labels[i] for i in order)
        )

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        return _stacked([p.as_real(na, infinite) for p in self.parts])

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        return _stacked([p.as_int(na) for p in self.parts])

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        return _stacked([p.as_bool(na) for p in self.parts])

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        found = [p.as_labels(na, declared) for p in self.parts]
        known: dict[str, int] = {}
        codes = []
        for one in found:
            new = np.array([known.setdefault(text, len(known)) for text in one.levels] + [-1], dtype=np.int64)
            codes.append(new[one.codes])
        return Labels(np.stack(codes, axis=1), tuple(known))


def _stacked(parts: Sequence[Values]) -> Values:
    values = np.stack([p.values for p in parts], axis=1)
    missing = None
    if any(p.missing is not None for p in parts):
        empty = np.zeros(len(values), dtype=bool)
        missing = np.stack([empty if p.missing is None else p.missing for p in parts], axis=1)
    return Values(values, missing, tuple(w for p in parts for w in p.warnings))


@dataclass(frozen=True)
class Triples:
    """A given written as a long table: one column for each axis, and its values (None: count rows)."""

    axes: tuple[Column, ...]
    values: Column | None


@dataclass(frozen=True)
class TableSource:
    """The file of a table and its columns by name; columns that were not found are left out."""

    frame: Frame | None
    columns: dict[str, Column]


def table_source(table: t.TableDef, inputs: Inputs, problems: list[Diagnostic], absent: bool) -> TableSource:
    """Find a table's columns; what is missing goes to ``problems`` unless it may be absent."""
    named = [f for name, f in inputs if name == table.name]
    pool = named or [f for name, f in inputs if name is None]
    frame = max(pool, key=lambda f: _score(table, f), default=None)
    if frame is None or (not named and _score(table, frame)[0] == 0 and len(inputs) > 1):
        if not absent:
            message = f"no file was given for the table `{table.name}`"
            problems.append(
                Diagnostic("E401", message, help=f"give one: `{table.name}=FILE`", span=table.span)
            )
        return TableSource(None, {})
    others = [f for f in pool if f is not frame]
    found: dict[str, Column] = {}
    for column in table.columns:
        source = next(
            (c for f in (frame, *others) if (c := column_in(f, column.name, column.header, column.type))),
            None,
        )
        if source is not None:
            found[column.name] = source
    return TableSource(frame, found)


def _score(table: t.TableDef, frame: Frame) -> tuple[int, bool]:
    held = sum(bool(column_in(frame, c.name, c.header, c.type)) for c in table.columns)
    return held, frame.size is not None


def column_in(frame: Frame, name: str, header: str, kind: Any) -> Column | None:
    """The column (or wide column) of a header in a frame, or None.

    A wide column ``x[feats]`` is a pattern ``x_*``, an array with a second axis, or, failing both,
    columns ``x_1``, ``x.1`` or ``x[1]``.
    """
    if header in frame.columns and "*" not in header:
        return frame.columns[header]
    if not kind.axes:
        return None
    patterns = [header] if "*" in header else [f"{header}_*", f"{header}.*", f"{header}[[]*[]]"]
    for pattern in patterns:
        names = frame.matching(pattern)
        if names and _side_by_side([frame.columns[n] for n in names]):
            before, _, after = pattern.replace("[[]", "[").replace("[]]", "]").partition("*")
            labels = tuple(n[len(before) : len(n) - len(after)] for n in names)
            return WideColumn(name, [frame.columns[n] for n in names], labels)
    return None


def _side_by_side(parts: Sequence[Column]) -> bool:
    """Whether columns are vectors of one length, as in a table or a mapping of arrays."""
    return len({p.shape for p in parts}) == 1 == len(parts[0].shape)


def given_source(
    given: t.GivenDef, inputs: Inputs, settings: Mapping[str, Any], problems: list[Diagnostic]
) -> Column | Triples | None:
    """Where a given's value comes from: a setting, its own file, any file's array; else None."""
    if given.name in settings:
        return setting_column(given.name, settings[given.name])
    own = [f for name, f in inputs if name == given.name]
    for frame in own:
        found = _own(given, frame)
        if found is not None:
            return found
    frames = own or [f for _, f in sorted(inputs, key=lambda x: x[1].size is not None)]
    for frame in frames:
        column = frame.columns.get(given.header)
        if column is not None and _fits(given, column):
            return column
    return None


def _fits(given: t.GivenDef, column: Column) -> bool:
    return len(column.shape) == len(given.type.axes) or (not given.type.axes and column.shape == (1,))


def _own(given: t.GivenDef, frame: Frame) -> Column | Triples | None:
    if given.header in frame.columns and _fits(given, frame.columns[given.header]):
        return frame.columns[given.header]
    if frame.size is None:
        return next(iter(frame.columns.values())) if len(frame.columns) == 1 else None
    sets = [a.set for a in given.type.axes]
    if sets and all(s in frame.columns for s in sets) and len(set(sets)) == len(sets):
        rest = [n for n in frame.names if n not in sets and n in frame.columns]
        name = next((n for n in (given.header, given.name, "value", "count", "n") if n in rest), None)
        chosen = name or (rest[0] if len(rest) == 1 else None)
        return Triples(tuple(frame.columns[s] for s in sets), frame.columns[chosen] if chosen else None)
    if len(sets) == 2:
        names = [n for n in frame.names if n in frame.columns and n != sets[0]]
        return WideColumn(given.name, [frame.columns[n] for n in names], tuple(names))
    return None


def setting_column(name: str, value: Any) -> Column:
    """A setting as a column: numbers and texts as they are, lists as JSON writes them.

    >>> setting_column("K", "5").as_int().values
    array(5)
    """
    where = Where("--set", "path")
    if not isinstance(value, str):
        return column_of_object(name, value, where)
    text = value.strip()
    if text.startswith("["):
        from ppl.data.json_text import read_object

        leaves = read_object('{"v": ' + text + "}", f"--set {name}")["v"]
        return TextColumn(name, leaves.texts, where, shape=leaves.shape)
    return TextColumn(name, [text], where, frozenset({0}), ())


def no_column(table: t.TableDef, column: t.ColumnDef, frame: Frame) -> PplError:
    """E401 for a column that the table's file does not have."""
    kind = describe(column.type.support) if column.role == "value" else column.role
    if column.type.element == "label" and column.role == "value":
        kind = str(column.type.set)
    axes = f"[{', '.join(map(str, column.type.axes))}]" if column.type.axes else ""
    kind = f"{column.name}{axes}: {kind}{'?' if column.optional else ''}"
    return frame.no_column(column.header, kind)


def no_given(given: t.GivenDef, inputs: Inputs) -> PplError:
    """E401 for a given without a value."""
    seen = next((f.columns[given.header] for _, f in inputs if given.header in f.columns), None)
    if seen is not None:
        axes = len(given.type.axes)
        message = f"`{given.name}` should have {_axes(axes)}; in the file it has {_axes(len(seen.shape))}"
        return fail(DataError, "E408", message, place=seen.where.place(column=given.header))
    for _, frame in inputs:
        return frame.no_column(given.header)
    return fail(DataError, "E401", f"`{given.name}` has no value", help=f"say `--set {given.name}=...`")


def _axes(count: int) -> str:
    return "one value" if count == 0 else "one axis" if count == 1 else f"{count} axes"
