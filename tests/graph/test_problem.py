"""What a problem tells of draws: names, values, reports, predictions and transfers to new data."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.errors import DataError, UsageError
from ppl.graph.bind import bind
from ppl.graph.problem import Problem
from tests.graph.corpus import CONTINUOUS, DISCRETE, case
from tests.graph.make import Case, data_of, problem_of, program_of

CASES = {c.name: c for c in [*CONTINUOUS, *DISCRETE]}
RNG = np.random.default_rng


def drawn(problem: Problem, n: int = 5) -> dict[str, np.ndarray]:
    return problem.constrain(0.3 * RNG(1).normal(size=(n, problem.target().size)))


def test_elements_are_named_by_labels() -> None:
    problem = problem_of(CASES["groups_by_column"])
    labels = {q.name: q.labels for q in problem.quantities}
    assert labels["u"] == ("u[u]", "u[v]", "u[w]")
    assert labels["w"][:2] == ("w[u,p]", "w[u,q]")


def test_values_follow_their_formula() -> None:
    problem = problem_of(CASES["vector_functions"])
    draws = drawn(problem)
    p = problem.values(draws)["p"]
    e = np.exp(draws["a"])
    assert np.allclose(p, e / e.sum(-1, keepdims=True))


REPORT = """
table rows(y: real)
m ~ Normal(0, 1)
s ~ HalfNormal(1)
y[n] ~ Normal(m, s) for n in rows
report:
    twice = 2 * m
    new ~ Normal(twice, 0.001)
    big = new > 0
"""


def test_reports_follow_draws_and_draw_their_own() -> None:
    problem = problem_of(case("report", REPORT, rows="y\n0.1\n0.4\n"))
    draws = drawn(problem, 50)
    found = problem.report(draws, RNG(2))
    assert np.array_equal(found["twice"], 2 * draws["m"])
    assert np.abs(found["new"] - found["twice"]).max() < 0.01
    assert found["new"].std() > 0
    assert np.array_equal(found["big"], (found["new"] > 0).astype(float))


def test_a_group_restarts_in_predictions() -> None:
    problem = problem_of(CASES["lag_one_grouped"])
    draws = {"b": np.full(4000, 0.9)}
    found = problem.predictive(draws, RNG(3))["y"]
    y = problem.data.arrays[("series", "y")]
    group = problem.data.sets["series"].group
    assert group is not None
    first = np.r_[True, group[1:] != group[:-1]]
    last = np.r_[group[1:] != group[:-1], True]
    place = np.array([1, 2, 3, 4, 1, 2, 3])
    wanted = np.where(first, 0.0, 0.9 * np.r_[0.0, y[:-1]]) + np.where(last, place, 0)
    # 7 means of 4000 draws of sd 1: |z| > 5 has probability 4e-6 for all of them
    assert np.abs(found.mean(0) - wanted).max() < 5 / np.sqrt(4000)
    assert np.abs(found.mean(0) - np.r_[0.0, 0.9 * y[:-1]]).max() > 5 / np.sqrt(4000)  # no restart: seen


def test_transfer_copies_by_label_and_draws_the_new() -> None:
    text = CASES["groups_by_column"].text
    old = problem_of(CASES["groups_by_column"])
    draws = drawn(old, 2000)
    new_data = {"rows": "a,b,y\nw,q,1\nz,p,2\n"}
    program = program_of(text)
    levels = {n: tuple(s.label(i) for i in range(s.size)) for n, s in old.data.sets.items()}
    bound = data_of(program, Case("new", text, new_data))
    new = Problem(program, bound)
    found = new.transfer(draws, levels, RNG(5))
    labels = bound.sets["A"].labels
    assert labels is not None
    known, fresh = labels.index("w"), labels.index("z")
    assert np.array_equal(found["u"][:, known], draws["u"][:, 2])
    ratio = found["u"][:, fresh] / draws["sa"]  # standard normal: mean 0, variance 1
    # |mean| < 5 / sqrt(2000) and |variance - 1| < 5 sqrt(2 / 2000): false alarms below 2e-6
    assert abs(ratio.mean()) < 5 / np.sqrt(2000)
    assert abs(ratio.var() - 1) < 5 * np.sqrt(2 / 2000)
    assert abs(np.var(2 * ratio) - 1) > 5 * np.sqrt(2 / 2000)  # the broken twin


def test_a_missing_value_is_named() -> None:
    problem = problem_of(CASES["eight_schools"])
    with pytest.raises(UsageError, match="E606.*`tau`"):
        problem.log_joint({"mu": np.array(0.0), "theta": np.zeros(4)})


def test_a_row_without_a_predecessor_is_named() -> None:
    text = "index T = 3\ngiven start: count\ntable rows(x: T, y: real)\na[i] ~ Normal(0, 1) for i in T\n"
    text += "y[n] ~ Normal(sum(a[i-1] for i in T if position(i) >= start), 1) for n in rows\n"
    good = problem_of(case("ok", text, givens='{"start": 2}', rows="x,y\n1,0.5\n"))
    assert np.isfinite(good.target().log_density(np.zeros((1, 3)))).all()
    with pytest.raises(DataError, match="E318"):
        problem_of(case("bad", text, givens='{"start": 1}', rows="x,y\n1,0.5\n")).target().log_density(
            np.zeros((1, 3))
        )


def test_observations_outside_the_support_are_located() -> None:
    text = "table rows(y: real)\nm ~ Gamma(2, 1)\ny[n] ~ Exponential(m) for n in rows\n"
    program = program_of(text)
    with pytest.raises(DataError, match="E405"):
        problem = Problem(program, bind(program, _frames("y\n1\n-2\n")))
        problem.target().log_density(np.zeros((1, 1)))


def _frames(csv: str) -> list[object]:
    from ppl.data.csv_file import frame_of_bytes

    return [("rows", frame_of_bytes("rows.csv", csv.encode()))]
