"""The summary as an HTML table for notebooks; every name is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ppl.posterior.estimates import Estimates
from ppl.posterior.table import HEADER, LONG, cells, places


def html_table(estimates: Sequence[Estimates], caption: str) -> str:
    """One table with the columns of the text form.

    >>> import numpy as np
    >>> from ppl.posterior.estimates import estimate
    >>> "<td>&lt;b&gt;</td>" in html_table([estimate("b", "latent", ("<b>",), np.arange(9.0))], "")
    True
    """
    head = "".join(f"<th>{escape(h)}</th>" for h in ("", *HEADER))
    body = "".join(_rows(quantity) for quantity in estimates)
    note = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{note}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _rows(quantity: Estimates) -> str:
    count = len(quantity.labels)
    shown = places(quantity, LONG)
    rows = [
        "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in cells(quantity.row(i))) + "</tr>" for i in shown
    ]
    if len(shown) < count:
        rows.append(f'<tr><td colspan="6">... {count - len(shown)} more of {escape(quantity.name)}</td></tr>')
    return "".join(rows)
