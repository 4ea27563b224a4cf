"""What a sweep and a whole fit cost from 1,000 to 1,000,000 rows: CPU seconds, and how much a row more costs.

    python benchmarks/rows.py [--largest 1000000]

A mixture of 8 Gaussians with full covariances (x 4 columns), a hidden Markov chain of 5 Gaussian states, and a
conjugate regression on 3 columns, whose sums over rows are taken once. A sweep is what twenty more sweeps take,
by twenty. The exponent is the slope of log seconds against log rows over the last two sizes: 1 is linear.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import gmm
import numpy as np

import ppl

HMM = """
index states = 5
table steps(t: order, y: real)
param init[states]: simplex
param trans[s, states]: simplex  for s in states
param mu[states]: real
param sd[states]: positive
for i in steps:
    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])
    y[i] ~ Normal(mu[z[i]], sd[z[i]])
"""

REGRESSION = """
index cols
table t(y: real, x[cols]: real = "x_*")
a       ~ Normal(0, 10)
b[cols] ~ Normal(0, 10)
tau     ~ Gamma(1, 1)
y[i] ~ Normal(a + sum(b[c] * x[i, c] for c in cols), precision = tau) for i in t
"""

Data = dict[str, np.ndarray]


def points(rng: np.random.Generator, n: int) -> Data:
    """Rows of the mixture."""
    x = 4 * rng.normal(size=(8, 4))[rng.integers(8, size=n)] + rng.normal(size=(n, 4))
    return {f"x_{d + 1}": x[:, d] for d in range(4)}


def steps(rng: np.random.Generator, n: int) -> Data:
    """A chain that stays for about 50 steps."""
    z = np.cumsum(rng.random(n) < 0.02) * 2 % 5
    return {"t": np.arange(n), "y": 3.0 * z + rng.normal(size=n)}


def line(rng: np.random.Generator, n: int) -> Data:
    """A regression on three columns."""
    x = rng.normal(size=(n, 3))
    y = 1 + x @ np.array([1.0, -2.0, 0.5]) + rng.normal(size=n)
    return {"y": y, **{f"x_{d + 1}": x[:, d] for d in range(3)}}


CASES: dict[str, tuple[str, str, Callable[[np.random.Generator, int], Data]]] = {
    "Gaussian mixture, cavi": (gmm.FULL, "cavi", points),
    "Gaussian HMM, em": (HMM, "em", steps),
    "regression, cavi": (REGRESSION, "cavi", line),
}


def seconds(model: ppl.Model, data: Data, method: str, sweeps: int) -> float:
    """CPU seconds of a fit of that many sweeps from one start."""
    start = time.process_time()
    model.fit(data, method, 0, restarts=1, max_sweeps=sweeps, tolerance=0.0, draws=10)
    return time.process_time() - start


def measured(text: str, method: str, data: Data) -> tuple[float, float]:
    """A sweep, and a fit of 22."""
    model = ppl.compile(text, path=False)
    seconds(model, data, method, 2)  # imports, and memory that the process keeps
    short, whole = (seconds(model, data, method, n) for n in (2, 22))
    return max(whole - short, 1e-6) / 20, whole


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=1_000_000)
    sizes = [n for n in (1_000, 10_000, 100_000, 1_000_000) if n <= parser.parse_args().largest]
    for name, (text, method, make) in CASES.items():
        found = [measured(text, method, make(np.random.default_rng(0), n)) for n in sizes]
        print(name)
        for n, (sweep, whole) in zip(sizes, found, strict=True):
            print(f"  {n:>9,} rows   {1e3 * sweep:9.2f} ms a sweep   {whole:7.2f} s in all")
        grown = [math.log(found[-1][k] / found[-2][k]) / math.log(sizes[-1] / sizes[-2]) for k in (0, 1)]
        print(f"  exponent of the last step: sweep {grown[0]:.2f}, fit {grown[1]:.2f}")


if __name__ == "__main__":
    main()
