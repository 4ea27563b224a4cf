"""Data that are already in memory: mappings of arrays, and tables of the usual libraries.

The caller's objects are read, never changed; nothing here imports the library they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.data.array_column import LabelColumn, NumberColumn, number_label
from ppl.data.column import Column
from ppl.data.csv_text import malformed
from ppl.data.frame import Frame
from ppl.data.text_column import TextColumn
from ppl.data.where import Where


def from_python(obj: Any, file: str = "data") -> Frame:
    """The frame of a mapping, a pandas, polars or pyarrow table, or a structured array.

    >>> from_python({"x": [1, 2], "g": ["a", None]}).column("g").as_labels().codes
    array([ 0, -1])
    """
    if isinstance(obj, Frame):
        return obj
    module = type(obj).__module__.split(".")[0]
    if module == "pyarrow":
        from ppl.data.arrow_file import frame_of_table

        return frame_of_table(file, _one_table(obj))
    if module == "polars":
        from ppl.data.arrow_file import frame_of_table

        return frame_of_table(file, obj.to_arrow())
    if module == "pandas":
        return _frame(file, {str(n): _pandas(str(n), obj[n], Where(file)) for n in obj.columns}, len(obj))
    if isinstance(obj, np.ndarray) and obj.dtype.names:
        return _frame(file, {n: column_of_object(n, obj[n], Where(file)) for n in obj.dtype.names}, len(obj))
    if isinstance(obj, Mapping):
        return _frame(
            file, {str(n): column_of_object(str(n), v, Where(file, "path")) for n, v in obj.items()}, None
        )
    kind = type(obj).__name__
    raise malformed(file, f"a {kind} is not a table", help="give a mapping of arrays, or a data frame")


def _frame(file: str, columns: Mapping[str, Column], rows: int | None) -> Frame:
    if rows == 0:
        raise malformed(file, f"{file} has 0 rows")
    where = Where(file, "path" if rows is None else "row")
    return Frame(file, tuple(columns), columns, where, rows)


def _one_table(obj: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([obj]) if isinstance(obj, pa.RecordBatch) else obj


def _pandas(name: str, series: Any, where: Where) -> Column:
    """A pandas column; a frame that repeats a name hands a frame back here."""
    if getattr(series, "ndim", 1) != 1:
        raise malformed(where.file, f"{where.file} names the column `{name}` more than once")
    if hasattr(series, "cat"):
        levels = [_text(v) for v in series.cat.categories.tolist()]
        return LabelColumn(name, series.cat.codes.to_numpy(), levels, where, True)
    missing = np.asarray(series.isna())
    kind = getattr(series.dtype, "kind", "O")
    if kind in "biuf":
        plain = isinstance(series.dtype, np.dtype)
        values = series.to_numpy() if plain else series.to_numpy(series.dtype.numpy_dtype, na_value=False)
        return NumberColumn(name, values, where, missing if missing.any() else None)
    return column_of_object(name, np.where(missing, None, series.to_numpy(dtype=object)), where)


def column_of_object(name: str, obj: Any, where: Where) -> Column:
    """The column of an array, list or scalar."""
    module = type(obj).__module__.split(".")[0]
    if module == "pyarrow" and hasattr(obj, "type"):
        import pyarrow as pa

        from ppl.data.arrow_columns import column_of_arrow

        return column_of_arrow(
            name, obj if isinstance(obj, pa.ChunkedArray) else pa.chunked_array([obj]), where
        )
    if module == "polars":
        return column_of_object(name, obj.to_arrow(), where)
    if module == "pandas" and hasattr(obj, "isna"):
        return _pandas(name, obj, where)
    array = _array(name, obj, where)
    if isinstance(array, np.ma.MaskedArray):
        return NumberColumn(name, array.filled(0), where, np.ma.getmaskarray(array))
    if array.dtype.kind in "biuf":
        return NumberColumn(name, array, where)
    if array.dtype.kind in "US":
        return _texts(name, array.ravel().tolist(), array.shape, where)
    if array.dtype.kind == "O":
        return _objects(name, array, where)
    raise malformed(
        where.file, f"`{name}` has the type {array.dtype}; numbers, truth values and texts are read"
    )


def _array(name: str, obj: Any, where: Where) -> Any:
    if isinstance(obj, np.ma.MaskedArray) and obj.dtype.kind in "biuf":
        return obj
    if isinstance(obj, list | tuple) and not all(isinstance(v, int | float | list | tuple) for v in obj):
        obj = np.array(obj, dtype=object)  # texts beside None or numbers, kept as they are
    try:
        return np.asarray(obj)
    except ValueError:
        raise malformed(where.file, f"`{name}` is ragged: its parts have different lengths") from None


def _objects(name: str, array: Any, where: Where) -> Column:
    items = array.ravel().tolist()
    blank = [
        v is None or (isinstance(v, float) and v != v) or type(v).__name__ in ("NAType", "NaTType")
        for v in items
    ]
    present = [v for v, b in zip(items, blank, strict=True) if not b]
    if all(isinstance(v, int | float | np.number | np.bool_) for v in present):
        kept = np.array([0 if b else v for v, b in zip(items, blank, strict=True)]).reshape(array.shape)
        if kept.dtype.kind in "biuf":
            return NumberColumn(
                name, kept, where, np.array(blank).reshape(array.shape) if any(blank) else None
            )
    odd = next((v for v in present if not isinstance(v, str | bytes | int | float | np.generic)), None)
    if odd is not None:
        message = f"`{name}` holds a {type(odd).__name__}; numbers, truth values and texts are read"
        raise malformed(where.file, message)
    codes, levels = [], dict[str, int]()
    for value, is_blank in zip(items, blank, strict=True):
        codes.append(-1 if is_blank else levels.setdefault(_text(value), len(levels)))
    return LabelColumn(name, np.array(codes, dtype=np.int64).reshape(array.shape), levels, where, False)


def _texts(name: str, items: list[Any], shape: tuple[int, ...], where: Where) -> Column:
    texts = [_text(v) for v in items]
    return TextColumn(name, texts, where, frozenset(range(len(texts))), shape)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return number_label(value) if isinstance(value, bool | int | float) else str(value)
