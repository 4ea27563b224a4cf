"""The compiled engine makes the same updates as the hand-written references, and has the same bound.

Both start from one q and update the same blocks in turn; mean parameters agree to 1e-9 of their size, bounds to
1e-10. Probabilities of discrete latents agree because all that the others read of them does.
Nothing is left to chance beyond fixed seeds, so there are no false alarms; the broken twin has a prior changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.ascent import Ascent
from ppl.energy.blocks.base import Factor
from ppl.inference.energy_build import ascent_of
from tests.energy.reference import expect as e
from tests.energy.reference.case import Array, Case, Data, State
from tests.energy.reference.cases import CASES

NAMES = sorted(CASES)
DISCRETE = ("Categorical", "Chain")
CHANGES = {
    "Gamma(2,": "Gamma(2.1,",
    "Wishart(5,": "Wishart(5.1,",
    "Dirichlet(0.4)": "Dirichlet(0.41)",
    "Poisson(rate[": "Poisson(2 * rate[",
    "var = var[z[i]]": "var = 2 * var[z[i]]",
    "(level[t-1], var": "(0.9 * level[t-1], var",
}


def compiled(case: Case, data: Data, model: str = "") -> Ascent:
    """The engine's plan for the model."""
    return ascent_of(ppl.compile(model or case.model, path=False).bind(data).problem)


def statistics(family: str, b: dict[str, Array]) -> dict[str, Array]:
    """Mean parameters of one block, by the engine's names of statistics."""
    if family in ("Normal", "MvNormal"):
        return gaussian(b)
    if family == "Gamma":
        return {"x": e.gamma_mean(b), "log": e.gamma_log(b)}
    if family == "Beta":
        both = e.dirichlet_log({"concentration": np.stack([b["a"], b["b"]], -1)})
        return {"log": both[..., 0], "log1m": both[..., 1]}
    if family == "Dirichlet":
        return {"log": e.dirichlet_log(b)}
    if family == "Wishart":
        return {"x": e.wishart_mean(b), "logdet": e.wishart_log_det(b)}
    value = b["value"]
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # a mean may be negative, and nobody asks for its log
        return {
            "x": value,
            "log": np.log(value),
            "power:-1": 1 / value,
            "power:2": value**2,
            "pair": value**2,
        }


def gaussian(b: dict[str, Array]) -> dict[str, Array]:
    """First and second moments; `lag` joins the neighbours of a chain."""
    if "var" in b:
        square = b["mean"] ** 2 + b["var"]
        return {"x": b["mean"], "power:2": square, "pair": square}
    mean, cov = b["mean"], b["cov"]
    flat = mean.reshape(*cov.shape[:-1])
    outer = flat[..., :, None] * flat[..., None, :] + cov
    square = np.diagonal(outer, axis1=-2, axis2=-1)
    return {"x": mean, "power:2": square, "pair": outer, "lag": np.diagonal(outer, 1)}


def factors(case: Case, plan: Ascent, state: State) -> tuple[Factor, ...]:
    """The engine's factors at a reference's start: those of discrete latents by the updates that it made."""
    hidden = [i for i, b in enumerate(plan.blocks) if case.families[b.names[0]] in DISCRETE]
    found = [flat(b) if i in hidden else known(case, b, state) for i, b in enumerate(plan.blocks)]
    now = tuple(found)
    for i in hidden:
        now = plan.update(now, i)[0]
    return now


def flat(block: Any) -> Factor:
    """Even probabilities."""
    made: Factor = block.best({key: np.zeros(shape) for key, shape in block.shapes().items()}, None)
    return made


def known(case: Case, block: Any, state: State) -> Factor:
    """The factor with the state's mean parameters; its entropy is left to its update."""
    return Factor(means(case, block, state), 0.0, natural(state, block))


def natural(state: State, block: Any) -> dict[str, Array]:
    """What a point block looks at of the state before: its value."""
    own = state[block.names[0]]
    return {"value": own["value"]} if "value" in own else {}


def means(case: Case, block: Any, state: State) -> dict[Any, Array]:
    """The arrays that the engine's block holds, from the reference's state."""
    (name,) = block.names
    own = statistics(case.families[name], state[name])
    return {key: shaped(own, key[0], shape) for key, shape in block.shapes().items()}


def shaped(own: dict[str, Array], stat: str, shape: tuple[int, ...]) -> Array:
    """One statistic in the engine's shape."""
    if stat == "pair" and own["pair"].size != np.prod(shape):
        return own["power:2"].reshape(shape)
    if stat == "lag":
        return np.concatenate([[0.0], own["lag"]])
    return np.asarray(own[stat]).reshape(shape)


def apart(case: Case, plan: Ascent, state: State, data: Data, sweeps: int = 2) -> dict[str, float]:
    """By block: the largest difference after an update, both sides going on from their own."""
    now, found = factors(case, plan, state), dict.fromkeys(case.blocks, 0.0)
    order = {block.names[0]: i for i, block in enumerate(plan.blocks)}
    for name in case.blocks * sweeps:
        now, state = plan.update(now, order[name])[0], case.update(state, data, name)
        if (
            case.families[name] not in DISCRETE
        ):  # how those are stored is the engine's affair; others read them
            hand = means(case, plan.blocks[order[name]], state)
            gaps = [difference(now[order[name]].means[key], hand[key], key[0]) for key in hand]
            found[name] = max(found[name], *gaps)
    return found


def difference(ours: Array, hand: Array, stat: str) -> float:
    """Relative to the largest entry; the edge of a chain that stands for no pair is left out."""
    if stat == "lag":
        ours, hand = ours[1:], hand[1:]
    return float(np.max(np.abs(ours - hand)) / (1e-12 + np.max(np.abs(hand))))


def begun(case: Case, seed: int) -> tuple[Data, State]:
    """Data, and a q to start from."""
    rng = np.random.default_rng(seed)
    data = case.columns(rng)
    return data, case.start(data, rng)


@pytest.mark.parametrize("name", NAMES)
def test_updates_equal_those_by_hand(name: str) -> None:
    case = CASES[name]
    for seed in range(2):
        data, state = begun(case, seed)
        assert {b: d for b, d in apart(case, compiled(case, data), state, data).items() if d > 1e-9} == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_model_makes_other_updates(name: str) -> None:
    case = CASES[name]
    data, state = begun(case, 0)
    other = compiled(case, data, changed(case.model))
    assert max(apart(case, other, state, data).values()) > 1e-6


def changed(model: str) -> str:
    """The model with one of its numbers or formulas a little off."""
    for old, new in CHANGES.items():
        if old in model:
            return model.replace(old, new)
    raise AssertionError("nothing to change")


@pytest.mark.parametrize("name", NAMES)
def test_bounds_equal_those_by_hand(name: str) -> None:
    case = CASES[name]
    data, state = begun(case, 0)
    plan = compiled(case, data)
    now = factors(case, plan, state)
    order = {block.names[0]: i for i, block in enumerate(plan.blocks)}
    for block in case.blocks:
        state = case.update(state, data, block)
        now = plan.update(now, order[block])[0]
    ours, scale = plan.elbo(now)
    assert abs(ours - case.elbo(state, data)) < 1e-10 * (1 + scale)
