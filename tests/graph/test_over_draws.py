"""`Prob` and `quantile` in a report summarise every draw; too many joint states are refused."""

from __future__ import annotations

import numpy as np
import pytest

import ppl

NORMAL = """
table rows(y: real)
mu ~ Normal(0, 5)
y[i] ~ Normal(mu, 1) for i in rows
report:
    above = Prob(mu > 0)
    high  = quantile(mu, 0.9)
"""
COUPLED = """
index sites = {n}
table rows(y: real)
mu ~ Normal(0, 1)
s[k] ~ Bernoulli(0.5) for k in sites
y[i] ~ Normal(mu + exp(sum(0.1 * s[k] for k in sites)), 1) for i in rows
"""


def test_summaries_of_the_draws() -> None:
    fit = ppl.compile(NORMAL).fit({"y": [0.3, -0.1, 0.6]})
    draws = fit.sample()["mu"]
    assert fit.summary()["above"].mean == pytest.approx((draws > 0).mean())
    assert fit.summary()["high"].mean == pytest.approx(np.quantile(draws, 0.9))


def test_few_joint_states_are_summed_and_many_refused() -> None:
    data = {"y": [1.0, 2.0]}
    value, _ = ppl.compile(COUPLED.format(n=3)).log_joint({"mu": 0.3}, data)
    assert value == pytest.approx(-3.0630848324807055)
    with pytest.raises(ppl.PplError) as caught:
        ppl.compile(COUPLED.format(n=40)).fit(data)
    assert caught.value.diagnostics[0].code == "E505"
