"""Give freed memory back to the system between the stages of a fit of large data."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import numpy as np

LARGE = 8 << 20  # bytes of data from which this is worth its time


def give_back(arrays: Iterable[np.ndarray]) -> None:
    """Return the pages that reading or planning has left free, where the data are large; else do nothing.

    What is free lies in pieces between arrays that are kept, too small for the next stage's arrays.
    """
    if not sys.platform.startswith("linux") or sum(a.nbytes for a in arrays) < LARGE:
        return
    import ctypes

    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # not glibc
        return
