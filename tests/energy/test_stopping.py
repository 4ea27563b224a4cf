"""Climbs stop when little is left to gain, not when a sweep gains little."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.energy.ascent import State
from ppl.inference.energy_target import remaining, settled
from tests.energy.tools import climb

SLOW = """
index comps = 3
table pts(y: real)
param share[comps]: simplex
param mu[k]: real                for k in comps
param sigma[k]: positive         for k in comps
for n in pts:
    z[n] ~ Categorical(share)
    y[n] ~ Normal(mu[z[n]], sigma[z[n]])
"""


@pytest.mark.parametrize("rate", [0.1, 0.9, 0.999])
def test_geometric_gains_are_summed(rate: float) -> None:
    gains = 3.0 * rate ** np.arange(2)
    left = 3.0 * rate**2 / (1.0 - rate)
    assert remaining(*gains) == pytest.approx(left, rel=1e-9)


def test_a_small_gain_of_a_slow_climb_does_not_settle() -> None:
    """The broken twin stops at the gain itself, which is below the tolerance."""
    before, now = State((), gain=1.0001e-4), State((), gain=1.0e-4)
    assert now.gain < 1e-6 * 200
    assert settled(before, now, 1, 1e-6, 200) == 0
    assert settled(State((), gain=1e-3), State((), gain=1e-5), 1, 1e-6, 200) == 2


def test_the_first_gain_and_growing_gains_do_not_settle() -> None:
    assert settled(State(()), State((), gain=1e-12), 1, 1e-6, 100) == 0
    assert settled(State((), gain=1e-12), State((), gain=2e-12), 1, 1e-6, 100) == 0


def test_no_tolerance_never_settles() -> None:
    assert settled(State((), gain=0.0), State((), gain=0.0), 5, 0.0, 100) == 0


def test_a_slow_fit_stops_as_near_its_end_as_it_says() -> None:
    rng = np.random.default_rng(1)
    data = {"y": np.r_[rng.normal(0.0, 1.0, 60), rng.normal(3.0, 1.0, 60)]}
    fit = ppl.compile(SLOW, path=False).fit(data, "em", 0, draws=10, restarts=1, tolerance=1e-5)
    assert fit.status != "not_converged"
    ascent = climb(SLOW, data)
    state = fit.approximation.state  # type: ignore[union-attr]
    order = [i for i, b in enumerate(ascent.blocks) if b.names != ("z",)]
    order += [i for i, b in enumerate(ascent.blocks) if b.names == ("z",)]
    for _ in range(300):
        state = ascent.sweep(state, order)
    assert fit.approximation.elbo > state.elbo - 5 * 1e-5 * 120  # type: ignore[union-attr]
