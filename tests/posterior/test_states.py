"""Probabilities of discrete latents against enumeration of all joint states."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

import ppl
from ppl.posterior.states import of_numbers, states_csv

CHAIN = """\
index states = 2
table t(y: real)
mu ~ Normal(0, 1)
for i in t:
    z[i] ~ Categorical(simplex(start if first(i) else step[z[i-1]]))
    y[i] ~ Normal(mu + level[z[i]], 1)
given step[states, states']: unit
given level[states]: real
given start[states]: unit
"""
DATA = {
    "y": [0.1, 1.9, 2.2, -0.3],
    "step": [[0.9, 0.1], [0.2, 0.8]],
    "level": [0.0, 2.0],
    "start": [0.6, 0.4],
}


def normal(y, mean, sd=1.0):
    return np.exp(-0.5 * ((y - mean) / sd) ** 2) / sd / np.sqrt(2 * np.pi)


def enumerated(mu: float) -> np.ndarray:
    """p(z_i = k | y, mu) by summing over all paths: (T, 2)."""
    y, step, level = (np.array(DATA[k]) for k in ("y", "step", "level"))
    total = np.zeros((len(y), 2))
    for path in product((0, 1), repeat=len(y)):
        weight = [0.6, 0.4][path[0]]
        weight *= np.prod([step[a, b] for a, b in pairwise(path)])
        weight *= np.prod([normal(y[i], mu + level[k]) for i, k in enumerate(path)])
        for i, k in enumerate(path):
            total[i, k] += weight
    return total / total.sum(1, keepdims=True)


def test_a_chain_has_its_smoothed_marginals():
    from ppl.graph.marginals import marginals

    fit = ppl.compile(CHAIN).fit(DATA)
    layout = fit.problem.problem.layout
    for mu in (-0.5, 0.7):
        (found,) = marginals(layout, np.array([[mu]]))
        np.testing.assert_allclose(found.probabilities, enumerated(mu), rtol=1e-9)


def test_the_fit_averages_over_its_draws_and_keeps_them(tmp_path):
    fit = ppl.compile(CHAIN).fit(DATA)
    draws = fit.draws["mu"]
    expected = np.mean([enumerated(mu) for mu in draws[:: len(draws) // 400]], axis=0)
    (table,) = fit.states
    assert table.labels == ("z[1]", "z[2]", "z[3]", "z[4]")
    np.testing.assert_allclose(table.probabilities, expected, rtol=1e-9)
    fit.save(tmp_path / "fit")
    loaded = ppl.load(tmp_path / "fit")
    np.testing.assert_array_equal(loaded.states[0].probabilities, table.probabilities)
    assert states_csv(loaded.states).splitlines()[0] == "element,state,probability"


def test_a_whole_number_latent_has_figures():
    text = "table t(y: real)\nk ~ DiscreteUniform(1, 4)\n"
    text += "mu ~ Normal(0, 0.001)\ny[i] ~ Normal(mu + k, 1) for i in t\n"
    row = ppl.compile(text).fit({"y": [2.0, 2.5]}).summary()["k"]
    k = np.arange(1, 5)
    p = normal(2.0, k) * normal(2.5, k)
    p /= p.sum()
    assert row.mean == pytest.approx(p @ k, abs=1e-3)
    assert row.sd == pytest.approx(np.sqrt(p @ k**2 - (p @ k) ** 2), abs=1e-3)


def test_quantiles_of_a_distribution_on_numbers():
    e = of_numbers("k", ("a", "b"), np.array([0.0, 1.0]), np.array([[0.97, 0.03], [0.5, 0.5]]))
    assert e.values[:, 2:].tolist() == [[0, 0, 0], [0, 0, 1]]


def test_a_missing_label_has_probabilities_for_its_blank_cells_only():
    text = (
        'index kinds = ["low", "high"]\ntable t(kind: kinds?, y: real)\nm[k] ~ Normal(0, 5) for k in kinds\n'
        "for i in t:\n    kind[i] ~ Categorical([0.5, 0.5])\n    y[i] ~ Normal(m[kind[i]], 1)\n"
    )
    fit = ppl.compile(text).fit(
        {"kind": ["low"] * 9 + ["high"] * 9 + [None], "y": [0.0] * 9 + [8.0] * 9 + [7.5]}
    )
    (table,) = fit.states
    assert table.labels == ("kind[19]",)
    assert table["kind[19]"]["high"] > 0.99
