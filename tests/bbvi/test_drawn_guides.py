"""Guides that read other latents, and of other families: their gradients, draws and bounds.

A parameter of a mean gradient fails 5 standard errors off: a false alarm in 6e-7 of parameters, of which
fewer than 200 are judged. Bounds are compared within 5 standard errors too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.backend import ops as xp
from ppl.backend.tape import Tape
from ppl.errors import ModelError
from ppl.graph.assemble import Layout
from ppl.graph.blankets import Incidence, incidence
from ppl.graph.blocks import constrained
from ppl.graph.drawn_guides import DrawnGuide
from ppl.inference import score_blanket, score_estimate, score_plan
from ppl.inference.score_estimate import ScoreTarget, estimate
from ppl.inference.score_starts import prior_draw
from tests.bbvi import small
from tests.bbvi.small import target_of

DISCRETE = small.TEXT.replace("(y: real)\n", "(y: real)\nparam c: real\nparam w[K]: real\n") + "guide:\n"
GUIDES = {
    "child of a table": "    q(b[i]) ~ Bernoulli(logit = w[z[i]] + c * y[i]) for i in rows\n",
    "two in a row": (
        "    q(b[i]) ~ Bernoulli(logit = w[z[i]] + c * y[i]) for i in rows\n"
        "    q(a) ~ Bernoulli(logit = c + sum(b[i] for i in rows))\n"
    ),
    "one reads all": "    q(a) ~ Bernoulli(logit = c + w[2] * sum(b[i] for i in rows))\n",
    "categorical child": "    q(z[i]) ~ Categorical(logit = w * b[i] + m * (c * y[i])) for i in rows\n",
}


def somewhere(target: ScoreTarget, seed: int = 1) -> np.ndarray:
    theta = 0.7 * np.random.default_rng(seed).normal(size=target.family.count)
    theta[target.family.size : 2 * target.family.size] = 0.0
    return target.settled(theta)


def _states(target: ScoreTarget) -> tuple[np.ndarray, np.ndarray]:
    """All joint states of the discrete latents, guided ones included (J, width), and log q of free ones' codes."""
    kinds = [*target.family.discretes, *(q.discrete for q in target.terms.drawn if q.discrete is not None)]
    columns = [(d.where.start + k, d.states) for d in kinds for k in range(d.count)]
    grid = np.stack(np.meshgrid(*(s for _, s in columns), indexing="ij"), -1).reshape(-1, len(columns))
    x = np.zeros((len(grid), target.family.width))
    for j, (where, _) in enumerate(columns):
        x[:, where] = grid[:, j]
    return x, grid


def exact(target: ScoreTarget, theta: np.ndarray) -> float:
    """The ELBO over all joint states: points are the only continuous quantities."""
    x, _ = _states(target)
    x[:, : target.family.size] = theta[: target.family.size]
    log_q = np.zeros(len(x))
    for d, table in zip(target.family.discretes, target.family.log_tables(theta), strict=True):
        codes = np.searchsorted(d.states, x[:, d.where])
        log_q += table[np.arange(d.count), codes].sum(1)
    guided = sum((q.log_q.value(x).sum(1) for q in target.terms.drawn), np.zeros(len(x)))
    assert abs(np.exp(log_q + guided).sum() - 1.0) < 1e-9
    return float((np.exp(log_q + guided) * (target.log_joint(x) - log_q)).sum())


def differences(target: ScoreTarget, theta: np.ndarray) -> np.ndarray:
    h = 1e-5
    steps = h * np.eye(len(theta))
    return np.array([(exact(target, theta + e) - exact(target, theta - e)) / (2 * h) for e in steps])


def largest_z(target: ScoreTarget, asked: str, repeats: int = 300) -> float:
    theta, rng, plan = somewhere(target), np.random.default_rng(3), target.plan(2, asked)
    found = np.stack([estimate(target, plan, theta, rng, 2).gradient for _ in range(repeats)])
    error = found.std(0, ddof=1) / np.sqrt(repeats) + 1e-7
    wanted, size = differences(target, theta), target.family.size
    judged = [k for k in range(len(theta)) if not size <= k < 2 * size]
    return float((np.abs(found.mean(0) - wanted) / error)[judged].max())


@pytest.mark.parametrize("asked", ["auto", "score", "disarm"])
@pytest.mark.parametrize("guide", list(GUIDES))
def test_the_mean_gradient_is_the_exact_one(guide: str, asked: str) -> None:
    assert largest_z(target_of(DISCRETE + GUIDES[guide]), asked) < 5.0


ONLY_THROUGH = """
table rows(y: real)
param c: real
a ~ Bernoulli(0.5)
b ~ Bernoulli(0.5)
y[i] ~ Normal(3 * b, 1) for i in rows
0 ~ Normal(a, 10)
guide:
    q(b) ~ Bernoulli(logit = c + 4 * a)
"""


