"""Folding equal rows leaves the log joint and its gradient unchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ppl
from ppl.graph import fold
from ppl.graph.classes import group_rows
from ppl.graph.lower import GraphTarget

GAUSSIAN = """
index groups
table rows(g: groups, x: int, y: real)
mu ~ Normal(0, 5)
b ~ Normal(0, 1)
tau ~ HalfNormal(1)
sigma[k] ~ HalfNormal(2) for k in groups
a[k] ~ Normal(mu, tau) for k in groups
for i in rows:
    eta[i] = a[g[i]] + b * x[i]
    y[i] ~ Normal(eta[i], sigma[g[i]])
"""
COUNTS = (
    GAUSSIAN.replace("y: real", "y: count")
    .replace("sigma[k] ~ HalfNormal(2) for k in groups\n", "")
    .replace("Normal(eta[i], sigma[g[i]])", "Poisson(log_rate = eta[i])")
)
WEIGHTED = GAUSSIAN.replace("y: real", "y: real, w: weight")
N = 600


def _data(shift: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "g": np.array(list("abc"))[rng.integers(0, 3, N)],
        "x": rng.integers(0, 4, N),
        "y": rng.normal(2.0, 1.5, N) + shift,
        "w": rng.integers(1, 5, N),
    }


def _pair(text: str, data: dict[str, np.ndarray]) -> tuple[GraphTarget, GraphTarget]:
    lay = ppl.compile(text).bind(data).problem.layout
    return GraphTarget(lay), GraphTarget(replace(lay, fold=False))


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("text", [GAUSSIAN, WEIGHTED], ids=["gaussian", "weighted"])
def test_moments_of_classes_give_the_same_density(text: str, shift: float) -> None:
    folded, plain = _pair(text, _data(shift))
    assert folded.widest < plain.widest / 10
    z = np.random.default_rng(0).normal(size=(7, folded.size)) * 0.5
    z[:, 0] += shift
    for a, b in zip(folded.value_and_grad(z), plain.value_and_grad(z), strict=True):
        assert np.max(np.abs(a - b)) <= 1e-9 * np.max(np.abs(b))


def test_counts_fold_by_multiplicity() -> None:
    data = _data(0.0)
    data["y"] = np.random.default_rng(5).poisson(2.0, N)
    folded, plain = _pair(COUNTS, data)
    assert folded.widest < plain.widest / 4
    z = np.random.default_rng(0).normal(size=(7, folded.size)) * 0.5
    for a, b in zip(folded.value_and_grad(z), plain.value_and_grad(z), strict=True):
        assert np.max(np.abs(a - b)) <= 1e-11 * np.max(np.abs(b))


def test_a_wrong_multiplicity_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: classes that forget how many rows they stand for."""
    true = fold._summed
    monkeypatch.setattr(fold, "_summed", lambda x, d, n: true(x, d, np.minimum(n, 1)))
    data = _data(0.0)
    data["y"] = np.random.default_rng(5).poisson(2.0, N)
    text = COUNTS.replace(
        "Poisson(log_rate = eta[i])", "NegativeBinomial(mean = exp(eta[i]), concentration = 2)"
    )
    folded, plain = _pair(text, data)
    z = np.zeros((1, folded.size))
    assert abs(folded.log_density(z)[0] - plain.log_density(z)[0]) > 1.0


def test_distinct_rows_do_not_fold() -> None:
    data = _data(0.0)
    assert group_rows([data["y"]], N, 0.6 * N) is None
