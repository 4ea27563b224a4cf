"""What is told of discrete latents, and of each observation, against enumeration of all states."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.errors import ModelError
from ppl.graph.marginals import marginals
from tests.graph.corpus import DISCRETE, case
from tests.graph.make import Case, problem_of, spaces_of, values_at
from tests.graph.oracle import Oracle, defined, enumerated

SMALL = [c for c in DISCRETE if c.name not in {"n_mixture"}]


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_marginals_are_the_same_one_draw_at_a_time(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(case)
    draws = problem.constrain(0.5 * np.random.default_rng(3).normal(size=(3, problem.target().size)))
    whole = problem.discrete(draws)
    monkeypatch.setattr("ppl.graph.pointwise.PAIRS_AT_ONCE", 1)
    apart = problem.discrete(draws)
    assert all(np.allclose(apart[name], whole[name], atol=1e-12) for name in whole)
    assert all(len(apart[name]) == 3 for name in whole)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_marginals_equal_enumeration(case: Case) -> None:
    problem = problem_of(case)
    z = 0.5 * np.random.default_rng(3).normal(size=problem.target().size)
    spaces = spaces_of(problem, case.counts)
    total, states = enumerated(problem.program, problem.data, values_at(problem, z), spaces)
    each = problem.discrete(problem.constrain(np.stack([z, z + 0.1])))
    for m in marginals(problem.layout, z[None]):
        assert np.allclose(each[m.name][0], m.probabilities, atol=1e-9)
        shape = spaces[m.name][0]
        cells = defined(problem.program, problem.data, m.name, shape)
        table = m.probabilities
        if "." in m.name:
            table = table[problem.data.missing[tuple(m.name.split(".", 1))]]  # type: ignore[index]
        for cell in np.argwhere(cells):
            for k, state in enumerate(m.states):
                wanted = sum(np.exp(v - total) for s, v in states if s[m.name][tuple(cell)] == state)
                assert table[tuple(cell)][k] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_each_observation_given_the_others_equals_enumeration(case: Case) -> None:
    problem = problem_of(case)
    z = 0.5 * np.random.default_rng(3).normal(size=problem.target().size)
    values = values_at(problem, z)
    found = problem.log_likelihood({n: a[None] for n, a in values.items()})
    _, states = enumerated(problem.program, problem.data, values, spaces_of(problem, case.counts))
    logs = np.array([v for _, v in states])
    oracles = [Oracle(problem.program, problem.data, values, s) for s, _ in states]
    for d in problem.program.definitions:
        if d.kind != "observed" or d.imputes is not None:
            continue
        statement = next(s for s in problem.plain.statements if s.name == d.name and s.kind == "observed")
        if any(loop.condition is not None for loop in d.loops):
            continue  # a filtered plate lists its rows along one axis
        for env in oracles[0].cells(d.loops, {}):
            others = [sum(o.terms(skip=(d, env)).values()) for o in oracles]
            wanted = np.logaddexp.reduce(logs) - np.logaddexp.reduce(others)
            order = [
                next(k for k, loop in enumerate(d.loops) if loop.set == p.set) for p in statement.place.plates
            ]
            cell = [env[d.loops[k]] for k in order]
            assert found[d.name][(0, *cell)] == pytest.approx(wanted, abs=1e-9)


WEIGHTED = """
index comps = 2
table points(x: real{column})
w[comps] ~ Dirichlet(1)
mu[k] ~ Normal(0, 3) for k in comps
for i in points:
    z[i] ~ Categorical(w)
    x[i] ~ Normal(mu[z[i]], 1)
"""
ROWS = [(0.3, 2), (-1.0, 1), (2.0, 3)]


def test_a_weighted_row_is_as_many_rows_with_latents_of_their_own() -> None:
    one = case(
        "w", WEIGHTED.format(column=", n: weight"), points="x,n\n" + "".join(f"{x},{n}\n" for x, n in ROWS)
    )
    many = case("r", WEIGHTED.format(column=""), points="x\n" + "".join(f"{x}\n" * n for x, n in ROWS))
    a, b = problem_of(one).target(), problem_of(many).target()
    z = np.random.default_rng(0).normal(size=(4, a.size))
    assert np.allclose(a.log_density(z), b.log_density(z), rtol=1e-12)
    wrong = problem_of(case("t", one.text, points=one.tables["points"].replace(",3", ",2"))).target()
    assert not np.allclose(wrong.log_density(z), b.log_density(z))


REFUSED = {
    "too many cells at once": """
index P = 70
table rows(y: real)
m ~ Normal(0, 1)
z[p] ~ Bernoulli(0.3) for p in P
y[n] ~ Normal(m * sum(z[p] for p in P), 1) for n in rows
""",
    "a whole vector": """
index F = 2
table rows(y: real)
m[F] ~ Normal(0, 1)
for n in rows:
    z[n, F] ~ Bernoulli(0.3)
    y[n] ~ Normal(sum(z[n]) * m[1], 1)
""",
    "no largest value": """
table rows(y: real)
lam ~ Gamma(2, 1)
N ~ Poisson(lam)
y[n] ~ Normal(N, 1) for n in rows
""",
    "a ragged sum": """
index G
table rows(g: G, y: real)
m ~ Normal(0, 1)
z[n] ~ Bernoulli(0.3) for n in rows
for k in G:
    1.5 ~ Normal(m * sum(z[n] for n in rows of k), 1)
y[n] ~ Normal(m, 1) for n in rows
""",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_summed_out_is_refused_at_its_place(name: str) -> None:
    table = "g,y\na,0.5\nb,0.25\n" if "g: G" in REFUSED[name] else "y\n0.5\n0.25\n"
    with pytest.raises(ModelError) as caught:
        problem_of(case(name, REFUSED[name], rows=table)).target().log_density(np.zeros((1, 1)))
    assert caught.value.diagnostics[0].code == "E505"
    assert caught.value.diagnostics[0].span is not None