def without_guides(lay: Layout, *given: Any) -> Incidence | None:
    """The incidence as if nothing were drawn from anything."""
    return incidence(replace(lay, graph=replace(lay.graph, guide=())), *given)


def test_twins_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text = DISCRETE + GUIDES["child of a table"]
    with monkeypatch.context() as patch:  # the exact sum over a parent, what is drawn from it left as it was
        patch.setattr(score_plan, "drawn_after", lambda lay, name: set())
        assert largest_z(target_of(text), "auto") > 5.0
    with monkeypatch.context() as patch:  # no score of what guides read
        patch.setattr(score_estimate, "guided_slopes", lambda node, x, values: np.zeros_like(x))
        assert largest_z(target_of(text), "score") > 5.0
    with monkeypatch.context() as patch:  # a parent's blanket without what is drawn from it
        patch.setattr(score_blanket, "incidence", without_guides)
        assert largest_z(target_of(ONLY_THROUGH), "score") > 5.0
    assert largest_z(target_of(ONLY_THROUGH), "score") < 5.0


CONTINUOUS = """
table rows(y: real)
param c: real
param v: positive
k ~ Bernoulli(0.4)
s ~ {prior}
y[i] ~ Normal({mean}, {sd}) for i in rows
guide:
    q(s) ~ {guide}
"""
FAMILIES = {
    "Gamma": ("Gamma(2, 1)", "k", "s", "Gamma(2 + exp(c), v)"),
    "Beta": ("Beta(2, 2)", "k + 4 * s", "1", "Beta(1 + v, 1 + exp(c))"),
    "StudentT": ("Normal(0, 2)", "s + k", "1", "StudentT(5, c, v)"),
    "reads a table": ("Gamma(2, 1)", "k", "s", "Gamma(3 + k, v + exp(c * k))"),
    "Normal, reads a table": ("Normal(0, 2)", "s + k", "1", "Normal(c - 0.5 * k, v)"),
    "stepped": ("Normal(0, 2)", "floor(s) + k", "1", "Normal(c, v)"),
}


def continuous(name: str) -> ScoreTarget:
    prior, mean, sd, guide = FAMILIES[name]
    return target_of(CONTINUOUS.format(prior=prior, mean=mean, sd=sd, guide=guide))


def by_quadrature(target: ScoreTarget, theta: np.ndarray) -> float:
    """The ELBO over a grid of s (3,600 midpoints, whole numbers at edges) and both states of k, by densities alone."""
    size, (q,), where = target.family.size, target.terms.drawn, target.family.logits[0]
    log_p = target.family.log_tables(theta)[0][0]
    total = 0.0
    for k in (0, 1):
        n = 3_600
        x = np.zeros((n, target.family.width))
        x[:, :size], x[:, size] = theta[:size], k
        edges = np.linspace(-9.0, 9.0, n + 1)
        x[:, q.where.start] = 0.5 * (edges[1:] + edges[:-1])
        weight = _mass(target, x, q)
        total += float((np.exp(log_p[k]) * weight * (target.log_joint(x) - log_p[k])).sum())
    assert where.stop == target.family.count
    return total


def _mass(target: ScoreTarget, x: np.ndarray, q: DrawnGuide) -> np.ndarray:
    """Probabilities of the cells: standard normal where the column is noise, else q's own, made to add up to 1."""
    z = x[:, q.where.start]
    if q.kind == "pathwise":
        density = np.exp(-0.5 * z * z)
    else:
        block = target.terms.layout.blocks["s"]
        density = np.exp(q.log_q.value(x)[:, 0] + constrained(target.terms.at, block, x)[1])
    return density / density.sum()


@pytest.mark.parametrize("name", list(FAMILIES))
def test_mean_gradients_of_continuous_families_are_the_exact_ones(name: str) -> None:
    target = continuous(name)
    rng, plan = np.random.default_rng(5), target.plan(8, "auto")
    theta = 0.3 * np.random.default_rng(2).normal(size=target.family.count)
    theta[target.family.size : 2 * target.family.size] = 0.0
    repeats = 800 if "Gamma" in FAMILIES[name][0] else 300  # slopes in an sd near 0 have long tails
    found = np.stack([estimate(target, plan, theta, rng, 8).gradient for _ in range(repeats)])
    error = found.std(0, ddof=1) / np.sqrt(len(found)) + 1e-5
    block = target.terms.layout.blocks
    judged = [block["c"].where.start, block["v"].where.start, target.family.logits[0].start]
    for j in judged:
        step = 1e-4 * np.eye(len(theta))[j]
        wanted = (by_quadrature(target, theta + step) - by_quadrature(target, theta - step)) / 2e-4
        assert abs(found[:, j].mean() - wanted) < 5.0 * error[j]
        assert abs(found[:, j].mean() - wanted - 1.0) > 5.0 * error[j]  # a twin: a nat off is found out


