"""States are seeded from the data also where they have an axis of a single element; deterministic given the seed."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.energy.starting import first, seeded
from tests.energy.tools import climb

RNG = np.random.default_rng(8)
TEXT = """
index kinds = 3{chains}
table t(when: order, y: real)
go[{c}k, kinds] ~ Dirichlet(1) for {cs}k in kinds
m[{c}k]         ~ Normal(0, 20) for {cs}k in kinds
for i in t:
    z[{c}i] ~ DiscreteUniform(kinds) if first(i) else Categorical(go[{c}z[{c}i-1]]) {for_}
    y[i]    ~ Normal({mean}, 1)
"""
STATES = RNG.integers(0, 3, 90)
DATA = {"when": np.arange(90), "y": 10.0 * STATES + RNG.normal(size=90)}
PLAIN = TEXT.format(chains="", c="", cs="", for_="", mean="m[z[i]]")
ONE = TEXT.format(
    chains=", chains = 1",
    c="c, ",
    cs="c in chains, ",
    for_="for c in chains",
    mean="sum(m[c, z[c, i]] for c in chains)",
)


@pytest.mark.parametrize("text", [PLAIN, ONE])
def test_seeds_find_groups_that_lie_far_apart(text: str) -> None:
    ascent = climb(text, DATA)
    assert ascent.blocks[0].names == ("z",)
    factor = seeded(ascent, 0, np.random.default_rng(0))
    assert factor is not None
    labels = factor.means[("is", "z")].reshape(90, 3).argmax(1)
    assert len({(a, b) for a, b in zip(labels, STATES, strict=True)}) == 3  # a renumbering
    assert len({(a, b) for a, b in zip(labels, np.roll(STATES, 1), strict=True)}) > 3


def test_both_texts_start_at_one_bound() -> None:
    bounds = [
        a.elbo(first(a, np.random.default_rng(0)).factors)[0] for a in (climb(PLAIN, DATA), climb(ONE, DATA))
    ]
    assert bounds[0] == pytest.approx(bounds[1], abs=1.0)
