"""Guides of vectors and counts, and what a fit with guides that draw is good for afterwards.

Mean gradients are judged as in `test_drawn_guides`, 5 standard errors: a false alarm in 6e-7 of the fewer than
50 figures judged here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.graph.blocks import constrained
from ppl.inference import score_estimate
from ppl.inference.score_estimate import ScoreTarget, estimate
from tests.bbvi.small import target_of
from tests.bbvi.test_drawn_guides import LADDER, ROWS, largest_z

COUNTS = """
table rows(y: count)
param c: real
k ~ Bernoulli(0.4)
n ~ {prior}
y[i] ~ Poisson(0.5 + 0.5 * n + k) for i in rows
guide:
    q(n) ~ {guide}
"""
COUNTED = {
    "Poisson": ("Poisson(2)", "Poisson(exp(c))"),
    "Poisson that reads a table": ("Poisson(2)", "Poisson(exp(c + 0.5 * k))"),
    "Binomial": ("Binomial(20, 0.2)", "Binomial(20, inv_logit(c))"),
    "Binomial of few states": ("Binomial(4, 0.9)", "Binomial(4, inv_logit(c - k))"),
}


@pytest.mark.parametrize("name", list(COUNTED))
def test_mean_gradients_of_counts_are_the_exact_ones(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prior, guide = COUNTED[name]
    target = target_of(COUNTS.format(prior=prior, guide=guide), "y\n3\n4\n")
    assert largest_z(target, "auto", 400) < 5.0
    monkeypatch.setattr(score_estimate, "guided_slopes", lambda node, x, values: np.zeros_like(x))
    assert largest_z(target, "auto", 400) > 5.0  # the twin: no score of what the guide reads


SHARES = """
index K = 2
table rows(y: real)
param c: real
p[K] ~ Dirichlet([2, 3])
y[i] ~ Normal(3 * p[1], 1) for i in rows
guide:
    q(p) ~ Dirichlet([1 + exp(c), 2])
"""


def _on_a_grid(target: ScoreTarget, theta: np.ndarray) -> float:
    """The ELBO over midpoints of p's coordinate, by the densities alone."""
    (q,), x = target.terms.drawn, np.zeros((4000, target.family.width))
    x[:] = theta[: target.family.size]
    x[:, q.where.start] = np.linspace(-12, 12, 8001)[1::2]
    weight = np.exp(
        q.log_q.value(x)[:, 0] + constrained(target.terms.at, target.terms.layout.blocks["p"], x)[1]
    )
    return float((weight / weight.sum() * target.log_joint(x)).sum())


def test_the_mean_gradient_of_a_dirichlet_is_the_exact_one() -> None:
    target = target_of(SHARES)
    theta, rng, plan = np.zeros(target.family.count), np.random.default_rng(5), target.plan(8, "auto")
    assert [q.estimator for q in plan.guided] == ["score"]
    j = target.terms.layout.blocks["c"].where.start
    found = np.array([estimate(target, plan, theta, rng, 8).gradient[j] for _ in range(400)])
    step = 1e-4 * np.eye(len(theta))[j]
    wanted = (_on_a_grid(target, theta + step) - _on_a_grid(target, theta - step)) / 2e-4
    error = found.std(ddof=1) / 20
    assert abs(found.mean() - wanted) < 5 * error < abs(wanted) / 2  # a slope of 0 would be found out


VECTOR = """
index K = 2
given S[K, K']: real
param m[K]: real
param t: positive
table rows(x: real, y: real)
b[K] ~ Normal(0, 5)
y[i] ~ Normal(b[1] + b[2] * x[i], 1) for i in rows
guide:
    q(b) ~ MultivariateNormal(m, cov = covariance(t * S))
"""


