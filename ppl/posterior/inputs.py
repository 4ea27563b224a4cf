"""Data as a user gives them, to frames by table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppl.data import Frame, Limits, from_python, read
from ppl.errors import UsageError, fail
from ppl.language.typed import Program
from ppl.posterior.record import DataSource


@dataclass(frozen=True)
class Inputs:
    """Frames with the table each feeds (None: by its columns), and what they were made from."""

    frames: tuple[tuple[str | None, Frame], ...]
    sources: tuple[DataSource, ...]


def gather(program: Program, data: Any, tables: Mapping[str, Any], limits: Limits | None = None) -> Inputs:
    """Read files and wrap objects.

    data: None, a path, a mapping of columns, a data frame, a mapping of table names to any of
    these, or a sequence of these. tables: the same by table name.
    """
    given = [*_unnamed(program, data), *tables.items()]
    for table, _ in given:
        if table is not None and table not in program.tables and table not in program.givens:
            raise _no_table(program, table)
    wanted = _wanted(program)
    pairs = [(table, *_frame(thing, table, wanted, limits)) for table, thing in given]
    return Inputs(tuple((t, frame) for t, frame, _ in pairs), tuple(source for *_, source in pairs))


def _no_table(program: Program, table: str) -> Exception:
    known = ", ".join(f"`{t}`" for t in program.tables) or "none"
    return fail(UsageError, "E704", f"the model has no table `{table}`", help=f"its tables: {known}")


def _unnamed(program: Program, data: Any) -> Iterator[tuple[str | None, Any]]:
    if data is None:
        return
    if isinstance(data, list | tuple):
        for part in data:
            yield from _unnamed(program, part)
    elif isinstance(data, Mapping) and data and all(_is_table(program, k, v) for k, v in data.items()):
        yield from ((str(k), v) for k, v in data.items())
    else:
        yield None, data


def _is_table(program: Program, name: Any, thing: Any) -> bool:
    return name in program.tables and (
        hasattr(thing, "columns") or isinstance(thing, Mapping | str | os.PathLike)
    )


def _wanted(program: Program) -> tuple[str, ...] | None:
    # Other columns need not be read. A given may take its values from any column of a file of
    # its own (long triples, a dense frame), so a model with array givens reads everything.
    if any(given.type.axes for given in program.givens.values()):
        return None
    from ppl.graph.bind import headers

    return tuple(sorted(headers(program)))


def _frame(
    thing: Any, table: str | None, wanted: Sequence[str] | None, limits: Limits | None
) -> tuple[Frame, DataSource]:
    if isinstance(thing, str | os.PathLike):
        path = os.fspath(thing)
        return read(path, columns=wanted, limits=limits), _source(path, table)
    name = table or "data"
    return from_python(thing, name), DataSource(f"{type(thing).__name__} {name}", table)


def _source(path: str, table: str | None) -> DataSource:
    """The file's size and hash, where it is a file that can be read twice."""
    if not os.path.isfile(path):
        return DataSource(os.path.basename(path), table)
    import hashlib

    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DataSource(os.path.basename(path), table, os.path.getsize(path), digest)
