"""EM's ELBO is the log evidence, and the run says so: by log-normalisers against energy and entropy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.base import Factor, Gradients
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.exactness import Inexact, check
from ppl.energy.starting import first
from ppl.errors import InternalError
from ppl.inference.backends.em import Backend, free_blocks
from ppl.inference.energy_target import EnergyTarget
from tests.energy.tools import bound

MIXTURE = """
index comps = 2
table pts(y: real)
param share[comps]: simplex
param mu[k]: real                for k in comps
for n in pts:
    z[n] ~ Categorical(share)
    y[n] ~ Normal(mu[z[n]], 1)
"""
CHAIN = """
index states = 2
table pts(year: order, y: real)
param trans[s, states]: simplex     for s in states
param mu[k]: real                   for k in states
for t in pts:
    z[t] ~ Categorical([0.5, 0.5] if first(t) else trans[z[t-1]])
    y[t] ~ Normal(mu[z[t]], 1)
"""
EFFECTS = """
index groups
table pts(group: groups, y: real)
param tau: positive
param sigma: positive
u[g] ~ Normal(0, tau)             for g in groups
for n in pts:
    y[n] ~ Normal(u[group[n]], sigma)
"""


def _data(name: str) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    y = np.r_[rng.normal(-1.5, 1.0, 30), rng.normal(1.5, 1.0, 30)]
    codes = {"pts": {}, "chain": {"year": np.arange(60)}, "groups": {"group": np.arange(60) // 6}}[name]
    return {**codes, "y": y}


CASES = [(MIXTURE, "pts"), (CHAIN, "chain"), (EFFECTS, "groups")]


def _climbed(text: str, name: str, sweeps: int = 5) -> tuple[Ascent, State]:
    target = Backend().target(bound(text, _data(name)))
    assert isinstance(target, EnergyTarget)
    state = first(target.ascent, np.random.default_rng(0))
    for _ in range(sweeps):
        state = target.ascent.sweep(state, Backend()._order(target.ascent))
    return target.ascent, state


@pytest.mark.parametrize(("text", "name"), CASES)
def test_the_evidence_both_ways(text: str, name: str) -> None:
    ascent, state = _climbed(text, name)
    assert check(ascent, state.factors, free_blocks(ascent)) == pytest.approx(
        state.elbo, abs=1e-9 * state.scale
    )


def test_the_evidence_of_a_mixture_by_hand() -> None:
    ascent, state = _climbed(MIXTURE, "pts")
    value: dict[str, Any] = {}
    for block, factor in zip(ascent.blocks, state.factors, strict=True):
        value |= {name: found[0] for name, found in block.moments(factor).items()}
    y, share, mu = _data("pts")["y"], value["share"], value["mu"]
    density = np.exp(-0.5 * (y[:, None] - mu) ** 2) / np.sqrt(2.0 * np.pi) @ share
    assert check(ascent, state.factors, free_blocks(ascent)) == pytest.approx(
        np.log(density).sum(), rel=1e-12
    )


@pytest.mark.parametrize(("text", "name"), CASES)
def test_a_stale_step_is_found(text: str, name: str) -> None:
    """The broken twin: points of the next iteration beside latents of this one."""
    ascent, state = _climbed(text, name, 2)
    points = [i for i in range(len(ascent.blocks)) if i not in free_blocks(ascent)]
    stale = ascent.sweep(state, points)
    latent = ascent.blocks[free_blocks(ascent)[0]].names[0]
    with pytest.raises(Inexact, match=latent):
        check(ascent, stale.factors, free_blocks(ascent))


def test_a_wrong_entropy_is_found() -> None:
    ascent, state = _climbed(MIXTURE, "pts")
    (z,) = free_blocks(ascent)
    wrong = replace(state.factors[z], entropy=state.factors[z].entropy + 1e-3)
    with pytest.raises(Inexact, match="z"):
        check(ascent, (*state.factors[:z], wrong, *state.factors[z + 1 :]), (z,))


def test_a_run_with_a_wrong_step_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """An E-step at 99.9 % of the evidence for the states: too little for a sweep to lower the bound at first."""
    best = DiscreteBlock.best

    def tempered(self: DiscreteBlock, gradients: Gradients, before: Factor | None) -> Factor:
        found = best(self, {k: 0.999 * g for k, g in gradients.items()}, before)
        return Factor(found.means, self.entropy_of(found))

    monkeypatch.setattr(DiscreteBlock, "best", tempered)
    with pytest.raises(InternalError, match=r"the E-step of z left the ELBO .* from the log evidence"):
        ppl.compile(MIXTURE, path=False).fit(_data("pts"), "em", 0, draws=10)
