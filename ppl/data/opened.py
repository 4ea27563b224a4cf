"""Opening a data file: only plain files, and only while they stay as they are."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from ppl.data.limits import Limits
from ppl.errors import DataError, DataPlace, fail

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Opened:
    """An open file with the name it is reported under and its size in bytes."""

    file: str
    path: str
    stream: BinaryIO
    size: int


@contextmanager
def opened(path: str) -> Iterator[Opened]:
    """Open a plain file for one reading; E409 when it cannot be, or changes meanwhile."""
    name = os.path.basename(path) or path
    if "://" in path:
        raise _unreadable(path, f"{path} is a web address; fetch the file first", path)
    if "\0" in path:
        raise _unreadable(name, f"{path!r} is not a file name")
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise _unreadable(name, f"{path} is {_sort(found.st_mode)}, not a file")
        with open(path, "rb") as stream:
            before = os.fstat(stream.fileno())
            yield Opened(name, path, stream, before.st_size)
            _unchanged(name, path, before)
    except FileNotFoundError:
        raise _unreadable(name, f"there is no file {path}") from None
    except PermissionError:
        raise _unreadable(name, f"{path} may not be read (permission)") from None
    except OSError as problem:
        raise _unreadable(name, f"{path!r} cannot be read: {problem}") from None


def _unchanged(name: str, path: str, before: os.stat_result) -> None:
    now = os.stat(path)
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
        raise _unreadable(name, f"{path} changed while it was read")


def _unreadable(name: str, message: str, shown: str = "") -> Exception:
    return fail(DataError, "E409", message, place=DataPlace(shown or name))


def _sort(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device"


def unpacked(file: str, packed: bytes, limits: Limits) -> bytes:
    """The content of a gzip file (all members), refused while it grows past the limits."""
    parts: list[bytes] = []
    total, rest = 0, packed
    while rest:
        one = zlib.decompressobj(wbits=31)
        pending = rest
        while not one.eof:
            try:
                parts.append(one.decompress(pending, _BLOCK))
            except zlib.error:
                raise fail(
                    DataError, "E410", f"{file} is a damaged gzip file", place=DataPlace(file)
                ) from None
            pending = one.unconsumed_tail
            total += len(parts[-1])
            limits.check(file, total, len(packed))
            if not parts[-1] and not pending and not one.eof:
                raise fail(DataError, "E410", f"{file} is a gzip file cut short", place=DataPlace(file))
        rest = one.unused_data.lstrip(b"\x00")
    return b"".join(parts)
