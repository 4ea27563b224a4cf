"""Closed-form blocks and exact chains beside a network, in one bound: coordinate ascent and EM."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import ppl

TEXT = """
index sents, states = 2, feats = 3
table words(sent: sents, pos: order within sent, x[feats]: real = "x*", y: real)
network score(feats -> mean[states]) = MLP(hidden = [3])
base[states] ~ Dirichlet([1, 1])
trans[a, states] ~ Dirichlet([2, 2]) for a in states
s ~ HalfNormal(1)
for n in words:
    z[n] ~ Categorical(base if first(n) else trans[z[n - 1]])
    y[n] ~ Normal(score(x[n]).mean[z[n]], s)
"""


@cache
def words() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    sent = np.repeat(np.arange(8), 1 + np.arange(8) % 4)
    pos = np.concatenate([np.arange(1 + k % 4) for k in range(8)])
    x = rng.standard_normal((3, len(sent)))
    y = np.where(rng.random(len(sent)) < 0.5, x[0], 2.0 + x[1]) + 0.3 * rng.standard_normal(len(sent))
    return {"sent": sent.astype(str), "pos": pos, "y": y, **{f"x{k + 1}": x[k] for k in range(3)}}


@cache
def fitted(method: str) -> ppl.Fit:
    return ppl.fit(TEXT, words(), method=method, max_sweeps=8, restarts=1, seed=1)


def log_joint(values: dict[str, Any]) -> float:
    """log p(y, points), the states summed out by the graph's own chain."""
    problem = ppl.compile(TEXT).bind(words()).problem
    z, log_det = problem.coordinates(values)
    return float(problem.own_target.log_density(z)[0] - log_det[0])


@pytest.mark.parametrize("factor", [1.0, 1.01], ids=["right", "another scale"])
def test_the_bound_of_em_is_the_log_joint_of_its_points(factor: float) -> None:
    """Points are modes in the model's own coordinates: no Jacobian of the scale's logarithm is in the bound."""
    fit = fitted("em")
    values = {name: array[:1] for name, array in fit.draws.items()}
    values["s"] = factor * values["s"]
    assert (fit.elbo == pytest.approx(log_joint(values), rel=1e-9)) == (factor == 1.0)


def test_coordinate_ascent_keeps_the_chain_and_the_dirichlets_exact() -> None:
    fit = fitted("cavi")
    assert fit.factored is not None
    kinds = {name: block for block in fit.factored.blocks for name in block.names}
    assert (kinds["z"].family, kinds["z"].exact) == ("MarkovChain", True)
    assert (kinds["trans"].family, kinds["trans"].exact) == ("Dirichlet", True)
    assert not kinds["s"].exact


def test_no_sweep_lowers_the_bound() -> None:
    values = fitted("em").trace["elbo"][1:]
    assert (np.diff(values) >= -1e-9 * (1.0 + np.abs(values[1:]))).all()
