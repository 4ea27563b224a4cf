"""Classes of equal rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Classes:
    """Rows grouped by equality: the class of each row, and the first row of each class."""

    of_row: np.ndarray
    rows: np.ndarray


def group_rows(columns: Sequence[np.ndarray], n: int, most: float) -> Classes | None:
    """Classes of the n rows that agree in every column (n,) or block (n, K); None above ``most`` classes.

    >>> group_rows([np.array([1.0, 2.0, 1.0, 1.0])], 4, 3).of_row.tolist()
    [0, 1, 0, 0]
    """
    codes, count = np.zeros(1, dtype=np.intp), min(n, 1)
    for block in columns:
        for column in block.T if block.ndim > 1 else block[None]:
            own, kinds = _codes(column, n, most)
            if count > 1 and kinds <= most:
                own, kinds = _codes(codes * kinds + own, n, most)
            codes, count = own, kinds
            if count > most:
                return None
    codes, count = _codes(np.broadcast_to(codes, (n,)), n, n)
    rows = np.zeros(count, dtype=np.intp)
    rows[codes[::-1]] = np.arange(n - 1, -1, -1)
    return Classes(codes, rows)


def _codes(column: np.ndarray, n: int, most: float) -> tuple[np.ndarray, int]:
    """Consecutive codes for the distinct values of a column, and their number; no codes above ``most``."""
    if np.issubdtype(column.dtype, np.integer) and n:
        low = int(column.min())
        span = int(column.max()) - low + 1
        if span <= 4 * n + 1000:
            shifted = column - low if low else column
            seen = np.bincount(shifted, minlength=span) > 0
            if seen.all():
                return shifted, span
            return (np.cumsum(seen) - 1)[shifted], int(seen.sum())
    ordered = np.sort(column)  # a third of the memory and time of the codes, which most columns never need
    count = 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
    if count > most:
        return column, count
    del ordered
    kinds, own = np.unique(column, return_inverse=True)
    return own.ravel(), len(kinds)
