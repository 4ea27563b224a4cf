"""Fits from a model's text: pooled rows, discrete latents, reuse from the command, refusals, strange data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.cli.main import run
from ppl.errors import ModelError, UsageError

QUICK = {"simulations": 4000, "passes": 12}
MEAN_AND_SD = """
table rows(y: real)
mu ~ Normal(0, 3)
sigma ~ Gamma(4, 2)
y[i] ~ Normal(mu, sigma) for i in rows
"""
MIXED = """
table rows(y: real)
p ~ Beta(2, 2)
for i in rows:
    z[i] ~ Bernoulli(p)
    y[i] ~ Normal(4 * z[i], 1)
"""


def _fit(text: str, y: np.ndarray, **options: object) -> ppl.Fit:
    return ppl.compile(text, path=False).fit({"y": y}, method="npe", options={**QUICK, **options})


def test_rows_are_pooled_where_there_are_many() -> None:
    y = 1.0 + 2.0 * np.random.default_rng(0).normal(size=100)
    fit = _fit(MEAN_AND_SD, y, summary_of="pooled")
    assert abs(fit.draws["mu"].mean() - y.mean()) < 0.3 * 2 / np.sqrt(100) + 0.02
    assert abs(fit.draws["sigma"].mean() - y.std()) < 0.1
    shuffled = _fit(MEAN_AND_SD, np.sort(y), summary_of="pooled")
    np.testing.assert_allclose(shuffled.draws["mu"].mean(), fit.draws["mu"].mean(), atol=1e-6)


def test_discrete_latents_need_no_sum() -> None:
    rng = np.random.default_rng(1)
    y = 4.0 * (rng.random(60) < 0.3) + rng.normal(size=60)
    fit, exact = _fit(MIXED, y), ppl.compile(MIXED, path=False).fit({"y": y})
    assert abs(fit.draws["p"].mean() - exact.draws["p"].mean()) < 0.3 * exact.draws["p"].std()


def test_data_unlike_any_simulated_are_told() -> None:
    fit = _fit(MEAN_AND_SD, 1000.0 + np.arange(20.0))
    assert fit.status == "warn" and "W727" in {w.code for w in fit.warnings}
    assert "W727" not in {w.code for w in _fit(MEAN_AND_SD, np.linspace(-2.0, 2.0, 20)).warnings}


def test_a_saved_network_serves_new_data_untrained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m.model"
    model.write_text(MEAN_AND_SD)
    rng = np.random.default_rng(2)
    for name, shift in (("a", 0.0), ("b", 3.0)):
        rows = shift + rng.normal(size=25)
        (tmp_path / f"{name}.csv").write_text("y\n" + "\n".join(map(str, rows)) + "\n")
    first, second = tmp_path / "a.fit", tmp_path / "b.fit"
    more = ["--simulations", "4000", "--passes", "12"]
    assert (
        run(["fit", str(model), str(tmp_path / "a.csv"), "--method", "npe", *more, "--out", str(first)]) == 0
    )
    again = ["--method", "npe", "--network", str(first), "--out", str(second)]
    assert run(["fit", str(model), str(tmp_path / "b.csv"), *again]) == 0
    fit = ppl.load_fit(second) if hasattr(ppl, "load_fit") else ppl.load(str(second))
    assert abs(fit.draws["mu"].mean() - 3.0) < 0.5
    (tmp_path / "c.csv").write_text("y\n1\n2\n")
    assert run(["fit", str(model), str(tmp_path / "c.csv"), "--method", "npe", "--network", str(first)]) == 2
    assert "holds no network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("table rows(y: real)\nparam m: real\ny[i] ~ Normal(m, 1) for i in rows\n", "has no prior"),
        ("table rows(y: real)\nm ~ Normal(0, 1)\nfactor -m^2\ny[i] ~ Normal(m, 1) for i in rows\n", "factor"),
        (
            "table rows(y: real)\nz ~ Bernoulli(0.5)\ny[i] ~ Normal(z, 1) for i in rows\n",
            "no continuous latent",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(text: str, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        _fit(text, np.zeros(5))


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="too few"):
        _fit(MEAN_AND_SD, np.zeros(5), simulations=10)


def _hierarchy(groups: int) -> tuple[str, dict[str, np.ndarray]]:
    text = f"index groups = {groups}\ntable rows(g: groups, y: real)\nmu ~ Normal(0, 1)\nth[groups] ~ Normal(mu, 1)\n"
    text += "y[i] ~ Normal(th[g[i]], 1) for i in rows\n"
    return text, {"g": np.arange(groups) + 1, "y": np.random.default_rng(0).normal(size=groups)}


def test_many_coordinates_are_learnt() -> None:
    """Seventy effects of one row each: the posterior mean is nearly (y + mean(y)) / 2, its sd about 0.71."""
    text, data = _hierarchy(70)
    how = {"simulations": 4000, "passes": 5, "head": "flow", "correct": False}
    fit = ppl.compile(text, path=False).fit(data, method="npe", options=how)
    expected = 0.5 * (data["y"] + data["y"].mean())
    error = fit.draws["th"].mean(0) - expected
    assert np.sqrt(np.square(error).mean()) < 0.25
    assert np.sqrt(np.square(expected).mean()) > 0.35  # what zeros would be off by
    assert np.abs(fit.draws["th"].std(0).mean() - 0.71) < 0.1


def test_a_covariance_of_too_many_coordinates_is_refused() -> None:
    text, data = _hierarchy(200)
    with pytest.raises(UsageError, match="--head flow"):
        ppl.compile(text, path=False).fit(data, method="npe", options=QUICK)
