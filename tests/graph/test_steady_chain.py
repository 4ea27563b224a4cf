"""Chains summed over their distinct transitions agree with chains summed over a table for every step."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.backend import distinct
from ppl.graph import eliminate
from tests.graph.corpus import DISCRETE, case
from tests.graph.make import Case, problem_of

ROWS = "\n".join(f"{v:.2f},{i}" for i, v in enumerate(np.sin(np.arange(12.0) ** 2)))
PANEL = "\n".join(f"{g},{i},{np.sin(i + 2.0 * j):.2f}" for j, g in enumerate("abc") for i in range(3 + j))
HEAD = "index K = 3\ninit[K] ~ Dirichlet(1)\ntrans[k, K] ~ Dirichlet(1) for k in K\nmu[k] ~ Normal(0, 1) for k in K\n"
SERIES = "table series(y: real, t: order)\n" + HEAD
CHAIN = "    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])\n    y[i] ~ Normal(mu[z[i]], 1)\n"
STEADY = [
    case("chain", SERIES + "for i in series:\n" + CHAIN, series="y,t\n" + ROWS),
    case(
        "panel",
        "index G\ntable series(g: G, t: order within g, y: real)\n" + HEAD + "for i in series:\n" + CHAIN,
        series="g,t,y\n" + PANEL,
    ),
]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Distinct slices are followed on axes of three cells and more."""
    monkeypatch.setattr(distinct, "LONG", 3)
    monkeypatch.setattr(eliminate, "MANY_CELLS", 0)
    return monkeypatch


def operations(target: object) -> set[str]:
    return {i.op.name for i in target.instructions.instructions}  # type: ignore[attr-defined]


@pytest.mark.parametrize("each", [*DISCRETE, *STEADY], ids=str)
def test_same_value_and_gradient(each: Case, short: pytest.MonkeyPatch) -> None:
    found = problem_of(each).target()
    z = np.random.default_rng(4).standard_normal((3, found.size))
    value, gradient = found.value_and_grad(z)
    with short.context() as plain:
        plain.setattr(distinct, "LONG", 10**9)
        other = problem_of(each).target()
        wanted, slope = other.value_and_grad(z)
    np.testing.assert_allclose(value, wanted, rtol=1e-11)
    np.testing.assert_allclose(gradient, slope, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("each", STEADY, ids=str)
def test_steady_chains_need_no_table_of_every_step(each: Case, short: pytest.MonkeyPatch) -> None:
    found = operations(problem_of(each).target())
    assert "markov_log_partition" in found
    assert "chain_log_partition" not in found
