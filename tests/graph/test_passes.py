"""Each pass leaves the log joint as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ppl.graph import nodes as g
from ppl.graph.build import build
from ppl.graph.passes import PASSES, Pass, run_passes
from ppl.graph.problem import Problem
from ppl.supports import Interval, Structured
from tests.graph.corpus import CONTINUOUS, DISCRETE
from tests.graph.make import Case, problem_of, values_at

ALL = [*CONTINUOUS, *DISCRETE]


def log_joint_after(problem: Problem, change: Pass, values: dict[str, np.ndarray]) -> float:
    """The log joint where ``change`` runs before the usual passes."""
    other = Problem(problem.program, problem.data)
    other.plain = run_passes(change(build(problem.program)), ("noncentre",))
    return other.log_joint(values)[0]


def shuffled(graph: g.Graph) -> g.Graph:
    order = np.random.default_rng(5).permutation(len(graph.statements))
    return replace(graph, statements=tuple(graph.statements[i] for i in order))


def twice_the_last(graph: g.Graph) -> g.Graph:
    """The broken twin: one factor counts twice."""
    factors = [s for s in graph.statements if s.kind in ("observed", "factor")]
    return replace(graph, statements=(*graph.statements, replace(factors[-1], imputes=None)))


@pytest.mark.parametrize("case", ALL, ids=str)
def test_passes_and_order_change_nothing(case: Case) -> None:
    problem = problem_of(case)
    values = values_at(problem, 0.3 * np.random.default_rng(2).normal(size=problem.target().size))
    base = problem.log_joint(values)[0]
    for one in [*(p for p in PASSES if p.__name__ != "noncentre"), shuffled]:
        assert log_joint_after(problem, one, values) == pytest.approx(base, rel=1e-12, abs=1e-12), (
            one.__name__
        )


def test_a_broken_pass_is_seen() -> None:
    for case in ALL:
        problem = problem_of(case)
        values = values_at(problem, np.full(problem.target().size, 0.2))
        base = problem.log_joint(values)[0]
        if np.isfinite(base):
            assert abs(log_joint_after(problem, twice_the_last, values) - base) > 1e-6, case.name


def free(problem: Problem, name: str, array: np.ndarray) -> np.ndarray:
    """The entries of a value that determine it: its own coordinates of the volume element."""
    if "." in name:
        return array.ravel()
    s = problem.plain.statement(name)
    assert s is not None
    support = s.type.support if s.kind == "param" else s.body.type.support
    if isinstance(support, Interval):
        return array.ravel()
    assert isinstance(support, Structured)
    if support.kind == "simplex":
        return array[..., :-1].ravel()
    if support.kind in ("ordered", "positive_ordered"):
        return array.ravel()
    rows, columns = np.tril_indices(array.shape[-1], -1 if "correlation" in support.kind else 0)
    return array[..., rows, columns].ravel()


def log_volume(problem: Problem, z: np.ndarray) -> float:
    """log |det d values / dz|, by central differences."""
    step = 1e-5
    names = sorted(problem.constrain(z[None]))

    def flat(at: np.ndarray) -> np.ndarray:
        values = values_at(problem, at)
        return np.concatenate([free(problem, n, values[n]) for n in names])

    columns = [(flat(z + e) - flat(z - e)) / (2 * step) for e in step * np.eye(len(z))]
    jacobian = np.array(columns)
    defined = np.abs(jacobian).sum(axis=0) > 0  # cells outside a filtered plate are no coordinates
    return float(np.linalg.slogdet(jacobian[:, defined])[1])


# a density over the plane of zero sum; a point estimate, which has no density
WITHOUT_DENSITY_OF_LEBESGUE = {"zero_sum", "factor_param"}


@pytest.mark.parametrize("noncentre", [True, False])
@pytest.mark.parametrize("case", [c for c in ALL if c.name not in WITHOUT_DENSITY_OF_LEBESGUE], ids=str)
def test_target_is_the_log_joint_times_the_volume(case: Case, noncentre: bool) -> None:
    problem = problem_of(case, noncentre=noncentre)
    z = 0.4 * np.random.default_rng(6).normal(size=problem.target().size)
    wanted = problem.log_joint(values_at(problem, z))[0] + log_volume(problem, z)
    assert problem.target().log_density(z[None])[0] == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_noncentring_happens_where_the_scale_is_latent() -> None:
    problem = problem_of(CONTINUOUS[0])
    assert problem.graph.statement("theta.raw") is not None
    assert problem_of(CONTINUOUS[0], noncentre=False).graph.statement("theta.raw") is None
