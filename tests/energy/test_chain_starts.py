"""First labels of a chain: states stay where their labels come in runs, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.energy import starting
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.inference.backends.em import Backend
from ppl.inference.energy_target import EnergyTarget
from tests.energy.tools import bound

ROOT = Path(__file__).parents[2] / "examples" / "earthquakes_em"
CHAIN = """
index states = 3
table days(day: order, y: real)
param init[states]: simplex
param trans[s, states]: simplex      for s in states
param mu[states]: real
for t in days:
    z[t] ~ Categorical(init if first(t) else trans[z[t-1]])
    y[t] ~ Normal(mu[z[t]], 1)
"""


def _chain(n: int) -> DiscreteChain:
    target = Backend().target(bound(CHAIN, {"day": np.arange(n), "y": np.linspace(0.0, 1.0, n)}))
    assert isinstance(target, EnergyTarget)
    return next(b for b in target.ascent.blocks if isinstance(b, DiscreteChain))


def test_states_whose_labels_come_in_runs_stay() -> None:
    """State 2 comes in one run; 0 and 1 alternate."""
    labels = np.r_[np.tile([0, 1], 10), np.full(10, 2)]
    chain = _chain(len(labels))
    assert chain._runs(labels).tolist() == [False, False, True]
    pair = chain.labelled(labels, 1.0, 2.0).natural["pair"]
    assert pair[1:] == pytest.approx(np.diag([0.0, 0.0, 2.0])[None])


def test_four_states_of_the_earthquakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of ten starts; the twin whose states do not stay ends half a nat lower or more."""
    model = ppl.compile(ROOT / "earthquakes_em.model")

    def best() -> float:
        return model.fit(ROOT / "data.csv", "em", 0, settings={"K": 4}, draws=10).elbo

    assert best() == pytest.approx(-326.411, abs=0.02)
    monkeypatch.setattr(starting, "STAY", 0.0)
    assert best() < -326.8
