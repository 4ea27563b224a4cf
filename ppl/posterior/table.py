"""The summary as a plain-text table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ppl.posterior.estimates import COLUMNS, Estimates, Row
from ppl.posterior.numbers import decimals_for, printable, shown

HEADER = ("mean", "sd", "5 %", "50 %", "95 %")
LONG = 12  # a longer quantity is shortened on a terminal
VAST = 10_000  # and one longer than this everywhere, unless all is asked for
KEPT = 8  # to this many elements
DOUBTFUL, WORST = 0.7, 3  # k-hat above which an element of those left out is shown all the same, and how many
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


def text_table(estimates: Sequence[Estimates], longest: int | None = None, more: str = "") -> str:
    """Aligned columns, a row an element; names are never cut.

    longest: quantities of more elements lose their tail, but for those of the largest k-hat above 0.7, and a
    line says how many are left out and where to see them.

    >>> import numpy as np
    >>> from ppl.posterior.estimates import estimate
    >>> print(text_table([estimate("mu", "latent", ("mu",), np.arange(101.0))]))
          mean    sd   5 %  50 %  95 %
    mu    50.0  29.3   5.0  50.0  95.0
    """
    lines = list(_lines(estimates, longest, more))
    tabular = [line for line in lines if not isinstance(line, str)]
    widths = [max(len(line[k]) for line in [("", *HEADER), *tabular]) for k in range(6)]
    head = _aligned(("", *HEADER), widths)
    return "\n".join([head, *(line if isinstance(line, str) else _aligned(line, widths) for line in lines)])


def _lines(estimates: Sequence[Estimates], longest: int | None, more: str) -> Iterator[Line]:
    for quantity in estimates:
        shown = places(quantity, longest)
        for i in shown:
            yield cells(quantity.row(i))
        if len(shown) < len(quantity.labels):
            yield f"... {len(quantity.labels) - len(shown)} more of {quantity.name}{more}"


def places(quantity: Estimates, longest: int | None) -> Sequence[int]:
    """The elements that are shown: all, or the first few and those that the checks doubt most."""
    count = len(quantity.labels)
    if longest is None or count <= longest:
        return range(count)
    doubt = np.nan_to_num(quantity.khat[KEPT:], nan=-np.inf)
    worst = KEPT + np.argsort(-doubt, kind="stable")[:WORST]
    return [*range(KEPT), *sorted(int(i) for i in worst if doubt[i - KEPT] > DOUBTFUL)]


def _aligned(line: tuple[str, ...], widths: Sequence[int]) -> str:
    numbers = (text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))
    return "  ".join([line[0].ljust(widths[0]) + "  ", *numbers]).rstrip()
