"""Importance weights of fits with guides: of all draws, and of the latents of single rows."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.graph.stochastic import StochasticElbo
from ppl.inference.stochastic_weights import by_element, weighed
from ppl.posterior.element_weights import ElementWeights
from tests.stochastic.models import CASES, CODED, LINEAR, linear, pictures, problem


def exact_guide() -> tuple[StochasticElbo, np.ndarray, np.ndarray]:
    """Factor analysis with one factor whose guide is the posterior, and the log evidence of each row: (rows,)."""
    found, data = StochasticElbo(problem(LINEAR, linear())), linear()
    w, b, s = np.array([1.0, -0.5, 2.0]), np.array([0.3, 0.2, 0.1]), 0.7
    t = (1.0 + w @ w / s**2) ** -0.5
    values = {"s": np.log(s), "t": np.log(t), "load/mean/weight": w, "load/mean/bias": b}
    values |= {"code/mean/weight": t**2 * w / s**2, "code/mean/bias": -(t**2) * (w @ b) / s**2}
    x = np.zeros(found.size)
    for p in found.parameters:
        p.of(x)[...] = np.reshape(values[p.block.name], p.shape)
    y = np.stack([data[f"x{k}"] for k in range(3)], 1) - b
    cov = np.outer(w, w) + s**2 * np.eye(3)
    quad = np.einsum("ni,ij,nj->n", y, np.linalg.inv(cov), y)
    return found, x, -0.5 * (quad + np.linalg.slogdet(cov)[1] + 3 * np.log(2 * np.pi))


def stretched(found: StochasticElbo, x: np.ndarray, factor: float) -> np.ndarray:
    out = x.copy()
    for p in found.parameters:
        if p.block.name == "t":
            p.of(out)[...] += np.log(factor)
    return out


def test_weights_of_the_posterior_are_even_and_give_the_evidence() -> None:
    found, x, evidence = exact_guide()
    draws, ratios = weighed(found, x, 2000.0, np.random.default_rng(0), 300)
    np.testing.assert_allclose(ratios, evidence.sum(), rtol=1e-9)
    assert draws["z"].shape == (300, 200, 1)
    rows = by_element(found, x, "rows", 2000.0, np.random.default_rng(0))
    assert rows is not None
    assert rows.poor == 0.0
    assert np.abs(rows.gains).max() < 1e-8


@pytest.mark.parametrize("factor", [0.8, 1.3])
def test_the_gain_of_weighing_is_the_divergence_of_a_wrong_guide(factor: float) -> None:
    """For N(m, (c t)^2) against N(m, t^2): (c^2 - 1) / 2 - log c. Means over 100 rows of 1000 draws err by 1 %."""
    found, x, _ = exact_guide()
    rows = by_element(found, stretched(found, x, factor), "rows", 2000.0, np.random.default_rng(0))
    assert rows is not None
    wanted = 0.5 * (factor**2 - 1.0) - np.log(factor)
    assert rows.gains.mean() == pytest.approx(wanted, rel=0.1)
    assert rows.gains.mean() != pytest.approx(0.0, abs=0.1 * wanted)


def test_a_guide_that_is_too_narrow_has_heavy_weights() -> None:
    """Weights of N(0, c^2) for N(0, 1) have tails of shape 1 - c^2: 0.91 for c = 0.3, above the limit of 0.67."""
    found, x, _ = exact_guide()
    rows = by_element(found, stretched(found, x, 0.3), "rows", 2000.0, np.random.default_rng(0))
    assert rows is not None
    assert rows.finding().severity == "warn"
    assert rows.quantile(0.5) > 0.7


WEIGHED = [("coded", True), ("ragged", True), ("walks", True), ("holes", False), ("sentences", False)]


@pytest.mark.parametrize(("name", "there"), WEIGHED)
def test_rows_are_weighed_only_where_no_term_joins_them(name: str, there: bool) -> None:
    text, data, plate = CASES[name]
    found = StochasticElbo(problem(text, data), plate)
    rows = by_element(found, found.start(0, -1.0), plate, 500.0, np.random.default_rng(0))
    assert (rows is not None) == there


EFFECTS = """
index groups
table rows(g: groups, y: real)
a[k] ~ Normal(0, 1) for k in groups
y[i] ~ Normal(a[g[i]], 1) for i in rows
"""


def test_nothing_is_evaluated_where_no_latent_belongs_to_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Effects of labels that data name lie in a plate that no batch of rows cuts: 1000 draws of them take memory."""
    found = StochasticElbo(problem(EFFECTS, {"g": ["u", "v", "v"], "y": [0.1, -0.2, 0.4]}), "rows")
    seen: list[int] = []
    parts = StochasticElbo.parts
    monkeypatch.setattr(StochasticElbo, "parts", lambda *a, **k: seen.append(1) or parts(*a, **k))
    assert by_element(found, found.start(0, -1.0), "rows", 10.0, np.random.default_rng(0)) is None
    assert not seen
    guided, x, _ = exact_guide()
    by_element(guided, x, "rows", 2000.0, np.random.default_rng(0))
    assert seen  # the twin: latents of rows are drawn


def test_a_fit_with_a_guide_reports_them() -> None:
    fit = ppl.fit(CODED, pictures(), method="advi_stochastic", batch="images=8", learning_rate=0.3, seed=1)
    told = [w for w in fit.warnings if w.code == "W728"]
    assert len(told) == 1
    assert "of single `images`" in told[0].message
    assert fit.checks["khat"] is not None
    assert fit.checks["weighted_bound"] > fit.elbo - 1.0
    assert fit.checks["weighted_gain"] > 0.0


def test_the_words_count_poor_elements() -> None:
    few = ElementWeights("rows", 9, 1000, np.array([-np.inf, 0.2, 0.9]), np.array([0.0, 0.1, 0.2]))
    assert few.poor == pytest.approx(1 / 3)
    assert few.finding().message.startswith("k-hat of single `rows`: median 0.20, 90 % up to")
