"""One gradient of a hidden Markov chain's log joint, its states summed out, from the model text.

    python benchmarks/hmm_gradient.py [--steps 100000] [--repeats 10]

Prints the median milliseconds of one value and gradient at one draw (`hmm_gradient.model`, 5 states), and of
the same forward and backward sums over the same tables written by hand: a loop over time in logs, and a loop
over time with rescaled probabilities. The exit status is 1 above 100 ms.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ppl

MODEL = Path(__file__).resolve().parent / "hmm_gradient.model"
STATES, MOST_MILLISECONDS = 5, 100.0


def simulated(steps: int, rng: np.random.Generator) -> np.ndarray:
    """Normal observations of a chain that moves on every tenth step or so."""
    z = np.cumsum(rng.random(steps) < 0.1) % STATES
    return np.asarray(1.5 * z + 0.7 * rng.standard_normal(steps))


def milliseconds(f: Callable[[], Any], repeats: int) -> float:
    """The median time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def loop_in_logs(initial: np.ndarray, move: np.ndarray, emit: np.ndarray) -> tuple[float, np.ndarray]:
    """log Z and the marginals (T, K) from log tables."""
    forward, backward = np.empty_like(emit), np.zeros_like(emit)
    forward[0] = initial + emit[0]
    for t in range(1, len(emit)):
        forward[t] = np.logaddexp.reduce(forward[t - 1][:, None] + move, axis=0) + emit[t]
    for t in range(len(emit) - 2, -1, -1):
        backward[t] = np.logaddexp.reduce(move + emit[t + 1] + backward[t + 1], axis=1)
    total = np.logaddexp.reduce(forward[-1])
    return float(total), np.exp(forward + backward - total)


def loop_rescaled(initial: np.ndarray, move: np.ndarray, emit: np.ndarray) -> tuple[float, np.ndarray]:
    """The same with probabilities that sum to one at every step."""
    top = emit.max(axis=1)
    weight, move = np.exp(emit - top[:, None]), np.exp(move)
    forward, size = np.empty_like(emit), np.empty(len(emit))
    message = np.exp(initial)
    for t in range(len(emit)):
        message = message * weight[t] if t == 0 else (message @ move) * weight[t]
        size[t] = message.sum()
        forward[t] = message = message / size[t]
    backward = np.ones_like(emit)
    for t in range(len(emit) - 2, -1, -1):
        backward[t] = move @ (weight[t + 1] * backward[t + 1]) / size[t + 1]
    return float(np.log(size).sum() + top.sum()), forward * backward


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    y = simulated(options.steps, rng)
    target = ppl.compile(MODEL).bind({"time": np.arange(options.steps), "y": y}).problem.target()
    z = target.start[None] + 0.1 * rng.standard_normal((1, target.size))
    target.value_and_grad(z)
    ours = milliseconds(lambda: target.value_and_grad(z), options.repeats)
    move = np.log(rng.dirichlet(np.full(STATES, 2.0), STATES))
    emit = -0.5 * ((y[:, None] - 1.5 * np.arange(STATES)) / 0.7) ** 2
    tables = (np.full(STATES, -np.log(STATES)), move, emit)
    logs, rescaled = (milliseconds(lambda f=f: f(*tables), 1) for f in (loop_in_logs, loop_rescaled))
    print(f"{options.steps} steps, {STATES} states, one draw, value and gradient: {ours:.0f} ms")
    print(f"loop in logs, sums alone: {logs:.0f} ms, {logs / ours:.1f} times as long")
    print(f"rescaled loop, sums alone: {rescaled:.0f} ms, {rescaled / ours:.1f} times as long")
    return int(ours > MOST_MILLISECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
