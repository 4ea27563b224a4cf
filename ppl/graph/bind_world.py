"""Sets and arrays, each worked out when first asked for: sizes need arrays, and labels need sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.data.column import Column, Labels, Values
from ppl.data.limits import Limits
from ppl.data.where import Where
from ppl.errors import DataError, Diagnostic
from ppl.graph import bind_sets as levels
from ppl.graph.bind_axes import dtype_of, misfit, mismatch, part_order, zeros
from ppl.graph.bind_cells import Cells, taken
from ppl.graph.bind_rows import Rows
from ppl.graph.bind_sets import Contribution
from ppl.graph.bind_sources import Triples, WideColumn
from ppl.graph.bind_terms import Scope, evaluate
from ppl.graph.bind_types import Array, BoundSet
from ppl.graph.bind_usage import sized_by_rows
from ppl.language import typed as t

Key = tuple[str | None, str]


@dataclass
class DataWorld:
    """What has been read, and what follows from it (memoised; errors too)."""

    program: t.Program
    columns: Mapping[Key, Column | Triples]
    cells: Mapping[Key, Cells]
    rows: Mapping[str, Rows]
    saved: Mapping[str, tuple[str, ...]]
    new_levels: bool
    absent: frozenset[Key]
    _sets: dict[str, BoundSet | DataError | None] = field(default_factory=dict)
    _arrays: dict[Key, tuple[Array, Array | None] | DataError | None] = field(default_factory=dict)

    # ------------------------------------------------------------ the World protocol

    def set(self, name: str) -> BoundSet:
        """A bound set."""
        if name not in self._sets:
            self._sets[name] = None
            try:
                self._sets[name] = self._bind_set(name)
            except DataError as problem:
                self._sets[name] = problem
        found = self._sets[name]
        if isinstance(found, BoundSet):
            return found
        raise found or self._circular(f"the size of `{name}`")

    def array(self, table: str | None, name: str) -> Array:
        """A column or given in bound order."""
        return self.values(table, name)[0]

    def definition(self, name: str) -> t.Definition | None:
        """The definition of a name."""
        return next((d for d in self.program.definitions if d.name == name), None)

    def values(self, table: str | None, name: str) -> tuple[Array, Array | None]:
        """A column's or given's values and the mask of its missing cells (None: none)."""
        key = (table, name)
        if key not in self._arrays:
            self._arrays[key] = None
            try:
                self._arrays[key] = self._bind_column(key) if table is not None else self._bind_given(name)
            except DataError as problem:
                self._arrays[key] = problem
        found = self._arrays[key]
        if isinstance(found, tuple):
            return found
        raise found or self._circular(f"`{name}`")

    def _circular(self, what: str) -> DataError:
        return DataError((Diagnostic("E408", f"{what} depends on itself"),))

    # ------------------------------------------------------------ sets

    def _bind_set(self, name: str) -> BoundSet:
        if name == "bool" and name not in self.program.sets:
            return BoundSet("bool", 2, ("false", "true"), low=0)
        if name in self.program.tables:
            return self._table_set(name)
        found = self.program.sets[name]
        saved = self.saved.get(name, ())
        if saved and found.kind in ("fixed", "range") and sized_by_rows(found):
            return BoundSet(name, len(saved), low=int(saved[0]))  # new rows do not change the fit's sizes
        if found.kind == "fixed":
            return BoundSet(name, self._whole(found, found.size, 0))
        if found.kind == "range":
            low = self._whole(found, found.low, None)
            return BoundSet(name, max(self._whole(found, found.size, None) - low + 1, 0), low=low)
        if found.kind == "labelled":
            return BoundSet(name, len(found.labels), found.labels)
        if found.kind == "filtered":
            return self._filtered(found)
        if found.kind in ("gaps", "pairs"):
            parent = self.set(found.parent or "")
            _affordable(found, parent.size if found.kind == "gaps" else parent.size**2)
            return levels.gaps(name, parent) if found.kind == "gaps" else levels.pairs(name, parent)
        return self._from_data(name)

    def _table_set(self, name: str) -> BoundSet:
        if name not in self.rows:
            raise DataError(())  # the table's own problem has been told
        rows = self.rows[name]
        latent = self._latent_over(name)
        if latent and rows.keys is not None and name in self.saved:
            key = next(c.name for c in self.program.tables[name].columns if c.role == "key")
            levels.with_saved(
                name, rows.keys, self.saved[name], self.new_levels, [self._part((name, key))], latent
            )
        return BoundSet(name, rows.size, rows.keys, group=rows.group)

    def _whole(self, found: t.IndexSet, term: t.Term | None, least: int | None) -> int:
        assert term is not None
        value = np.asarray(evaluate(term, Scope(self)))
        if value.size != 1 or not np.isfinite(value).all() or float(value.reshape(())) % 1:
            shown = f"{float(value.reshape(-1)[0]):g}" if value.size == 1 else f"{value.size} values"
            raise self._bad_size(found, f"is {shown}, not a whole number")
        size = int(value.reshape(()))
        if least is not None and size < least:
            raise self._bad_size(found, f"is {size}")
        return size

    def _bad_size(self, found: t.IndexSet, what: str) -> DataError:
        return DataError((Diagnostic("E408", f"the size of `{found.name}` {what}", span=found.span),))

    def _filtered(self, found: t.IndexSet) -> BoundSet:
        parent = self.set(found.parent or "")
        _affordable(found, parent.size)
        assert found.loop is not None
        assert found.condition is not None
        codes = np.arange(parent.size)
        keep = evaluate(found.condition, Scope(self).enter(found.loop, codes))
        return levels.filtered(found.name, parent, np.broadcast_to(keep, codes.shape).astype(bool))

    def _from_data(self, name: str) -> BoundSet:
        """A set whose levels come from columns, wide headers, triples, or the length of an axis."""
        parts = self._contributions(name)
        saved = self.saved.get(name)
        headers = self._headers(name)
        found = levels.union(parts) if parts else headers
        if saved is not None:
            if found is None and saved == tuple(str(k + 1) for k in range(len(saved))):
                return BoundSet(name, self._axis_length(name) or len(saved))
            if found is None:
                return BoundSet(name, len(saved), saved)
            parts = parts or [_as_part(name, found)]
            return BoundSet(
                name,
                *_sized(
                    levels.with_saved(name, found, saved, self.new_levels, parts, self._latent_over(name))
                ),
            )
        if found is not None:
            if not found:
                raise self._no_levels(name, "every cell of its columns is blank")
            return BoundSet(name, *_sized(found))
        size = self._axis_length(name)
        if size is None:
            raise self._no_levels(name, "no column or given has them")
        return BoundSet(name, size)

    def _no_levels(self, name: str, why: str) -> DataError:
        span = self.program.sets[name].span
        return DataError((Diagnostic("E408", f"`{name}` has no labels: {why}", span=span),))

    def _latent_over(self, name: str) -> str:
        for d in self.program.definitions:
            if d.kind == "latent" and any(name in (getattr(s, "set", None),) for s in d.subscripts):
                return d.name
        return ""

    def _root(self, name: str | None) -> str | None:
        seen = 0
        while name in self.program.sets and self.program.sets[name].kind == "filtered" and seen < 100:
            name, seen = self.program.sets[name].parent, seen + 1
        return name

    def _contributions(self, name: str) -> list[Contribution]:
        parts = []
        for key, cells in self.cells.items():
            if isinstance(cells, Labels) and self._root(self._set_of(key)) == name:
                parts.append(self._part(key))
        for given in self.program.givens.values():
            source = self.columns.get((None, given.name))
            if isinstance(source, Triples):
                for axis, column in zip(given.type.axes, source.axes, strict=True):
                    if axis.set == name:
                        parts.append(Contribution(column.name, column.as_labels(), column.where))
        return parts

    def _set_of(self, key: Key) -> str | None:
        table, name = key
        if table is None:
            return self.program.givens[name].type.set
        column = next(c for c in self.program.tables[table].columns if c.name == name)
        return column.type.set if column.role == "value" else None

    def _part(self, key: Key) -> Contribution:
        table, name = key
        cells, column = self.cells[key], self.columns[key]
        assert isinstance(cells, Labels)
        assert isinstance(column, Column)
        rows = self.rows.get(table) if table is not None else None
        if rows is None:
            return Contribution(name, cells, column.where)
        kept = cells if rows.in_file_order else taken(cells, rows.take)
        assert isinstance(kept, Labels)
        return Contribution(name, kept, column.where, rows.take)

    def _headers(self, name: str) -> tuple[str, ...] | None:
        """Labels in the headers of wide columns over a set, in file order."""
        found: dict[str, None] = {}
        for key, column in self.columns.items():
            axes = self._axes_of(key)
            if isinstance(column, WideColumn) and axes and axes[-1].set == name:
                found.update(dict.fromkeys(column.part_labels))
        return tuple(found) or None

    def _axes_of(self, key: Key) -> tuple[Any, ...]:
        table, name = key
        if table is None:
            return self.program.givens[name].type.axes
        return next(c for c in self.program.tables[table].columns if c.name == name).type.axes

    def _axis_length(self, name: str) -> int | None:
        for key, column in self.columns.items():
            if isinstance(column, Column):
                shape = column.shape if key[0] is None else column.shape[1:]
                for axis, length in zip(self._axes_of(key), shape, strict=False):
                    if axis.set == name:
                        return int(length)
        return None

    # ------------------------------------------------------------ arrays

    def _bind_column(self, key: Key) -> tuple[Array, Array | None]:
        table, name = key
        assert table is not None
        definition = next(c for c in self.program.tables[table].columns if c.name == name)
        rows = self.rows.get(table)
        if rows is None:
            raise DataError(())
        if key not in self.cells:
            if key in self.absent:
                shape = (rows.size, *(self.set(a.set).size for a in definition.type.axes))
                return zeros(definition.type, shape), np.ones(shape, dtype=bool)
            raise DataError(())
        column = self.columns[key]
        assert isinstance(column, Column)
        cells = self.cells[key]
        if definition.role == "key":
            return np.arange(rows.size), None
        if definition.role == "order" and isinstance(cells, Values):
            return cells.values[rows.take].astype(np.float64), None
        kept = cells if rows.in_file_order else taken(cells, rows.take)
        values, missing = self._coded(kept, self._part, key, definition.type)
        return self._aligned(definition.type.axes, values, missing, column, (rows.size,))

    def _coded(self, cells: Cells, part: Any, key: Key, kind: Any) -> tuple[Array, Array | None]:
        if isinstance(cells, Values):
            return cells.values, cells.missing
        bound = self.set(kind.set)
        codes = levels.codes_in(part(key), bound, "table" if kind.set in self.program.tables else "set")
        if kind.set in self.program.tables and bound.labels is None:
            codes = self._row_positions(kind.set, codes)
        missing = codes < 0
        return (np.where(missing, 0, codes), missing) if missing.any() else (codes, None)

    def _row_positions(self, table: str, codes: Array) -> Array:
        """Row numbers of the file, from 0, as positions in bound order."""
        rows = self.rows[table]
        if rows.in_file_order:
            return codes
        where = np.full(rows.read + 1, -1, dtype=np.int64)
        where[rows.take] = np.arange(rows.size)
        return where[codes]

    def _bind_given(self, name: str) -> tuple[Array, Array | None]:
        given = self.program.givens[name]
        source = self.columns.get((None, name))
        sizes = tuple(self.set(a.set).size for a in given.type.axes)
        if isinstance(source, Triples):
            return self._dense(given, source, sizes), None
        if (None, name) in self.cells:
            assert isinstance(source, Column)
            key = (None, name)
            values, missing = self._coded(self.cells[key], self._part, key, given.type)
            if not given.type.axes:
                return values.reshape(()), None if missing is None else missing.reshape(())
            return self._aligned(given.type.axes, values, missing, source, ())
        if given.default is not None:
            value = np.asarray(evaluate(given.default, Scope(self)))
            if value.shape != sizes:
                raise DataError((Diagnostic("E408", mismatch(name, value.shape, sizes), span=given.span),))
            return value.astype(dtype_of(given.type)), None
        raise DataError(())

    def _aligned(
        self,
        axes: tuple[Any, ...],
        values: Array,
        missing: Array | None,
        source: Column,
        lead: tuple[int, ...],
    ) -> tuple[Array, Array | None]:
        """Check every axis against its set; put rows of tables and named parts in bound order."""
        skip = len(lead)
        for k, axis in enumerate(axes):
            order = self._axis_order(axis.set, source, values.shape, k + skip, k == len(axes) - 1)
            if order is not None:
                values = np.take(values, order, axis=k + skip)
                missing = None if missing is None else np.take(missing, order, axis=k + skip)
        return values, missing

    def _axis_order(
        self, name: str, source: Column, shape: tuple[int, ...], k: int, last: bool
    ) -> Array | None:
        bound = self.set(name)
        if k >= len(shape):
            message = f"`{source.name}` has {len(shape)} axes, but should have one over {name}"
            raise misfit(source, message)
        if last and isinstance(source, WideColumn):
            return part_order(bound, source)
        rows = self.rows.get(name)
        expected = bound.size if rows is None else rows.read
        if shape[k] != expected:
            raise misfit(source, f"`{source.name}` has {shape[k]} entries over {name}, which has {expected}")
        return None if rows is None or rows.in_file_order else rows.take

    def _dense(self, given: t.GivenDef, source: Triples, sizes: tuple[int, ...]) -> Array:
        Limits().check(source.axes[0].where.file, 8 * int(np.prod([float(s) for s in sizes])))
        index = []
        for axis, column in zip(given.type.axes, source.axes, strict=True):
            part = Contribution(column.name, column.as_labels(), column.where)
            kind = "table" if axis.set in self.program.tables else "set"
            index.append(levels.codes_in(part, self.set(axis.set), kind))
        out: Array = np.zeros(sizes, dtype=dtype_of(given.type))
        if source.values is None:
            np.add.at(out, tuple(index), 1)
            return out
        found = source.values.as_int() if given.type.element == "int" else source.values.as_real()
        flat = np.ravel_multi_index(tuple(index), sizes)
        _, first, counts = np.unique(flat, return_index=True, return_counts=True)
        if (counts > 1).any():
            row = int(np.flatnonzero(flat == flat[first[counts > 1][0]])[1])
            message = f"an entry of `{given.name}` stands twice ({source.axes[0].where.rows([row])})"
            raise DataError((Diagnostic("E406", message, place=source.axes[0].where.place(row)),))
        out[tuple(index)] = found.values
        return out


def _affordable(found: t.IndexSet, labels: int) -> None:
    """Refuse a derived set whose labels alone would fill the memory."""
    Limits().check(f"index {found.name}", 100 * labels)


def _sized(labels: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return len(labels), labels


def _as_part(name: str, labels: tuple[str, ...]) -> Contribution:
    return Contribution(name, Labels(np.arange(len(labels)), labels), Where(name))
