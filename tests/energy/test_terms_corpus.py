"""The terms of every model of the corpora against explicit loops, at random values of all latents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppl.energy.build import energy
from ppl.energy.declare import stored_order
from ppl.energy.evaluate_terms import residual_value, value
from ppl.energy.terms import Energy
from ppl.errors import DataError
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


def test_a_lost_term_is_noticed() -> None:
    case = next(c for c in MORE if c.name == "factorial")
    problem = problem_of(case, noncentre=False)
    found = energy(problem)
    point, values, states = drawn(problem, case, found, np.random.default_rng(3))
    want, _ = oracle_value(problem, found, values, states)
    for i in range(len(found.terms)):
        fewer = replace(found, terms=(*found.terms[:i], *found.terms[i + 1 :]))
        assert not np.isclose(value(fewer, point), want, rtol=1e-9)


def test_a_row_that_does_not_exist_is_refused() -> None:
    text = "index T = 3\ngiven start: count\ntable rows(x: T, y: real)\na[i] ~ Normal(0, 1) for i in T\n"
    text += "y[n] ~ Normal(sum(a[i-1] for i in T if position(i) >= start), 1) for n in rows\n"
    tables = {"rows": "x,y\n1,0.5\n"}
    assert energy(problem_of(Case("ok", text, tables, '{"start": 2}'))).terms
    with pytest.raises(DataError, match="E318"):
        energy(problem_of(Case("bad", text, tables, '{"start": 1}')))


def test_weights_are_multiplicities() -> None:
    case = next(c for c in MORE if c.name == "weighted_mixture")
    found = energy(problem_of(case, noncentre=False))
    assert found.latents["z"].multiplicity is not None
    assert found.latents["z"].multiplicity.tolist() == [2.0, 3.0, 1.0]
    assert found.latents["m"].multiplicity is None


def test_seen_cells_of_a_discrete_column_allow_their_state_only() -> None:
    case = next(c for c in DISCRETE if c.name == "missing_bool")
    latents = energy(problem_of(case, noncentre=False)).latents
    column = next(v for n, v in latents.items() if "." in n)
    assert column.allowed is not None
    assert set(column.allowed.sum(-1).ravel().tolist()) == {1, 2}


def test_wide_sums_of_data_meet_before_they_are_stored() -> None:
    rng = np.random.default_rng(0)
    rows, columns = 600, 20
    x = rng.normal(size=(rows, columns)).round(3)
    table = "y," + ",".join(f"x_{i}" for i in range(columns)) + "\n"
    table += "\n".join(",".join(map(str, (1.0, *r))) for r in x) + "\n"
    text = (
        'index F\ntable rows(y: real, x[F]: real = "x_*")\nb[f] ~ Normal(0, 1) for f in F\n'
        "y[n] ~ Normal(sum(b[f] * x[n, f] for f in F), 1) for n in rows\n"
    )
    problem = problem_of(Case("wide", text, {"rows": table}), noncentre=False)
    found = energy(problem)
    square = [t for t in found.terms if len(t.atoms) == 2 and t.coefficient.dims]
    assert [t.coefficient.numpy.shape for t in square] == [(1, columns, columns)]
    assert np.allclose(square[0].coefficient.numpy[0], -0.5 * x.T @ x)


def test_rows_of_a_group_meet_too() -> None:
    rng = np.random.default_rng(1)
    rows, columns = 500, 16
    lines = [
        ",".join(map(str, ["abc"[i % 3], round(float(rng.normal()), 3), *rng.normal(size=columns).round(3)]))
        for i in range(rows)
    ]
    table = "g,y," + ",".join(f"x_{i}" for i in range(columns)) + "\n" + "\n".join(lines) + "\n"
    text = (
        'index F, G\ntable rows(g: G, y: real, x[F]: real = "x_*")\nb[f] ~ Normal(0, 1) for f in F\n'
        "t[j] ~ Gamma(1, 1) for j in G\n"
        "y[n] ~ Normal(sum(b[f] * x[n, f] for f in F), precision = t[g[n]]) for n in rows\n"
    )
    problem = problem_of(Case("wide", text, {"rows": table}), noncentre=False)
    found = energy(problem)
    assert max(t.coefficient.numpy.size for t in found.terms) <= 3 * columns**2 + rows * columns
    point = {"b": rng.normal(size=columns), "t": rng.gamma(2.0, 1.0, 3)}
    assert np.isclose(value(found, point), problem.log_joint(point)[0], rtol=1e-10)
