"""Draw what the autoencoder makes of digits: pictures.svg, and its figures on pictures it has not seen.

    ppl fit vae_digits.model data.csv --method advi_stochastic --batch images=100 --learning-rate 0.15 --out vae.fit
    python pictures.py vae.fit

Run it in this folder. Upper rows: test digits and how they come back from their eight numbers. Lower
rows: digits that there are not, decoded from eight standard normal numbers each.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

import ppl
from ppl.inference.autoencoder import Autoencoder

HERE = Path(__file__).resolve().parent
SIDE, CELL, GAP, COUNT = 8, 6, 8, 12
BITS = float(np.log2(np.e))


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
            left = 110 + n * step
            parts.append(
                f'<rect x="{left}" y="{top}" width="{SIDE * CELL}" height="{SIDE * CELL}" fill="white"/>'
            )
            parts += squares(picture, left, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def probability(ink: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-ink))."""
    return np.asarray(1.0 / (1.0 + np.exp(-ink)))


def main() -> None:
    """Print the figures and write pictures.svg."""
    found = Autoencoder(ppl.load(sys.argv[1]), "images", HERE / "test.csv")
    terms = found.terms(100)
    print(f"{found.rows} test pictures, per picture:")
    print(f"  distortion {terms.distortion.mean():.2f} nats ({terms.distortion.mean() * BITS:.2f} bits)")
    print(f"  rate       {terms.rate.mean():.2f} nats ({terms.rate.mean() * BITS:.2f} bits)")
    print(f"  ELBO       {terms.elbo.mean():.2f} nats")
    for draws in (64, 1000):
        print(f"  log likelihood by {draws} importance draws {found.log_likelihood(draws).mean():.2f} nats")
    print(f"  amortisation gap of 50 pictures {found.amortisation_gap():.2f} nats")
    print(f"  active units {found.active_units('z')} of {found.means['z'].shape[1]}")
    with (HERE / "test.csv").open() as file:
        seen = np.array([[float(v) for v in row] for row in list(csv.reader(file))[1:]])
    back = probability(found.values(("ink",))["ink"][0])
    fresh = np.random.default_rng(0).standard_normal((1, found.rows, found.means["z"].shape[1]))
    new = probability(found.values(("ink",), {"z": fresh})["ink"][0])
    rows = []
    for k in range(2):
        part = slice(k * COUNT, (k + 1) * COUNT)
        rows += [("seen", seen[part]), ("coded", back[part])]
    rows += [("new", new[k * COUNT : (k + 1) * COUNT]) for k in range(3)]
    (HERE / "pictures.svg").write_text(sheet(rows))


if __name__ == "__main__":
    main()
