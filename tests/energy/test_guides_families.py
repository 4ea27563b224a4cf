"""Guides that give a scalar another family than its conditional: the bound, what is told, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import ppl
from ppl.energy.ascent import ROUNDING, Ascent, State
from ppl.energy.blocks.family import FamilyBlock
from ppl.energy.blocks.fixed import FixedBlock, fitting
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.blocks.tabulated import TabulatedBlock
from ppl.energy.families._forms import FORMS
from ppl.energy.starting import first
from ppl.energy.wishes import root
from ppl.errors import FitError, ModelError
from ppl.inference.energy_build import ascent_of
from ppl.report.explain import Planned, guide_of, plan_of, text_of, update_of
from ppl.supports import POSITIVE, Interval
from tests.energy.random_models import random_model
from tests.energy.scipy_forms import frozen, places
from tests.energy.tools import plain_energy

RATE = """
table t(y: count)
lam ~ Gamma(2, 0.5)
y[i] ~ Poisson(lam) for i in t
"""
VARIANCE = """
table t(y: real)
v ~ InverseGamma(3, 2)
y[i] ~ Normal(0, var = v) for i in t
"""
SHARE = """
table t(y: bool)
p ~ Beta(2, 3)
y[i] ~ Bernoulli(p) for i in t
"""
GROUPS = """
index groups
table t(y: real, g: groups)
mu[j] ~ Normal(0, 2) for j in groups
s[j] ~ HalfNormal(2) for j in groups
y[i] ~ Normal(mu[g[i]], s[g[i]]) for i in t
"""
ROBUST = """
table t(y: real)
mu ~ StudentT(4, 0, 1)
y[i] ~ Normal(mu, 1) for i in t
"""
WEIGHTED = """
table t(y: real, n: weight)
for i in t:
    w[i] ~ Gamma(2, 2)
    y[i] ~ Normal(0, precision = w[i])
"""


def columns(text: str, rows: int = 24) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    real, counts = rng.normal(0.3, 1.4, rows), rng.poisson(4, rows)
    made = {"real": real, "count": counts, "bool": counts % 3 == 0}
    kind = text.split("y: ")[1].split(",")[0].split(")")[0]
    out: dict[str, Any] = {"y": made[kind]}
    if "groups" in text:
        out["g"] = ["a", "b", "c"] * (rows // 3)
    if "cols" in text:
        out |= {"x_a": real, "x_b": counts - 4.0}
    if "weight" in text:
        out["n"] = np.arange(rows) % 3 + 1
    return out


def climbing(text: str, *guide: str, **options: Any) -> Ascent:
    lines = "".join(f"    {g}\n" for g in guide)
    model = ppl.compile(text + ("guide:\n" + lines if guide else ""))
    return ascent_of(model.bind(columns(text)).problem, **options)


def climbed(ascent: Ascent, sweeps: int = 30) -> State:
    """Updates one by one, none of which lowers the bound."""
    state = ascent.sweep(first(ascent, np.random.default_rng(0)))
    factors = state.factors
    for _ in range(sweeps):
        for i in range(len(ascent.blocks)):
            factors, gained, scale = ascent.update(factors, i)
            assert gained >= -ROUNDING * scale
    return State(factors, *ascent.elbo(factors))


EXACT = [(RATE, "lam", "Gamma", POSITIVE), (VARIANCE, "v", "InverseGamma", POSITIVE)]


@pytest.mark.parametrize(("text", "latent", "own", "support"), EXACT)
@pytest.mark.parametrize("asked", ["LogNormal", "Gamma", "InverseGamma"])
def test_bound_is_the_evidence_less_the_divergence(
    text: str, latent: str, own: str, support: Interval, asked: str
) -> None:
    """One latent: its own family's bound is the evidence, and KL by quadrature makes up for the rest."""
    evidence = climbed(climbing(text))
    ascent = climbing(text, f"q({latent}) ~ {asked}")
    state = climbed(ascent)
    gap = evidence.elbo - state.elbo
    if asked == own:
        assert abs(gap) < 1e-9
        return
    (block,) = ascent.blocks
    assert isinstance(block, FixedBlock) and not block.exact
    (true,) = climbing(text).blocks
    p = frozen(own, {k: float(v) for k, v in true.parameters(evidence.factors[0]).items()})
    q = frozen(asked, {k: float(v) for k, v in block.parameters(state.factors[0]).items()})
    x, weight = places(q)
    divergence = float(weight @ (q.logpdf(x) - p.logpdf(x)))
    assert 1e-6 < gap == pytest.approx(divergence, abs=1e-7)


