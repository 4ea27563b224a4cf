"""One zip of a JSON document, texts and plain arrays: written whole or not at all, read with limits.

Nothing is pickled; an array of objects, an entry outside the archive's own names, a header that
promises more than the file holds, or a size over the limit is refused before memory is taken.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ppl.errors import DataError, DataPlace, LimitError, PplError, UsageError, fail

MAX_BYTES = 8 << 30
MAX_ENTRIES = 100_000
MAX_JSON = 256 << 20
KINDS = ("float64", "int64", "bool")
EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that the same fit gives the same bytes


def write(
    path: str,
    documents: Mapping[str, Any],
    texts: Mapping[str, str],
    arrays: Iterable[tuple[str, NDArray]],
) -> None:
    """Write an archive in place of whatever file has that name, atomically.

    documents become ``NAME.json``, arrays ``arrays/NAME.npy`` (one at a time), texts keep their names.
    Raises `UsageError` when the place cannot be written; an older file there stays intact.
    """
    with _replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, document in documents.items():
            _put(archive, f"{name}.json", json.dumps(document, ensure_ascii=False, allow_nan=False).encode())
        for name, text in texts.items():
            _put(archive, name, text.encode())
        for name, array in arrays:
            _put_array(archive, f"arrays/{name}.npy", np.ascontiguousarray(array))


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, EPOCH), content)


def _put_array(archive: zipfile.ZipFile, name: str, array: NDArray) -> None:
    with archive.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=array.nbytes > 1 << 30) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


@contextmanager
def _replacing(path: str) -> Iterator[BinaryIO]:
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise fail(UsageError, "E702", f"`{path}` is a folder", help="name a file for the fit")
    folder = os.path.dirname(target)
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        _discard(temporary)
        reason = error.strerror or str(error)
        raise fail(
            UsageError, "E702", f"cannot write `{path}`: {reason}", help="choose another --out"
        ) from None
    except BaseException:
        _discard(temporary)
        raise


def _discard(temporary: str) -> None:
    if temporary and os.path.exists(temporary):
        os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Reader:
    """An open archive whose entries are checked as they are read."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise fail(UsageError, "E701", f"cannot read `{path}`: {reason}") from None
        except (zipfile.BadZipFile, ValueError, EOFError):
            raise self.broken("it is not a saved fit, or it is cut short") from None
        self._check_entries()

    def broken(self, why: str) -> PplError:
        """The error for content that is not as this program writes it."""
        return fail(DataError, "E703", f"cannot use `{self.path}`: {why}", place=DataPlace(self.path))

    def _check_entries(self) -> None:
        entries = self._archive.infolist()
        if len(entries) > MAX_ENTRIES or sum(e.file_size for e in entries) > MAX_BYTES:
            raise fail(LimitError, "E601", f"`{self.path}` unpacks to more than {MAX_BYTES >> 30} GB")
        names = [e.filename for e in entries]
        if len(set(names)) < len(names) or any(n.startswith("/") or ".." in n.split("/") for n in names):
            raise self.broken("it has entries that no saved fit has")
        if any(e.compress_type != zipfile.ZIP_STORED or e.file_size != e.compress_size for e in entries):
            raise self.broken("it has been repacked with compression")

    def names(self) -> list[str]:
        """The names of the arrays."""
        found = (n.removeprefix("arrays/") for n in self._archive.namelist() if n.startswith("arrays/"))
        return [n.removesuffix(".npy") for n in found]

    def text(self, name: str, limit: int = MAX_JSON) -> str:
        """A text entry, as UTF-8."""
        try:
            if self._archive.getinfo(name).file_size > limit:
                raise fail(LimitError, "E601", f"`{name}` in `{self.path}` is larger than {limit >> 20} MB")
            return self._archive.read(name).decode()
        except (KeyError, zipfile.BadZipFile, EOFError, UnicodeDecodeError, OSError):
            raise self.broken(f"`{name}` is missing or damaged") from None

    def document(self, name: str) -> Any:
        """A JSON entry; the literals NaN and Infinity are refused."""
        try:
            return json.loads(self.text(f"{name}.json"), parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self.broken(f"`{name}.json` is not JSON") from None

    def array(self, name: str) -> NDArray:
        """An array entry, after its header has been held against the entry's size."""
        try:
            entry = self._archive.getinfo(f"arrays/{name}.npy")
            with self._archive.open(entry) as member:
                shape, fortran, dtype = _header(member)
                held = entry.file_size - member.tell()
                if fortran or dtype.name not in KINDS or math.prod(shape) * dtype.itemsize != held:
                    raise self.broken(f"array `{name}` is not as its header says")
                flat = np.frombuffer(member.read(), dtype=dtype)
            return flat.reshape(shape)
        except (KeyError, zipfile.BadZipFile, EOFError, ValueError, OSError):
            raise self.broken(f"array `{name}` is missing or damaged") from None


def _refuse(literal: str) -> None:
    raise ValueError(literal)


def _header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError("version")
    return np.lib.format.read_array_header_1_0(member)
