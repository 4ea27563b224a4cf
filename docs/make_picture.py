"""Draw docs/figures/eight_schools.svg: what each school reported, and what the model makes of it.

    ppl fit examples/eight_schools/eight_schools.model examples/eight_schools/data.csv --json > fit.json
    python docs/make_picture.py fit.json

Plain SVG text; no plotting library.
"""

from __future__ import annotations

import csv
import json
import sys
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent
DATA = DOCS.parent / "examples" / "eight_schools" / "data.csv"
WIDTH, ROW, TOP, LEFT, RIGHT = 640, 34, 64, 96, 24
LOW, HIGH, Z = -30.0, 60.0, 1.645
REPORTED, POSTERIOR, INK, FAINT = "#9aa0a6", "#1a66b3", "#202124", "#dadce0"


def across(value: float) -> float:
    """Horizontal place of a value."""
    return LEFT + (min(max(value, LOW), HIGH) - LOW) / (HIGH - LOW) * (WIDTH - LEFT - RIGHT)


def text(x: float, y: float, words: str, anchor: str = "start", colour: str = INK) -> str:
    """One line of words."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def interval(y: float, low: float, middle: float, high: float, colour: str) -> str:
    """A line from low to high with a dot in the middle."""
    return (
        f'<line x1="{across(low):.1f}" y1="{y:.1f}" x2="{across(high):.1f}" y2="{y:.1f}" '
        f'stroke="{colour}" stroke-width="3" stroke-linecap="round"/>'
        f'<circle cx="{across(middle):.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'
    )


def axis(bottom: float) -> list[str]:
    """Vertical rules with their values."""
    parts = []
    for value in range(-20, 61, 20):
        x = across(value)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 12}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{FAINT}"/>')
        parts.append(text(x, bottom + 18, str(value), "middle"))
    return parts


def picture(posterior: dict[str, dict[str, float]], schools: list[dict[str, str]]) -> str:
    """The whole SVG text."""
    bottom = TOP + ROW * (len(schools) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 34}"',
        ' font-family="sans-serif" font-size="14">',
        "<title>Eight schools: reported effects and their posterior</title>",
        f'<rect width="{WIDTH}" height="{bottom + 34}" fill="white"/>',
        text(LEFT, 22, "reported effect, 90 % interval", colour=REPORTED),
        text(LEFT + 260, 22, "posterior, 90 % interval", colour=POSTERIOR),
        *axis(bottom),
    ]
    for k, row in enumerate(schools):
        y, effect, se = TOP + ROW * k + 10, float(row["effect"]), float(row["se"])
        ours = posterior[f"theta[{row['school']}]"]
        parts.append(text(LEFT - 14, y + 5, f"school {row['school']}", "end"))
        parts.append(interval(y - 5, effect - Z * se, effect, effect + Z * se, REPORTED))
        parts.append(interval(y + 6, ours["q5"], ours["q50"], ours["q95"], POSTERIOR))
    y = TOP + ROW * len(schools) + 10
    parts.append(text(LEFT - 14, y + 5, "mu", "end"))
    parts.append(
        interval(y, posterior["mu"]["q5"], posterior["mu"]["q50"], posterior["mu"]["q95"], POSTERIOR)
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main(path: str) -> None:
    """Read the JSON of a fit, write the picture."""
    posterior = json.loads(Path(path).read_text())["posterior"]
    with DATA.open() as file:
        schools = list(csv.DictReader(file))
    target = DOCS / "figures" / "eight_schools.svg"
    target.write_text(picture(posterior, schools), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
