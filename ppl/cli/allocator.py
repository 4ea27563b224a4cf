"""Keep freed memory in the process: a fit asks for the same large temporaries again and again.

With glibc's defaults every array over a few hundred kilobytes is mapped afresh and faulted in page
by page; in a fit of a few thousand rows that is half of the time. This is for a process of our own
only (the command line), never for a host that embeds the package.
"""

from __future__ import annotations

import sys

M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8


def keep_freed_memory() -> None:
    """Raise glibc's thresholds for giving memory back; elsewhere do nothing."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes
    import os

    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # files read by Arrow share what is freed
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return
    mallopt(M_ARENA_MAX, 1)  # what Arrow's threads free is there for the fit
    mallopt(M_MMAP_THRESHOLD, 32 << 20)  # the largest value that glibc accepts
    mallopt(M_TRIM_THRESHOLD, 256 << 20)
    mallopt(M_TOP_PAD, 16 << 20)
