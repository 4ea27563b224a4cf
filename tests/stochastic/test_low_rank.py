"""Gaussians of low rank plus diagonal: their density, their draws, their slopes, and fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import ppl
from ppl.backend.low_rank import LowRank, balanced, crossed
from ppl.errors import UsageError
from ppl.graph.flows import Wish
from ppl.graph.stochastic import StochasticElbo
from tests.stochastic.models import RAGGED, problem, ragged

REGRESSION = """
index k = 5
table rows(x[k]: real = "x*", y: real)
b[k] ~ Normal(0, 2)
a ~ Normal(0, 2)
y[i] ~ Normal(a + dot(x[i], b), 0.5) for i in rows
"""


def regression(n: int = 60) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, float]:
    """Data with correlated predictors of large means; the exact means, covariance and log evidence."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 5)) @ rng.standard_normal((5, 5)) / 2 + 1.5
    y = x @ rng.standard_normal(5) + 0.5 * rng.standard_normal(n)
    z = np.c_[x, np.ones(n)]
    cov = np.linalg.inv(z.T @ z / 0.25 + np.eye(6) / 4)
    evidence = multivariate_normal(np.zeros(n), 4 * z @ z.T + 0.25 * np.eye(n)).logpdf(y)
    data = {f"x{k + 1}": x[:, k] for k in range(5)} | {"y": y}
    return data, cov @ (z.T @ y) / 0.25, cov, float(evidence)


def test_the_density_is_that_of_its_covariance() -> None:
    rng = np.random.default_rng(1)
    q = LowRank(6, 2)
    u = rng.standard_normal((6, 2))
    e, f = rng.standard_normal((9, 1, 6)), rng.standard_normal((9, 1, 2))
    v, minus_log_q = q.drawn(u.reshape(1, -1), e, f, closed=False)
    exact = multivariate_normal(np.zeros(6), np.eye(6) + u @ u.T)
    np.testing.assert_allclose(v[:, 0], e[:, 0] + f[:, 0] @ u.T, rtol=1e-12)
    np.testing.assert_allclose(minus_log_q.ravel(), -exact.logpdf(v[:, 0]), rtol=1e-10)
    _, entropy = q.drawn(u.reshape(1, -1), e, f, closed=True)
    assert float(entropy.item()) == pytest.approx(exact.entropy(), rel=1e-12)


@pytest.mark.parametrize("shrink", [1.0, 0.95], ids=["right", "narrower"])
def test_balanced_draws_are_standard_normal(shrink: float) -> None:
    """|z| < 5 for each of 14 variances of 20,000 sets: a false alarm in 120,000 runs; 5 % narrower is caught."""
    rng = np.random.default_rng(2)
    sets = 20000
    found = []
    for _ in range(sets // 100):
        e, f = rng.standard_normal((400, 1, 4)), shrink * rng.standard_normal((400, 1, 3))
        both = np.concatenate([balanced(e), crossed(f)], axis=-1)[:, 0]
        assert np.abs(balanced(e)[:, 0].T @ crossed(f)[:, 0]).max() < 1e-10
        assert np.abs(both.sum(0)).max() < 1e-10
        found.append(both[:100])
    draws = np.concatenate(found)
    z = (np.square(draws).mean(0) - 1.0) / np.sqrt(2.0 / sets)
    fourth = (np.power(draws, 4).mean(0) - 3.0) / np.sqrt(96.0 / sets)
    assert (max(np.abs(z).max(), np.abs(fourth).max()) < 5.0) == (shrink == 1.0)


@pytest.mark.parametrize("draws", [3, 8])
def test_slopes_are_those_of_the_objective(draws: int) -> None:
    found = StochasticElbo(problem(RAGGED, ragged()), flow=Wish(rank=2))
    x = found.start(0, -1.0) + 0.1 * np.random.default_rng(3).standard_normal(found.size)

    def objective(at: np.ndarray) -> float:
        return found.slopes(at, found.everything, np.random.default_rng(1), draws).objective

    here = found.slopes(x, found.everything, np.random.default_rng(1), draws)
    slopes = np.concatenate([s.ravel() for s in here.slopes])
    for k in range(0, found.size, 3):
        step = 1e-5 * np.eye(found.size)[k]
        numeric = (objective(x + step) - objective(x - step)) / 2e-5
        assert slopes[k] == pytest.approx(numeric, rel=1e-5, abs=1e-5)


@pytest.fixture(scope="module")
def fits() -> dict[int, Any]:
    data = regression()[0]
    options: dict[str, Any] = {"method": "advi_stochastic", "family": "low_rank", "max_steps": 2000}
    return {r: ppl.fit(REGRESSION, data, rank=r, **options) for r in (2, 6)}


def test_of_full_rank_it_is_the_exact_posterior(fits: dict[int, Any]) -> None:
    _, mean, cov, evidence = regression()
    draws = np.c_[fits[6].draws["b"], fits[6].draws["a"]]
    sd = np.sqrt(np.diag(cov))
    assert evidence - 0.5 < fits[6].elbo < evidence + 0.1
    assert np.abs((draws.mean(0) - mean) / sd).max() < 0.15
    assert np.abs(draws.std(0) / sd - 1).max() < 0.1
    correlation = cov / np.outer(sd, sd)
    assert np.abs(np.corrcoef(draws.T) - correlation).max() < 0.1


def test_every_direction_raises_the_bound(fits: dict[int, Any]) -> None:
    """The best independent Gaussian's bound is known here: log evidence + (log|P| - sum log P_ii) / 2."""
    _, _, cov, evidence = regression()
    precision = np.linalg.inv(cov)
    best = evidence + 0.5 * (np.linalg.slogdet(precision)[1] - np.log(np.diag(precision)).sum())
    assert fits[2].elbo > best + 1.0
    assert fits[6].elbo > fits[2].elbo


def test_batches_leave_local_latents_independent() -> None:
    fit = ppl.fit(
        RAGGED, ragged(), method="advi_stochastic", family="low_rank", batch="groups=4", max_steps=50
    )
    assert np.isfinite(fit.elbo)
    assert set(fit.draws) >= {"tau", "a", "b"}


def test_beside_a_guide_it_draws_by_name() -> None:
    text = RAGGED + "guide:\n    q(b) ~ Normal(0, 1)\n"
    fit = ppl.fit(text, ragged(), method="advi_stochastic", family="low_rank", rank=2, max_steps=50)
    assert np.isfinite(fit.elbo)
    assert fit.draws["a"].std(0).min() > 0.0


def test_a_rank_below_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="E702.*rank"):
        ppl.fit(REGRESSION, regression()[0], method="advi_stochastic", family="low_rank", rank=-1)
