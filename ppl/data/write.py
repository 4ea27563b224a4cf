"""CSV output that no spreadsheet program runs as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def escape_cell(text: str) -> str:
    """A text with a leading apostrophe where it would start a formula.

    Source: CWE-1236 (improper neutralization of formula elements in a CSV file).

    >>> escape_cell("=cmd()"), escape_cell("Ohio")
    ("'=cmd()", 'Ohio')
    """
    return "'" + text if text.startswith(_FORMULA) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Rows as CSV: texts escaped and quoted where they must be, numbers in full precision.

    >>> csv_text(["name", "mean"], [["a,b", -1.5]])
    'name,mean\n"a,b",-1.5\n'
    """
    lines = [",".join(_cell(h) for h in header)]
    lines += [",".join(_cell(v) for v in row) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if not isinstance(value, str):
        return "" if value is None else repr(value.item() if hasattr(value, "item") else value)
    text = escape_cell(value)
    if any(c in text for c in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text
