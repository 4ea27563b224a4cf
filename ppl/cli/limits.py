"""The limit on memory, set for the whole process."""

from __future__ import annotations

import re

import click

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str) -> int:
    """Bytes of a size.

    >>> parse_size("500M"), parse_size("2 GB"), parse_size("1.5g")
    (524288000, 2147483648, 1610612736)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE | re.ASCII)
    if not found:
        raise click.UsageError(f"`{text}` is not a size; write 500M or 2G")
    return int(float(found[1]) * UNITS[found[2].upper()])


def limit_memory(text: str | None) -> None:
    """Let allocations beyond the limit fail, which ends the command with exit status 5."""
    if text is None:
        return
    import resource

    size = parse_size(text)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (size, hard))
