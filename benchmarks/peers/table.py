"""The comparison as a table, for a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEAD = ("case", "program", "CPU s", "ratio", "cold s", "ratio", "wall s", "fit s", "ratio", "MB",
        "mean error", "log sd error")  # fmt: skip
TEXT_COLUMNS = 2


def _number(value: float | None, form: str) -> str:
    return "" if value is None else "none" if value == float("inf") else format(value, form)


def cells(row: dict[str, Any], ours: dict[str, Any] | None) -> list[str]:
    """The texts of one row; ratios are to our own row of the same case and empty in it."""

    def ratio(key: str) -> str:
        missing = ours is None or ours is row or key not in row or key not in ours
        return "" if missing else f"{row[key] / ours[key]:.1f}"

    return [
        row["case"], row["program"].replace("_", " "), f"{row['cpu']:.2f}", ratio("cpu"),
        _number(row.get("cold_cpu"), ".2f"), ratio("cold_cpu"), f"{row['wall']:.2f}", f"{row['fit']:.2f}", ratio("fit"),
        f"{row['peak'] / 2**20:.0f}", _number(row.get("d_mean"), ".3f"), _number(row.get("d_sd"), ".3f"),
    ]  # fmt: skip


def table(rows: list[dict[str, Any]], markdown: bool = False) -> str:
    """Lay out the rows below a header.

    >>> one = {"case": "a", "program": "ppl", "cpu": 0.5, "cold_cpu": 0.6, "wall": 0.5, "fit": 0.2, "peak": 2**20}
    >>> print(table([one], markdown=True).splitlines()[-1])
    | a | ppl | 0.50 |  | 0.60 |  | 0.50 | 0.20 |  | 1 |  |  |
    """
    ours = {r["case"]: r for r in rows if r["program"] == "ppl"}
    body = [cells(r, ours.get(r["case"])) for r in rows]
    if markdown:
        rule = ["---"] * TEXT_COLUMNS + ["--:"] * (len(HEAD) - TEXT_COLUMNS)
        return "\n".join("| " + " | ".join(line) + " |" for line in [HEAD, rule, *body])
    widths = [max(len(line[k]) for line in [HEAD, *body]) for k in range(len(HEAD))]

    def laid(line: Sequence[str]) -> str:
        sized = enumerate(zip(line, widths, strict=True))
        pads = [c.ljust(w) if k < TEXT_COLUMNS else c.rjust(w) for k, (c, w) in sized]
        return "  ".join(pads)

    return "\n".join(laid(line) for line in [HEAD, *body])
