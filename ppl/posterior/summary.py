"""What a fit says: the table, the bound, the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ppl.posterior.estimates import Estimates, Row
from ppl.posterior.html import html_table
from ppl.posterior.table import VAST, text_table


@dataclass(frozen=True)
class Summary(Mapping[str, Row]):
    """The rows of a posterior by element name; prints as a table.

    >>> import numpy as np
    >>> from ppl.posterior.estimates import estimate
    >>> summary = Summary((estimate("mu", "latent", ("mu",), np.arange(101.0)),), "all checks passed")
    >>> summary["mu"].q95
    95.0
    >>> print(summary)
          mean    sd   5 %  50 %  95 %
    mu    50.0  29.3   5.0  50.0  95.0
    <BLANKLINE>
    all checks passed
    """

    estimates: tuple[Estimates, ...]
    closing: str = ""

    @cached_property
    def _places(self) -> dict[str, tuple[Estimates, int]]:
        return {
            label: (quantity, i) for quantity in self.estimates for i, label in enumerate(quantity.labels)
        }

    def __getitem__(self, name: str) -> Row:
        quantity, i = self._places[name]
        return quantity.row(i)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """Element name to figures: the ``posterior`` of the JSON form."""
        return {row.name: row.to_dict() for quantity in self.estimates for row in quantity.rows()}

    def text(self, longest: int | None = None, more: str = "") -> str:
        """The table and the closing lines; of quantities with more elements than ``longest`` the first few."""
        table = text_table(self.estimates, longest, more)
        return f"{table}\n\n{self.closing}" if self.closing else table

    def __str__(self) -> str:
        return self.text(VAST, " (summary.text() shows them)")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self.estimates, self.closing.splitlines()[-1] if self.closing else "")
