"""Fits from a model's text: what only this method fits, what it says, and what it refuses.

Fits are deterministic for a seed; figures are compared with enumeration within tolerances that bound
the approximation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.cli.main import run
from ppl.errors import DataError, ModelError, UsageError
from tests.bbvi.small import CHAIN, TEXT, Enumerated, target_of

WHOLE = """
index F = 25
table rows(y: real)
w[F] ~ Normal(0, 1)
z[F] ~ Bernoulli(0.3)
u[f] = w[f] * z[f] for f in F
y[i] ~ Normal(sum(u) + dot(w, z), 1) for i in rows
"""
ROWS = {"y": [0.3, 1.8]}


def _fit(text: str, **more: object) -> ppl.Fit:
    options = {"starts": 1, **more.pop("options", {})}  # type: ignore[dict-item]
    return ppl.compile(text, path=False).fit(ROWS, method="bbvi", options=options, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [TEXT, CHAIN], ids=["rows", "chain"])
def test_models_of_discrete_latents_alone_reach_the_best_tables(text: str) -> None:
    fit = _fit(text)
    target = target_of(text)
    exact = Enumerated(target)
    rng = np.random.default_rng(0)
    best = max(_climbed(exact, rng.normal(size=target.family.count)) for _ in range(2))
    assert fit.status == "ok"
    assert best - fit.bound.elbo < 0.02 + 4 * fit.bound.error
    assert fit.bound.elbo < best + 4 * fit.bound.error


def _climbed(exact: Enumerated, theta: np.ndarray) -> float:
    """The exact ELBO after plain gradient ascent."""
    for _ in range(120):
        theta = theta + 3.0 * exact.gradient(theta)
    return exact.elbo(theta)


def test_vectors_of_states_are_fitted_that_others_refuse_with_a_hint() -> None:
    fit = _fit(WHOLE, options={"max_steps": 300})
    assert np.isfinite(fit.bound.elbo)
    with pytest.raises(ModelError, match="--method bbvi"):
        ppl.compile(WHOLE, path=False).fit(ROWS)
    with pytest.raises(DataError, match="--method bbvi"):
        ppl.compile(TEXT, path=False).fit(ROWS)


def test_a_model_without_latents_is_refused() -> None:
    with pytest.raises(DataError, match="no latent"):
        _fit("table rows(y: real)\ny[i] ~ Normal(0, 1) for i in rows\n")


def test_a_mixture_finds_its_components() -> None:
    rng = np.random.default_rng(0)
    x = np.array([-5.0, 0.0, 5.0])[rng.integers(3, size=90)] + 0.7 * rng.normal(size=90)
    text = """
index comps = 3
table points(x: real)
weight[comps] ~ Dirichlet(1)
mu[k] ~ Normal(0, 10) for k in comps
sigma ~ HalfNormal(5)
for i in points:
    c[i] ~ Categorical(weight)
    x[i] ~ Normal(mu[c[i]], sigma)
"""
    fit = ppl.compile(text, path=False).fit({"x": x}, method="bbvi")
    np.testing.assert_allclose(np.sort(fit.draws["mu"].mean(0)), [-5, 0, 5], atol=0.3)
    assert abs(fit.draws["sigma"].mean() - 0.7) < 0.1


NETWORK = """
index F = 3
index pixels
table images(x[pixels]: bool = "p_*")
network decode(F -> logit[pixels]) = MLP(hidden = [6])
for i in images:
    z[i, F] ~ Bernoulli(0.5)
    x[i, pixels] ~ Bernoulli(logit = decode(z[i]).logit)
"""


def test_a_network_decodes_discrete_codes() -> None:
    rng = np.random.default_rng(0)
    code, weights = rng.integers(2, size=(40, 3)), 5 * rng.normal(size=(3, 8))
    x = (code - 0.5) @ weights + rng.logistic(size=(40, 8)) > 0
    columns = {f"p_{j + 1}": x[:, j] for j in range(8)}
    options = {"starts": 1, "draws_per_step": 4, "max_steps": 600}
    fit = ppl.compile(NETWORK, path=False).fit(columns, method="bbvi", options=options)
    flat = sum(len(c) * _entropy(c.mean()) for c in columns.values())
    assert fit.draws["decode/weight1"].shape[1:] == (3, 6)
    assert fit.bound.elbo > 0.75 * flat  # independent pixels of the best probabilities


def _entropy(p: float) -> float:
    """The mean log probability of a coin that fits best."""
    return float(p * np.log(max(p, 1e-9)) + (1 - p) * np.log(max(1 - p, 1e-9)))


def test_the_parts_of_the_bound_add_up_and_noise_is_told() -> None:
    fit = _fit(TEXT)
    assert fit.factored is not None
    assert abs(sum(fit.factored.elbo_terms.values()) - fit.bound.elbo) < 1e-8
    assert all("signal-to-noise" in b.reason for b in fit.factored.blocks)


def test_a_gradient_that_drowns_in_noise_is_not_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "W725" not in {w.code for w in _fit(TEXT).warnings}
    from ppl.inference import score_result

    monkeypatch.setattr(score_result, "SMALLEST_SNR", 1e6)
    fit = _fit(TEXT)
    assert fit.status == "warn" and "W725" in {w.code for w in fit.warnings}


def test_a_seed_gives_the_same_fit_and_another_seed_another() -> None:
    once, again, other = (_fit(CHAIN, seed=s) for s in (1, 1, 2))
    assert once.bound.elbo == again.bound.elbo != other.bound.elbo


def test_options_that_cannot_be_obeyed_are_refused() -> None:
    with pytest.raises(UsageError, match="leave-one-out"):
        _fit(TEXT, options={"draws_per_step": 1})
    with pytest.raises(UsageError, match="estimator"):
        _fit(TEXT, options={"estimator": "best"})
    with pytest.raises(UsageError, match="even"):
        _fit(TEXT, options={"estimator": "disarm", "draws_per_step": 3})


def test_the_command_fits_saves_and_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data, out = tmp_path / "m.model", tmp_path / "d.csv", tmp_path / "f.fit"
    model.write_text(TEXT)
    data.write_text("y\n0.3\n1.8\n")
    assert run(["fit", str(model), str(data), "--method", "bbvi", "--out", str(out)]) == 0
    assert "standard error" in capsys.readouterr().out
    assert run(["summary", str(out)]) == 0
    assert run(["explain", str(model), str(data), "--method", "bbvi"]) == 0
    assert "z: local" in capsys.readouterr().out


def test_an_interrupted_fit_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    point = tmp_path / "point.npz"
    whole = _fit(CHAIN)
    _fit(CHAIN, checkpoint=point, max_seconds=0.15)
    resumed = _fit(CHAIN, checkpoint=point, resume=True)
    assert resumed.bound.elbo == whole.bound.elbo
