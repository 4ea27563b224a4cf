"""One step of a 784-400-20 autoencoder on a batch of 128: this program against the same by hand in NumPy.

Both draw a batch and the latents, take the gradient of the ELBO with the divergence in closed form, and
move all weights by Adam. Blocks of steps alternate between the two, and the fastest block of each counts,
so that a busy machine slows neither alone. One thread: run it with OPENBLAS_NUM_THREADS=1.

    python benchmarks/vae.py [--single]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ppl
from ppl.inference import adam
from ppl.inference.stochastic_target import StochasticTarget

HERE = Path(__file__).parent
ROWS, PIXELS, HIDDEN, LATENT, BATCH = 2000, 784, 400, 20, 128
STEPS, BLOCKS = 10, 12
Weights = dict[str, np.ndarray]


def weights(rng: np.random.Generator, kind: type) -> Weights:
    """Arrays of the same sizes as the model's."""

    def normal(n: int, m: int) -> np.ndarray:
        return (np.sqrt(2.0 / (n + m)) * rng.standard_normal((n, m))).astype(kind)

    zeros = {"b1": HIDDEN, "bm": LATENT, "bs": LATENT, "c1": HIDDEN, "c2": PIXELS}
    shapes = {"w1": (PIXELS, HIDDEN), "wm": (HIDDEN, LATENT), "ws": (HIDDEN, LATENT)}
    shapes |= {"v1": (LATENT, HIDDEN), "v2": (HIDDEN, PIXELS)}
    return {k: normal(*s) for k, s in shapes.items()} | {k: np.zeros(n, kind) for k, n in zeros.items()}


def gradient(w: Weights, x: np.ndarray, eps: np.ndarray) -> tuple[float, Weights]:
    """The ELBO of a batch and its gradient, written out."""
    h = np.tanh(x @ w["w1"] + w["b1"])
    mean, log_sd = h @ w["wm"] + w["bm"], h @ w["ws"] + w["bs"]
    sd = np.exp(log_sd)
    z = mean + sd * eps
    k = np.tanh(z @ w["v1"] + w["c1"])
    logit = k @ w["v2"] + w["c2"]
    e = np.exp(-np.abs(logit))
    value = (x * logit - np.maximum(logit, 0) - np.log(1 + e)).sum()
    value -= (0.5 * (sd * sd + mean * mean - 1) - log_sd).sum()
    d_logit = x - np.where(logit >= 0, 1, e) / (1 + e)
    d_k = (d_logit @ w["v2"].T) * (1 - k * k)
    d_z = d_k @ w["v1"].T
    d_mean, d_log_sd = d_z - mean, d_z * sd * eps - sd * sd + 1
    d_h = (d_mean @ w["wm"].T + d_log_sd @ w["ws"].T) * (1 - h * h)
    return float(value), {
        "w1": x.T @ d_h, "b1": d_h.sum(0), "wm": h.T @ d_mean, "bm": d_mean.sum(0), "ws": h.T @ d_log_sd,
        "bs": d_log_sd.sum(0), "v1": z.T @ d_k, "c1": d_k.sum(0), "v2": k.T @ d_logit, "c2": d_logit.sum(0),
    }  # fmt: skip


def by_hand(data: np.ndarray, kind: type) -> Callable[[int], None]:
    """Steps of the hand-written program."""
    rng = np.random.default_rng(0)
    w = weights(rng, kind)
    first, second = ({k: np.zeros_like(v) for k, v in w.items()} for _ in range(2))
    x = data.astype(kind)

    def step(t: int) -> None:
        rows = np.sort(rng.permutation(ROWS)[:BATCH])
        _, slopes = gradient(w, x[rows], rng.standard_normal((BATCH, LATENT), dtype=kind))
        for name, g in slopes.items():
            first[name] *= 0.9
            first[name] += 0.1 * g
            second[name] *= 0.999
            second[name] += 0.001 * np.square(g)
            pace = 1e-3 * np.sqrt(1 - 0.999 ** (t + 1)) / (1 - 0.9 ** (t + 1))
            w[name] += pace * first[name] / (np.sqrt(second[name]) + 1e-8)

    return step


def by_ppl(data: np.ndarray, single: bool) -> Callable[[int], None]:
    """Steps of the compiled model."""
    rng = np.random.default_rng(0)
    columns = {f"p{k:03d}": data[:, k] for k in range(PIXELS)}
    problem = ppl.compile(HERE / "vae.model").bind(columns).problem
    target = StochasticTarget(problem, f"images={BATCH}", single)
    estimates = target.estimates
    at, steps = [adam.begin(estimates.start(0, -1.0))], target.steps(1, 1.0)

    def step(t: int) -> None:
        found = steps.slopes(at[0].x, np.sort(rng.permutation(ROWS)[:BATCH]), rng)
        rates = [1e-3] * len(found.pieces)
        at[0] = adam.moved(at[0], found.pieces, found.slopes, rates, BATCH / ROWS)

    return step


def main() -> None:
    """Print milliseconds a step and their ratio."""
    single = "--single" in sys.argv
    data = (np.random.default_rng(1).random((ROWS, PIXELS)) < 0.2).astype(np.int64)
    kind = np.float32 if single else np.float64
    steps = {"by hand": by_hand(data, kind), "ppl": by_ppl(data, single)}
    best = dict.fromkeys(steps, np.inf)
    count = 0
    for _ in range(BLOCKS):
        for name, step in steps.items():
            begun = time.perf_counter()
            for t in range(count, count + STEPS):
                step(t)
            best[name] = min(best[name], (time.perf_counter() - begun) / STEPS)
        count += STEPS
    for name, seconds in best.items():
        print(f"{name:8} {1000 * seconds:7.2f} ms a step")
    print(f"ratio    {best['ppl'] / best['by hand']:7.2f}   ({kind.__name__})")


if __name__ == "__main__":
    main()
