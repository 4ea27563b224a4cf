"""The gradient of a classifier of 28 x 28 pictures by two layers of windows: this program against NumPy by hand.

The hand-written gradient lays windows out as rows too. Blocks alternate between the two, and the
fastest of each counts. One thread: run it with OPENBLAS_NUM_THREADS=1.

    python benchmarks/convolution.py [--single]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ppl
from ppl.graph.stochastic import StochasticElbo

HERE = Path(__file__).parent
ROWS, STEPS, BLOCKS = 128, 10, 12
Arrays = tuple[np.ndarray, ...]


def windows(x: np.ndarray) -> np.ndarray:
    """3 x 3 windows two places apart, a row of zeros after the last row and column: (N n n, 9 C)."""
    count, size, _, channels = x.shape
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2]
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(count * (size // 2) ** 2, 9 * channels)


def by_hand(w: Arrays, x: np.ndarray, y: np.ndarray) -> tuple[float, Arrays]:
    """The log likelihood and its slopes in all weights."""
    first, bias1, second, bias2, last, bias3 = w
    cols1 = windows(x.reshape(ROWS, 28, 28, 1))
    sum1 = cols1 @ first + bias1
    cols2 = windows(np.maximum(sum1, 0).reshape(ROWS, 14, 14, 8))
    sum2 = cols2 @ second + bias2
    flat = np.maximum(sum2, 0).reshape(ROWS, -1)
    logits = flat @ last + bias3
    logits -= logits.max(1, keepdims=True)
    e = np.exp(logits)
    total = e.sum(1, keepdims=True)
    value = float((logits[np.arange(ROWS), y] - np.log(total[:, 0])).sum())
    g = -e / total
    g[np.arange(ROWS), y] += 1
    g2 = (g @ last.T).reshape(-1, 16) * (sum2 > 0)
    parts = (g2 @ second.T).reshape(ROWS, 7, 7, 3, 3, 8)
    back = np.zeros((ROWS, 15, 15, 8), x.dtype)
    for i in range(3):
        for j in range(3):
            back[:, i : i + 13 : 2, j : j + 13 : 2] += parts[:, :, :, i, j]
    g1 = back[:, :14, :14].reshape(-1, 8) * (sum1 > 0)
    return value, (cols1.T @ g1, g1.sum(0), cols2.T @ g2, g2.sum(0), flat.T @ g, g.sum(0))


def fastest(run: Callable[[], object]) -> float:
    """Milliseconds of one call, over a block."""
    began = time.perf_counter()
    for _ in range(STEPS):
        run()
    return 1e3 * (time.perf_counter() - began) / STEPS


def main(single: bool) -> None:
    """Compare the slopes, then time both."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((ROWS, 784)), rng.integers(0, 10, ROWS)
    data = {f"p{k:03d}": x[:, k] for k in range(784)} | {"digit": y + 1}
    estimates = StochasticElbo(ppl.compile(HERE / "convolution.model").bind(data).problem, single=single)
    at = estimates.start(0, -1.0)
    shapes = ((9, 8), (8,), (72, 16), (16,), (784, 10), (10,))
    w = tuple(p.of(at).reshape(s) for p, s in zip(estimates.parameters, shapes, strict=True))
    x = x.astype(estimates.kind)

    def ours() -> Arrays:
        return estimates.slopes(at, estimates.everything, rng, 1).slopes

    _, wanted = by_hand(w, x, y)
    largest = max(float(np.abs(a.ravel() - b.ravel()).max()) for a, b in zip(ours(), wanted, strict=True))
    print(f"slopes differ by {largest:.1e} at most")
    blocks = [(fastest(ours), fastest(lambda: by_hand(w, x, y))) for _ in range(BLOCKS)]
    mine, hand = (min(b) for b in zip(*blocks, strict=True))
    print(f"{mine:.2f} ms here, {hand:.2f} ms by hand: {mine / hand:.2f} of it")


if __name__ == "__main__":
    main("--single" in sys.argv[1:])
