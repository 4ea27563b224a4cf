"""The sums over long chains that coordinate updates and EM make at every iteration, beside plain loops.

    OPENBLAS_NUM_THREADS=1 python benchmarks/chains.py [--steps 100000] [--repeats 15]

Prints processor milliseconds, the least of the repeats, and how many times as long a loop over time takes:
for states, forward and backward sums with rescaled probabilities and with logs; for Gaussian chains, a Kalman
filter and smoother. The loops run over a tenth of the steps, once, and are scaled up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ppl.backend.chains import (
    Workspace,
    chain_marginals,
    emission_scores,
    gaussian_chain,
    likeliest_path,
    sample_paths,
    statistics,
)

Array = np.ndarray


def milliseconds(f: Callable[[], Any], repeats: int) -> float:
    """The least processor time of a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        f()
        times.append(1e3 * (time.process_time() - start))
    return min(times)


def loop_rescaled(unary: Array, move: Array) -> tuple[Array, Array]:
    """Marginals (T, K) and expected moves, the messages step by step."""
    weight, move = np.exp(unary - unary.max(axis=0)).T, np.exp(move)
    forward, backward, size = np.empty_like(weight), np.ones_like(weight), np.empty(len(weight))
    message = weight[0] / weight[0].sum()
    forward[0] = message
    for t in range(1, len(weight)):
        message = (message @ move) * weight[t]
        size[t] = message.sum()
        forward[t] = message = message / size[t]
    for t in range(len(weight) - 1, 0, -1):
        backward[t - 1] = move @ (weight[t] * backward[t] / size[t])
    ahead = weight[1:] * backward[1:] / size[1:, None]
    return forward * backward, (forward[:-1].T @ ahead) * move


def loop_in_logs(unary: Array, move: Array) -> Array:
    """Marginals (T, K), step by step."""
    emit = unary.T
    forward, backward = np.empty_like(emit), np.zeros_like(emit)
    forward[0] = emit[0]
    for t in range(1, len(emit)):
        forward[t] = np.logaddexp.reduce(forward[t - 1][:, None] + move, axis=0) + emit[t]
    for t in range(len(emit) - 1, 0, -1):
        backward[t - 1] = np.logaddexp.reduce(move + emit[t] + backward[t], axis=1)
    total: float = np.logaddexp.reduce(forward[-1])
    return np.asarray(np.exp(forward + backward - total))


def loop_kalman(y: Array, move: Array, k: int) -> Array:
    """Smoothed means (T, K) of x_t = move x_{t-1} + N(0, I), y_t = x_t + N(0, I)."""
    mean, cov, unit = np.zeros(k), 10.0 * np.eye(k), np.eye(k)
    before, after = [], []
    for value in y:
        mean, cov = move @ mean, move @ cov @ move.T + unit
        before.append((mean, cov))
        gain = np.linalg.solve(cov + unit, cov).T
        mean, cov = mean + gain @ (value - mean), cov - gain @ cov
        after.append((mean, cov))
    out = [after[-1]]
    for t in range(len(y) - 2, -1, -1):
        (m, c), (m1, c1) = after[t], before[t + 1]
        gain = np.linalg.solve(c1, move @ c).T
        out.append((m + gain @ (out[-1][0] - m1), c + gain @ (out[-1][1] - c1) @ gain.T))
    return np.array([m for m, _ in out[::-1]])


class Regimes:
    """EM of a hidden Markov chain with Normal emissions, on a series that moves on now and then."""

    def __init__(self, steps: int, k: int, rng: np.random.Generator) -> None:
        states = np.cumsum(rng.random(steps) < 0.1) % k
        y = 2.0 * states + rng.standard_normal(steps)
        self.k, self.features = k, np.stack([np.ones(steps), y, y * y])
        self.mean, self.variance = 2.0 * np.arange(k) + 0.5, np.ones(k)
        self.move = np.log(np.full((k, k), 0.1 / k) + 0.9 * np.eye(k))
        self.scores, self.work = np.empty((k, steps)), Workspace()
        self.codes = np.zeros(steps, dtype=int)

    def iteration(self) -> float:
        """One expectation and one maximisation; the log likelihood before it."""
        m, v = self.mean, self.variance
        natural = np.stack([-0.5 * m * m / v - 0.5 * np.log(2 * np.pi * v), m / v, -0.5 / v], axis=1)
        emission_scores(self.features, natural, out=self.scores)
        self.scores[:, 0] -= np.log(self.k)
        found = chain_marginals(self.scores, self.move[None], self.codes, work=self.work)
        sums, moves = statistics(found.node, self.features), found.pair_sums[0]
        self.mean = sums[:, 1] / sums[:, 0]
        self.variance = sums[:, 2] / sums[:, 0] - self.mean**2
        self.move = np.log(moves / moves.sum(axis=1, keepdims=True))
        return float(found.log_partition[0])


def discrete(steps: int, k: int, repeats: int, rng: np.random.Generator) -> None:
    """Marginals and expected moves of one chain."""
    move, work = np.log(rng.dirichlet(np.full(k, 2.0), k)), Workspace()
    unary, codes = 2 * rng.standard_normal((k, steps)), np.zeros(steps, dtype=int)
    ours = milliseconds(lambda: chain_marginals(unary, move[None], codes, work=work), repeats)
    part = np.ascontiguousarray(unary[:, : steps // 10])
    plain = 10 * milliseconds(lambda: loop_rescaled(part, move), 1)
    logs = 10 * milliseconds(lambda: loop_in_logs(part, move), 1)
    print(f"{steps} steps, {k} states: {ours:.1f} ms; rescaled loop {plain / ours:.0f}, ", end="")
    print(f"loop in logs {logs / ours:.0f} times as long")
    best = milliseconds(lambda: likeliest_path(unary, move[None], codes), 3)
    drawn = milliseconds(lambda: sample_paths(unary, move[None], codes, 10, rng), 3)
    print(f"  likeliest path {best:.0f} ms, 10 sampled paths {drawn:.0f} ms")


def gaussian(steps: int, k: int, repeats: int, rng: np.random.Generator) -> None:
    """Moments of one linear-Gaussian chain."""
    move = 0.6 * rng.standard_normal((k, k)) / np.sqrt(k)
    y = rng.standard_normal((steps, k))
    diag = np.tile(2.0 * np.eye(k) + move.T @ move, (1, steps, 1, 1))
    off = np.tile(-move.T, (1, steps - 1, 1, 1))
    ours = milliseconds(lambda: gaussian_chain(diag, off, y[None]), repeats)
    plain = 10 * milliseconds(lambda: loop_kalman(y[: steps // 10], move, k), 1)
    print(f"Gaussian, {steps} steps of size {k}: {ours:.0f} ms; Kalman loop {plain / ours:.0f} times as long")


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    for k in (2, 5, 8, 20):
        discrete(options.steps, k, options.repeats, rng)
    regimes = Regimes(options.steps, 5, rng)
    spent = milliseconds(regimes.iteration, options.repeats)
    print(f"EM iteration, {options.steps} steps, 5 states with Normal emissions: {spent:.1f} ms")
    for k in (1, 2, 4):
        gaussian(options.steps, k, 3, rng)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
