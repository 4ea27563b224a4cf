"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "feather version 1"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "PDF"),
    (b"\x93NUMPY", "npy"),
    (b"\x89HDF", "HDF5"),
    (b"SQLite format 3", "SQLite"),
    (b"\x89PNG", "PNG"),
    (b"\xd0\xcf\x11\xe0", "old Excel (xls)"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x80\x03", "pickle"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
    (b"\xff\xfe\x00\x00", "UTF-32 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".npz": "npz",
    ".json": "json",
}


def kind(head: bytes) -> str:
    """The kind of content in the first bytes of a file; ``text`` when nothing speaks against it.

    >>> kind(b"PAR1"), kind(b"<!DOCTYPE html>"), kind(b"a,b\\n1,2\\n")
    ('parquet', 'HTML', 'text')
    """
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _kind_of_zip(head)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    if start.startswith(b"<?xml"):
        return "XML"
    return _kind_of_text(head)


def _kind_of_zip(head: bytes) -> str:
    if b"[Content_Types].xml" in head or b"xl/" in head or b"_rels/" in head:
        return "Excel (xlsx)"
    return "npz" if b".npy" in head[:4096] else "zip"


def _kind_of_text(head: bytes) -> str:
    nuls = head.count(b"\x00")
    if nuls >= len(head) * 0.3 and nuls > 1:
        return "UTF-16 text" if nuls < len(head) * 0.6 else "UTF-32 text"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return "json" if start.startswith((b"{", b"[")) else "text"
