"""Chains whose steps q keeps apart: the updates, and the order of the bounds, apart < structured < joint <= evidence.

Everything is deterministic. The twin of the update drops the neighbours on one side, as a first-order filter would.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.backend.chains import chain_marginals, factorised_marginals
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.gaussian import NotProper
from ppl.inference.backends import cavi, em
from ppl.inference.coordinate import evidence_reason, exact
from ppl.inference.run import run
from tests.energy.tools import bound, climb, swept

RNG = np.random.default_rng(3)


def bound_of(unary: Any, pair: Any, codes: Any, r: Any) -> float:
    """E log potentials + entropy of independent steps, by plain sums."""
    steps = range(1, unary.shape[1])
    moves = sum(float(r[:, t - 1] @ pair[codes[t]] @ r[:, t]) for t in steps)
    return float((unary * r).sum() + moves - (r * np.log(r)).sum())


def by_steps(unary: Any, pair: Any, codes: Any, both: bool = True) -> Any:
    """One step after the other to its optimum, until nothing moves; the twin looks back only."""
    r = np.exp(unary - unary.max(0))
    r /= r.sum(0)
    for _ in range(2000):
        for t in range(unary.shape[1]):
            s = unary[:, t].copy()
            if t:
                s += pair[codes[t]].T @ r[:, t - 1]
            if both and t + 1 < unary.shape[1]:
                s += pair[codes[t + 1]] @ r[:, t + 1]
            r[:, t] = np.exp(s - s.max()) / np.exp(s - s.max()).sum()
    return r


@pytest.mark.parametrize(("k", "steps", "tables"), [(2, 7, 1), (3, 8, 2), (4, 1, 1), (3, 2, 3)])
def test_updates_end_where_single_steps_do(k: int, steps: int, tables: int) -> None:
    unary, pair = RNG.normal(size=(k, steps)), 0.5 * RNG.normal(size=(tables, k, k))
    codes = RNG.integers(0, tables, steps)
    found = factorised_marginals(unary, pair, codes, None)
    before = bound_of(unary, pair, codes, found.node)
    for _ in range(40):
        found = factorised_marginals(unary, pair, codes, found.node)
        now = bound_of(unary, pair, codes, found.node)
        assert now >= before - 1e-12
        before = now
    assert np.allclose(found.node, by_steps(unary, pair, codes), atol=1e-8)
    if steps > 1:
        assert not np.allclose(found.node, by_steps(unary, pair, codes, both=False), atol=1e-3)
    sums = (found.node * unary).sum() + (found.pair_sums * pair).sum() + found.entropy
    assert sums == pytest.approx(before, abs=1e-9)
    assert sums <= chain_marginals(unary, pair, codes).log_partition[0] + 1e-12


def test_an_impossible_move_is_refused() -> None:
    with pytest.raises(ValueError, match="impossible"):
        factorised_marginals(np.zeros((2, 3)), np.array([[[0.0, -1e12], [0.0, 0.0]]]), np.zeros(3, int), None)


def factorial(guide: str) -> str:
    """Two known chains that meet: levels 1, 2 and 3, 6."""
    return f"""
index kinds = 2, chains = 2
table t(when: order, y: real)
for i in t:
    a[i] ~ Bernoulli(0.5 if first(i) else (0.9 if a[i-1] == 1 else 0.1))
    b[i] ~ Bernoulli(0.5 if first(i) else (0.8 if b[i-1] == 1 else 0.2))
    y[i] ~ Normal(a[i] + 1.5 * b[i], 0.7)
{guide}
"""


def evidence(y: Any) -> float:
    """log p(y) by all paths of both chains."""
    paths = np.array(list(product((0, 1), repeat=len(y))))
    stay = {0: (0.9, 1.0), 1: (0.8, 1.5)}
    log = []
    for p, level in stay.values():
        moves = (paths[:, 1:] != paths[:, :-1]).sum(1)
        prior = np.log(0.5) + moves * np.log(1 - p) + (len(y) - 1 - moves) * np.log(p)
        log.append((prior, level * paths))
    mean = log[0][1][:, None] + log[1][1][None]
    fits = (-0.5 * ((y - mean) / 0.7) ** 2 - np.log(0.7) - 0.5 * np.log(2 * np.pi)).sum(-1)
    return float(np.logaddexp.reduce((log[0][0][:, None] + log[1][0][None] + fits).ravel()))


def ends(text: str, data: Any, chains: bool = False) -> Any:
    backend = cavi.Backend(restarts=1, tolerance=1e-12, joint_chains=chains)
    found = run(backend, backend.target(bound(text, data)), np.random.default_rng(0)).result
    assert found is not None
    return found


def test_bounds_of_a_factorial_chain_stand_in_their_order() -> None:
    y = (
        np.cumsum(RNG.random(8) < 0.2) % 2
        + 1.5 * (np.cumsum(RNG.random(8) < 0.3) % 2)
        + 0.7 * RNG.normal(size=8)
    )
    data = {"when": np.arange(8), "y": y}
    apart = ends(factorial("guide:\n    q(a) ~ MeanField\n    q(b) ~ MeanField"), data)
    chains = ends(factorial(""), data)
    joint = ends(factorial("guide:\n    q(a, b) ~ MarkovChain"), data)
    truth = evidence(y)
    assert joint.elbo == pytest.approx(truth, abs=1e-9)
    assert apart.elbo < chains.elbo - 0.1 and chains.elbo < joint.elbo - 0.01


CHORALES = Path(__file__).resolve().parents[2] / "examples" / "chorales"


def test_what_q_keeps_together_is_worth_nats_on_real_chains() -> None:
    text = (CHORALES / "chorales.model").read_text()
    guides = ("\nguide:\n    q(z) ~ MeanField\n", "", "\nguide:\n    q(z) ~ MarkovChain\n")
    compiled = [ppl.compile(text + guide, path=False) for guide in guides]
    fits = [m.fit(CHORALES / "data.csv", method="cavi", restarts=1, draws=5) for m in compiled]
    apart, chains, joint = (f.elbo for f in fits)
    assert apart + 20.0 < chains < joint - 30.0


HIDDEN = """
index kinds = 2
table t(when: order, y: real)
go[k, kinds] ~ Dirichlet(2) for k in kinds
m[kinds]     ~ Normal(0, 5)
for i in t:
    z[i] ~ DiscreteUniform(kinds) if first(i) else Categorical(go[z[i-1]])
    y[i] ~ Normal(m[z[i]], 1)