def test_shifted_entropy_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: a thousandth of a nat too much in the entropy makes the gap another than KL."""
    form, entropy = FORMS["LogNormal"], FORMS["LogNormal"].entropy
    right = climbed(climbing(RATE, "q(lam) ~ LogNormal")).elbo
    monkeypatch.setattr(form, "entropy", classmethod(lambda cls, theta: entropy(theta) + 1e-3))
    assert climbed(climbing(RATE, "q(lam) ~ LogNormal")).elbo == pytest.approx(right + 1e-3, abs=1e-9)


@pytest.mark.parametrize("asked", ["LogNormal", "Gamma", "InverseGamma"])
def test_vectors_of_sds_obey_and_cost_a_little(asked: str) -> None:
    """Given mu the tabulated q is the best of all: no family's bound is higher, and none is far below."""
    free, ascent = climbed(climbing(GROUPS)), climbing(GROUPS, f"q(s) ~ {asked}")
    block = next(b for b in ascent.blocks if b.names == ("s",))
    assert isinstance(block, FixedBlock) and block.family == asked and block.latent.shape == (3,)
    state = climbed(ascent)
    assert free.elbo - 0.5 < state.elbo < free.elbo - 1e-6


def test_normal_for_a_tabulated_real_latent() -> None:
    free, ascent = climbed(climbing(ROBUST)), climbing(ROBUST, "q(mu) ~ Normal")
    assert isinstance(ascent.blocks[0], FixedBlock)
    assert free.elbo - 0.05 < climbed(ascent).elbo < free.elbo


def test_share_may_be_asked_for_its_own_family_only() -> None:
    assert type(climbing(SHARE, "q(p) ~ Beta").blocks[0]).__name__ == "FamilyBlock"


def test_weighted_rows_count_as_often_as_they_stand_for() -> None:
    """Each row's w stands for n equal ones: the bound is that of the rows written out n times."""
    data = columns(WEIGHTED)
    model = ppl.compile(WEIGHTED + "guide:\n    q(w) ~ LogNormal\n")
    short = climbed(ascent_of(model.bind(data).problem), 5)
    plain_text = WEIGHTED.replace(", n: weight", "") + "guide:\n    q(w) ~ LogNormal\n"
    whole = {"y": np.repeat(data["y"], data["n"])}
    long = climbed(ascent_of(ppl.compile(plain_text).bind(whole).problem), 5)
    assert short.elbo == pytest.approx(long.elbo, rel=1e-9)


def test_draws_and_densities_are_of_the_family_asked_for() -> None:
    """Kolmogorov's test at 1e-6 a false alarm; the twin, the conditional's own family, fails it."""
    ascent = climbing(RATE, "q(lam) ~ LogNormal")
    q, factor = ascent.blocks[0], climbed(ascent).factors[0]
    found = q.parameters(factor)
    draws = q.sample(factor, np.random.default_rng(0), 400_000)["lam"]
    right = frozen("LogNormal", {k: float(v) for k, v in found.items()})
    assert stats.kstest(draws, right.cdf).pvalue > 1e-6
    wrong = frozen("Gamma", {"shape": (right.mean() / right.std()) ** 2, "rate": right.mean() / right.var()})
    assert stats.kstest(draws, wrong.cdf).pvalue < 1e-6
    np.testing.assert_allclose(q.log_density(factor, {"lam": draws[:5]}), right.logpdf(draws[:5]), rtol=1e-9)
    mean, sd = q.moments(factor)["lam"]
    assert (float(mean), float(sd)) == pytest.approx((right.mean(), right.std()))


# ---------------------------------------------------------------- what is told, and refused