@pytest.mark.parametrize("exact", [True, False])
def test_a_multivariate_normal_with_arguments_is_the_posterior_where_it_can_be(exact: bool) -> None:
    """ELBOs have a standard error under 0.02; the twin has a covariance of the wrong sign."""
    rng = np.random.default_rng(0)
    x = rng.normal(2, 1, 30)
    y = 1 + 2 * x + rng.normal(0, 1, 30)
    design = np.stack([np.ones(30), x], axis=1)
    cov = np.linalg.inv(design.T @ design + np.eye(2) / 25)
    shape = cov if exact else cov * [[1, -1], [-1, 1]]
    fit = ppl.compile(VECTOR).fit({"x": x, "y": y, "S": shape.tolist()}, method="bbvi", rate=0.2)
    marginal = np.eye(30) + 25 * design @ design.T
    evidence = -0.5 * (y @ np.linalg.solve(marginal, y) + np.linalg.slogdet(2 * np.pi * marginal)[1])
    assert (abs(fit.bound.elbo - evidence) < 0.1) == exact
    if exact:
        assert np.allclose(fit.draws["m"][0], cov @ design.T @ y, atol=0.05)
        assert abs(fit.draws["t"][0] - 1) < 0.05
        assert fit.checks["importance_share"] > 0.95


WEIGHTED = """
table rows(y: real, n: weight)
param a: real
param v: positive
for i in rows:
    z[i] ~ Bernoulli(0.3)
    w[i] ~ Bernoulli(0.6 if z[i] else 0.2)
    y[i] ~ Normal(2 * z[i] + w[i], 1)
guide:
    q(z[i]) ~ Bernoulli(logit = a * y[i]) for i in rows
    q(w[i]) ~ Bernoulli(logit = a * y[i] + v * z[i]) for i in rows
"""


def _gradient(text: str, rows: str, asked: str) -> tuple[np.ndarray, np.ndarray]:
    target = target_of(text, rows)
    plan, rng = target.plan(4, asked), np.random.default_rng(2)
    theta = target.settled(np.full(target.family.count, 0.2))
    found = np.stack(
        [target.chained(theta, estimate(target, plan, theta, rng, 4).gradient) for _ in range(400)]
    )
    where = [target.terms.layout.blocks[name].where.start for name in "av"]
    return found[:, where].mean(0), found[:, where].std(0, ddof=1) / 20


@pytest.mark.parametrize("asked", ["auto", "score"])
def test_weights_of_rows_count_as_copies(asked: str) -> None:
    mean, error = _gradient(WEIGHTED, "y,n\n0.3,1\n1.8,3\n", asked)
    plain = WEIGHTED.replace(", n: weight)", ")")
    copies, other = _gradient(plain, "y\n0.3\n1.8\n1.8\n1.8\n", asked)
    once, _ = _gradient(plain, "y\n0.3\n1.8\n", asked)  # the twin: weights left out
    assert (np.abs(mean - copies) < 5 * np.hypot(error, other) + 1e-9).all()
    assert (np.abs(mean - once) > 5 * error).any()


def test_a_saved_fit_has_its_summary_and_its_predictions(tmp_path: Path) -> None:
    fit = ppl.compile(LADDER.format(sd=repr(0.2**0.5))).fit(ROWS, method="bbvi", rate=0.2)
    path = tmp_path / "ladder.fit"
    fit.save(path)
    again = ppl.load(path)
    assert str(again.summary()) == str(fit.summary()) and again.verdict == fit.verdict
    assert abs(again.summary()["mid[2]"].mean - 1.25 / 1.5 * 1.8) < 0.15
    assert "Normal" in " ".join(b.sentence() for b in again.factored.blocks)
    drawn = again.predict({"y": [0.0] * 5}).draws("y")  # other rows: latents from the prior, sd sqrt(1.5)
    assert np.abs(drawn.std(0) - 1.5**0.5).max() < 5 * 1.5**0.5 / np.sqrt(2 * len(drawn))
    assert np.abs(drawn.std(0) - 1.25**0.5).min() > 5 * 1.5**0.5 / np.sqrt(
        2 * len(drawn)
    )  # a twin: no sd of `mid`
