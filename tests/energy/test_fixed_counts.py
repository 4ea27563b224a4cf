"""Counts in a family that a guide asks for: the closest member against brute force, and models that ask for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

import ppl
from ppl.energy.ascent import ROUNDING, Ascent, State
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.families._tilts import TILTS
from ppl.energy.starting import first
from ppl.errors import ModelError
from ppl.inference.energy_build import ascent_of
from ppl.report.explain import guide_of, plan_of, text_of

STATES = np.arange(30.0)
SCORES = {
    "Poisson": stats.poisson.logpmf(STATES, 6.0),
    "overdispersed": stats.nbinom.logpmf(STATES, 3, 0.3),
    "two tops": np.logaddexp(stats.poisson.logpmf(STATES, 3.0), stats.norm.logpdf(STATES, 20.0, 1.0)),
    "shifted": np.where(STATES < 4, -1e12, stats.poisson.logpmf(STATES - 4, 3.0)),
}


def masses(name: str, possible: np.ndarray, z: float) -> np.ndarray:
    """scipy's probabilities over the possible states."""
    p = {
        "Poisson": lambda: stats.poisson.pmf(STATES, np.exp(z)),
        "Binomial": lambda: stats.binom.pmf(STATES, 29, 1.0 / (1.0 + np.exp(-z))),
        "Geometric": lambda: stats.geom.pmf(STATES + 1, 1.0 / (1.0 + np.exp(z))),
    }[name]()
    kept = np.where(possible, p, 0.0)
    return np.asarray(kept / kept.sum())


def value(p: np.ndarray, scores: np.ndarray) -> float:
    """E s - E log q."""
    own = p > 0
    return float(p[own] @ (scores[own] - np.log(p[own])))


def brute(name: str, scores: np.ndarray) -> float:
    """The best of many local searches."""
    possible, ends = scores > -1e8, np.linspace(-5.0, 4.0, 40)
    found = [
        optimize.minimize_scalar(
            lambda z: -value(masses(name, possible, z), scores), bounds=(a, a + 0.5), method="bounded"
        ).fun
        for a in ends
    ]
    return -float(min(found))


def softmax(logs: np.ndarray) -> np.ndarray:
    weight = np.exp(logs - logs.max())
    return np.asarray(weight / weight.sum())


@pytest.mark.parametrize("density", SCORES)
@pytest.mark.parametrize("name", TILTS)
def test_closest_is_the_optimum_of_brute_force(name: str, density: str) -> None:
    scores = SCORES[density]
    p = softmax(TILTS[name].closest(scores[:, None], STATES)[:, 0])
    assert value(p, scores) == pytest.approx(brute(name, scores), abs=1e-6)


def test_matching_means_instead_would_be_seen() -> None:
    """The broken twin: a Poisson with the mean of the density falls short of the best one."""
    scores = SCORES["two tops"]
    wrong = masses("Poisson", scores > -1e8, float(np.log(softmax(scores) @ STATES)))
    assert value(wrong, scores) < brute("Poisson", scores) - 0.01


def test_columns_are_each_as_one_alone() -> None:
    table = np.stack(list(SCORES.values()), 1)
    whole = TILTS["Poisson"].closest(table, STATES)
    for j in range(table.shape[1]):
        one = TILTS["Poisson"].closest(table[:, j : j + 1], STATES)
        np.testing.assert_allclose(softmax(one[:, 0]), softmax(whole[:, j]), atol=1e-8)


# ---------------------------------------------------------------- in models

THINNED = """
table t(y: count)
n[i] ~ Poisson(6) for i in t
y[i] ~ Binomial(n[i], 0.6) for i in t
"""
LEARNED = """
table t(y: count)
lam ~ Gamma(2, 0.5)
n[i] ~ Poisson(lam) for i in t
y[i] ~ Binomial(n[i], 0.6) for i in t
"""
BOUNDED = """
table t(y: count)
p ~ Beta(2, 2)
n[i] ~ Binomial(12, p) for i in t
y[i] ~ Binomial(n[i], 0.6) for i in t
"""
DATA = {"y": np.array([3, 5, 2, 7, 1, 0])}


