"""Networks in a model: their values and gradients, their place in a fit, and prediction from a saved one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import ppl
from ppl.errors import DataError, ModelError

SEVERAL = """
index ins = 3, hid = 2, outs = 4, two = 2
table rows(a[ins]: real = "a*", b[two]: real = "b*", y[outs]: real = "y*")
network f(ins, two -> mean[outs], logsd) = MLP(hidden = [3, 2], activation = "ACT")
for i in rows:
    y[i, outs] ~ Normal(f(a[i], b[i]).mean, exp(f(a[i], b[i]).logsd))
"""
LINEAR = """
index ins = 3
table rows(a[ins]: real = "a*", y: real)
network f(ins -> m) = Linear()
s ~ HalfNormal(1)
y[i] ~ Normal(f(a[i]).m, s) for i in rows
"""
CURVE = """
index one = 1
table rows(x: real, y: real)
network f(one -> m) = MLP(hidden = [4]PRIOR)
s ~ HalfNormal(1)
y[i] ~ Normal(f([x[i]]).m, s) for i in rows
"""


def columns(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    names = ("a1", "a2", "a3", "b1", "b2", "y1", "y2", "y3", "y4")
    return {name: rng.standard_normal(n) for name in names}


def weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {
        "f/weight1/1": (3, 3), "f/weight1/2": (2, 3), "f/bias1": (3,), "f/weight2": (3, 2), "f/bias2": (2,),
        "f/mean/weight": (2, 4), "f/mean/bias": (4,), "f/logsd/weight": (2,), "f/logsd/bias": (),
    }  # fmt: skip
    return {name: 0.5 * rng.standard_normal(shape) for name, shape in shapes.items()}


def by_hand(data: dict[str, np.ndarray], w: dict[str, np.ndarray], act: str) -> float:
    functions = {
        "tanh": np.tanh,
        "relu": lambda x: np.maximum(x, 0),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softplus": lambda x: np.log1p(np.exp(x)),
    }
    a, b, y = (
        np.stack([data[f"{k}{i + 1}"] for i in range(n)], 1) for k, n in (("a", 3), ("b", 2), ("y", 4))
    )
    h = functions[act](a @ w["f/weight1/1"] + b @ w["f/weight1/2"] + w["f/bias1"])
    h = functions[act](h @ w["f/weight2"] + w["f/bias2"])
    mean = h @ w["f/mean/weight"] + w["f/mean/bias"]
    sd = np.exp(h @ w["f/logsd/weight"] + w["f/logsd/bias"])[:, None]
    return float((-0.5 * ((y - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)).sum())


@pytest.mark.parametrize("act", ["tanh", "relu", "sigmoid", "softplus"])
def test_value_and_gradient_agree_with_numpy(act: str) -> None:
    rng = np.random.default_rng(1)
    data, w = columns(rng, 7), weights(rng)
    model = ppl.compile(SEVERAL.replace("ACT", act))
    value, grad = model.log_joint(w, data)
    assert value == pytest.approx(by_hand(data, w, act), rel=1e-12)
    for name, array in w.items():
        place = tuple(0 for _ in array.shape)
        moved = {k: v.copy() for k, v in w.items()}
        up, down = (by_hand(data, _moved(moved, name, place, e), act) for e in (1e-6, -1e-6))
        assert float(np.asarray(grad[name])[place]) == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-6)


def _moved(w: dict[str, np.ndarray], name: str, place: tuple[int, ...], by: float) -> dict[str, np.ndarray]:
    out = {k: np.array(v) for k, v in w.items()}
    out[name][place] += by
    return out


def test_a_linear_network_is_least_squares() -> None:
    rng = np.random.default_rng(2)
    a = rng.standard_normal((60, 3))
    y = a @ [1.0, -2.0, 0.5] + 0.3 + 0.1 * rng.standard_normal(60)
    fit = ppl.fit(LINEAR, {"a1": a[:, 0], "a2": a[:, 1], "a3": a[:, 2], "y": y})
    exact = np.linalg.lstsq(np.c_[a, np.ones(60)], y, rcond=None)[0]
    found = np.r_[fit.draws["f/m/weight"][0], fit.draws["f/m/bias"][0]]
    np.testing.assert_allclose(found, exact, atol=1e-3)


def test_predictions_of_a_saved_fit_are_those_of_the_fit(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(-3, 3, 80)
    data = {"x": x, "y": np.sin(x) + 0.1 * rng.standard_normal(80)}
    fit = ppl.fit(CURVE.replace("PRIOR", ""), data, max_steps=300)
    assert "f/weight1" in fit.draws
    assert not any("f/" in e.name for e in fit.estimates)
    fit.save(tmp_path / "curve.fit")
    new = {"x": np.linspace(-2, 2, 9)}
    again = ppl.load(tmp_path / "curve.fit").predict(new, seed=4)
    here = fit.predict(new, seed=4)
    np.testing.assert_array_equal(again.columns[0].draws, here.columns[0].draws)
    assert np.abs(here.columns[0].draws.mean(0).ravel() - np.sin(new["x"])).max() < 0.2
    assert (tmp_path / "curve.fit").stat().st_size < 2_000_000


def test_weights_with_a_prior_are_latents() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, 30)
    data = {"x": x, "y": np.tanh(x) + 0.1 * rng.standard_normal(30)}
    fit = ppl.fit(CURVE.replace("PRIOR", ", prior = Normal(0, 1)"), data)
    assert fit.draws["f/weight1"].std(0).min() > 0.0
    assert any(e.name == "f/m/bias" for e in fit.estimates)


BAYESIAN = """
index ins = 3
table rows(a[ins]: real = "a*", y: real)
network f(ins -> m) = Linear(prior = Normal(0, 1))
y[i] ~ Normal(f(a[i]).m, 0.5) for i in rows
"""


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("advi", {"family": "full_rank"}),
        ("advi", {"family": "mean_field"}),
        ("advi_stochastic", {"family": "mean_field"}),
        ("advi_stochastic", {"family": "low_rank", "rank": 4}),
    ],
)
def test_a_linear_network_with_a_prior_is_bayesian_regression(method: str, options: dict[str, Any]) -> None:
    """Means, and the bound: log evidence for a whole Gaussian, the best independent one's for the others."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 3))
    y = x @ [1.0, -0.5, 0.3] + 0.2 + 0.5 * rng.standard_normal(50)
    z = np.c_[x, np.ones(50)]
    precision = z.T @ z / 0.25 + np.eye(4)
    mean, sd = np.linalg.solve(precision, z.T @ y) / 0.25, np.sqrt(np.diag(np.linalg.inv(precision)))
    evidence = multivariate_normal(np.zeros(50), z @ z.T + 0.25 * np.eye(50)).logpdf(y)
    lost = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    fit = ppl.fit(BAYESIAN, {f"a{k + 1}": x[:, k] for k in range(3)} | {"y": y}, method=method, **options)
    draws = np.c_[fit.draws["f/m/weight"], fit.draws["f/m/bias"]]
    assert np.abs((draws.mean(0) - mean) / sd).max() < 0.12
    assert np.abs(draws.std(0) / sd - 1.0).max() < 0.1
    best = evidence - (lost if options["family"] == "mean_field" else 0.0)
    assert best - 0.1 < fit.elbo < best + 0.05


def test_the_size_of_a_hidden_layer_may_be_a_setting() -> None:
    text = "given H: count = 3\n" + CURVE.replace("[4]PRIOR", "[H]")
    data = {"x": np.arange(5.0), "y": np.arange(5.0)}
    fit = ppl.compile(text).fit(data, settings={"H": 2}, max_steps=3)
    assert fit.draws["f/weight1"].shape[1:] == (1, 2)
    with pytest.raises(DataError, match="E408"):
        ppl.compile(text).fit(data, settings={"H": 0})


def test_an_activation_that_there_is_not() -> None:
    text = LINEAR.replace("Linear()", 'MLP(hidden = [4], activation = "step")')
    with pytest.raises(ModelError, match="E605"):
        ppl.fit(text, {"a1": [0.0], "a2": [0.0], "a3": [0.0], "y": [1.0]})
