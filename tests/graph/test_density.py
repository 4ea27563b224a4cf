"""The log joint against explicit loops, and its gradient against differences, construct by construct."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.graph.problem import Problem
from tests.graph.corpus import CONTINUOUS, DISCRETE
from tests.graph.make import Case, problem_of, spaces_of, values_at
from tests.graph.oracle import Oracle, enumerated


def wanted(case: Case, problem: Problem, values: dict[str, np.ndarray]) -> float:
    spaces = spaces_of(problem, case.counts)
    if spaces:
        return enumerated(problem.program, problem.data, values, spaces)[0]
    return Oracle(problem.program, problem.data, values).log_joint()


@pytest.mark.parametrize("case", [*CONTINUOUS, *DISCRETE], ids=str)
def test_log_joint_equals_explicit_loops(case: Case) -> None:
    problem = problem_of(case)
    target = problem.target()
    z = 0.5 * np.random.default_rng(3).normal(size=target.size)
    values = values_at(problem, z)
    value, gradient = problem.log_joint(values)
    assert value == pytest.approx(wanted(case, problem, values), rel=1e-10, abs=1e-10)
    for name, array in values.items():
        assert gradient[name].shape == array.shape


@pytest.mark.parametrize("case", [*CONTINUOUS, *DISCRETE], ids=str)
def test_target_slope_equals_differences(case: Case) -> None:
    target = problem_of(case).target()
    rng = np.random.default_rng(4)
    z = 0.4 * rng.normal(size=(2, target.size))
    value, gradient = target.value_and_grad(z)
    assert np.allclose(value, target.log_density(z), rtol=1e-13)
    step = 1e-5
    for k in range(target.size):
        e = np.eye(target.size)[k] * step
        slope = (target.log_density(z + e) - target.log_density(z - e)) / (2 * step)
        assert np.allclose(gradient[:, k], slope, rtol=2e-6, atol=2e-6), k


def test_the_loops_see_a_changed_model() -> None:
    """The broken twin: a model with one number changed does not agree."""
    case = CONTINUOUS[0]
    problem = problem_of(case)
    other = problem_of(Case("twin", case.text.replace("Normal(0, 5)", "Normal(0, 6)"), case.tables))
    values = values_at(problem, np.full(problem.target().size, 0.3))
    assert abs(problem.log_joint(values)[0] - wanted(case, other, values)) > 1e-3
