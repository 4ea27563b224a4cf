"""Fits of Gaussians, whose best approximations are known."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.errors import UsageError
from ppl.inference.backends.advi import Backend
from ppl.inference.draws import matched, whitened
from ppl.inference.finite import FiniteTarget
from ppl.inference.full_rank import Frame, FullRank
from tests.inference.problems import fit, gaussian


def divergence(q, facts) -> float:
    """KL from q to the target."""
    cov = q.scale_tril @ q.scale_tril.T
    product, away = facts["precision"] @ cov, q.mean - facts["mean"]
    quadratic = away @ facts["precision"] @ away
    return 0.5 * (np.trace(product) - q.size - np.linalg.slogdet(product)[1] + quadratic)


@pytest.mark.parametrize("size", [2, 10, 50])
@pytest.mark.parametrize("condition", [10.0, 1e4])
def test_full_rank_is_exact(size: int, condition: float) -> None:
    problem = gaussian(size, condition)
    done, certificate = fit(problem)
    assert done.outcome.status == "converged"
    assert certificate.status == "ok"
    assert divergence(done.result, problem.facts) < 1e-6
    assert certificate.importance.exact
    assert certificate.khat_text == "exact"
    assert abs(certificate.elbo) < 1e-6  # the target is normalised


@pytest.mark.parametrize("size", [2, 10, 50])
def test_mean_field_finds_conditional_sds_and_response_the_marginal_ones(size: int) -> None:
    problem = gaussian(size, 20.0)
    done, _ = fit(problem, family="mean_field")
    precision = problem.facts["precision"]
    sd = 1 / np.sqrt(np.diag(precision))
    assert done.outcome.status == "converged"
    assert np.abs((done.result.mean - problem.facts["mean"]) / sd).max() < 0.05
    assert np.abs(done.result.log_sd - np.log(sd)).max() < 0.03
    assert np.allclose(done.result.response_cov, np.linalg.inv(precision), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("start", [-5.0, -3.0, -1.0, 0.0, 1.0])
@pytest.mark.parametrize("family", ["mean_field", "full_rank"])
def test_every_start_reaches_the_same_optimum(start: float, family: str) -> None:
    from tests.inference.problems import eight_schools

    for problem in (gaussian(10), eight_schools()):
        done, _ = fit(problem, family=family, start_log_sd=start)
        base, _ = fit(problem, family=family)
        assert done.outcome.status == "converged"
        assert abs(done.state.ascent.value - base.state.ascent.value) < 1e-4


def test_start_far_away_and_badly_scaled() -> None:
    problem = gaussian(8, 1e5)
    shifted, certificate = fit(problem, start_jitter=50.0)
    assert shifted.outcome.status == "converged"
    assert certificate.status == "ok"
    assert divergence(shifted.result, problem.facts) < 1e-4


def test_too_few_draws_for_a_full_covariance() -> None:
    problem = gaussian(10)
    with pytest.raises(UsageError, match="at least 20 draws"):
        fit(problem, family="full_rank", draws=10)
    eps = matched(np.random.default_rng(0), 10, 10)
    with pytest.raises(ValueError, match="no maximum"):
        FullRank(FiniteTarget(problem), eps, Frame(np.zeros(10), np.eye(10)), np.ones(10))
    with pytest.raises(ValueError, match="takes at least"):
        whitened(np.random.default_rng(0), 10, 10)


def test_twin_matched_draws_alone_get_scales_wrong() -> None:
    """The broken twin of the mean-field figure: independent draws miss the bound of 0.03."""
    from dataclasses import replace

    from ppl.inference import draws

    problem = gaussian(10, 20.0)
    backend = Backend(family="mean_field")
    state = backend.init(problem, np.random.default_rng(0))
    state = replace(state, eps=np.random.default_rng(5).standard_normal(state.eps.shape))
    for _ in range(200):
        state = backend.step(problem, state)
        if state.phase != "climb" or state.reason:
            break
    log_sd = state.answer.x[10:] if len(state.answer.x) else state.ascent.x[10:]
    sd = 1 / np.sqrt(np.diag(problem.facts["precision"]))
    assert np.abs(log_sd - np.log(sd)).max() > 0.03
    assert draws.stream(3, 1).random() == draws.stream(3, 1).random()


def test_gradients_are_the_derivatives_of_the_values() -> None:
    from ppl.inference.mean_field import MeanField
    from tests.inference.problems import eight_schools

    problem, rng = eight_schools(), np.random.default_rng(1)
    finite = FiniteTarget(problem)
    full = FullRank(finite, whitened(rng, 40, 10), Frame(rng.standard_normal(10), np.eye(10)), np.ones(10))
    mean = MeanField(finite, matched(rng, 10, 10), np.ones(10))
    for objective, size in ((full, 65), (mean, 20)):
        x = 0.3 * rng.standard_normal(size)
        numeric = [(objective(x + h)[0] - objective(x - h)[0]) / 2e-5 for h in 1e-5 * np.eye(size)]
        assert np.allclose(objective(x)[1], numeric, rtol=1e-6, atol=1e-6)
