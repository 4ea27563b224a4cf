"""Some rows of a table, before its columns have their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ppl.data import Column, Frame, Labels, Values
from ppl.data.column import NO_CODES
from ppl.data.where import Where
from ppl.errors import Diagnostic, UsageError, fail
from ppl.graph.bind_sources import WideColumn, table_source
from ppl.language import typed as t
from ppl.posterior.inputs import Inputs
from ppl.posterior.predict import observed_columns

Rows = NDArray[np.intp]


class TakenColumn(Column):
    """Some rows of a column, in the order given."""

    def __init__(self, whole: Column, rows: Rows, where: Where) -> None:
        super().__init__(whole.name, (len(rows), *whole.shape[1:]), where)
        self.whole, self.rows = whole, rows

    def _taken(self, found: Values) -> Values:
        missing = None if found.missing is None else found.missing[self.rows]
        return Values(found.values[self.rows], missing, found.warnings)

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        return self._taken(self.whole.as_real(na, infinite))

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        return self._taken(self.whole.as_int(na))

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        return self._taken(self.whole.as_bool(na))

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        found = self.whole.as_labels(na, declared)
        codes = found.codes[self.rows]
        if found.declared:
            return Labels(codes, found.levels, True)
        kept, new = np.unique(codes[codes >= 0], return_inverse=True)
        out = np.full(codes.shape, -1, dtype=np.int64)
        out[codes >= 0] = new
        return Labels(out, tuple(found.levels[k] for k in kept))


@dataclass(frozen=True)
class Split:
    """Data for fitting and data held out, and how many rows of which table those are."""

    kept: Inputs
    held: Inputs
    table: str
    count: int


def split_rows(
    program: t.Program, inputs: Inputs, share: float, seed: int, table: str | None = None
) -> Split:
    """Hold out a share of a table's rows, drawn by the seed. Raises `UsageError` where that makes no sense."""
    if not 0.0 < share < 1.0:
        raise fail(UsageError, "E705", f"cannot hold out {share:g} of the rows", help="a share such as 0.1")
    name = _chosen(program, table)
    frame, columns = _found(program, inputs, name)
    size = next(iter(columns.values())).shape[0]
    count = max(1, round(share * size))
    if count >= size:
        raise fail(UsageError, "E705", f"`{name}` has {size} rows: none would be left to fit")
    order = np.random.default_rng([seed, 12]).permutation(size)
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    own = {id(c) for column in columns.values() for c in _parts(column)}
    return Split(_with(inputs, frame, own, kept), _with(inputs, frame, own, held), name, count)


def _chosen(program: t.Program, table: str | None) -> str:
    observed = {name for name, _ in observed_columns(program) if name is not None}
    keyed = {name for name, d in program.tables.items() if any(c.role == "key" for c in d.columns)}
    names = [table] if table else sorted(observed - keyed) or sorted(observed)
    if len(names) != 1 or names[0] not in observed:
        known = ", ".join(sorted(observed)) or "none"
        message = "say which table's rows to hold out" if not table else f"no observation is about `{table}`"
        raise fail(
            UsageError, "E705", message, help=f"--holdout TABLE=SHARE; tables with observations: {known}"
        )
    if any(c.role == "order" for c in program.tables[names[0]].columns):
        message = f"the rows of `{names[0]}` have an order, so that some cannot be left out"
        raise fail(UsageError, "E705", message, help="give what comes after as --holdout-data FILE")
    return names[0]


def _found(program: t.Program, inputs: Inputs, name: str) -> tuple[Frame, Mapping[str, Column]]:
    problems: list[Diagnostic] = []
    source = table_source(program.tables[name], inputs.frames, problems, absent=False)
    if source.frame is None or not source.columns:
        raise fail(UsageError, "E705", f"the data have no rows of `{name}`")
    return source.frame, source.columns


def _parts(column: Column) -> tuple[Column, ...]:
    return column.parts if isinstance(column, WideColumn) else (column,)  # type: ignore[return-value]


def _with(inputs: Inputs, chosen: Frame, own: set[int], rows: Rows) -> Inputs:
    return replace(
        inputs, frames=tuple((n, _taken(f, own, rows) if f is chosen else f) for n, f in inputs.frames)
    )


def _taken(frame: Frame, own: set[int], rows: Rows) -> Frame:
    """Some rows of a frame: of every column of a file, of the table's own of named arrays."""
    lines = frame.where.lines
    where = frame.where if lines is None else replace(frame.where, lines=lambda: lines()[rows])
    columns = {
        name: TakenColumn(c, rows, where) if frame.size is not None or id(c) in own else c
        for name, c in frame.columns.items()
    }
    return replace(frame, columns=columns, where=where, size=None if frame.size is None else len(rows))
