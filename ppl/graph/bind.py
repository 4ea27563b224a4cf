"""Columns meet axes: a checked program and its files become sets with sizes, and arrays.

Every complaint names file, line and column; all of them come in one error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ppl.data.column import Column
from ppl.data.frame import Frame, nearest
from ppl.data.limits import Limits
from ppl.data.where import Where
from ppl.errors import DataError, Diagnostic, UsageError, fail
from ppl.graph import bind_checks as checks
from ppl.graph.bind_cells import Cells, MissingCodes, declared_labels, missing_codes, read_cells
from ppl.graph.bind_rows import Rows, arrange, row_count
from ppl.graph.bind_sources import (
    Inputs,
    Triples,
    given_source,
    no_column,
    no_given,
    table_source,
)
from ppl.graph.bind_types import BoundData, BoundSet
from ppl.graph.bind_usage import Use, uses
from ppl.graph.bind_world import DataWorld, Key
from ppl.language import typed as t

__all__ = ["BoundData", "BoundSet", "bind", "headers"]


def headers(program: t.Program) -> frozenset[str]:
    """Every header or pattern that a program may read: what to ask `ppl.data.read` for."""
    found = {c.header for table in program.tables.values() for c in table.columns}
    found |= {g.header for g in program.givens.values()}
    wide = {c.header for table in program.tables.values() for c in table.columns if c.type.axes}
    return frozenset(found | {w + end for w in wide if "*" not in w for end in ("_*", ".*", "[[]*[]]")})


def bind(
    program: t.Program,
    inputs: Iterable[tuple[str | None, Frame]],
    settings: Mapping[str, Any] | None = None,
    na: Mapping[str, Collection[str]] | Collection[str] | None = None,
    *,
    levels: Mapping[str, tuple[str, ...]] | None = None,
    new_levels: bool = False,
    drop_missing: Collection[str] = (),
    absent: Collection[Key] = (),
    rows: Mapping[str, int] | None = None,
    max_memory: int | None = None,
) -> BoundData:
    """Bind data to a program.

    ``inputs``: (table or given name, or None) with each frame. ``settings`` override givens.
    ``na``: further texts for missing cells, for all columns or by column. ``levels``: a fit's
    labels by set; others are E407 unless ``new_levels``, which puts them last, and a set sized by
    a column keeps the fit's size. ``drop_missing``: columns
    whose blanks drop their rows. ``absent``: (table, column) pairs that the files may lack; their
    cells are all missing. ``rows``: sizes of tables without a file (all their columns absent).

    Raises `DataError` with every mistake found, `UsageError` for an unknown setting, `LimitError`
    (E601) before too much memory is asked for.
    """
    binding = _Binding(program, tuple(inputs), dict(settings or {}), missing_codes(na))
    binding.check_settings()
    binding.read_tables(drop_missing, frozenset(absent), dict(rows or {}), levels or {})
    binding.read_givens(levels or {})
    world = DataWorld(
        program, binding.columns, binding.cells, binding.rows, levels or {}, new_levels, binding.absent
    )
    return _Finish(binding, world, max_memory or Limits().memory).data()


class _Binding:
    """Columns found and cells read, with the problems on the way."""

    def __init__(
        self, program: t.Program, inputs: Inputs, settings: dict[str, Any], codes: MissingCodes
    ) -> None:
        self.program, self.inputs, self.settings, self.codes = program, inputs, settings, codes
        self.problems: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = [w for _, f in inputs for w in f.warnings]
        self.columns: dict[Key, Column | Triples] = {}
        self.cells: dict[Key, Cells] = {}
        self.rows: dict[str, Rows] = {}
        self.files: dict[str, str] = {}
        self.absent: frozenset[Key] = frozenset()  # columns that no file has, where that is allowed
        self.may_lack: frozenset[Key] = frozenset()  # columns whose cells may be missing

    def check_settings(self) -> None:
        for name in self.settings:
            if name not in self.program.givens:
                near = nearest(name, tuple(self.program.givens))
                help = f"did you mean `{near}`?" if near else "a setting is a `given` of the model"
                raise fail(UsageError, "E202", f"the model has no given `{name}`", help=help)

    def stop_if_wrong(self) -> None:
        if self.problems:
            raise DataError(tuple(dict.fromkeys(self.problems)), self.program.source)

    def attempt(self, action: Any, *arguments: Any) -> Any:
        """The action's result; on a data error its diagnostics are kept and None is returned."""
        try:
            return action(*arguments)
        except DataError as problem:
            self.problems += problem.diagnostics
            return None

    def read_tables(
        self,
        drop: Collection[str],
        absent: frozenset[Key],
        sizes: dict[str, int],
        saved: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.may_lack = absent
        for table in self.program.tables.values():
            source = table_source(table, self.inputs, self.problems, table.name in sizes)
            self.files[table.name] = source.frame.file if source.frame is not None else table.name
            if source.frame is None:
                if table.name in sizes:
                    self._table_of_size(table, sizes[table.name])
                continue
            optional = {c.name for c in table.columns if (table.name, c.name) in absent}
            self._note_absent(table, source.columns, optional, source.frame)
            self._read_table(table, source.columns, source.frame, drop, saved)

    def _table_of_size(self, table: t.TableDef, size: int) -> None:
        Limits().check(table.name, 8 * size * (1 + len(table.columns)))
        self.rows[table.name] = Rows(table.name, np.arange(size), size, Where(table.name))
        self.absent |= {(table.name, c.name) for c in table.columns}

    def _note_absent(
        self, table: t.TableDef, found: Mapping[str, Column], optional: Collection[str], frame: Frame
    ) -> None:
        for column in table.columns:
            if column.name not in found:
                if column.name in optional:
                    self.absent |= {(table.name, column.name)}
                else:
                    self.problems += no_column(table, column, frame).diagnostics

    def _read_table(
        self,
        table: t.TableDef,
        found: dict[str, Column],
        frame: Frame,
        drop: Collection[str],
        saved: Mapping[str, tuple[str, ...]],
    ) -> None:
        cells: dict[str, Cells] = {}
        for column in table.columns:
            if column.name not in found:
                continue
            self.columns[(table.name, column.name)] = found[column.name]
            na = self.codes.of(table.name, column.name) | self.codes.of(table.name, column.header)
            known = declared_labels(self.program, column.type.set, saved)
            read = self.attempt(read_cells, found[column.name], column.type, column.role, na, known)
            if read is not None:
                cells[column.name] = read
                self.cells[(table.name, column.name)] = read
        count = self.attempt(row_count, table, found)
        if count is None:
            return
        if not found:
            if frame.size is None:
                return
            count = frame.size
        rows = self.attempt(arrange, table, found, cells, frame.where, count, drop, frame.file)
        if rows is not None:
            self.rows[table.name] = rows
            self.warnings += rows.warnings

    def read_givens(self, saved: Mapping[str, tuple[str, ...]]) -> None:
        for given in self.program.givens.values():
            source = self.attempt(given_source, given, self.inputs, self.settings, self.problems)
            if source is None:
                if given.default is None:
                    self.problems += no_given(given, self.inputs).diagnostics
                continue
            self.columns[(None, given.name)] = source
            if isinstance(source, Column):
                na = self.codes.of(None, given.name)
                known = declared_labels(self.program, given.type.set, saved)
                read = self.attempt(read_cells, source, given.type, "value", na, known, True)
                if read is not None:
                    self.cells[(None, given.name)] = read


class _Finish:
    """From the world of what was read to bound data, with every remaining check."""

    def __init__(self, binding: _Binding, world: DataWorld, limit: int) -> None:
        self.binding, self.world, self.limit = binding, world, limit
        self.mentions: list[Use] = uses(world.program)

    def data(self) -> BoundData:
        binding, world = self.binding, self.world
        told = len(binding.problems)
        sets = {name: s for name in self._set_names() if (s := binding.attempt(world.set, name)) is not None}
        arrays, missing = self._arrays()
        if told:  # what does not fit may follow from a column that could not be read
            binding.problems[told:] = [p for p in binding.problems[told:] if p.code != "E408"]
        binding.stop_if_wrong()
        checks.memory(world, self.limit)
        binding.warnings += self._warnings()
        return BoundData(
            sets,
            arrays,
            missing,
            self._weights(arrays),
            {name: rows.lines() for name, rows in world.rows.items()},
            dict(binding.files),
            self._unused(),
            tuple(dict.fromkeys(binding.warnings)),
        )

    def _set_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.world.program.sets, *self.world.program.tables)))

    def _arrays(self) -> tuple[dict[Key, Any], dict[Key, Any]]:
        arrays: dict[Key, Any] = {}
        missing: dict[Key, Any] = {}
        for table in self.world.program.tables.values():
            for column in table.columns:
                key = (table.name, column.name)
                found = self.binding.attempt(self.world.values, *key)
                if found is None:
                    continue
                arrays[key] = found[0]
                mask = self._checked(table, column, *found)
                if (
                    column.optional
                    or key in self.binding.absent
                    or (key in self.binding.may_lack and mask is not None)
                ):
                    missing[key] = np.zeros(found[0].shape, dtype=bool) if mask is None else mask
        for given in self.world.program.givens.values():
            found = self.binding.attempt(self.world.values, None, given.name)
            if found is not None:
                self._given(given, found, arrays, missing)
        return arrays, missing

    def _checked(self, table: t.TableDef, column: t.ColumnDef, values: Any, mask: Any) -> Any:
        """The mask of missing cells, after complaints about blanks and declared supports."""
        key = (table.name, column.name)
        if key in self.binding.absent:
            return mask
        modelled = checks.modelled_rows(self.world, table.name, column.name, self.mentions)
        if column.role != "value":
            modelled[:] = True
        if mask is not None and key not in self.binding.may_lack:
            self._note(checks.blanks(self.world, table.name, column, mask, modelled))
        usable = np.broadcast_to(modelled.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
        if mask is not None:
            usable = usable & ~mask
        self._note(checks.outside(self.world, table.name, column, values, usable))
        self.binding.warnings += getattr(self.world.cells[key], "warnings", ())
        return mask

    def _given(self, given: t.GivenDef, found: Any, arrays: dict[Key, Any], missing: dict[Key, Any]) -> None:
        key = (None, given.name)
        arrays[key] = found[0]
        if given.optional:
            missing[key] = np.zeros(found[0].shape, dtype=bool) if found[1] is None else found[1]
        elif found[1] is not None:
            source = self.world.columns[key]
            assert isinstance(source, Column)
            count = int(found[1].sum())
            shown = source.where.cell(given.name, int(np.flatnonzero(found[1])[0]), source.shape)
            message = f"{count} blank{'s' if count > 1 else ''} in `{given.name}` (first: {shown})"
            self._note(Diagnostic("E404", message, place=source.where.place(column=given.name)))

    def _note(self, diagnostic: Diagnostic | None) -> None:
        if diagnostic is not None:
            self.binding.problems.append(diagnostic)

    def _weights(self, arrays: Mapping[Key, Any]) -> dict[str, Any]:
        found = {}
        for table in self.world.program.tables.values():
            for column in table.columns:
                if column.role == "weight" and (table.name, column.name) in arrays:
                    found[table.name] = arrays[(table.name, column.name)]
        return found

    def _warnings(self) -> list[Diagnostic]:
        found = list(checks.odd_columns(self.world, self.mentions))
        for table in self.world.program.tables.values():
            if table.name in self.world.rows:
                repeated = checks.repeated(self.world, table)
                found += [repeated] if repeated is not None else []
        return found

    def _unused(self) -> tuple[str, ...]:
        read = {id(c) for c in self.binding.columns.values()}
        for column in self.binding.columns.values():
            parts = getattr(column, "parts", ()) or (
                (*column.axes, column.values) if isinstance(column, Triples) else ()
            )
            read |= {id(p) for p in parts}
        return tuple(
            f"{frame.file}: {name}"
            for _, frame in self.binding.inputs
            for name in frame.names
            if name not in frame.columns or id(frame.columns[name]) not in read
        )
