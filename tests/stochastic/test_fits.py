"""Whole fits by stochastic gradients: known posteriors, batches, guides, checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.errors import ModelError, UsageError
from ppl.inference.autoencoder import Autoencoder
from ppl.inference.backends.advi_stochastic import Backend
from ppl.inference.stochastic_target import StochasticTarget
from ppl.inference.windows import levelled
from tests.stochastic.models import CODED, LINEAR, linear, pictures, problem

MEAN = "table t(y: real)\nmu ~ Normal(0, 3)\ny[i] ~ Normal(mu, 2) for i in t\n"


def exact(y: np.ndarray) -> tuple[float, float]:
    precision = len(y) / 4 + 1 / 9
    return float(y.sum() / 4 / precision), precision**-0.5


@pytest.mark.parametrize("batch", ["", "t=50"])
def test_a_normal_mean(batch: str) -> None:
    y = 1.0 + 2.0 * np.random.default_rng(0).standard_normal(500)
    fit = ppl.fit(MEAN, {"y": y}, method="advi_stochastic", batch=batch)
    mean, sd = exact(y)
    assert abs(float(fit.draws["mu"].mean()) - mean) < 0.25 * sd
    assert float(fit.draws["mu"].std()) == pytest.approx(sd, rel=0.15)
    assert fit.status == "ok"


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    data = {"y": np.arange(6.0)}
    how = {"method": "advi-stochastic", "max_steps": 100}
    fits = [ppl.fit(MEAN, data, seed=s, **how) for s in (1, 1, 2)]
    means = [float(f.approximation.mean[0]) for f in fits]
    assert means[0] == means[1] != means[2]


def test_a_step_leaves_its_state_alone_and_is_repeatable() -> None:
    target = StochasticTarget(problem(CODED, pictures()), "images=8", single=False)
    backend = Backend(batch="images=8")
    first = backend.init(target, np.random.default_rng(0))
    kept = first.moments.x.copy()
    once, again = backend.step(target, first), backend.step(target, first)
    np.testing.assert_array_equal(first.moments.x, kept)
    np.testing.assert_array_equal(once.moments.x, again.moments.x)
    assert not np.array_equal(once.moments.x, kept)


def test_a_fit_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    data, path = {"y": np.arange(6.0)}, tmp_path / "at.ckpt"
    how = {"method": "advi_stochastic", "max_steps": 150}
    whole = ppl.fit(MEAN, data, **how)
    ppl.fit(MEAN, data, checkpoint=path, max_seconds=1e-9, **how)
    rest = ppl.fit(MEAN, data, checkpoint=path, resume=True, **how)
    assert float(rest.approximation.mean[0]) == float(whole.approximation.mean[0])


@pytest.fixture(scope="module")
def coded() -> ppl.Fit:
    return ppl.fit(
        LINEAR, linear(), method="advi_stochastic", batch="rows=50", learning_rate=0.3, max_steps=6000
    )


def evidence(fit: ppl.Fit, x: np.ndarray) -> np.ndarray:
    """log N(x; b, w w' + s^2 I): the code integrated out at the fitted weights."""
    w, b = fit.draws["load/mean/weight"][0, 0], fit.draws["load/mean/bias"][0]
    cov = np.outer(w, w) + float(fit.draws["s"][0]) ** 2 * np.eye(3)
    gap = x - b
    quad = np.einsum("ni,ij,nj->n", gap, np.linalg.inv(cov), gap)
    return -0.5 * (quad + np.linalg.slogdet(cov)[1] + 3 * np.log(2 * np.pi))


def test_an_exact_guide_reaches_the_evidence(coded: ppl.Fit) -> None:
    data = linear()
    exactly = evidence(coded, np.stack([data[f"x{k}"] for k in range(3)], 1))
    found = Autoencoder(coded, "rows", data)
    assert found.log_likelihood(200).mean() == pytest.approx(exactly.mean(), abs=0.01)
    bound = found.terms(200).elbo.mean()
    assert exactly.mean() - 0.05 < bound <= exactly.mean() + 0.005
    assert abs(found.amortisation_gap(20, 200)) < 0.06
    assert found.active_units("z") == 1
    assert coded.elbo / 200 == pytest.approx(bound, abs=0.02)


def test_the_weights_are_those_of_probabilistic_principal_components(coded: ppl.Fit) -> None:
    data = np.stack([linear()[f"x{k}"] for k in range(3)], 1)
    values, vectors = np.linalg.eigh(np.cov(data.T, bias=True))
    s = np.sqrt(values[:2].mean())
    best = np.sqrt(values[2] - s**2) * vectors[:, 2]
    found = coded.draws["load/mean/weight"][0, 0]
    assert min(np.abs(found - best).max(), np.abs(found + best).max()) < 0.08
    assert float(coded.draws["s"][0]) == pytest.approx(s, rel=0.05)


def test_a_saved_guide_codes_new_rows(coded: ppl.Fit, tmp_path: Path) -> None:
    coded.save(tmp_path / "coded.fit")
    new = {k: v[:7] for k, v in linear().items()}
    here, there = (Autoencoder(f, "rows", new).means["z"] for f in (coded, ppl.load(tmp_path / "coded.fit")))
    assert here.shape == (7, 1)
    np.testing.assert_array_equal(here, there)


def test_a_heavier_rate_costs_fewer_nats() -> None:
    how = {"method": "advi_stochastic", "max_steps": 800, "learning_rate": 0.3}
    fits = [ppl.fit(LINEAR, linear(), rate_weight=w, **how) for w in (0.5, 4.0)]
    rates = [Autoencoder(f, "rows").terms().rate.mean() for f in fits]
    assert rates[1] < rates[0] - 0.2


def test_single_precision_comes_to_the_same() -> None:
    how = {"method": "advi_stochastic", "max_steps": 600, "learning_rate": 0.3}
    double, single = (ppl.fit(LINEAR, linear(), single=s, **how).elbo for s in (False, True))
    assert single == pytest.approx(double, rel=0.02)


def test_what_is_refused() -> None:
    with pytest.raises(ModelError, match="E605.*--method advi"):
        ppl.fit(CODED, pictures())
    with pytest.raises(UsageError, match="E705.*no batch"):
        ppl.fit(MEAN, {"y": [1.0]}, method="advi_stochastic", batch="t")
    gamma = MEAN.replace("mu ~ Normal(0, 3)", "mu ~ Gamma(2, 1)") + "guide:\n    q(mu) ~ Gamma(2, 1)\n"
    with pytest.raises(ModelError, match="E605.*Gamma"):
        ppl.fit(gamma, {"y": [1.0]}, method="advi_stochastic")
    with pytest.raises(ModelError, match="E605.*Point"):
        ppl.fit(MEAN + "guide:\n    q(mu) ~ Point\n", {"y": [1.0]}, method="advi_stochastic")


def test_windows_call_noise_level_and_a_trend_not() -> None:
    """Level series of 400 are called level in at least 70 of 100 cases; a rise of 5 sds never is."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((100, 400))
    assert sum(levelled(row, 200) for row in noise) >= 70
    assert not any(levelled(row + np.linspace(0, 5, 400), 200) for row in noise)


def test_the_plan_tells_of_the_guide_and_the_networks() -> None:
    from ppl.report.plan import plan_text

    text = plan_text(ppl.compile(CODED))
    assert "Normal as the guide says" in text
    assert "MLP whose weights are points" in text


def test_a_log_normal_guide_finds_a_gamma_posterior() -> None:
    """The rate of Poisson counts: its posterior is Gamma(a + sum, b + n), close to log-normal."""
    text = """
table t(y: count)
param m
param s: positive
rate ~ Gamma(2, 1)
y[i] ~ Poisson(rate) for i in t
guide:
    q(rate) ~ LogNormal(m, s)
"""
    y = np.random.default_rng(0).poisson(3.0, 60)
    fit = ppl.fit(text, {"y": y}, method="advi_stochastic")
    shape, by = 2 + y.sum(), 61
    assert float(fit.draws["rate"].mean()) == pytest.approx(shape / by, rel=0.01)
    assert float(fit.draws["rate"].std()) == pytest.approx(np.sqrt(shape) / by, rel=0.15)
    assert fit.status == "ok"
