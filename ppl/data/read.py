"""Any data file to a frame: the name proposes a format, the first bytes decide."""

from __future__ import annotations

import os
from collections.abc import Collection

from ppl.data.csv_file import frame_of_bytes
from ppl.data.csv_text import malformed
from ppl.data.frame import Frame
from ppl.data.limits import Limits
from ppl.data.opened import Opened, opened, unpacked
from ppl.data.sniff import SUFFIXES, kind
from ppl.errors import DataError, DataPlace, fail

_HEAD = 8192
_READS = "CSV (also .csv.gz), Parquet, Arrow, npz and JSON files are read"


def read(
    path: str | os.PathLike[str], *, columns: Collection[str] | None = None, limits: Limits | None = None
) -> Frame:
    """Read a data file.

    ``columns``: headers or patterns such as ``gene_*``; others need not be read (all when None).
    Raises `DataError` E409 (cannot be read), E410 (is not what it should be), `LimitError` E601.
    """
    path = os.fspath(path)
    limits = limits or Limits()
    if os.path.isdir(path):
        return _folder(path, limits, columns)
    with opened(path) as source:
        head = source.stream.read(_HEAD)
        source.stream.seek(0)
        return _frame(source, _format(source.file, head), limits, columns)


def _folder(path: str, limits: Limits, columns: Collection[str] | None) -> Frame:
    from ppl.data.arrow_file import frame_of_folder

    if not any(n.endswith(".parquet") for n in os.listdir(path)):
        message = f"{path} is a folder, not a file"
        raise fail(
            DataError, "E409", message, help="a folder of .parquet parts is read", place=DataPlace(path)
        )
    return frame_of_folder(path, limits, columns)


def _format(file: str, head: bytes) -> str:
    """The format to read; E410 when the name promises another one than the bytes hold."""
    base = file.lower()
    packed = base.endswith(".gz")
    proposed = SUFFIXES.get(os.path.splitext(base.removesuffix(".gz"))[1])
    found = kind(head)
    if not head:
        raise malformed(file, f"{file} is empty")
    if packed:
        if found != "gzip":
            raise malformed(file, f"{file} is not a gzip file but {_named(found)}", help="rename it")
        return f"{proposed or 'csv'}.gz"
    same = (
        {"text": "csv", "json": "csv"}
        if proposed == "csv"
        else {"text": "json"}
        if proposed == "json"
        else {}
    )
    actual = same.get(found, found)
    if proposed and actual != proposed:
        raise malformed(file, f"{file} is {_named(found)}, not {_named(proposed)}", help=_READS)
    if actual == "text":
        actual = "csv"
    if actual not in {"csv", "json", "parquet", "arrow", "npz"}:
        raise malformed(file, f"{file} is {_named(found)}", help=_READS)
    return actual


def _named(found: str) -> str:
    names = {"csv": "CSV", "json": "JSON", "parquet": "Parquet", "arrow": "Arrow", "text": "plain text"}
    name = names.get(found, found)
    article = (
        "an"
        if (name[0] in "AEHIOaeio" and name not in ("HTML", "HDF5", "UTF")) or name.startswith("X")
        else "a"
    )
    return f"{article} {name} file" if not name.endswith("text") else name


def _frame(source: Opened, found: str, limits: Limits, columns: Collection[str] | None) -> Frame:
    if found == "parquet":
        from ppl.data.arrow_file import frame_of_parquet

        return frame_of_parquet(source, limits, columns)
    if found == "arrow":
        from ppl.data.arrow_file import frame_of_arrow

        return frame_of_arrow(source, limits, columns)
    if found == "npz":
        from ppl.data.npz_file import frame_of_npz

        return frame_of_npz(source, limits, columns)
    limits.check(source.file, source.size)
    data = source.stream.read()
    if found.endswith(".gz"):
        data = _unpacked(source.file, data, limits)
    if found.startswith("json"):
        from ppl.data.json_file import frame_of_json

        return frame_of_json(source.file, data, limits)
    delimiter = "\t" if source.file.lower().removesuffix(".gz").endswith(".tsv") else ","
    return frame_of_bytes(source.file, data, delimiter, limits, columns)


def _unpacked(file: str, packed: bytes, limits: Limits) -> bytes:
    data = unpacked(file, packed, limits)
    found = kind(data[:_HEAD])
    if found not in ("text", "json"):
        raise malformed(
            file, f"{file} holds {_named(found)}", help="only CSV and JSON are read from .gz files"
        )
    return data
