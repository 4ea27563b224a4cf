"""The limit on memory, set for the whole process."""

from __future__ import annotations

import re
from typing import Any

import click

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Size(click.ParamType):
    """A size in bytes, as ``500M`` or ``2G``."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes of a size.

        >>> [Size().convert(text, None, None) for text in ("500M", "2 GB", "1.5g")]
        [524288000, 2147483648, 1610612736]
        """
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", value, re.IGNORECASE | re.ASCII)
        if not found:
            raise click.BadParameter(f"`{value}` is not a size; write 500M or 2G", ctx, param)
        return int(float(found[1]) * UNITS[found[2].upper()])


def limit_memory(size: int | None) -> None:
    """Let allocations beyond the limit fail, which ends the command with exit status 5."""
    if size is None:
        return
    try:
        import resource
    except ImportError:  # not on this system: sizes are still checked before arrays are made
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (size, hard))