def test_slopes_of_draws_are_those_of_quantiles() -> None:
    from scipy import special, stats

    p, h = np.linspace(0.02, 0.98, 25), 1e-6
    for a in (0.4, 3.0, 40.0):
        x = special.gammaincinv(a, p)
        wanted = (special.gammaincinv(a + h, p) - special.gammaincinv(a - h, p)) / (2 * h)
        tape = Tape(np.full((25, 1), a))
        shape = xp.squeeze(tape.input, axis=-1)
        given = [f(shape, x) for f in (xp.log_gammainc, xp.log_gammaincc)]
        moved = xp.implicit_draw(x, *given, stats.gamma(a).logpdf(x))
        found = tape.finish(moved).pulled(np.full((25, 1), a), np.ones(25))[:, 0]
        assert np.allclose(found, wanted, rtol=1e-5)
        assert not np.allclose(found, x / a, rtol=1e-2)  # a twin: slopes of a scale


ROWS = {"y": [0.3, 1.8, -0.4, 0.9]}
LADDER = """
table rows(y: real)
param m: real
param r: real
param v: positive
for i in rows:
    top[i] ~ Normal(0, 1)
    mid[i] ~ Normal(top[i], 0.5)
    y[i] ~ Normal(mid[i], 0.5)
guide:
    q(mid[i]) ~ Normal(m * y[i], v) for i in rows
    q(top[i]) ~ Normal(r * mid[i], {sd}) for i in rows
"""


def test_a_guide_against_the_order_of_the_model_is_exact_where_it_can_be() -> None:
    """The posterior is in the family: mid given y, then top given mid. The evidence is Gaussian, sd sqrt(1.5)."""
    fit = ppl.compile(LADDER.format(sd=repr(0.2**0.5))).fit(ROWS, method="bbvi", rate=0.2)
    y = np.array(ROWS["y"])
    evidence = float((-0.5 * y**2 / 1.5 - 0.5 * np.log(2 * np.pi * 1.5)).sum())
    assert abs(fit.bound.elbo - evidence) < 0.02
    assert abs(fit.draws["m"][0] - 1.25 / 1.5) < 0.03 and abs(fit.draws["r"][0] - 0.8) < 0.03
    wide = ppl.compile(LADDER.format(sd="1")).fit(ROWS, method="bbvi", rate=0.2)  # the twin
    assert wide.bound.elbo < evidence - 0.5


def test_points_have_no_spread_and_no_entropy() -> None:
    text = "table rows(y: real)\nmu ~ Normal(0, 2)\ny[i] ~ Normal(mu, 1) for i in rows\n"
    fit = ppl.compile(text + "guide:\n    q(mu) ~ Point\n").fit(ROWS, method="bbvi")
    draws = fit.draws["mu"]
    assert np.ptp(draws) == 0 and abs(draws[0] - 2.6 / 4.25) < 1e-3
    assert "mu ~ Delta" in fit.factored.blocks[0].sentence()


REFUSED = {
    "q(top[i]) ~ Normal(mid[i], 1) for i in rows\n    q(mid[i]) ~ Normal(top[i], 1) for i in rows": "reads what",
    "q(top[i]) ~ Normal(0, v) for i in rows if y[i] > 0": "leaves out",
    "q(top[i], mid[i]) ~ MultivariateNormal for i in rows": "one by one",
}


@pytest.mark.parametrize("guide", list(REFUSED))
def test_what_cannot_be_drawn_is_refused_at_its_line(guide: str) -> None:
    text = LADDER[: LADDER.index("guide:")] + f"guide:\n    {guide}\n"
    text = text.replace("param m: real\nparam r: real\n", "").replace("0.5)\nguide", "v)\nguide")
    with pytest.raises(ModelError, match=REFUSED[guide]) as caught:
        ppl.compile(text).fit(ROWS, method="bbvi")
    assert caught.value.diagnostics[0].code == "E605"
    assert caught.value.diagnostics[0].span is not None


def test_starts_are_where_the_prior_is() -> None:
    """A prior far from 0 on the real line is not cut off; bounded latents start within 20 on their own line."""
    text = "table rows(y: real)\nmu ~ Normal(300, 10)\ns ~ LogNormal(30, 1)\ny[i] ~ Normal(mu, s) for i in rows\n"
    target = target_of(text)
    where = {name: block.where.start for name, block in target.terms.layout.blocks.items()}
    assert abs(target.start[where["mu"]] - 300) < 5
    assert target.start[where["s"]] == 20
    drawn = prior_draw(target, np.random.default_rng(0))
    assert abs(drawn[where["mu"]] - 300) < 50 and drawn[where["s"]] == 20
