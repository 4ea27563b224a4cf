"""The gap between a bound and the exact log evidence, where states can all be summed."""

from __future__ import annotations

import numpy as np
import pytest

import ppl

TEXT = """
index chains = 2, states = 2
table series(t: order, y: real)
given level[chains, states]: real = [[-1.0, 1.0], [0.0, 3.0]]
given start[states]: real = [0.5, 0.5]
given stay[states, states']: real = [[0.9, 0.1], [0.2, 0.8]]

for i in series:
    z[m, i] ~ Categorical(simplex(start) if first(i) else simplex(stay[z[m, i-1]]))  for m in chains
    y[i]    ~ Normal(sum(level[m, z[m, i]] for m in chains), 1)
"""
ROWS = {"t": list(range(30)), "y": [float(np.sin(i) * 2 + 1) for i in range(30)]}


def test_chains_apart_fall_short_of_the_evidence_that_the_joint_chain_reaches() -> None:
    apart = ppl.fit(TEXT, ROWS, method="cavi")
    joint = ppl.fit(TEXT, ROWS, method="cavi", joint_chains=True)
    assert apart.factored is not None and joint.factored is not None
    assert joint.log_evidence == pytest.approx(apart.factored.evidence, rel=1e-10)
    assert apart.log_evidence is None and apart.elbo < apart.factored.evidence - 1e-6
    assert "nats below" in str(apart.summary())


def test_no_evidence_is_claimed_with_continuous_latents() -> None:
    text = "table r(y: real)\nm ~ Normal(0, 1)\nt ~ Gamma(1, 1)\ny[i] ~ Normal(m, precision = t) for i in r\n"
    found = ppl.fit(text, {"y": [1.0, 2.0]}, method="cavi")
    assert found.factored is not None and np.isnan(found.factored.evidence)
