"""Reading a model's text from a file."""

from __future__ import annotations

import os
import sys

from ppl.errors import Diagnostic, ModelError, Source, Span, UsageError, fail

LARGEST = 8 << 20  # bytes of a model text
DATA = (".csv", ".tsv", ".csv.gz", ".parquet", ".arrow", ".feather", ".json", ".npz", ".npy", ".xlsx")


def read_source(path: str | os.PathLike[str]) -> Source:
    """The source of a model file; ``-`` is stdin.

    Raises `UsageError` when it cannot be read, `ModelError` when it is not UTF-8 text.
    """
    name = os.fspath(path)
    if name.lower().endswith(DATA):
        help = "the model comes first, then the data: `ppl fit m.model data.csv`"
        raise fail(UsageError, "E701", f"`{name}` is a data file, not a model", help=help)
    try:
        raw = sys.stdin.buffer.read(LARGEST + 1) if name == "-" else _bytes(name)
    except OSError as error:
        raise _unreadable(name, error) from None
    except ValueError:
        raise fail(UsageError, "E701", f"`{name!r}` is not a file name") from None
    if len(raw) > LARGEST:
        message = f"`{name}` is larger than {LARGEST >> 20} MB"
        raise fail(UsageError, "E701", message, help="the model comes first, then the data")
    return Source("stdin" if name == "-" else name, _decoded(name, raw))


def _bytes(name: str) -> bytes:
    with open(name, "rb") as file:
        return file.read(LARGEST + 1)


def _unreadable(name: str, error: OSError) -> Exception:
    reason = (error.strerror or str(error)).lower()
    help = ""
    if isinstance(error, FileNotFoundError):
        import difflib

        folder = os.path.dirname(name) or "."
        files = [f for f in os.listdir(folder) if f.endswith(".model")] if os.path.isdir(folder) else []
        near = difflib.get_close_matches(os.path.basename(name), files, n=1)
        help = f"did you mean `{os.path.join(os.path.dirname(name), near[0])}`?" if near else ""
    return fail(UsageError, "E701", f"cannot read the model `{name}`: {reason}", help=help)


def _decoded(name: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw.decode("utf-8", errors="replace")
        place = len(raw[: error.start].decode("utf-8"))
        what = f"byte 0x{raw[error.start]:02X} is not UTF-8 text"
        diagnostic = Diagnostic("E109", what, Span(place, place + 1), help="save the file as UTF-8")
        raise ModelError((diagnostic,), Source(name, text)) from None
