"""Limits that are checked before memory is asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ppl.errors import DataPlace, LimitError, fail

_MEBIBYTE = 1 << 20


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8192 * _MEBIBYTE


@dataclass(frozen=True)
class Limits:
    """What one file may cost.

    ``memory``: bytes (default: half of the machine's). ``expansion``: how many times larger than
    the file its content may be, once it is above ``free`` bytes: real tables compress 3 to 60
    times, decompression bombs 1000 times. ``field``: characters of one cell. ``columns``: of one
    table. ``depth``: of nested arrays.

    >>> Limits(memory=10).memory
    10
    """

    memory: int = _physical_memory() // 2
    expansion: int = 200
    free: int = 64 * _MEBIBYTE
    field: int = 131_072
    columns: int = 1_000_000
    depth: int = 32

    def check(self, file: str, needed: int, stored: int | None = None) -> None:
        """Raise `LimitError` when ``needed`` bytes are too many, or too many for ``stored`` bytes.

        >>> Limits(memory=1000).check("a.npz", 999)
        """
        place = DataPlace(file)
        if needed > self.memory:
            raise fail(
                LimitError,
                "E601",
                f"reading {file} needs {amount(needed)} of memory; the limit is {amount(self.memory)}",
                place=place,
            )
        if stored is not None and needed > self.free and needed > self.expansion * max(stored, 1):
            raise fail(
                LimitError,
                "E601",
                f"{file} holds {amount(stored)} and would expand over {self.expansion} times, "
                f"to {amount(needed)} or more",
                help="if that is right, unpack it first",
                place=place,
            )


DEFAULT = Limits()


def amount(size: int) -> str:
    """Bytes in words.

    >>> amount(8_000_000_000), amount(12)
    ('8.0 GB', '12 bytes')
    """
    for unit, scale in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}" if size < 10**18 else f"{size:.1e} bytes"
    return f"{size} bytes"