"""
APART = f"{HIDDEN}guide:\n    q(z) ~ MeanField\n"
LONG = {"when": np.arange(300), "y": 2.0 * (np.cumsum(RNG.random(300) < 0.1) % 2) + RNG.normal(size=300)}


def test_a_long_hidden_chain_can_be_kept_apart_and_loses_by_it() -> None:
    apart, whole = climb(APART, LONG), climb(HIDDEN, LONG)
    chain = next(b for b in apart.blocks if isinstance(b, DiscreteChain))
    assert chain.factorised and not exact(apart) and "z" in evidence_reason(apart)
    assert swept(apart).elbo < swept(whole).elbo - 5.0


def test_no_sweep_lowers_the_bound_and_draws_follow_the_probabilities() -> None:
    ascent = climb(APART, LONG)
    state = swept(ascent, sweeps=5)
    values = [state.elbo]
    for _ in range(20):
        state = ascent.sweep(state)
        values.append(state.elbo)
    assert np.all(np.diff(values) >= -1e-9)
    i = next(j for j, b in enumerate(ascent.blocks) if isinstance(b, DiscreteChain))
    block, factor = ascent.blocks[i], state.factors[i]
    draws = block.sample(factor, np.random.default_rng(0), 4000)["z"]
    r = factor.means[("is", "z")]
    # 300 means of 4000 draws: the largest of 300 |z| scores lies below 5 in all but 2 of 10,000 cases
    error = np.abs((draws == block.latent.states[1]).mean(0) - r[:, 1])
    assert np.all(error < 5 * np.sqrt(r[:, 0] * r[:, 1] / 4000) + 1e-3)


def test_em_refuses_steps_apart_and_impossible_moves_are_named() -> None:
    problem = bound(APART, LONG)
    backend = em.Backend(point="go,m")
    with pytest.raises(Exception, match="E-step is not exact"):
        backend.target(problem)
    barred = """
    index kinds = 2
    table t(when: order, y: real)
    given stuck[kinds, kinds']: unit
    m[kinds] ~ Normal(0, 5)
    for i in t:
        z[i] ~ DiscreteUniform(kinds) if first(i) else Categorical(simplex(stuck[z[i-1]]))
        y[i] ~ Normal(m[z[i]], 1)
    guide:
        q(z) ~ MeanField
    """
    ascent = climb(dedent(barred), LONG, settings={"stuck": [[1.0, 0.0], [0.5, 0.5]]})
    with pytest.raises(NotProper, match="impossible"):
        swept(ascent, 2)


LEVELS = """
table t(when: order, y: real)
for i in t:
    x[i] ~ Normal(0, 2) if first(i) else Normal(0.9 * x[i-1], 0.5)
    y[i] ~ Normal(x[i], 0.8)
"""


@pytest.mark.parametrize("steps", [6, 100])
def test_gaussian_steps_apart_have_the_exact_means_and_too_little_spread(steps: int) -> None:
    y = RNG.normal(size=steps)
    data = {"when": np.arange(steps), "y": y}
    apart, whole = climb(LEVELS + "guide:\n    q(x) ~ MeanField\n", data), climb(LEVELS, data)
    state = swept(apart)
    precision = np.diag(np.r_[1 / 4, np.full(steps - 1, 1 / 0.25)] + 1 / 0.64)
    at = np.arange(steps - 1)
    precision[at, at] += 0.81 / 0.25
    precision[at, at + 1] = precision[at + 1, at] = -0.9 / 0.25
    mean = np.linalg.solve(precision, y / 0.64)
    assert not exact(apart) and exact(whole)
    assert np.allclose(state.factors[0].means[("x", "x")], mean, atol=1e-9)
    second = mean**2 + 1 / np.diag(precision)
    assert np.allclose(state.factors[0].means[("power:2", "x")], second, atol=1e-9)
    assert not np.allclose(second, mean**2 + np.diag(np.linalg.inv(precision)), atol=1e-3)
    # the gap to the evidence is the divergence of two Gaussians of equal means
    gap = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    assert swept(whole).elbo - state.elbo == pytest.approx(gap, abs=1e-9)
    draws = apart.blocks[0].sample(state.factors[0], np.random.default_rng(2), 5)
    d = draws["x"] - mean
    wanted = -0.5 * (d**2 * np.diag(precision)).sum(1) + 0.5 * np.log(np.diag(precision) / (2 * np.pi)).sum()
    assert np.allclose(apart.blocks[0].log_density(state.factors[0], draws), wanted)
