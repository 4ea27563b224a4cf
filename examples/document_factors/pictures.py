"""Draw themes.svg: the words of each theme, and in how many documents of each genre it is on.

    ppl fit document_factors.model data.csv --method bbvi --draws-per-step 4 --rate 0.1 --starts 6 --json > fit.json
    python pictures.py fit.json

Plain SVG text; no plotting library.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WIDTH, ROW, TOP, LEFT, WORDS = 720, 22, 40, 110, 330
INK, BAR, FAINT = "#202124", "#1a66b3", "#dadce0"
GENRES = ("reviews", "answers", "newsgroup", "weblog")


def text(x: float, y: float, words: str, size: int = 13, weight: str = "normal") -> str:
    """One line of words."""
    style = f'font-family="sans-serif" font-size="{size}" font-weight="{weight}" fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def bar(x: float, y: float, share: float, width: float) -> str:
    """A bar filled to a share."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="12" fill="{FAINT}"/>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{share * width:.1f}" height="12" fill="{BAR}"/>'
    )


def means(posterior: dict[str, Any], name: str) -> dict[tuple[str, str], float]:
    """Posterior means of a quantity of two subscripts."""
    pattern = re.compile(re.escape(name) + r"\[([^,]*),(.*)\]")
    found = ((pattern.fullmatch(label), row["mean"]) for label, row in posterior.items())
    return {(m[1], m[2]): mean for m, mean in found if m is not None}


def picture(posterior: dict[str, Any], genres: list[str]) -> str:
    """The whole figure."""
    themes, on = means(posterior, "theme"), means(posterior, "z")
    names = sorted({k for k, _ in themes}, key=int)
    size = Counter(genres)
    height = TOP + len(names) * (len(GENRES) + 1) * ROW
    parts = [
        text(LEFT, 22, "share of a genre's documents with the theme", 12),
        text(WORDS, 22, "its words", 12),
    ]
    y = TOP
    for k in names:
        parts.append(text(10, y + 30, f"theme {k}", 14, "bold"))
        words = sorted((w for t, w in themes if t == k), key=lambda w: -themes[k, w])[:14]
        parts += [text(WORDS, y + 12, ", ".join(words[:7]) + ","), text(WORDS, y + 32, ", ".join(words[7:]))]
        for genre in GENRES:
            total = sum(on[str(i + 1), k] for i, g in enumerate(genres) if g == genre)
            parts += [text(LEFT, y + 11, genre, 12), bar(LEFT + 75, y, total / size[genre], 120)]
            y += ROW
        y += ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">'
    return (
        "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *parts, "</svg>"]) + "\n"
    )


def main() -> None:
    """Read a fit in JSON, write the picture."""
    posterior = json.loads(Path(sys.argv[1]).read_text())["posterior"]
    with (HERE / "data.csv").open() as file:
        genres = [row["genre"] for row in csv.DictReader(file)]
    (HERE / "themes.svg").write_text(picture(posterior, genres))


if __name__ == "__main__":
    main()
