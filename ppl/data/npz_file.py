"""NumPy archives as frames: no objects, and no memory asked for before the headers are checked."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Collection
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from ppl.data.array_column import NumberColumn
from ppl.data.column import Column
from ppl.data.csv_text import malformed
from ppl.data.frame import Frame
from ppl.data.limits import Limits
from ppl.data.opened import Opened
from ppl.data.text_column import TextColumn
from ppl.data.where import Where


def frame_of_npz(source: Opened, limits: Limits, wanted: Collection[str] | None) -> Frame:
    """The frame of an NPZ file's arrays; only wanted ones are read."""
    from ppl.data.csv_arrow import is_wanted

    where = Where(source.file, "path")
    columns: dict[str, Column] = {}
    names: list[str] = []
    total = 0
    try:
        with zipfile.ZipFile(source.stream) as archive:
            for entry in archive.infolist():
                name = _name(source.file, entry.filename)
                names.append(name)
                if wanted is None or is_wanted(name, wanted):
                    with archive.open(entry) as stream:
                        total += _checked(source, entry, name, stream, limits)
                    limits.check(source.file, total, source.size)
                    with archive.open(entry) as stream:
                        array: Any = npy.read_array(stream, allow_pickle=False)
                    columns[name] = column_of_array(name, array, where)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        OSError,
    ) as problem:
        raise malformed(source.file, f"{source.file} is a damaged npz file: {str(problem)[:120]}") from None
    return Frame(source.file, tuple(names), columns, where)


def _name(file: str, entry: str) -> str:
    if entry.startswith(("/", "\\")) or ".." in entry.replace("\\", "/").split("/") or ":" in entry[:2]:
        raise malformed(file, f"the archive entry {entry!r} leads out of the archive")
    if not entry.endswith(".npy"):
        raise malformed(file, f"the archive entry {entry!r} is not an array")
    return entry.removesuffix(".npy")


def _checked(source: Opened, entry: zipfile.ZipInfo, name: str, stream: IO[bytes], limits: Limits) -> int:
    """Bytes that the array needs, from its header alone."""
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise malformed(source.file, f"`{name}` holds Python objects, which are never read")
    if dtype.kind not in "biufUS":
        raise malformed(
            source.file, f"`{name}` has the type {dtype}; numbers, truth values and texts are read"
        )
    needed = math.prod(int(n) for n in shape) * dtype.itemsize
    limits.check(source.file, needed, source.size)
    if needed > entry.file_size:
        message = f"`{name}` should hold {needed} bytes by its header; the archive has {entry.file_size}"
        raise malformed(source.file, message)
    return needed


def column_of_array(name: str, array: np.ndarray[Any, Any], where: Where) -> Column:
    """The column of a numpy array: numbers keep their type, texts are read by the declared type."""
    if array.dtype.kind in "biuf":
        return NumberColumn(name, array, where, own=True)
    texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in array.ravel().tolist()]
    return TextColumn(name, texts, where, frozenset(range(len(texts))), array.shape)
