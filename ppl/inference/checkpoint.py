"""Saving a state so that a fit can go on later with the same bits, and never leaving a broken file.

A checkpoint is one npz file: an array a field, and a JSON text with the scalar fields and the
fingerprint of what was being fitted. It is written to a temporary file in the same folder,
synced, and moved over the old one, so that a reader finds the old or the new one whole.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from ppl.errors import DataError, LimitError, fail

S = TypeVar("S")
FORMAT = 1
LARGEST = 4 << 30  # bytes of arrays a checkpoint may hold


def flatten(state: Any, prefix: str = "") -> dict[str, Any]:
    """A (nested) dataclass as a flat dictionary of arrays, numbers and strings.

    Mappings and tuples are taken apart too: ``NAME#keys`` and ``NAME#count`` say how. An array whose axes do not
    lie in memory in their own order has ``NAME#order``, so that sums over it come out the same to the last bit.

    >>> from ppl.inference.full_rank import Frame
    >>> sorted(flatten(Frame(np.zeros(2), np.eye(2)), "frame."))
    ['frame.mean', 'frame.tril']
    """
    flat: dict[str, Any] = {}
    pending: list[tuple[str, Any]] = [(prefix + f.name, getattr(state, f.name)) for f in fields(state)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, Mapping):
            keys = list(dict.fromkeys((*value, *getattr(value, "made", ()))))  # those made on demand as well
            flat[f"{path}#keys"] = [list(k) if isinstance(k, tuple) else k for k in keys]
            pending += [(f"{path}.{i}", np.asarray(value[k])) for i, k in enumerate(keys)]
        elif is_dataclass(value):
            pending += [(f"{path}.{f.name}", getattr(value, f.name)) for f in fields(value)]
        elif isinstance(value, tuple):
            flat[f"{path}#count"] = len(value)
            pending += [(f"{path}.{i}", v) for i, v in enumerate(value)]
        elif isinstance(value, np.ndarray):
            flat |= _laid_out(path, value)
        else:
            flat[path] = value
    return flat


def _laid_out(path: str, array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """An array with its axes in the order of their strides, and that order where it is another one."""
    order = sorted(range(array.ndim), key=lambda i: -abs(array.strides[i]))
    if order == list(range(array.ndim)):
        return {path: array}
    return {path: array.transpose(order), f"{path}#order": order}


def unflatten(kind: type[S], flat: dict[str, Any], prefix: str = "") -> S:
    """The inverse of `flatten`."""
    hints = get_type_hints(kind)
    return kind(**{f.name: _value(hints[f.name], flat, prefix + f.name) for f in fields(kind)})  # type: ignore[arg-type]


def _value(hint: Any, flat: dict[str, Any], path: str) -> Any:
    """One field; its type says which dataclasses are in it."""
    parts = [h for h in get_args(hint) if h not in (type(None), Ellipsis)]
    if get_origin(hint) in (Union, UnionType):
        return None if path in flat and flat[path] is None else _value(parts[0], flat, path)
    if f"{path}#keys" in flat:
        keys = [tuple(k) if isinstance(k, list) else k for k in flat[f"{path}#keys"]]
        return {k: _value(Any, flat, f"{path}.{i}") for i, k in enumerate(keys)}
    if f"{path}#count" in flat:
        item = parts[0] if parts else Any
        return tuple(_value(item, flat, f"{path}.{i}") for i in range(flat[f"{path}#count"]))
    if isinstance(hint, type) and is_dataclass(hint):
        return unflatten(hint, flat, f"{path}.")
    array = flat[path]
    order = flat.get(f"{path}#order")
    return array if order is None else array.transpose(np.argsort(order))


@dataclass(frozen=True)
class Checkpoint:
    """A state, the trace up to it, and the fingerprint of model, data and options."""

    state: Any
    trace: np.ndarray[Any, np.dtype[np.float64]]
    fingerprint: str


def save(path: Path, point: Checkpoint) -> None:
    """Write a checkpoint whole or not at all. Raises LimitError when the disk refuses it."""
    flat = flatten(point.state)
    arrays = {k: v for k, v in flat.items() if isinstance(v, np.ndarray)}
    scalars = {k: _plain(v) for k, v in flat.items() if k not in arrays}
    meta = json.dumps({"format": FORMAT, "fingerprint": point.fingerprint, "scalars": scalars})
    buffer = io.BytesIO()
    text = np.frombuffer(meta.encode(), np.uint8)
    named: dict[str, Any] = {f"state.{k}": v for k, v in arrays.items()}
    np.savez(buffer, meta=text, trace=point.trace, **named)
    replace_file(path, buffer.getvalue())


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content in one indivisible move; on failure the old file stays as it was."""
    path = path.resolve()
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        message = f"cannot write `{path.name}`: {error.strerror}"
        raise fail(LimitError, "E602", message, help="name another place to write to") from error
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def load(path: Path, kind: type[S], fingerprint: str) -> Checkpoint:
    """Read a checkpoint. Raises DataError when it is not one, or is of another fit."""
    try:
        arrays = _arrays(path)
        meta = json.loads(arrays.pop("meta").tobytes().decode())
        flat = dict(meta["scalars"])
        flat |= {k.removeprefix("state."): v for k, v in arrays.items() if k != "trace"}
        known = meta["format"] == FORMAT and meta["fingerprint"] == fingerprint
        point = Checkpoint(unflatten(kind, flat), arrays["trace"], meta["fingerprint"]) if known else None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise fail(DataError, "E450", f"`{path}` is not a readable checkpoint") from error
    if point is None:
        message = f"`{path}` was written by a fit of another model, data or options"
        raise fail(DataError, "E451", message, help="remove it or fit without --resume")
    return point


def _arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > LARGEST:
            raise ValueError("larger than any checkpoint")
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
