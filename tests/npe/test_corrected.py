"""A posterior with a bend: heads that follow it and one that cannot, and draws corrected by the model's density.

The evidence and the moments are sums over a fine grid. Bounds on means of 4000 draws are five standard errors or
more; the ELBO's standard error is below 0.01 for the flow.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import ppl

TEXT = """
table rows(y: real, z: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
for i in rows:
    y[i] ~ Normal(b + a^2, 0.3)
    z[i] ~ Normal(a, 2)
"""
DATA = {"y": np.array([1.2]), "z": np.array([0.3])}


def _exact() -> tuple[float, float, float]:
    """Log evidence, and the mean and sd of b."""
    g = np.linspace(-6.0, 6.0, 1201)
    a, b = g[:, None], g[None, :]
    log_p = -0.5 * (a**2 + b**2 + ((1.2 - b - a**2) / 0.3) ** 2 + ((0.3 - a) / 2) ** 2)
    log_p = log_p - 2 * np.log(2 * np.pi) - np.log(0.3) - np.log(2.0)
    p = np.exp(log_p - log_p.max())
    evidence = np.log(p.sum() * (g[1] - g[0]) ** 2) + log_p.max()
    mean = (p * b).sum() / p.sum()
    return float(evidence), float(mean), float(np.sqrt((p * (b - mean) ** 2).sum() / p.sum()))


@cache
def _fit(**options: object) -> ppl.Fit:
    how = {"simulations": 12000, "passes": 25, **options}
    return ppl.compile(TEXT, path=False).fit(DATA, method="npe", options=how)


def test_a_flow_follows_the_bend_and_a_gaussian_does_not() -> None:
    evidence = _exact()[0]
    flow, gaussian = _fit(head="flow"), _fit(components=1)
    assert -0.05 < flow.bound.elbo - evidence < 5 * flow.bound.error
    assert flow.checks["khat"] < 0.7 and flow.checks["importance_share"] > 0.9
    assert gaussian.bound.elbo - evidence < -1.0  # the twin


def test_draws_are_corrected_where_the_density_can_be_had() -> None:
    _, mean, sd = _exact()
    better, raw = _fit(components=1), _fit(components=1, correct=False)
    assert better.checks["corrected"] and not raw.checks["corrected"]
    noise = 5 * sd / np.sqrt(better.checks["importance_share"] * 4000)
    assert abs(better.draws["b"].mean() - mean) < noise
    assert abs(better.draws["b"].std() - sd) < noise
    # what tells them apart: the raw Gaussian has no bend, so that b + a^2 is spread too far
    bend = [f.draws["b"] + f.draws["a"] ** 2 for f in (better, raw)]
    assert bend[0].std() < 0.4 < 0.6 < bend[1].std()
    assert better.bound == raw.bound  # the ELBO stays that of the network's q


def test_a_density_that_cannot_be_had_leaves_draws_alone() -> None:
    text = "index factors = 40\ntable rows(y: real)\np ~ Beta(2, 2)\nz[factors] ~ Bernoulli(p)\n"
    text += "y[i] ~ Normal(sum(z), 1) for i in rows\n"  # 2^40 joint states
    y = 12.0 + np.random.default_rng(0).normal(size=10)
    fit = ppl.compile(text, path=False).fit(
        {"y": y}, method="npe", options={"simulations": 2000, "passes": 5}
    )
    assert not fit.checks["corrected"] and fit.checks["khat"] is None


@pytest.mark.parametrize("head", ["mixture", "flow"])
def test_the_sizes_of_a_kept_network_need_not_be_repeated(head: str, tmp_path: object) -> None:
    first = _fit(head=head, hidden=16, components=3, flow_layers=4, simulations=1000, passes=2)
    path = f"{tmp_path}/a.fit"
    first.save(path)
    again = ppl.compile(TEXT, path=False).fit(DATA, method="npe", options={"network": path})
    assert again.factored is not None and first.factored is not None
    np.testing.assert_array_equal(again.factored.arrays["weights"], first.factored.arrays["weights"])
    assert again.factored.blocks[0].family == first.factored.blocks[0].family


def test_a_flow_of_one_coordinate_is_refused() -> None:
    text = "table rows(y: real)\nm ~ Normal(0, 1)\ny[i] ~ Normal(m, 1) for i in rows\n"
    with pytest.raises(ppl.UsageError if hasattr(ppl, "UsageError") else Exception, match="is a Gaussian"):
        ppl.compile(text, path=False).fit({"y": np.zeros(3)}, method="npe", options={"head": "flow"})
