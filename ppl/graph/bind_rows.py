"""A table's rows: how many, in which order, in which groups, under which keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ppl.data.column import Column, Labels, Values
from ppl.data.where import EXAMPLES, Where, shown
from ppl.errors import DataError, DataPlace, Diagnostic
from ppl.graph.bind_cells import Cells
from ppl.graph.bind_types import Array
from ppl.language import typed as t


@dataclass(frozen=True)
class Rows:
    """Bound rows of a table: ``take`` are the file's rows in bound order (``read`` rows in all).

    ``keys``: labels in bound order, or None without a key column.
    """

    table: str
    take: Array
    read: int
    where: Where
    keys: tuple[str, ...] | None = None
    group: Array | None = None
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def size(self) -> int:
        """How many rows are bound."""
        return len(self.take)

    @cached_property
    def in_file_order(self) -> bool:
        """Whether bound rows are the file's rows as they stand."""
        return self.size == self.read and _consecutive(self.take)

    def lines(self) -> Array | None:
        """The file line of every bound row."""
        if self.where.lines is None:
            return None
        lines: Array = self.where.lines()
        return lines if self.in_file_order else lines[self.take]


def _consecutive(take: Array, block: int = 1 << 16) -> bool:
    """Whether the numbers are 0, 1, ..., looked at a block at a time."""
    blocks = (take[lo : lo + block] for lo in range(0, len(take), block))
    return all((b == np.arange(k * block, k * block + len(b))).all() for k, b in enumerate(blocks))


def row_count(table: t.TableDef, columns: Mapping[str, Column]) -> int:
    """The common length of a table's columns; E408 when they differ."""
    lengths = {name: c.shape[0] for name, c in columns.items() if c.shape}
    scalar = next((name for name, c in columns.items() if not c.shape), None)
    if scalar is not None:
        raise _error(
            "E408", columns[scalar], f"`{scalar}` is one value; a column of {table.name} is an array"
        )
    names = list(lengths)
    for name in names[1:]:
        if lengths[name] != lengths[names[0]]:
            message = (
                f"the columns of {table.name} have different lengths: "
                f"`{names[0]}` has {lengths[names[0]]}, `{name}` has {lengths[name]}"
            )
            raise _error("E408", columns[name], message)
    return lengths[names[0]] if names else 0


def _error(code: str, column: Column, message: str, row: int | None = None, help: str = "") -> DataError:
    return DataError((Diagnostic(code, message, place=column.where.place(row, column.name), help=help),))


def arrange(
    table: t.TableDef,
    columns: Mapping[str, Column],
    cells: Mapping[str, Cells],
    where: Where,
    count: int,
    drop: Collection[str],
    file: str,
) -> Rows:
    """Drop rows with blanks in ``drop`` columns, check keys, sort by group and order."""
    kept = np.flatnonzero(_keep(table, cells, count, drop))
    if not len(kept):
        message = f"every row of {file} was dropped: each has a blank in {', '.join(sorted(drop))}"
        raise DataError((Diagnostic("E404", message, place=DataPlace(file)),))
    order = next((c for c in table.columns if c.role == "order" and c.name in cells), None)
    key = next((c for c in table.columns if c.role == "key" and c.name in cells), None)
    take, group, warnings = kept, None, tuple[Diagnostic, ...]()
    if order is not None:
        take, group, warnings = _ordered(order, columns, cells, kept)
    keys = _keys(columns[key.name], cells[key.name], take) if key is not None else None
    return Rows(table.name, take, count, where, keys, group, warnings)


def _keep(table: t.TableDef, cells: Mapping[str, Cells], count: int, drop: Collection[str]) -> Array:
    keep = np.ones(count, dtype=bool)
    for column in table.columns:
        named = {column.name, column.header, f"{table.name}.{column.name}"} & set(drop)
        missing = cells[column.name].missing if named and column.name in cells else None
        if missing is not None:
            keep &= ~missing.reshape(count, -1).any(axis=1)
    return keep


def _keys(column: Column, cells: Cells, take: Array) -> tuple[str, ...]:
    assert isinstance(cells, Labels)
    codes = cells.codes[take]
    _refuse_blank(column, codes < 0, take)
    _refuse_twice(column, codes, take, "key", lambda i: cells.levels[codes[i]])
    return tuple(cells.levels[c] for c in codes.tolist())


