"""Discrete latents that meet are enumerated together: evidence and probabilities against sums over all states."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.ascent import Ascent
from ppl.energy.starting import first
from ppl.inference.coordinate import Coordinates, exact
from ppl.inference.energy_build import ascent_of

Array = Any
PLATE = """
index kinds = 3
table t(y: real)
for i in t:
    a[i] ~ Bernoulli(0.3)
    b[i] ~ Categorical(kind_share)
    c[i] ~ Bernoulli(0.6)
    y[i] ~ Normal(a[i] + shift[b[i]] - 0.5 * a[i] * c[i], 0.8)
given kind_share[kinds]: simplex = [0.2, 0.5, 0.3]
given shift[kinds]: real = [-1, 0, 2]
"""
CHAINS = """
index chains = 2
table t(y: real)
for i in t:
    z[m, i] ~ Bernoulli(0.4 if first(i) else stay[m] if z[m, i-1] else 0.2)  for m in chains
    y[i] ~ Normal(sum(size[m] * z[m, i] for m in chains), 0.7)
given stay[chains]: unit = [0.9, 0.6]
given size[chains]: real = [1, 1.7]
"""


def climbed(text: str, y: Array, **options: Any) -> tuple[Ascent, Coordinates]:
    ascent = ascent_of(ppl.compile(text).bind({"y": y}).problem, **options)
    state = first(ascent, np.random.default_rng(1))
    for _ in range(60):
        state = ascent.sweep(state)
    return ascent, Coordinates(ascent, state)


def normal(y: Array, mean: Array, sd: float) -> Array:
    return -0.5 * np.log(2 * np.pi * sd**2) - 0.5 * ((y - mean) / sd) ** 2


def by_hand_plate(y: Array) -> tuple[float, Array]:
    """Log evidence, and p(a = 1 | y)."""
    share, shift = np.array([0.2, 0.5, 0.3]), np.array([-1.0, 0.0, 2.0])
    p, on = np.zeros(len(y)), np.zeros(len(y))
    for a, b, c in product((0, 1), range(3), (0, 1)):
        prior = (0.3 if a else 0.7) * share[b] * (0.6 if c else 0.4)
        each = prior * np.exp(normal(y, a + shift[b] - 0.5 * a * c, 0.8))
        p, on = p + each, on + a * each
    return float(np.log(p).sum()), on / p


def by_hand_chains(y: Array) -> tuple[float, Array]:
    """Log evidence and p(z = 1 | y): (2, T), by all paths."""
    stay, size, total, on = (0.9, 0.6), np.array([1.0, 1.7]), 0.0, np.zeros((2, len(y)))
    for path in product(product((0, 1), repeat=2), repeat=len(y)):
        z = np.array(path).T
        log_p = float(normal(y, size @ z, 0.7).sum())
        for m in range(2):
            for t in range(len(y)):
                p = 0.4 if t == 0 else stay[m] if z[m, t - 1] else 0.2
                log_p += np.log(p if z[m, t] else 1 - p)
        total, on = total + np.exp(log_p), on + np.exp(log_p) * z
    return float(np.log(total)), on / total


def test_latents_of_one_element_are_enumerated() -> None:
    y = np.random.default_rng(2).normal(size=9)
    ascent, q = climbed(PLATE, y)
    assert [b.names for b in ascent.blocks] == [("a & b & c",)]
    evidence, on = by_hand_plate(y)
    assert exact(ascent)
    assert q.elbo == pytest.approx(evidence, abs=1e-10)
    chances = q.probabilities()
    assert set(chances) == {"a", "b", "c"}
    np.testing.assert_allclose(chances["a"][:, 1], on, atol=1e-12)
    assert {n for b in q.blocks for n in b.names} == {"a", "b", "c"}


def test_apart_they_are_a_bound_only() -> None:
    y = np.random.default_rng(2).normal(size=9)
    ascent, q = climbed(PLATE, y, merge=False)
    assert len(ascent.blocks) == 3 and not exact(ascent)
    assert q.elbo < by_hand_plate(y)[0] - 1e-3


def test_small_chains_are_one_chain_on_request() -> None:
    y = np.random.default_rng(3).normal(1.0, 1.0, size=6)
    evidence, on = by_hand_chains(y)
    ascent, q = climbed(CHAINS, y, joint_chains=True)
    assert [(b.names, b.family) for b in ascent.blocks] == [(("z[1] & z[2]",), "MarkovChain")]
    assert q.log_evidence == pytest.approx(evidence, abs=1e-10)
    np.testing.assert_allclose(q.probabilities()["z"][..., 1], on, atol=1e-11)


def test_chains_stay_apart_without_it() -> None:
    y = np.random.default_rng(3).normal(1.0, 1.0, size=6)
    ascent, q = climbed(CHAINS, y)
    assert [b.family for b in ascent.blocks] == ["MarkovChain", "MarkovChain"]
    assert q.log_evidence is None and q.elbo < by_hand_chains(y)[0]


def test_a_guide_asks_for_either() -> None:
    y = np.zeros(6)
    joint, _ = climbed(CHAINS + "guide:\n    q(z) ~ MarkovChain\n", y)
    apart, _ = climbed(CHAINS + "guide:\n    q(z[m]) ~ MarkovChain for m in chains\n", y, joint_chains=True)
    assert (len(joint.blocks), len(apart.blocks)) == (1, 2)


def test_binary_factors_of_one_row_are_enumerated() -> None:
    text = """