def climbing(text: str, *guide: str, data: dict[str, Any] | None = None) -> Ascent:
    lines = "".join(f"    {g}\n" for g in guide)
    model = ppl.compile(text + ("guide:\n" + lines if guide else ""))
    return ascent_of(model.bind(data or DATA).problem)


def climbed(ascent: Ascent) -> State:
    """Updates one by one, none of which lowers the bound."""
    state = ascent.sweep(first(ascent, np.random.default_rng(0)))
    factors = state.factors
    for _ in range(60):
        for i in range(len(ascent.blocks)):
            factors, gained, scale = ascent.update(factors, i)
            assert gained >= -ROUNDING * scale - 1e-10
    return State(factors, *ascent.elbo(factors))


@pytest.mark.parametrize("name", TILTS)
def test_bound_is_the_evidence_less_the_divergence(name: str) -> None:
    """n - y given y is Poisson(2.4): KL of the best member over n >= y, summed here, is what the bound lacks."""
    ascent = climbing(THINNED, f"q(n) ~ {name}")
    (block,) = ascent.blocks
    assert isinstance(block, DiscreteBlock) and block.family == name and not block.exact
    states = block.latent.states
    assert states is not None
    evidence = stats.poisson.logpmf(DATA["y"], 3.6).sum()
    r = climbed(ascent).factors[0].means[("is", "n")]
    divergence = 0.0
    for y, q in zip(DATA["y"], r, strict=True):
        own = q > 0
        assert not own[states < y].any()
        divergence += float(q[own] @ (np.log(q[own]) - stats.poisson.logpmf(states[own] - y, 2.4)))
    assert climbed(ascent).elbo == pytest.approx(evidence - divergence, abs=1e-6)
    assert climbed(climbing(THINNED)).elbo == pytest.approx(evidence, abs=1e-6)


def test_sums_over_elements_are_of_the_members() -> None:
    """With a rate to be found terms read sums over elements; the bound is below that of free tables."""
    free, asked = climbed(climbing(LEARNED)), climbed(climbing(LEARNED, "q(n) ~ Poisson"))
    assert free.elbo - 3.0 < asked.elbo < free.elbo - 0.01


def test_a_bounded_count_has_as_many_trials_as_it_can_reach() -> None:
    asked = climbing(BOUNDED, "q(n) ~ Binomial")
    assert next(b.family for b in asked.blocks if b.names == ("n",)) == "Binomial"
    free = climbed(climbing(BOUNDED)).elbo
    assert free - 3.0 < climbed(asked).elbo < free - 0.01
    with pytest.raises(ModelError, match="leaves .* use `Binomial` or `MeanField`"):
        climbing(BOUNDED, "q(n) ~ Poisson")


def test_weighted_rows_count_as_often_as_they_stand_for() -> None:
    data = {"y": DATA["y"], "w": np.array([1, 2, 3, 1, 2, 1])}
    short = climbed(climbing(LEARNED.replace("y: count", "y: count, w: weight"), "q(n) ~ Poisson", data=data))
    long = climbed(climbing(LEARNED, "q(n) ~ Poisson", data={"y": np.repeat(data["y"], data["w"])}))
    assert short.elbo == pytest.approx(long.elbo, rel=1e-8)


def test_explained_and_printed_back() -> None:
    model = ppl.compile(THINNED + "guide:\n    q(n) ~ Poisson\n")
    plan = plan_of(model, model.bind(DATA))
    assert "not exact: the guide asks for Poisson, the conditional is Categorical" in text_of(plan)
    assert guide_of(plan) == "guide:\n    q(n) ~ Poisson\n"


@pytest.mark.parametrize(
    ("q", "why"),
    [
        ("q(n) ~ Bernoulli", "states; .*`Poisson`, `Binomial`, `Geometric`"),
        ("q(n) ~ NegativeBinomial", "its conditional is Categorical; .*`Poisson`"),
        ("q(n) ~ Point", "no mode to move to"),
    ],
)
def test_what_cannot_be_says_what_can(q: str, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        climbing(THINNED, q)
