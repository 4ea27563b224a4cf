"""Simulation draws from the very distribution that the log joint gives.

For a latent x with density p(x, y) and a weight w that vanishes at the ends of its support,
E[w(x) d/dx log p(x, y) + w'(x)] = 0 over simulated pairs (x, y): integrate by parts. Discrete
latents are summed out of the slope, and drawn in the simulation. Each mean is compared with its
standard error: |mean| > 5 se has probability 6e-7, some 60 means in all: false alarms below 1e-4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ppl.graph.bind_types import BoundData
from ppl.graph.order import observed_column
from ppl.graph.problem import Problem
from ppl.supports import Interval
from tests.graph.corpus import CONTINUOUS, DISCRETE
from tests.graph.make import problem_of

CASES = {c.name: c for c in [*CONTINUOUS, *DISCRETE]}
DRAWS = 250
LIMIT = 5.0
MODELS = [
    "eight_schools",
    "lag_one",
    "lag_one_grouped",
    "random_walk_grouped",
    "distribution_choice",
    "affine_recurrence",
    "zscore_and_data",
    "missing_real",
    "mixture",
    "group_and_row",
    "hmm_groups",
    "hmm_autoregressive",
    "hmm_bool",
    "factorial_hmm",
    "change_point",
    "occupancy",
    "n_mixture_bound",
]
QUICK = {"eight_schools", "lag_one_grouped", "random_walk_grouped", "change_point"}


def with_data(data: BoundData, problem: Problem, observed: dict[str, np.ndarray], k: int) -> BoundData:
    arrays = dict(data.arrays)
    for s in problem.plain.statements:
        column = observed_column(s)
        if s.kind == "observed" and column is not None:
            arrays[column] = observed[s.name][k].astype(arrays[column].dtype)
    missing = {key: np.zeros_like(mask) for key, mask in data.missing.items()}
    return replace(data, arrays=arrays, missing=missing)


def statistics(name: str, change: Any = lambda x: x) -> dict[str, np.ndarray]:
    """w g + w' for every latent with an interval support, over simulated pairs."""
    problem = problem_of(CASES[name])
    drawn = problem.prior(DRAWS, np.random.default_rng(11))
    latents = {n: change(a) for n, a in drawn.latents.items()}
    out: dict[str, list[np.ndarray]] = {}
    continuous = [q.name for q in problem.quantities if q.kind == "latent"]
    for k in range(DRAWS):
        own = Problem(problem.program, with_data(problem.data, problem, drawn.observed, k))
        values = {n: latents[n][k] for n in continuous}
        _, slope = own.log_joint(values)
        for n in continuous:
            statement = own.plain.statement(n)
            assert statement is not None
            support = statement.body.type.support
            if isinstance(support, Interval):
                w, dw = weight(support, values[n])
                out.setdefault(n, []).append(w * slope[n] + dw)
    return {n: np.array(rows) for n, rows in out.items()}


def weight(support: Interval, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A bounded weight that vanishes at the ends of the support, and its slope."""
    low, high = np.isfinite(support.lower), np.isfinite(support.upper)
    if low and high:
        return (x - support.lower) * (support.upper - x), support.lower + support.upper - 2 * x
    if low:
        t = x - support.lower
        return t / (1 + t / 5) ** 2, (1 - t / 5) / (1 + t / 5) ** 3
    u = x / 10
    return x / (1 + u**2), (1 - u**2) / (1 + u**2) ** 2


def scores(found: dict[str, np.ndarray]) -> np.ndarray:
    """|mean| in standard errors."""
    means = np.concatenate([a.mean(0).ravel() for a in found.values()])
    errors = np.concatenate([a.std(0, ddof=1).ravel() for a in found.values()]) / np.sqrt(DRAWS)
    return np.abs(means) / np.maximum(errors, 1e-12)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.soak) for n in MODELS]
)
def test_simulation_agrees_with_the_log_joint(name: str) -> None:
    assert scores(statistics(name)).max() < LIMIT


def test_draws_that_are_moved_are_seen() -> None:
    """The broken twin: latents one larger than those that made the data."""
    assert scores(statistics("lag_one", lambda x: x + 1)).max() > LIMIT
