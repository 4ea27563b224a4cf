"""Draws on the edge of a simplex are moved just inside it, with all their other probabilities kept."""

from __future__ import annotations

import numpy as np
import pytest

import ppl

TEXT = """
index kinds = 3
table t(k: kinds)
param share[kinds]: simplex
k[i] ~ Categorical(share) for i in t
"""


@pytest.mark.parametrize("share", [[0.0, 0.4, 0.6], [0.25, 0.75, 0.0]])
def test_a_probability_of_zero_leaves_the_others(share: list[float]) -> None:
    bound = ppl.compile(TEXT).bind({"k": [2, 2]})
    z, _ = bound.problem.coordinates({"share": np.array([share])})
    assert np.isfinite(z).all()
    value, _ = bound.problem.own_target.value_and_grad(z)
    assert value[0] == pytest.approx(2.0 * np.log(share[1]), abs=1e-9)
