"""Fit the autoencoder at several weights of the rate, and draw its curve against that of principal components.

    python curve.py

Run it in this folder: it takes some minutes, prints the table of the README, and writes curve.svg. Both coders
are judged on the patches of test.csv, from photographs that neither has seen. A code is drawn, not rounded:
its length is the divergence from its prior, which relative entropy coding comes close to. Principal components
are coded in the best way there is for Gaussians: every component whose variance is above a level of error is
sent with that error, and the number of components is that of the autoencoder.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

import ppl
from ppl.inference.autoencoder import Autoencoder

HERE = Path(__file__).resolve().parent
WEIGHTS = (1.5, 3.0, 6.0, 12.0, 24.0)
UNITS, PIXELS = 16, 64
Point = tuple[float, float]


def patches(name: str) -> np.ndarray:
    """A file's rows."""
    with (HERE / name).open() as file:
        return np.array([[float(v) for v in row] for row in list(csv.reader(file))[1:]])


def psnr(error: float) -> float:
    """Peak signal to noise ratio in dB of a mean squared error of grey levels 0 to 255."""
    return 20.0 * float(np.log10(255.0 / np.sqrt(error)))


def components(train: np.ndarray, test: np.ndarray) -> list[Point]:
    """Bits a pixel and PSNR of principal components, over levels of error."""
    values, vectors = np.linalg.eigh(np.cov(train.T))
    order = np.argsort(values)[::-1][:UNITS]
    codes = (test - train.mean(0)) @ vectors[:, order]
    left = np.square(test - train.mean(0)).sum(1).mean() - np.square(codes).sum(1).mean()
    out = []
    for level in np.geomspace(25.0, 6000.0, 60):
        on = values[order] > level
        power, seen = values[order][on], np.square(codes[:, on]).mean(0)
        nats = 0.5 * (np.log(power / level) + level / power + seen * (power - level) / power**2 - 1.0).sum()
        error = ((level / power) ** 2 * seen + level * (1.0 - level / power)).sum()
        error += left + np.square(codes[:, ~on]).mean(0).sum()
        out.append((float(nats / np.log(2.0) / PIXELS), psnr(error / PIXELS)))
    return out


def autoencoder(weight: float, test: np.ndarray) -> Point:
    """The same of a fit with one weight of the rate."""
    fit = ppl.fit(
        HERE / "rate_distortion.model", HERE / "data.csv", method="advi_stochastic", batch="patches=200",
        rate_weight=weight, single=True,
    )  # fmt: skip
    found = Autoencoder(fit, "patches", HERE / "test.csv")
    rng = np.random.default_rng(0)
    codes = found.means["z"] + found.sds["z"] * rng.standard_normal(found.means["z"].shape)
    back = found.values(("shade",), {"z": codes[None]})["shade"][0]
    rate = found.terms(10).rate.mean() / np.log(2.0) / PIXELS
    return float(rate), psnr(float(np.square(back - test).mean()))


def across(bits: float) -> float:
    """Horizontal place."""
    return 60.0 + 520.0 * bits / 0.5


def down(decibels: float) -> float:
    """Vertical place."""
    return 320.0 - 280.0 * (decibels - 20.0) / 11.0


def curve(coder: list[Point], pca: list[Point]) -> str:
    """Both curves as SVG."""
    inside = [p for p in pca if p[0] <= 0.5 and p[1] >= 20.0]
    line = " ".join(f"{across(b):.1f},{down(d):.1f}" for b, d in inside)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 370" font-family="sans-serif" font-size="13">',
        '<rect width="620" height="370" fill="white"/>',
        f'<polyline points="{line}" fill="none" stroke="#9aa0a6" stroke-width="2"/>',
        f'<polyline points="{" ".join(f"{across(b):.1f},{down(d):.1f}" for b, d in sorted(coder))}"'
        ' fill="none" stroke="#1a66b3" stroke-width="2"/>',
        *(f'<circle cx="{across(b):.1f}" cy="{down(d):.1f}" r="4" fill="#1a66b3"/>' for b, d in coder),
        *(f'<text x="50" y="{down(d) + 4:.1f}" text-anchor="end">{d}</text>' for d in range(20, 32, 2)),
        *(f'<text x="{across(b):.1f}" y="340" text-anchor="middle">{b:.1f}</text>' for b in (0, 0.1, 0.3, 0.5)),
        '<path d="M60 40V320H580" fill="none" stroke="#202124"/>',
        '<text x="320" y="362" text-anchor="middle">bits a pixel</text>',
        '<text x="60" y="28">PSNR, dB</text>',
        '<text x="440" y="250" fill="#1a66b3">autoencoder, 16 units</text>',
        '<text x="440" y="270" fill="#5f6368">16 principal components</text>',
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def main() -> None:
    """Fit, print and draw."""
    train, test = patches("data.csv"), patches("test.csv")
    pca = components(train, test)
    bits, decibels = (np.array(v)[::-1] for v in zip(*pca, strict=True))
    print("rate weight   bits a pixel   PSNR   of principal components at that rate")
    coder = []
    for weight in WEIGHTS:
        coder.append(autoencoder(weight, test))
        rate, ours = coder[-1]
        print(
            f"{weight:11g}   {rate:12.3f}   {ours:5.2f}   {np.interp(rate, bits, decibels):.2f}", flush=True
        )
    (HERE / "curve.svg").write_text(curve(coder, pca))


if __name__ == "__main__":
    main()