def _refuse_blank(column: Column, blank: Array, take: Array) -> None:
    if blank.any():
        rows = np.sort(take[blank])
        message = f"{_count(len(rows), 'blank')} in `{column.name}` ({column.where.rows(rows.tolist())})"
        raise _error("E404", column, message, int(rows[0]), "keys and orders need a value in every row")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _refuse_twice(column: Column, values: Array, take: Array, what: str, name) -> None:  # type: ignore[no-untyped-def]
    _, first, counts = np.unique(values, return_index=True, return_counts=True)
    if (counts > 1).any():
        order = np.argsort(take[first[counts > 1]])
        examples = []
        for i in first[counts > 1][order][:EXAMPLES]:
            rows = np.sort(take[values == values[i]]).tolist()
            examples.append(f"{shown(str(name(i)))} ({column.where.rows(rows)})")
        more = ", ..." if (counts > 1).sum() > EXAMPLES else ""
        total = int((counts > 1).sum())
        stands = f"{total} {what}s stand" if total > 1 else f"1 {what} stands"
        message = f"`{column.name}`: {stands} more than once: {', '.join(examples)}{more}"
        again = np.sort(take[values == values[first[counts > 1][order][0]]])
        raise _error("E406", column, message, int(again[1]))


def _ordered(
    order: t.ColumnDef, columns: Mapping[str, Column], cells: Mapping[str, Cells], kept: Array
) -> tuple[Array, Array | None, tuple[Diagnostic, ...]]:
    found = cells[order.name]
    assert isinstance(found, Values)
    column = columns[order.name]
    if found.missing is not None:
        _refuse_blank(column, found.missing[kept], kept)
    groups = _groups(order, columns, cells, kept)
    values = found.values[kept]
    sorting = np.lexsort((values,) if groups is None else (values, groups))
    take, sorted_values = kept[sorting], values[sorting]
    group = None if groups is None else groups[sorting]
    same_group = np.ones(len(take) - 1, dtype=bool) if group is None else group[1:] == group[:-1]
    twice = np.flatnonzero(same_group & (sorted_values[1:] == sorted_values[:-1]))
    if len(twice):
        raise _twice(order, column, take, sorted_values, twice)
    return take, group, _gaps(column, take, sorted_values, same_group)


def _groups(
    order: t.ColumnDef, columns: Mapping[str, Column], cells: Mapping[str, Cells], kept: Array
) -> Array | None:
    if order.within is None or order.within not in cells:
        return None
    found = cells[order.within]
    codes = found.codes if isinstance(found, Labels) else found.values
    missing = found.missing
    if missing is not None:
        _refuse_blank(columns[order.within], missing[kept], kept)
    _, first, codes = np.unique(codes[kept], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]  # groups keep the order in which the file has them


def _twice(order: t.ColumnDef, column: Column, take: Array, values: Array, twice: Array) -> DataError:
    examples = []
    for i in twice[:EXAMPLES]:
        rows = sorted([int(take[i]), int(take[i + 1])])
        examples.append(f"{_plain(values[i])} ({column.where.rows(rows)})")
    more = ", ..." if len(twice) > EXAMPLES else ""
    inside = f" within one {order.within}" if order.within else ""
    stand = "1 value stands" if len(twice) == 1 else f"{len(twice)} values stand"
    message = f"`{column.name}` orders the rows, but {stand} twice{inside}: {', '.join(examples)}{more}"
    return _error("E406", column, message, max(int(take[twice[0]]), int(take[twice[0] + 1])))


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _gaps(column: Column, take: Array, values: Array, same_group: Array) -> tuple[Diagnostic, ...]:
    """A warning when whole-numbered steps are not all equal: lags count rows, not distances."""
    steps = np.diff(values)[same_group]
    if not len(steps) or (np.floor(values) != values).any():
        return ()
    usual = steps.min()
    places = np.flatnonzero(same_group)[steps > usual]
    if not len(places) or len(places) > len(steps) / 2:
        return ()
    shown_gaps = ", ".join(
        f"{_plain(values[i])} to {_plain(values[i + 1])} ({column.where.rows([int(take[i + 1])])})"
        for i in places[:EXAMPLES]
    )
    more = ", ..." if len(places) > EXAMPLES else ""
    message = f"`{column.name}` has {_count(len(places), 'gap')}: {shown_gaps}{more}"
    help = "a lag such as `[t-1]` means the row before, whatever the distance"
    place = column.where.place(int(take[places[0] + 1]), column.name)
    return (Diagnostic("W602", message, help=help, severity="warning", place=place),)
