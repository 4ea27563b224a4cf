"""The hand-written references hold up by themselves: right models, rising bounds, best updates, exact evidence.

No test draws at random apart from fixed seeds, so there are no false alarms; every one has a broken twin.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

import ppl
from tests.energy.reference.case import Array, Case, Data, State
from tests.energy.reference.cases import CASES

NAMES = sorted(CASES)
EXACT = sorted(n for n in NAMES if CASES[n].evidence is not None)


def begun(case: Case, seed: int = 0) -> tuple[Data, State]:
    """Data, and a q to start from."""
    rng = np.random.default_rng(seed)
    data = case.columns(rng)
    return data, case.start(data, rng)


def falls(case: Case, data: Data, state: State, sweeps: int = 12) -> list[str]:
    """The blocks whose update lowered the bound by more than rounding."""
    found, last = [], case.elbo(state, data)
    for _ in range(sweeps):
        for block in case.blocks:
            state = case.update(state, data, block)
            now = case.elbo(state, data)
            found += [block] if now < last - 1e-10 * (1 + abs(last)) else []
            last = now
    return found


def off_best(case: Case, data: Data, state: State, block: str) -> bool:
    """Whether moving the block a little from its update, either way, raises the bound."""
    best = case.update(state, data, block)
    top = case.elbo(best, data)
    moved = [case.elbo(nudged(best, block, by), data) for by in (1 - 1e-4, 1 + 1e-4)]
    return max(moved) > top + 1e-10 * abs(top)


def nudged(state: State, block: str, by: float) -> State:
    """A q near by: every array times a factor, probabilities brought back to one."""
    new = {name: a * by for name, a in state[block].items()}
    if "p" in new:
        tilted = state[block]["p"] ** by
        new = {"p": tilted / tilted.sum(-1, keepdims=True)}
    if "value" in new and block in ("weight", "init", "trans"):
        tilted = np.asarray(state[block]["value"]) ** by
        new = {"value": tilted / tilted.sum(-1, keepdims=True)}
    return {**state, block: new}


def broken(case: Case, block: str) -> Case:
    """The case with one block's update a tenth off."""

    def update(state: State, data: Data, which: str) -> State:
        new = case.update(state, data, which)
        return nudged(new, block, 1.1) if which == block else new

    return replace(case, update=update)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_binds_to_its_columns(name: str) -> None:
    case = CASES[name]
    data, state = begun(case)
    program = ppl.compile(case.model)
    program.bind(data)
    known = {b.split("[")[0] for b in case.blocks}
    assert known <= {d.name for d in program.program.definitions}
    assert set(case.blocks) == set(case.families) == set(state)


@pytest.mark.parametrize("name", NAMES)
def test_the_bound_never_falls(name: str) -> None:
    for seed in range(3):
        assert falls(CASES[name], *begun(CASES[name], seed)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_update_is_the_best(name: str) -> None:
    case = CASES[name]
    data, state = begun(case)
    state = case.sweep(state, data)
    for block in case.blocks:
        if case.families[block] != "Chain":
            assert not off_best(case, data, state, block)
            assert off_best(broken(case, block), data, state, block)


@pytest.mark.parametrize("name", EXACT)
def test_the_bound_stays_below_the_evidence(name: str) -> None:
    case = CASES[name]
    assert case.evidence is not None
    data, state = begun(case)
    state = case.fitted(state, data, 50)
    exact = case.evidence(state, data)
    assert case.elbo(state, data) < exact + 1e-8
    assert case.elbo(state, data) > exact - 3.0  # a bound with a constant left out would be further off


@pytest.mark.parametrize("name", [n for n in EXACT if CASES[n].method == "em"])
def test_after_the_exact_step_the_bound_is_the_log_likelihood(name: str) -> None:
    case = CASES[name]
    assert case.evidence is not None
    data, state = begun(case)
    for _ in range(3):
        state = case.update(case.sweep(state, data), data, case.blocks[0])
        assert case.elbo(state, data) == pytest.approx(case.evidence(state, data), rel=1e-10)
    stale = case.sweep(state, data)
    assert case.elbo(stale, data) < case.evidence(stale, data)


def test_chain_sums_equal_enumeration() -> None:
    from tests.energy.reference.chains import chain

    rng = np.random.default_rng(1)
    initial, move, emit = rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(5, 3))
    weights: dict[tuple[int, ...], float] = {}
    for path in product(range(3), repeat=5):
        steps = sum(move[a, b] for a, b in pairwise(path))
        weights[path] = float(np.exp(initial[path[0]] + steps + sum(emit[t, s] for t, s in enumerate(path))))
    total = sum(weights.values())
    found = chain(initial, move, emit)
    node: Array = np.zeros((5, 3))
    for path, w in weights.items():
        node[np.arange(5), path] += w / total
    assert float(found["log_z"]) == pytest.approx(np.log(total), rel=1e-12)
    assert np.allclose(found["node"], node, atol=1e-12)
    assert not np.allclose(chain(initial, move.T, emit)["node"], node, atol=1e-3)
