"""Where a cell stands in its file, and complaints that show at most three of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ppl.errors import DataError, DataPlace, Diagnostic

EXAMPLES = 3
_SHOWN = 40


@dataclass(frozen=True)
class Where:
    """Names cells: by the file's own lines, by row (from 1), or by path as in ``y[3,2]``.

    ``lines`` gives the line of every row and is asked only when something is wrong.
    """

    file: str
    style: Literal["line", "row", "path"] = "row"
    lines: Callable[[], npt.NDArray[np.integer]] | None = None

    def line(self, row: int) -> int | None:
        """The file line of a row (from 0), where the file has lines."""
        return int(self.lines()[row]) if self.lines is not None else None

    def cell(self, name: str, index: int, shape: tuple[int, ...]) -> str:
        """A cell in words; ``index`` counts the cells of ``shape`` from 0, last axis fastest.

        >>> Where("d.json", "path").cell("y", 4, (2, 3))
        '`y[2,2]`'
        """
        if self.style == "path":
            position = ",".join(str(int(i) + 1) for i in np.unravel_index(index, shape)) if shape else ""
            return f"`{name}[{position}]`" if position else f"`{name}`"
        row = index // max(1, math.prod(shape[1:]))
        line = self.line(row)
        return f"row {row + 1}" if line is None else f"line {line}"

    def rows(self, rows: Sequence[int]) -> str:
        """Up to three rows in words, with dots when there are more.

        >>> Where("d.parquet").rows([3, 18, 32, 40])
        'rows 4, 19, 33, ...'
        """
        numbers = [self.line(int(r)) or int(r) + 1 for r in rows[:EXAMPLES]]
        word = "line" if self.style == "line" else "row"
        more = ", ..." if len(rows) > EXAMPLES else ""
        return f"{word}{'s' if len(rows) > 1 else ''} {', '.join(map(str, numbers))}{more}"

    def place(self, row: int | None = None, column: str | None = None) -> DataPlace:
        """The place of a row for a diagnostic."""
        return DataPlace(self.file, None if row is None else self.line(row), column)


@dataclass(frozen=True)
class Cell:
    """A cell that cannot be read: its flat index, its text, and why (may be empty)."""

    index: int
    text: str
    reason: str = ""


def shown(text: str) -> str:
    r"""A cell's text fit for a message: quoted, cut, control characters spelled out.

    >>> shown("forty"), shown("a\tb")
    ('"forty"', '"a\\tb"')
    """
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return '"' + "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut) + '"'


def refuse(
    code: str,
    where: Where,
    name: str,
    wanted: str,
    cells: Sequence[Cell],
    shape: tuple[int, ...],
    help: str = "",
) -> DataError:
    """The error for cells that are not ``wanted``: three examples and the count."""
    listed = ", ".join(f"{where.cell(name, c.index, shape)} {shown(c.text)}" for c in cells[:EXAMPLES])
    more = ", ..." if len(cells) > EXAMPLES else ""
    verb = "cell is" if len(cells) == 1 else "cells are"
    message = f"`{name}` should be {wanted}; {len(cells)} {verb} not: {listed}{more}"
    row = cells[0].index // max(1, math.prod(shape[1:]))
    reason = next((c.reason for c in cells if c.reason), "")
    return DataError(
        (Diagnostic(code, message, help=help or reason, place=where.place(row if shape else None, name)),)
    )


def warn(where: Where, name: str, message: str, row: int | None = None, help: str = "") -> Diagnostic:
    """A warning about a column (W602: odd, but it can be read)."""
    return Diagnostic("W602", message, help=help, severity="warning", place=where.place(row, name))


Array = npt.NDArray[Any]
