"""The cost of one gradient of a hierarchical Gaussian regression, whatever the number of rows.

    python benchmarks/gradient_rows.py [--draws 10] [--groups 100]

Times the value and gradient of the log joint at 10,000 and 1,000,000 rows: folded, with every row visited in
one design (as rows that cannot be reduced are), operation by operation (`--no-fold`), and written by hand in
NumPy, every row visited. All at the same points in one process. Prints the ratio between the two numbers of
rows (at most 1.3 is asked), those of the folded and of the visited rows to the hand-written gradient (at most
1.5), and the largest relative gap between the gradients. The exit status is 1 where a figure is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ppl
from ppl.cli.allocator import keep_freed_memory
from ppl.graph import fold_gaussian

HERE = Path(__file__).resolve().parent
Gradient = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
MOST_RATIO, MOST_TO_HAND, MOST_GAP = 1.3, 1.5, 1e-9


def make_rows(n: int, groups: int) -> dict[str, np.ndarray]:
    """Rows drawn from known coefficients."""
    rng = np.random.default_rng(0)
    g = rng.integers(0, groups, n)
    x = rng.standard_normal((3, n))
    y = rng.normal(0, 0.7, groups)[g] + np.array([0.5, -0.3, 0.1]) @ x + rng.standard_normal(n)
    return {"g": g, "x1": x[0], "x2": x[1], "x3": x[2], "y": y}


def by_hand(rows: dict[str, np.ndarray], groups: int) -> Gradient:
    """The log joint (up to a constant) and its gradient, every row visited for every draw.

    Coordinates: mu, log tau, log sigma, three slopes, the groups' standard latents.
    """
    g, y = rows["g"], rows["y"]
    x = np.stack([rows["x1"], rows["x2"], rows["x3"]])
    n = len(y)

    def one(z: np.ndarray) -> tuple[float, np.ndarray]:
        mu, log_tau, log_sigma, b, raw = z[0], z[1], z[2], z[3:6], z[6:]
        tau, sigma = np.exp(log_tau), np.exp(log_sigma)
        gap = y - (mu + tau * raw)[g]
        gap -= b @ x
        square = gap @ gap / sigma**2
        prior = -(mu**2) / 50 - tau**2 / 2 - sigma**2 / 8 - b @ b / 2 - raw @ raw / 2 + log_tau + log_sigma
        by_group = np.bincount(g, gap, minlength=groups) / sigma**2
        d_mu, d_tau = by_group.sum() - mu / 25, tau * (by_group @ raw) - tau**2 + 1
        d_sigma = square - n - sigma**2 / 4 + 1
        d_b = x @ gap / sigma**2 - b
        gradient = np.concatenate([[d_mu, d_tau, d_sigma], d_b, tau * by_group - raw])
        return prior - n * log_sigma - 0.5 * square, gradient

    def all_draws(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = [one(row) for row in z]
        return np.array([v for v, _ in found]), np.stack([d for _, d in found])

    return all_draws


def seconds(f: Callable[[np.ndarray], Any], z: np.ndarray, least: float = 0.4) -> float:
    """The shortest time of a call, over at least ``least`` seconds of calls."""
    f(z)
    best, start = np.inf, time.perf_counter()
    while time.perf_counter() - start < least:
        before = time.perf_counter()
        f(z)
        best = min(best, time.perf_counter() - before)
    return best


def measure(n: int, draws: int, groups: int) -> tuple[float, ...]:
    """Seconds to fold, of a gradient folded, in one design, by operations, by hand; the largest relative gap."""
    rows = make_rows(n, groups)
    model = ppl.compile(HERE / "gradient_rows.model")
    problem = model.bind(rows).problem
    start = time.perf_counter()
    folded = problem.target()
    z = 0.1 * np.random.default_rng(1).standard_normal((draws, folded.size))
    folded.value_and_grad(z)
    setup = time.perf_counter() - start
    plain = model.bind(rows, fold=False).problem.target()
    visited = _visited(problem)
    where = {group.name: group.where for group in folded.groups}
    names = ["mu", "tau", "sigma", "b1", "b2", "b3", "a.raw"]
    order = np.concatenate([np.arange(folded.size)[where[k]] for k in names])
    hand = by_hand(rows, groups)
    gradients = [t.value_and_grad(z)[1] for t in (folded, visited, plain)]
    gradients.append(np.empty_like(z))
    gradients[-1][:, order] = hand(z[:, order])[1]
    gap = max(float(np.max(np.abs(d - gradients[-1])) / np.max(np.abs(d))) for d in gradients[:-1])
    times = [seconds(f, z) for f in (*(t.value_and_grad for t in (folded, visited, plain)), hand)]
    return setup, *times, gap


def _visited(problem: Any) -> Any:
    """The target of rows that moments would not reduce."""
    share, fold_gaussian.LARGEST_SHARE = fold_gaussian.LARGEST_SHARE, 0.0
    try:
        target = problem.target()
        assert "one design" in target.cost
    finally:
        fold_gaussian.LARGEST_SHARE = share
    return target


def main() -> int:
    """Print the table and the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--groups", type=int, default=100)
    asked = parser.parse_args()
    print(f"{asked.draws} draws, {asked.groups} groups; milliseconds for each gradient of all draws")
    keep_freed_memory()  # as the command does
    print("     rows  first pass    folded  one design  operations   by hand  largest gap")
    found = {n: measure(n, asked.draws, asked.groups) for n in (10_000, 1_000_000)}
    for n, (*times, gap) in found.items():
        ms = [1e3 * t for t in times]
        print(f"{n:9}  {ms[0]:10.1f}  {ms[1]:8.3f}  {ms[2]:10.2f}  {ms[3]:10.2f}  {ms[4]:8.2f}  {gap:.1e}")
    few, many = found[10_000], found[1_000_000]
    ratio, to_hand = many[1] / few[1], max(few[1] / few[4], many[1] / many[4])
    visited = max(few[2] / few[4], many[2] / many[4])
    print(f"1,000,000 rows against 10,000: {ratio:.2f} (at most {MOST_RATIO})")
    print(f"folded against hand-written: {to_hand:.4f} (at most {MOST_TO_HAND})")
    print(f"every row visited against hand-written: {visited:.2f} (at most {MOST_TO_HAND})")
    good = ratio <= MOST_RATIO and max(to_hand, visited) <= MOST_TO_HAND and max(few[5], many[5]) <= MOST_GAP
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
