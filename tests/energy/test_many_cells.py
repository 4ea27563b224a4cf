"""Sums over many cells of a discrete latent: the bound is that of its q by enumeration, or there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.energy.ascent import Ascent, State
from ppl.energy.build import energy
from ppl.energy.evaluate_terms import value
from ppl.energy.symbolic import MOST_UNROLLED
from ppl.errors import FitError
from tests.energy.tools import bound, climb, swept

Array = Any
STEP = 0.3


def model(cells: int) -> str:
    """Switches whose weighted sum is seen with noise."""
    return f"""
index ks = {cells}
table rows(y: real)
z[k] ~ Bernoulli(0.3) for k in ks
y[n] ~ Normal({STEP} * sum(position(k) * z[k] for k in ks), 1) for n in rows
"""


def seen() -> dict[str, Array]:
    return {"y": np.random.default_rng(0).normal(10.0, 1.0, size=4)}


def log_joint(cells: int, y: Array) -> tuple[Array, Array]:
    """All states, and log p(y, z) of each."""
    z: Array = (np.arange(2**cells)[:, None] >> np.arange(cells)) & 1
    mean = STEP * z @ np.arange(1, cells + 1)
    prior = (z * np.log(0.3) + (1 - z) * np.log(0.7)).sum(1)
    return z, prior - 0.5 * np.square(y[:, None] - mean).sum(0) - 0.5 * len(y) * np.log(2 * np.pi)


def chances(ascent: Ascent, state: State, z: Array) -> Array:
    """q(z) of every state, from the blocks."""
    q = np.ones(len(z))
    for block, factor in zip(ascent.blocks, state.factors, strict=True):
        (name,) = block.names
        code = np.zeros(len(z), dtype=int)
        for part in name.split(" & "):
            code = 2 * code + z[:, int(part.partition("[")[2][:-1]) - 1]
        q = q * np.ravel(factor.means[("is", name)])[code]
    return q


@pytest.mark.parametrize("cells", [MOST_UNROLLED, MOST_UNROLLED + 1])
def test_the_bound_is_that_of_q_by_enumeration(cells: int) -> None:
    data = seen()
    ascent = climb(model(cells), data)
    state = swept(ascent, 50)
    z, log = log_joint(cells, data["y"])
    q = chances(ascent, state, z)
    want = float(np.sum(q * (log - np.log(np.where(q > 0, q, 1.0)))))
    assert np.isclose(q.sum(), 1.0)
    assert np.isclose(state.elbo, want, rtol=1e-9)
    assert state.elbo < np.logaddexp.reduce(log)
    independent = float(np.prod(np.where(z == 1, z.T @ q, 1.0 - z.T @ q), axis=1) @ log)
    assert not np.isclose(independent, np.sum(q * log), rtol=1e-6)  # blocks keep what cells apart would lose


@pytest.mark.parametrize("cells", [MOST_UNROLLED + 1, 70])
def test_terms_are_the_log_joint_at_any_state(cells: int) -> None:
    data = seen()
    found = energy(bound(model(cells), data))
    rng = np.random.default_rng(1)
    for _ in range(5):
        z: Array = (rng.random(cells) < 0.5).astype(float)
        mean = STEP * z @ np.arange(1, cells + 1)
        want = np.sum(z * np.log(0.3) + (1.0 - z) * np.log(0.7))
        want += np.sum(-0.5 * np.square(data["y"] - mean) - 0.5 * np.log(2 * np.pi))
        assert np.isclose(value(found, {"z": z}), want, rtol=1e-10)


def test_too_many_coupled_cells_are_refused_with_the_reason() -> None:
    with pytest.raises(FitError, match="coupled with other elements"):
        climb(model(70), seen())
