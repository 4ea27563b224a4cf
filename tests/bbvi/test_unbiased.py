"""Every gradient estimator has the exact gradient as its mean.

A parameter fails where its mean is 5 standard errors off: a false alarm in 6e-7 of parameters, of
which a run judges fewer than 200.
"""

from __future__ import annotations

import numpy as np
import pytest

from ppl.inference import score_estimate
from ppl.inference.score_estimate import ScoreTarget, estimate
from tests.bbvi.small import CHAIN, TEXT, Enumerated, target_of

CASES = [("score", 2), ("score", 5), ("disarm", 2), ("local", 2), ("auto", 2)]


def _mean_and_error(
    target: ScoreTarget, theta: np.ndarray, asked: str, draws: int, repeats: int
) -> tuple[np.ndarray, np.ndarray]:
    rng, plan = np.random.default_rng(3), target.plan(draws, asked)
    found = np.stack([estimate(target, plan, theta, rng, draws).gradient for _ in range(repeats)])
    return found.mean(0), found.std(0, ddof=1) / np.sqrt(repeats)


def _largest_z(target: ScoreTarget, asked: str, draws: int, repeats: int) -> float:
    theta = np.random.default_rng(1).normal(size=target.family.count)
    mean, error = _mean_and_error(target, theta, asked, draws, repeats)
    exact = Enumerated(target).gradient(theta)
    return float((np.abs(mean - exact) / (error + 1e-7)).max())


@pytest.mark.parametrize("text", [TEXT, CHAIN], ids=["rows", "chain"])
@pytest.mark.parametrize(("asked", "draws"), CASES)
def test_the_mean_is_the_exact_gradient(text: str, asked: str, draws: int) -> None:
    assert _largest_z(target_of(text), asked, draws, 600) < 5.0


@pytest.mark.soak
@pytest.mark.parametrize("asked", ["score", "disarm", "local"])
def test_the_mean_is_the_exact_gradient_at_a_million_draws(asked: str) -> None:
    assert _largest_z(target_of(TEXT), asked, 100, 10_000) < 5.0


def test_a_baseline_with_the_draw_itself_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_estimate, "leave_one_out", lambda f: f - f.mean(0))
    assert _largest_z(target_of(TEXT), "score", 2, 600) > 5.0


def test_a_blanket_with_a_term_too_few_is_found_out() -> None:
    target = target_of(TEXT)
    plan = target.plan(2, "score")
    node = plan.discrete[0]
    short = type(node.blanket)(node.blanket.parts[1:], node.blanket.shape)
    object.__setattr__(node, "blanket", short)
    assert _largest_z(target, "score", 2, 600) > 5.0


CONTINUOUS = """
table rows(y: real)
mu ~ Normal(1, 2)
for i in rows:
    u[i] ~ Normal(mu, 1.5)
    y[i] ~ Normal(u[i], 0.7)
"""


def test_score_and_pathwise_gradients_of_continuous_latents_agree() -> None:
    target = target_of(CONTINUOUS)
    theta = 0.5 * np.random.default_rng(2).normal(size=target.family.count)
    path, path_error = _mean_and_error(target, theta, "auto", 8, 500)
    by_score, error = _mean_and_error(target, theta, "score", 8, 500)
    assert (np.abs(path - by_score) / np.hypot(path_error, error)).max() < 5.0
    assert error.sum() > 2 * path_error.sum()


def test_one_draw_is_refused() -> None:
    from ppl.errors import UsageError
    from ppl.inference.backends.bbvi import Backend

    with pytest.raises(UsageError, match="leave-one-out"):
        Backend(draws_per_step=1).target(None)
