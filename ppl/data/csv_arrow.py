"""Large CSV files by way of Arrow, when a sweep over the bytes shows them to be regular."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

import numpy as np
import numpy.typing as npt

from ppl.data.arrow_text import ArrowTextColumn
from ppl.data.column import Column
from ppl.data.csv_text import split, split_header
from ppl.data.frame import Frame
from ppl.data.limits import Limits
from ppl.data.where import Where

_QUOTE, _NEWLINE = 34, 10
_HEADER = 1 << 22


def regular_frame(
    file: str, data: bytes, delimiter: str, limits: Limits, wanted: Collection[str] | None
) -> Frame | None:
    """The frame of a regular file; None when the strict reader must look.

    Only columns whose header is in ``wanted`` (names or patterns) are read, all when it is None.
    """
    from ppl.data.csv_file import decoded, header_warnings, named

    found = _row_ends(data, delimiter)
    if found is None or found.count < 2 or found.first > _HEADER:
        return None
    header = split_header(decoded(file, data[: found.first]), file, delimiter, limits)
    chosen = [h for h in header if h and (wanted is None or is_wanted(h, wanted))]
    table = _read(data, delimiter, header, chosen)
    if table is None or table.num_rows != found.count - 1:
        return None
    if max((_longest(table[name]) for name in chosen), default=0) > limits.field:
        return None
    texts = data if found.ends is not None else b""  # kept alive only where they may be needed again
    rows = table.num_rows
    where = Where(file, "line", partial(_lines, texts, found.ends, rows))
    columns: dict[str, Column] = {
        name: ArrowTextColumn(name, table[name], where, partial(_quoted, file, texts, delimiter, name))
        for name in chosen
    }
    return Frame(file, named(header), columns, where, rows, header_warnings(file, header))


def is_wanted(name: str, wanted: Collection[str]) -> bool:
    """Whether a header is asked for, by name or by a pattern such as ``gene_*``."""
    return name in wanted or any("*" in w and fnmatchcase(name, w) for w in wanted)


@dataclass(frozen=True)
class _Ends:
    """The line ends that close rows: how many, the first, and in files with quotes the places of all."""

    count: int
    first: int
    ends: npt.NDArray[np.int64] | None = None


def _row_ends(data: bytes, delimiter: str) -> _Ends | None:
    """The line ends that close rows; None when the file is irregular.

    Irregular: NUL bytes, bare carriage returns, blank lines, quotes that do not surround fields.
    """
    body = len(data)
    while body and data[body - 1] in b"\r\n":
        body -= 1
    if b"\x00" in data or (b"\r" in data and data.count(b"\r") != data.count(b"\r\n")):
        return None
    if data.find(b"\n\n", 0, body) >= 0 or data.find(b"\n\r\n", 0, body) >= 0:
        return None
    if b'"' not in data:
        first = data.find(b"\n", 0, body)
        return _Ends(data.count(b"\n", 0, body) + 1, body if first < 0 else first)
    view = np.frombuffer(data, dtype=np.uint8, count=body)
    newlines, quotes = _positions(view, _NEWLINE), _positions(view, _QUOTE)
    if len(quotes) % 2 or not _well_quoted(view, quotes, ord(delimiter)):
        return None
    ends = np.append(newlines[np.searchsorted(quotes, newlines) % 2 == 0], body)
    return _Ends(len(ends), int(ends[0]), ends)


def _positions(view: npt.NDArray[np.uint8], byte: int, block: int = 1 << 24) -> npt.NDArray[np.int64]:
    parts = [np.flatnonzero(view[i : i + block] == byte) + i for i in range(0, len(view), block)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _well_quoted(view: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], delimiter: int) -> bool:
    """Whether every quote opens at a field's start, closes at its end, or is doubled inside."""
    opening, closing = quotes[0::2], quotes[1::2]
    breaks = np.array([delimiter, _NEWLINE, 13], dtype=np.uint8)
    doubled = np.append(closing[:-1] + 1 == opening[1:], False)
    before = view[np.maximum(opening - 1, 0)]
    starts = np.isin(before, breaks) | (opening == 0) | np.append(False, doubled[:-1])
    starts |= (opening == 3) & (view[0] == 0xEF)
    after = view[np.minimum(closing + 1, len(view) - 1)]
    stops = np.isin(after, breaks) | (closing == len(view) - 1) | doubled
    return bool(starts.all() and stops.all())


def _read(data: bytes, delimiter: str, header: list[str], chosen: list[str]):  # type: ignore[no-untyped-def]
    import pyarrow as pa
    import pyarrow.csv as csv

    names = [h if h.strip() else f"\x00{i}" for i, h in enumerate(header)]
    try:
        return csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(
                column_names=names,
                skip_rows_after_names=0,
                skip_rows=0,
                block_size=1 << 20,
                use_threads=False,  # pools of several threads hold twice the memory
            ),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in data),
            convert_options=csv.ConvertOptions(
                include_columns=chosen,
                column_types={c: pa.string() for c in chosen},
                strings_can_be_null=False,
            ),
        ).slice(1)
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None


def _longest(texts) -> int:  # type: ignore[no-untyped-def]
    import pyarrow.compute as pc

    return pc.max(pc.binary_length(texts)).as_py() or 0


def _lines(data: bytes, ends: npt.NDArray[np.int64] | None, rows: int) -> npt.NDArray[np.integer]:
    if ends is None:
        return np.arange(2, rows + 2, dtype=np.int32 if rows < 2**31 - 2 else np.int64)
    newlines = _positions(np.frombuffer(data, dtype=np.uint8), _NEWLINE)
    return np.searchsorted(newlines, ends[:-1]) + 2


def _quoted(file: str, data: bytes, delimiter: str, name: str) -> frozenset[int]:
    from ppl.data.csv_file import decoded

    if not data:
        return frozenset()
    cells = split(decoded(file, data), file, delimiter)
    return cells.quoted.get(cells.header.index(name), frozenset())
