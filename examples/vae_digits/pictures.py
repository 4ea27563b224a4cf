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
sys.path.append(str(HERE.parent))
from digit_sheets import COUNT, sheet  # noqa: E402

BITS = float(np.log2(np.e))


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
