"""Parquet and Arrow files as frames; sizes are checked from the metadata alone."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from ppl.data.arrow_columns import column_of_arrow
from ppl.data.column import Column
from ppl.data.csv_text import malformed
from ppl.data.frame import Frame
from ppl.data.limits import Limits
from ppl.data.opened import Opened
from ppl.data.where import Where
from ppl.errors import DataError, DataPlace, fail

_DAMAGE = (OSError, ValueError, LookupError, TypeError, OverflowError, MemoryError)


def frame_of_parquet(source: Opened, limits: Limits, wanted: Collection[str] | None) -> Frame:
    """The frame of a Parquet file; only wanted columns are read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        whole = pq.ParquetFile(source.stream)
        meta, schema = whole.metadata, whole.schema_arrow
        chosen = _chosen(schema.names, wanted)
        limits.check(source.file, _needed(meta.num_rows, schema, chosen), source.size)
        table = whole.read(columns=chosen)
        table.validate(full=True)
    except (pa.ArrowException, *_DAMAGE) as problem:
        raise malformed(source.file, f"{source.file} is a damaged Parquet file: {_first(problem)}") from None
    return frame_of_table(source.file, table, tuple(schema.names))


def frame_of_arrow(source: Opened, limits: Limits, wanted: Collection[str] | None) -> Frame:
    """The frame of an Arrow (Feather) file; only wanted columns are read."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(source.stream)
        chosen = _chosen(reader.schema.names, wanted)
        batches = []
        for k in range(reader.num_record_batches):
            batch = reader.get_batch(k).select(chosen)
            batch.validate(full=True)  # Arrow itself trusts the offsets it finds
            batches.append(batch)
            limits.check(source.file, sum(b.nbytes for b in batches), source.size)
        schema = pa.schema([reader.schema.field(n) for n in chosen])
        table = pa.Table.from_batches(batches, schema=schema)
    except (pa.ArrowException, *_DAMAGE) as problem:
        raise malformed(source.file, f"{source.file} is a damaged Arrow file: {_first(problem)}") from None
    return frame_of_table(source.file, table, tuple(reader.schema.names))


def frame_of_folder(path: str, limits: Limits, wanted: Collection[str] | None) -> Frame:
    """The frame of a folder of Parquet parts, in order of their names; schemas must agree."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = sorted(n for n in os.listdir(path) if n.endswith(".parquet"))
    name = os.path.basename(path.rstrip(os.sep))
    tables, needed, first = [], 0, None
    for part in parts:
        with open(os.path.join(path, part), "rb") as stream:
            source = Opened(f"{name}/{part}", path, stream, os.fstat(stream.fileno()).st_size)
            try:
                whole = pq.ParquetFile(stream)
                schema = whole.schema_arrow.remove_metadata()
                first = first or schema
                _agree(source.file, parts[0], first, schema)
                chosen = _chosen(schema.names, wanted)
                needed += _needed(whole.metadata.num_rows, schema, chosen)
                limits.check(source.file, needed)
                tables.append(whole.read(columns=chosen))
            except (pa.ArrowException, *_DAMAGE) as problem:
                raise malformed(
                    source.file, f"{source.file} is a damaged Parquet file: {_first(problem)}"
                ) from None
    assert first is not None
    return frame_of_table(name, pa.concat_tables(tables), tuple(first.names))


def _agree(file: str, first_file: str, first: Any, schema: Any) -> None:
    if schema.equals(first):
        return
    for field in first:
        k = schema.get_field_index(field.name)
        if k < 0 or schema.field(k).type != field.type:
            has = "lacks it" if k < 0 else f"has {schema.field(k).type}"
            message = f"`{field.name}` is {field.type} in {first_file}; {file} {has}"
            raise fail(DataError, "E410", message, place=DataPlace(file, None, field.name))
    raise malformed(file, f"{file} has other columns, or another order of columns, than {first_file}")


def frame_of_table(file: str, table: Any, names: tuple[str, ...] | None = None) -> Frame:
    """The frame of an Arrow table."""
    if table.num_rows == 0:
        raise malformed(file, f"{file} has 0 rows")
    twice = sorted({n for n in table.column_names if table.column_names.count(n) > 1})
    if twice:
        raise malformed(file, f"{file} names the column `{twice[0]}` more than once")
    where = Where(file)
    columns: dict[str, Column] = {n: column_of_arrow(n, table.column(n), where) for n in table.column_names}
    return Frame(file, names or tuple(columns), columns, where, table.num_rows)


def _chosen(names: list[str], wanted: Collection[str] | None) -> list[str]:
    from ppl.data.csv_arrow import is_wanted

    return [n for n in names if wanted is None or is_wanted(n, wanted)]


def _needed(rows: int, schema: Any, chosen: list[str]) -> int:
    import pyarrow as pa

    bits = 0
    for name in chosen:
        kind = schema.field(name).type
        size = kind.list_size if pa.types.is_fixed_size_list(kind) else 1
        bits += size * 64
    return rows * bits // 8


def _first(problem: BaseException) -> str:
    return (str(problem).splitlines() or ["unreadable"])[0][:120]
