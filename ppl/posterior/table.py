"""The summary as a plain-text table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ppl.posterior.estimates import COLUMNS, Estimates, Row
from ppl.posterior.numbers import decimals_for, printable, shown

HEADER = ("mean", "sd", "5 %", "50 %", "95 %")
LONG = 12  # a longer quantity is shortened
KEPT = 8  # to this many elements
ROUNDING = 1e-12  # sds that are rounding error

Line = tuple[str, ...] | str


def cells(row: Row) -> tuple[str, ...]:
    """Name and the five figures of a row as text; a point estimate has a mean only."""
    decimals = decimals_for(row.sd)
    if row.sd == 0:
        return (printable(row.name), shown(row.mean, 4), "", "", "", "")
    figures = (getattr(row, c) for c in COLUMNS)
    tiny = ROUNDING * row.sd  # what is left of a mean of 0
    return (printable(row.name), *(shown(0.0 if abs(v) < tiny else v, decimals) for v in figures))


def text_table(estimates: Sequence[Estimates], short: bool = False, more: str = "") -> str:
    """Aligned columns, a row an element; names are never cut.

    short: long quantities lose their tail, and a line says how many and where to see them.

    >>> import numpy as np
    >>> from ppl.posterior.estimates import estimate
    >>> print(text_table([estimate("mu", "latent", ("mu",), np.arange(101.0))]))
          mean    sd   5 %  50 %  95 %
    mu    50.0  29.3   5.0  50.0  95.0
    """
    lines = list(_lines(estimates, short, more))
    tabular = [line for line in lines if not isinstance(line, str)]
    widths = [max(len(line[k]) for line in [("", *HEADER), *tabular]) for k in range(6)]
    head = _aligned(("", *HEADER), widths)
    return "\n".join([head, *(line if isinstance(line, str) else _aligned(line, widths) for line in lines)])


def _lines(estimates: Sequence[Estimates], short: bool, more: str) -> Iterator[Line]:
    for quantity in estimates:
        count = len(quantity.labels)
        kept = KEPT if short and count > LONG else count
        for i in range(kept):
            yield cells(quantity.row(i))
        if kept < count:
            yield f"... {count - kept} more of {quantity.name}{more}"


def _aligned(line: tuple[str, ...], widths: Sequence[int]) -> str:
    numbers = (text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))
    return "  ".join([line[0].ljust(widths[0]) + "  ", *numbers]).rstrip()
