"""Sheets of digits as SVG, for the examples that draw them."""

from __future__ import annotations

import numpy as np

SIDE, CELL, GAP, COUNT = (
    8,
    6,
    8,
    12,
)  # pixels of a picture, units of a pixel and between pictures, pictures of a row


def squares(picture: np.ndarray, left: float, top: float) -> list[str]:
    """One 8 x 8 picture, 1 being black."""
    out = []
    for (row, column), ink in np.ndenumerate(picture.reshape(SIDE, SIDE)):
        if ink > 0.02:
            shade = f"#{round(255 * (1 - ink)):02x}" + 2 * f"{round(255 * (1 - ink)):02x}"
            x, y = left + CELL * column, top + CELL * row
            out.append(f'<rect x="{x:g}" y="{y:g}" width="{CELL}" height="{CELL}" fill="{shade}"/>')
    return out


def sheet(rows: list[tuple[str, np.ndarray]]) -> str:
    """Rows of pictures with a word before each, as SVG."""
    step = SIDE * CELL + GAP
    width, height = 110 + COUNT * step, len(rows) * step + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#f1f3f4"/>',
    ]
    for k, (word, pictures) in enumerate(rows):
        top = GAP + k * step
        parts.append(f'<text x="8" y="{top + step / 2:g}" font-size="13">{word}</text>')
        for n, picture in enumerate(pictures[:COUNT]):
            left, side = 110 + n * step, SIDE * CELL
            parts.append(f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="white"/>')
            parts += squares(picture, left, top)
    return "\n".join([*parts, "</svg>"]) + "\n"