index factors = 4
table t(y: real)
given size[factors]: real = [1, 2, -1, 0.5]
for i in t:
    z[i, k] ~ Bernoulli(0.3) for k in factors
    y[i] ~ Normal(sum(size[k] * z[i, k] for k in factors), 0.6)
"""
    y, total = np.array([0.2, 2.5, -1.0]), np.zeros(3)
    for z in product((0, 1), repeat=4):
        prior = np.prod([0.3 if v else 0.7 for v in z])
        total += prior * np.exp(normal(y, np.dot([1, 2, -1, 0.5], z), 0.6))
    ascent, q = climbed(text, y)
    assert len(ascent.blocks) == 1
    assert q.elbo == pytest.approx(float(np.log(total).sum()), abs=1e-10)
    assert q.probabilities()["z"].shape == (3, 4, 2)


def test_too_many_states_stay_apart() -> None:
    text = PLATE.replace("index kinds = 3", "index kinds = 3\nindex many = 1100")
    text = text.replace(
        "b[i] ~ Categorical(kind_share)", "b[i] ~ Categorical(kind_share)\n    d[i] ~ DiscreteUniform(many)"
    )
    text = text.replace("0.5 * a[i] * c[i]", "0.5 * a[i] * c[i] + 0.001 * position(d[i])")
    ascent, _ = climbed(text, np.zeros(3))
    states = [b.latent.states for b in ascent.blocks]  # type: ignore[attr-defined]
    assert max(len(s) for s in states) <= 4096 and len(states) > 1


def test_em_of_chains_that_meet_has_an_exact_e_step() -> None:
    text = CHAINS.replace("given size[chains]: real = [1, 1.7]", "param size[m]: real for m in chains")
    y = np.random.default_rng(5).normal(1.0, 1.5, size=6)
    fit = ppl.compile(text).fit({"y": y}, method="em")
    assert fit.approximation is not None
    at = fit.approximation.means["size"]
    known = CHAINS.replace("[1, 1.7]", f"[{at[0]:.15g}, {at[1]:.15g}]")
    _, q = climbed(known, y, joint_chains=True)
    assert fit.log_evidence == pytest.approx(q.elbo, abs=1e-6)
    for k in range(2):
        moved = np.where(np.arange(2) == k, at + 0.1, at)
        _, worse = climbed(CHAINS.replace("[1, 1.7]", f"[{moved[0]}, {moved[1]}]"), y, joint_chains=True)
        assert worse.elbo < q.elbo


def test_a_chain_with_emissions_of_two_kinds_is_one_chain() -> None:
    text = """
table t(y: real)
for i in t:
    z[i] ~ Bernoulli(0.4 if first(i) else 0.9 if z[i-1] else 0.2)
    far[i] ~ Bernoulli(0.3)
    y[i] ~ Normal(2 * z[i] + 3 * far[i], 0.7)
"""
    y = np.random.default_rng(6).normal(2.0, 2.0, size=5)
    _, q = climbed(text, y, joint_chains=True)
    total = 0.0
    for z in product((0, 1), repeat=5):
        log_p = sum(np.log(p if v else 1 - p) for p, v in zip(_steps(z), z, strict=True))
        near, far = (np.exp(normal(y, 2 * np.array(z) + s, 0.7)) for s in (0, 3))
        total += np.exp(log_p) * np.prod(0.7 * near + 0.3 * far)
    assert q.log_evidence == pytest.approx(float(np.log(total)), abs=1e-10)


def _steps(z: tuple[int, ...]) -> list[float]:
    return [0.4, *(0.9 if v else 0.2 for v in z[:-1])]