COVARIANCE = """
index cols
table t(y: real, x[cols]: real = "x_*")
given prior[cols, cols']: covariance = [[0.4, 0.1], [0.1, 0.3]]
cov[cols, cols'] ~ InverseWishart(6, prior)
x[i, cols] ~ MultivariateNormal(0, cov = cov) for i in t
"""
DRAWN = """
table t(y: real)
mu ~ Normal(0, 3)
nu ~ Gamma(2, 0.1)
s ~ HalfNormal(2)
y[i] ~ StudentT(nu, mu, s) for i in t
"""


def planned(text: str, *guide: str) -> Planned:
    lines = "".join(f"    {g}\n" for g in guide)
    model = ppl.compile(text + ("guide:\n" + lines if guide else ""))
    return plan_of(model, model.bind(columns(text)))


@pytest.mark.parametrize(
    ("text", "guide"),
    [
        (RATE, ("q(lam) ~ LogNormal",)),
        (GROUPS, ("q(mu) ~ Normal", "q(s) ~ InverseGamma")),
        (ROBUST, ("q(mu) ~ Normal",)),
        (DRAWN, ("q(mu) ~ Normal", "q(nu) ~ LogNormal", "q(s) ~ LogNormal")),
        (DRAWN, ("q(nu) ~ Point",)),
        (COVARIANCE, ("q(cov) ~ Wishart",)),
    ],
)
def test_guides_that_are_printed_ask_for_the_same(text: str, guide: tuple[str, ...]) -> None:
    first_plan = planned(text, *guide)
    printed = guide_of(first_plan)
    again = ppl.compile(text + printed)
    second = plan_of(again, again.bind(columns(text)))
    assert guide_of(second) == printed
    kinds = [[(b.names, type(b), b.family) for b in p.ascent.blocks] for p in (first_plan, second)]
    assert kinds[0] == kinds[1]


def test_explain_says_what_is_asked_and_what_is_not_exact() -> None:
    shown = text_of(planned(RATE, "q(lam) ~ LogNormal"))
    assert "conditional: Gamma" in shown
    assert "not exact: the guide asks for LogNormal, the conditional is Gamma" in shown
    assert "q is an approximation: a bound: for lam the guide asks for LogNormal" in shown
    assert r"\mathrm{LogNormal}" in update_of(planned(RATE, "q(lam) ~ LogNormal"), "lam")


def test_drawn_latents_apart_are_normal_or_log_normal() -> None:
    ascent = climbing(DRAWN, "q(mu) ~ Normal", "q(nu) ~ LogNormal", "q(s) ~ LogNormal")
    (block,) = ascent.blocks
    assert isinstance(block, SampledBlock) and not block.dense and block.apart
    assert climbed(ascent, 3).elbo < climbed(climbing(DRAWN), 3).elbo + 0.1


def test_a_point_among_drawn_latents_is_reported_as_one() -> None:
    model = ppl.compile(DRAWN + "guide:\n    q(nu) ~ Point\n")
    fit = model.fit(columns(DRAWN), method="cavi", seed=1)
    assert fit.factored is not None
    assert {b.names: b.point for b in fit.factored.blocks} == {("nu",): True, ("mu", "s"): False}
    ascent = climbing(DRAWN, "q(nu) ~ Point")
    spreads = ascent.blocks[0].moments(climbed(ascent, 1).factors[0])
    assert float(spreads["nu"][1]) == 0.0 < float(spreads["s"][1])


@pytest.mark.parametrize(
    ("text", "q", "why"),
    [
        (GROUPS, "q(s) ~ HalfNormal", r"no HalfNormal has a finite expectation of s\^-2; `LogNormal`"),
        (RATE, "q(lam) ~ Weibull", "its conditional is Gamma; .*`LogNormal`"),
        (COVARIANCE, "q(cov) ~ LKJ", "is InverseWishart, and no such family .*`Wishart`, `InverseWishart`"),
        (GROUPS, "q(mu) ~ Laplace", "`Normal`, `MultivariateNormal`, `MeanField` and `Point` can be"),
        (DRAWN, "q(nu) ~ Gamma", "drawn on the real line"),
        (DRAWN, "q(nu) ~ LogNormal", "apart only if all are asked to be"),
    ],
)
def test_what_cannot_be_says_what_can(text: str, q: str, why: str) -> None:
    with pytest.raises(ModelError, match=why) as caught:
        climbing(text, q)
    span = caught.value.diagnostics[0].span
    assert span is not None and (text + "guide:\n    " + q)[span.start :].startswith("q(")


