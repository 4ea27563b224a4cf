"""What one evaluation of an observation costs for one draw, before and after its rows are folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FEWEST_ROWS = 200
LARGEST_SHARE = 0.6  # of the elements that may remain for folding to pay
MOST_COLUMNS = 256  # that vary within classes: beyond, the factor of the rows costs more than a fit


@dataclass(frozen=True)
class Folding:
    """How a statement's rows are evaluated: rows, rows after folding, and elements of one evaluation.

    ``hidden`` are elements computed inside one primitive, which the recorded operations do not show.
    """

    name: str
    how: str
    rows: int
    kept: int
    before: int
    after: int
    hidden: int = 0


def cost_table(foldings: Sequence[Folding]) -> str:
    """The foldings as an aligned table.

    >>> print(cost_table([Folding("y", "moments of classes", 1000, 3, 5000, 20)]))
    statement  rows  after  elements  was   how
    y          1000  3      20        5000  moments of classes
    """
    head = ("statement", "rows", "after", "elements", "was", "how")
    rows = [(f.name, str(f.rows), str(f.kept), str(f.after), str(f.before), f.how) for f in foldings]
    widths = [max(len(r[k]) for r in (head, *rows)) for k in range(len(head) - 1)]
    lines = [
        "  ".join([*(c.ljust(w) for c, w in zip(r, widths, strict=False)), r[-1]]) for r in (head, *rows)
    ]
    return "\n".join(lines)
