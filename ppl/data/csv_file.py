"""A CSV file as a frame: small files by our own reader, large ones by Arrow.

Arrow costs 0.1 s to import and is ten times faster per byte. It reads only files that a sweep
over the bytes has shown to be regular; anything else goes to the strict reader, which explains.
"""

from __future__ import annotations

from collections.abc import Collection

from ppl.data.column import Column
from ppl.data.csv_text import Cells, malformed, split
from ppl.data.frame import Frame
from ppl.data.limits import DEFAULT, Limits
from ppl.data.text_column import TextColumn
from ppl.data.where import Where
from ppl.errors import DataPlace, Diagnostic

SMALL = 1 << 20
_BOM = b"\xef\xbb\xbf"


def frame_of_bytes(
    file: str,
    data: bytes,
    delimiter: str = ",",
    limits: Limits = DEFAULT,
    wanted: Collection[str] | None = None,
) -> Frame:
    """The frame of a CSV file's content.

    >>> frame_of_bytes("d.csv", b"x,y\\n1,a\\n").column("x").as_int().values
    array([1])
    """
    if len(data) > SMALL:
        from ppl.data.csv_arrow import regular_frame

        frame = regular_frame(file, data, delimiter, limits, wanted)
        if frame is not None:
            return frame
    return frame_of_cells(file, split(decoded(file, data), file, delimiter, limits))


def decoded(file: str, data: bytes) -> str:
    """The text of UTF-8 bytes, with or without its mark; E410 with the place of a wrong byte."""
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as problem:
        at = problem.start + (len(_BOM) if data.startswith(_BOM) else 0)
        line = data.count(b"\n", 0, at) + 1
        message = f"byte {at} (line {line}) is 0x{data[at]:02x}, which is not UTF-8"
        raise malformed(
            file, message, line, "save the file as UTF-8; it may be Latin-1 or Windows-1252"
        ) from None


def frame_of_cells(file: str, cells: Cells) -> Frame:
    """The frame of cells already split."""
    lines = cells.lines
    where = Where(file, "line", lambda: lines)
    columns: dict[str, Column] = {
        name: TextColumn(name, texts, where, cells.quoted.get(i, frozenset()))
        for i, (name, texts) in enumerate(zip(cells.header, cells.columns, strict=True))
        if name
    }
    return Frame(file, named(cells.header), columns, where, len(lines), header_warnings(file, cells.header))


def named(header: Collection[str]) -> tuple[str, ...]:
    """The header's names without blank ones."""
    return tuple(h for h in header if h)


def header_warnings(file: str, header: Collection[str]) -> tuple[Diagnostic, ...]:
    """A warning when columns have no name."""
    blank = sum(not h.strip() for h in header)
    if not blank:
        return ()
    message = f"{blank} column{'s have' if blank > 1 else ' has'} no name in the header and cannot be used"
    return (Diagnostic("W602", message, severity="warning", place=DataPlace(file, 1)),)
