"""What is checked once everything is bound: blanks, declared supports, sizes, and odd columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ppl.data.column import Column
from ppl.data.limits import amount
from ppl.data.where import EXAMPLES
from ppl.errors import DataError, Diagnostic, LimitError, fail
from ppl.graph.bind_rows import Rows
from ppl.graph.bind_terms import Scope, evaluate
from ppl.graph.bind_types import Array
from ppl.graph.bind_usage import Use
from ppl.graph.bind_world import DataWorld
from ppl.language import typed as t
from ppl.supports import Interval, describe
from ppl.supports.support import element

_COPIES = 32  # draws and their gradients that a fit holds of every latent number
_LARGE = 1e3
_BLOCK = 1 << 16  # rows looked at at once


def modelled_rows(world: DataWorld, table: str, name: str, mentions: Sequence[Use]) -> Array:
    """The mask of rows whose cell of a column some definition looks at."""
    rows = world.rows[table]
    mask = np.zeros(rows.size, dtype=bool)
    for use in mentions:
        if use.key == (table, name):
            mask |= _rows_of(world, use.loop, rows.size)
    return mask


def _rows_of(world: DataWorld, loop: t.Loop | None, size: int) -> Array:
    everything = np.ones(size, dtype=bool)
    if loop is None:
        return everything
    bound = world.set(loop.set)
    keep = np.ones(bound.size, dtype=bool)
    if loop.condition is not None:
        codes = np.arange(bound.size)
        try:
            keep = np.broadcast_to(evaluate(loop.condition, Scope(world).enter(loop, codes)), codes.shape)
        except (DataError, IndexError, ValueError):
            return everything  # the filter looks at more than this loop: every row may be meant
    if bound.positions is not None and bound.parent is not None:
        mask = np.zeros(size, dtype=bool)
        mask[bound.positions[keep.astype(bool)]] = True
        return mask
    return keep.astype(bool) if bound.size == size else everything


def blanks(
    world: DataWorld, table: str, column: t.ColumnDef, missing: Array, modelled: Array
) -> Diagnostic | None:
    """E404 for blanks in modelled cells of a column without ``?``, or in every cell."""
    rows, source = world.rows[table], world.columns[(table, column.name)]
    assert isinstance(source, Column)
    by_row = missing.reshape(rows.size, -1).any(axis=1)
    if missing.all() and rows.size > 1:
        place = source.where.place(None, column.header)
        return Diagnostic("E404", f"every cell of `{column.header}` is blank", place=place)
    bad = np.sort(rows.take[by_row & modelled])
    if column.optional or not len(bad):
        return None
    count = int(missing[by_row & modelled].sum())
    word = "blank" if count == 1 else "blanks"
    message = f"{count} {word} in `{column.header}` ({source.where.rows(bad.tolist())})"
    kind = column.type.set if column.type.element == "label" else describe(column.type.support)
    help = (
        f"drop them with `--drop-missing {column.name}`, or mark `{column.name}: {kind}?` "
        "and say how it is distributed"
    )
    return Diagnostic("E404", message, help=help, place=source.where.place(int(bad[0]), column.header))


def outside(
    world: DataWorld, table: str, column: t.ColumnDef, values: Array, usable: Array
) -> Diagnostic | None:
    """E405 for cells outside the support that the column is declared with."""
    interval = element(column.type.support)
    if column.type.element not in ("real", "int") or interval in (Interval(), Interval(integer=True)):
        return None
    bad = usable & ~inside(values, interval)
    if not bad.any():
        return None
    rows, source = world.rows[table], world.columns[(table, column.name)]
    assert isinstance(source, Column)
    by_row = bad.reshape(rows.size, -1).any(axis=1)
    at = np.flatnonzero(by_row)
    order = at[np.argsort(rows.take[at])]
    first = values.reshape(rows.size, -1)[order[0]][bad.reshape(rows.size, -1)[order[0]]][0]
    count = int(bad.sum())
    others = "" if count == 1 else f" and {count - 1} more"
    where = source.where.rows(rows.take[order].tolist())
    message = (
        f"`{column.header}` is declared {describe(column.type.support)}; it holds {first:g}{others} ({where})"
    )
    return Diagnostic("E405", message, place=source.where.place(int(rows.take[order[0]]), column.header))


def inside(values: Array, interval: Interval) -> Array:
    """Whether each value lies in an interval.

    >>> inside(np.array([0.0, 0.5, 1.0]), Interval(0, 1, closed_upper=True))
    array([False,  True,  True])
    """
    low = values >= interval.lower if interval.closed_lower else values > interval.lower
    high = values <= interval.upper if interval.closed_upper else values < interval.upper
    if math.isinf(interval.lower):
        low = np.ones(np.shape(values), dtype=bool)
    if math.isinf(interval.upper):
        high = np.ones(np.shape(values), dtype=bool)
    return low & high


def memory(world: DataWorld, limit: int) -> None:
    """Refuse, before anything is allocated, a program whose quantities cannot fit (E601)."""
    for d in world.program.definitions:
        sizes = [world.set(s.set).size for s in d.subscripts]
        axes = [a.set for a in d.type.axes] if not d.subscripts else []
        count = math.prod(sizes) * math.prod(world.set(a).size for a in axes)
        need = 8 * count * (_COPIES if d.kind in ("latent", "param") else 1)
        if need > limit:
            shape = " by ".join(f"{n:,}" for n in sizes) or f"{count:,}"
            message = (
                f"`{d.name}` has {shape} entries: about {amount(need)}, and the limit is {amount(limit)}"
            )
            help = "a smaller plate, or a larger `--max-memory`"
            error = fail(LimitError, "E601", message, help=help)
            raise LimitError(tuple(_at(x, d) for x in error.diagnostics), world.program.source)


def _at(diagnostic: Diagnostic, d: t.Definition) -> Diagnostic:
    return Diagnostic(diagnostic.code, diagnostic.message, span=d.span, help=diagnostic.help)


def odd_columns(world: DataWorld, mentions: Sequence[Use]) -> Iterator[Diagnostic]:
    """W601 for predictors that are constant or large, where they are multiplied as they are."""
    seen: set[tuple[str | None, str]] = set()
    for use in mentions:
        table, name = use.key
        if table is None or use.observed or use.parent != "multiply" or use.key in seen:
            continue
        seen.add(use.key)
        column = next(c for c in world.program.tables[table].columns if c.name == name)
        values, missing = world.values(table, name)
        present = values if missing is None else values[~missing]
        if column.type.element not in ("real", "int") or present.size < 2:
            continue
        place = world.columns[use.key].where.place(None, column.header)  # type: ignore[union-attr]
        if np.all(present == present.flat[0]):
            message = (
                f"`{name}` is {present.flat[0]:g} in every row: its effect cannot be told from the intercept"
            )
            yield Diagnostic("W601", message, help="leave it out", severity="warning", place=place)
        elif (largest := max(float(present.max()), -float(present.min()))) > _LARGE:
            message = f"`{name}` is as large as {largest:g}: its coefficient is hard to scale"
            help = f"use `zscore({name})`, or divide it by a round number"
            yield Diagnostic("W601", message, help=help, severity="warning", place=place)


def repeated(world: DataWorld, table: t.TableDef) -> Diagnostic | None:
    """W602 for rows that repeat exactly in a table where some column hardly ever repeats."""
    rows = world.rows[table.name]
    arrays = [world.array(table.name, c.name) for c in table.columns if (table.name, c.name) in world.cells]
    flat = [a.reshape(rows.size, -1) for a in arrays]
    if any(c.role != "value" for c in table.columns) or rows.size < 10 or not flat:
        return None
    marks = _fingerprints(flat)
    marks.sort()
    repeats = rows.size - _changes(marks)
    if not repeats or max(_distinct(a[:, k]) for a in flat for k in range(a.shape[1])) < 0.9 * rows.size:
        return None
    first = np.unique(_fingerprints(flat), return_index=True)[1]
    again = np.setdiff1d(np.arange(rows.size), first)
    message = (
        f"{repeats} row{'s repeat' if repeats > 1 else ' repeats'} another exactly ({_shown(rows, again)})"
    )
    place = rows.where.place(int(rows.take[again[0]]))
    return Diagnostic("W602", message, help="was the file joined twice?", severity="warning", place=place)


def _fingerprints(arrays: Sequence[Array]) -> Array:
    """One 64-bit number for each row, the same for equal rows; a block of rows at a time."""
    total = np.zeros(len(arrays[0]), dtype=np.uint64)
    factor = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio's bits: an odd number that spreads all of them
    for lo in range(0, len(total), _BLOCK):
        own = total[lo : lo + _BLOCK]
        for array in arrays:
            for k in range(array.shape[1]):
                bits = (np.ascontiguousarray(array[lo : lo + _BLOCK, k], dtype=np.float64) + 0.0).view(
                    np.uint64
                )
                own[:] = (own ^ bits ^ (bits >> np.uint64(29))) * factor
    return total


def _distinct(values: Array) -> int:
    """How many different values there are."""
    if (
        values.dtype.kind in "iu"
        and values.dtype != np.uint64
        and int(values.max()) - int(values.min()) < 10**6
    ):
        return int((np.bincount(values - values.min()) > 0).sum())
    return _changes(np.sort(values))


def _changes(ordered: Array) -> int:
    """How many different values sorted ones are."""
    return 1 + int((ordered[1:] != ordered[:-1]).sum())


def _shown(rows: Rows, bound: Array) -> str:
    return rows.where.rows(np.sort(rows.take[bound])[: EXAMPLES + 1].tolist())
