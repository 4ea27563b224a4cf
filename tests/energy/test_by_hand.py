"""Every update of the compiled engine against coordinate ascent written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.ascent import Ascent, ascent
from ppl.energy.blocks.base import Block, Factor
from ppl.energy.blocks.gaussian import GaussianMembers
from ppl.energy.build import energy
from ppl.energy.plan import plan
from tests.energy.reference.case import Case
from tests.energy.reference.cases import CASES

Array = Any


def compiled(case: Case, columns: Mapping[str, Array]) -> Ascent:
    bound = ppl.compile(case.model).bind(dict(columns))
    return ascent(plan(energy(bound.problem)))


def means_of(block: Block, state: Mapping[str, Mapping[str, Array]], families: Mapping[str, str]) -> dict:
    """Mean parameters of a block from the arrays of a hand-written q."""
    out: dict[tuple[str, ...], Array] = {}
    for key in block.shapes():
        out[key] = np.asarray(_mean(key, block, state, families)).reshape(block.shapes()[key])
    return out


def _mean(key: tuple[str, ...], block: Block, state: Any, families: Mapping[str, str]) -> Array:
    name = next(n for n in state if key[1] in n.split(","))
    return MEANS[families[name]](key, state[name], block)


def _normal(key: tuple[str, ...], q: Mapping[str, Array], block: Block) -> Array:
    if key[0] == "x":
        return q["mean"]
    if key[0] == "power:2":
        return q["mean"] ** 2 + q["var"]
    shape = block.shapes()[key]
    return (q["mean"] ** 2 + q["var"]).reshape(shape)


def _joint(key: tuple[str, ...], q: Mapping[str, Array], block: Block) -> Array:
    mean = q["mean"].reshape(q["cov"].shape[:-1])
    second = q["cov"] + mean[..., :, None] * mean[..., None, :]
    shape = block.shapes()[key]
    if key[0] == "x":
        return mean.reshape(shape)
    if key[0] == "power:2" or (second.ndim == 2 and len(shape) == 1):
        diagonal = np.diagonal(second, 0 if key[0] != "lag" else -1, axis1=-2, axis2=-1)
        return (np.r_[0.0, diagonal] if key[0] == "lag" else diagonal).reshape(shape)
    return second.reshape(shape)


def _family(name: str) -> Any:
    from ppl.energy.families import find

    def mean(key: tuple[str, ...], q: Mapping[str, Array], block: Block) -> Array:
        kind = find(name)
        assert kind is not None
        given = {"Beta": ("a", "b"), "Gamma": ("shape", "rate"), "Wishart": ("df", "scale")}.get(name)
        params = {k: q[k] for k in given} if given else {"concentration": q["concentration"]}
        return kind.mean(kind.natural(params))[key[0]]

    return mean


def _chain(key: tuple[str, ...], q: Mapping[str, Array], block: Block) -> Array:
    if key[0] == "is":
        return q["node"]
    out = np.zeros(block.shapes()[key])
    out[-1] = q["pair"]
    return out


def _point(key: tuple[str, ...], q: Mapping[str, Array], block: Block) -> Array:
    from ppl.energy.blocks.point import PointBlock, at_value

    if isinstance(block, PointBlock):
        return at_value(key[0], q["value"], block.functions.get(key[0]))
    return _normal(key, {"mean": q["value"], "var": np.zeros_like(q["value"])}, block)


MEANS = {
    "Normal": _normal,
    "MvNormal": _joint,
    "Gamma": _family("Gamma"),
    "Beta": _family("Beta"),
    "Dirichlet": _family("Dirichlet"),
    "Wishart": _family("Wishart"),
    "Categorical": lambda key, q, block: q["p"],
    "Chain": _chain,
    "Point": _point,
}


def factors_of(climb: Ascent, case: Case, state: Any, entropies: bool = False) -> tuple[Factor, ...]:
    out = []
    for block in climb.blocks:
        out.append(Factor(means_of(block, state, case.families), 0.0, {"value": np.zeros(())}))
    return tuple(out)


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_update_equals_the_one_by_hand(name: str) -> None:
    """Each block's mean parameters, from the same factors, to 1e-9 of their size; three sweeps."""
    case = CASES[name]
    rng = np.random.default_rng(3)
    columns = case.columns(rng)
    climb = compiled(case, columns)
    state = case.start(columns, rng)
    for _ in range(3):
        for block_name in case.blocks:
            i = next(i for i, b in enumerate(climb.blocks) if block_name.split(",")[0] in b.names)
            factors, _, _ = climb.update(factors_of(climb, case, state), i)
            state = case.update(state, columns, block_name)
            expected = means_of(climb.blocks[i], state, case.families)
            for key, value in expected.items():
                got = factors[i].means[key]
                scale = 1.0 + np.max(np.abs(value))
                assert np.max(np.abs(got - value)) <= 1e-9 * scale, (block_name, key)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_bound_equals_the_one_by_hand(name: str) -> None:
    """After a whole sweep from the same start: the ELBO to 1e-9 relative."""
    case = CASES[name]
    rng = np.random.default_rng(5)
    columns = case.columns(rng)
    climb = compiled(case, columns)
    state = case.start(columns, rng)
    factors = factors_of(climb, case, state)
    for block_name in case.blocks:
        i = next(i for i, b in enumerate(climb.blocks) if block_name.split(",")[0] in b.names)
        factors, _, _ = climb.update(factors, i)
        state = case.update(state, columns, block_name)
    if case.method == "em":
        first = case.blocks[0]
        i = next(i for i, b in enumerate(climb.blocks) if first in b.names)
        factors, _, _ = climb.update(factors, i)
        state = case.update(state, columns, first)
    by_hand = case.elbo(state, columns)
    assert climb.elbo(factors)[0] == pytest.approx(by_hand, rel=1e-9)


def test_a_wrong_coefficient_would_be_seen() -> None:
    """The broken twin: the energy with one term scaled by 1.001 does not pass."""
    from dataclasses import replace

    case = CASES["linear regression"]
    rng = np.random.default_rng(3)
    columns = case.columns(rng)
    climb = compiled(case, columns)
    products = list(climb.polynomial.products)
    products[0] = replace(products[0], coefficient=1.001 * products[0].coefficient)
    climb.polynomial.products = tuple(products)
    state = case.start(columns, rng)
    wrong = []
    for name in case.blocks:
        i = next(i for i, b in enumerate(climb.blocks) if name in b.names)
        factors, _, _ = climb.update(factors_of(climb, case, state), i)
        state = case.update(state, columns, name)
        expected = means_of(climb.blocks[i], state, case.families)
        wrong += [np.max(np.abs(factors[i].means[k] - v)) > 1e-9 for k, v in expected.items()]
    assert any(wrong)


def test_gaussian_blocks_are_named_as_such() -> None:
    case = CASES["linear regression"]
    climb = compiled(case, case.columns(np.random.default_rng(0)))
    assert any(isinstance(b, GaussianMembers) and b.width > 1 for b in climb.blocks)
