"""Fit the model to all pictures of a file, print figures on its test pictures, and draw pictures.png.

    python fit.py mnist_10k.npz [STEPS]

The file has `x_train` and `x_test`, whole numbers 0 to 255 over (pictures, 28, 28); a pixel is black above 127.
Upper row: test pictures; below, how they come back from their sixteen numbers; last, pictures that there are not.
"""

from __future__ import annotations

import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np

import ppl
from ppl.inference.autoencoder import Autoencoder

HERE = Path(__file__).resolve().parent
SIDE, COUNT, GAP = 28, 14, 4
STEPS = 2500
BITS = float(np.log2(np.e))


def columns(pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Pixels as columns p000 to p783 of zeros and ones."""
    black = (pictures.reshape(len(pictures), -1) > 127).astype(np.int8)
    return {f"p{k:03d}": black[:, k] for k in range(SIDE * SIDE)}


def sheet(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of pictures, 1 being black, as one grey picture."""
    step = SIDE + GAP
    out = np.full((len(rows) * step + GAP, COUNT * step + GAP), 0.9)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row[:COUNT]):
            top, left = GAP + i * step, GAP + j * step
            out[top : top + SIDE, left : left + SIDE] = 1.0 - picture.reshape(SIDE, SIDE)
    return np.round(255 * out).astype(np.uint8)


def png(grey: np.ndarray) -> bytes:
    """A grey picture as a PNG file (ISO 15948): header, one block of rows, end."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def main(path: str, steps: int = STEPS) -> None:
    """Fit, print and draw."""
    file = np.load(path)
    began = time.process_time()
    fit = ppl.fit(
        HERE / "vae_mnist.model", columns(file["x_train"]), method="advi_stochastic", batch="images=128",
        single=True, max_steps=steps,
    )  # fmt: skip
    print(f"{steps} steps, {time.process_time() - began:.0f} s of one core", flush=True)
    found = Autoencoder(fit, "images", columns(file["x_test"]))
    terms = found.terms(10)
    for name, nats in (("distortion", terms.distortion.mean()), ("rate", terms.rate.mean())):
        print(f"{name:12s} {nats:8.2f} nats {nats * BITS:8.2f} bits", flush=True)
    print(f"{'ELBO':12s} {-(terms.distortion + terms.rate).mean():8.2f}", flush=True)
    print(f"{'100 draws':12s} {found.log_likelihood(100).mean():8.2f}", flush=True)
    codes = found.means["z"][None]
    fresh = np.random.default_rng(1).standard_normal(codes.shape)
    back, new = (1.0 / (1.0 + np.exp(-found.values(("ink",), {"z": z})["ink"][0])) for z in (codes, fresh))
    seen = (file["x_test"].reshape(len(file["x_test"]), -1) > 127).astype(float)
    (HERE / "pictures.png").write_bytes(png(sheet([seen, back, new])))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