def test_em_says_that_the_guide_makes_its_e_step_inexact() -> None:
    model = ppl.compile(RATE + "guide:\n    q(lam) ~ LogNormal\n")
    with pytest.raises(FitError, match="not exact: for lam the guide asks for LogNormal"):
        model.fit(columns(RATE), method="em")


# ---------------------------------------------------------------- blank cells

BLANK = """
table t(y: positive?, x: real)
r ~ Gamma(2, 1)
y[i] ~ Exponential(r) for i in t
x[i] ~ Normal(0, precision = y[i]) for i in t
"""


@pytest.mark.parametrize("asked", ["MeanField", "LogNormal", "InverseGamma"])
def test_cells_that_are_not_blank_count_nothing(asked: str) -> None:
    """One blank cell, against the same value as a latent of its own, with the rest as data."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=12)
    y = rng.exponential(size=12)
    y[3] = np.nan
    apart = BLANK.replace("y: positive?", "y: positive").replace(
        "Gamma(2, 1)\n", "Gamma(2, 1)\nextra ~ Exponential(r)\n"
    )
    apart += "given one: real\none ~ Normal(0, precision = extra)\n"
    blank = climbed_blank(BLANK + f"guide:\n    q(y) ~ {asked}\n", {"y": y, "x": x})
    rest = {"y": np.delete(y, 3), "x": np.delete(x, 3)}
    alone = climbed_blank(apart + f"guide:\n    q(extra) ~ {asked}\n", rest | {"one": x[3]})
    assert blank[1].elbo == pytest.approx(alone[1].elbo, abs=1e-8)
    ascent, state = blank
    block = ascent.blocks[ascent.plan.of["t.y"]]
    draws = block.sample(state.factors[ascent.plan.of["t.y"]], rng, 4)
    draws["t.y"] = np.where(np.isnan(y), draws["t.y"], 0.0)
    assert np.isfinite(block.log_density(state.factors[ascent.plan.of["t.y"]], draws)).all()


def climbed_blank(text: str, data: dict[str, Any]) -> tuple[Ascent, State]:
    ascent = ascent_of(ppl.compile(text).bind(data).problem)
    return ascent, climbed(ascent, 60)


# ---------------------------------------------------------------- random graphs


def asked_at_random(seed: int) -> tuple[str, dict[str, Any]]:
    """A random conjugate graph whose positive scalars are asked to be LogNormal or in another family of theirs."""
    text, rng = random_model(seed), np.random.default_rng(seed)
    ascent = ascent_of(ppl.compile(text.model, path=False).bind(text.data).problem)
    own = [
        b for b in ascent.blocks if isinstance(b, FamilyBlock | TabulatedBlock) and b.latent.kind == "latent"
    ]
    positive = [b for b in own if "LogNormal" in fitting(b.latent.support)]
    asked = {root(b.latent.name): str(rng.choice(["LogNormal", "Gamma", "InverseGamma"])) for b in positive}
    guide = "guide:\n" + "".join(f"    q({n}) ~ {f}\n" for n, f in asked.items())
    return text.model.rstrip() + "\n" + (guide if asked else ""), text.data


@pytest.mark.parametrize("seed", [2, 4, 7, 13])
def test_no_update_of_a_random_graph_lowers_the_bound(seed: int) -> None:
    """Each gains what it says it gains, by the energy evaluated anew."""
    text, data = asked_at_random(seed)
    ascent = ascent_of(ppl.compile(text, path=False).bind(data).problem)
    assert any(isinstance(b, FixedBlock) for b in ascent.blocks)
    factors = first(ascent, np.random.default_rng(0)).factors
    for _ in range(3):
        for i in range(len(ascent.blocks)):
            before = plain_energy(ascent, factors) + sum(f.entropy for f in factors)
            factors, gained, _ = ascent.update(factors, i)
            after, size = ascent.elbo(factors)
            assert gained >= -ROUNDING * size
            if np.isfinite(before):
                assert after - before == pytest.approx(gained, abs=1e-9 * size)
