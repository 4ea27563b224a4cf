"""The terms of every model of the corpora against explicit loops, at random values of all latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppl.energy.build import energy
from ppl.energy.declare import stored_order
from ppl.energy.evaluate_terms import residual_value, value
from ppl.energy.terms import Energy
from ppl.graph.problem import Problem
from tests.graph.corpus import CONTINUOUS, DISCRETE, read
from tests.graph.make import Case, problem_of, spaces_of, values_at
from tests.graph.oracle import Oracle, defined

ROUNDS = 3
MORE = read(Path(__file__).parent / "terms.txt")


@pytest.mark.parametrize("case", [*CONTINUOUS, *DISCRETE, *MORE], ids=str)
def test_terms_are_the_log_joint(case: Case) -> None:
    problem = problem_of(case, noncentre=False)
    found = energy(problem)
    rng = np.random.default_rng(7)
    for _ in range(ROUNDS):
        point, values, states = drawn(problem, case, found, rng)
        want, left = oracle_value(problem, found, values, states)
        if not np.isfinite(want):
            assert value(found, point) < -1e8
            continue
        got = value(found, point)
        got += sum(residual_value(found, r, point) for r in found.residuals if r.predictor is not None)
        if case in MORE:
            assert not left
        assert np.isclose(got, want, rtol=1e-9, atol=1e-9), (got, want, left)


def drawn(
    problem: Problem, case: Case, found: Energy, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One value of every latent: by name for the energy, and as the oracle wants them."""
    z = rng.normal(0.0, 0.7, problem.layout.size)
    values = values_at(problem, z)
    states, point = {}, dict(values)
    for name, (shape, choices) in spaces_of(problem, case.counts).items():
        states[name] = rng.choice(np.asarray(choices), size=shape).astype(float)
        point[name] = states[name]
    for name, latent in found.latents.items():
        if latent.statement is not None and "." not in name:
            point[name] = np.asarray(point[name]).transpose(stored_order(latent.statement))
        if "." in name:
            point[name] = np.zeros(latent.shape)
            table, column = name.split(".", 1)
            blank = problem.data.missing[(table, column)]
            if latent.kind == "discrete":
                point[name] = problem.data.arrays[(table, column)].astype(float)
            point[name][blank] = np.ravel(values[name] if name in values else states[name])
    return point, values, states


def oracle_value(problem: Problem, found: Energy, values: Any, states: Any) -> tuple[float, set[str]]:
    """The log joint by explicit loops, without the residuals that have no predictor."""
    oracle = Oracle(problem.program, problem.data, values, states)
    left = {r.statement.name for r in found.residuals if r.predictor is None}
    terms = oracle.terms()
    return sum(v for k, v in terms.items() if k.split("#")[0] not in left), left


def test_cells_that_plates_leave_out_are_known() -> None:
    case = next(c for c in [*CONTINUOUS, *DISCRETE] if c.name == "filtered_plate")
    problem = problem_of(case, noncentre=False)
    for name, latent in energy(problem).latents.items():
        mask = defined(problem.program, problem.data, name, latent.shape)
        assert latent.defined is None or np.array_equal(latent.defined, mask)
