"""Messages are the gradients of the bound in mean parameters, and each update is a stationary point of it.

Numbers only, no chance beyond fixed seeds. The energy is affine in every block's mean parameters, so a central
difference over a long step has no error but rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.ascent import Ascent
from ppl.energy.blocks.base import Factor
from ppl.energy.damped import refreshed
from ppl.energy.starting import first
from ppl.inference.energy_build import ascent_of
from tests.energy.reference.cases import CASES
from tests.energy.tools import climb, plain_energy

Array = Any
PLACES = 40  # elements of one array that are moved one by one

LOGISTIC = """
index G
table rows(y: bool, g: G, u: real)
m    ~ Normal(0, 2)
b    ~ Normal(0, 1)
a[j] ~ Normal(m, 1)                                   for j in G
y[i] ~ Bernoulli(logit = a[g[i]] + b * u[i])          for i in rows
"""
COUNTS = """
index G
table rows(y: count, g: G, u: real, w: weight)
b    ~ Normal(0, 1)
a[j] ~ Normal(0, 1)                                   for j in G
y[i] ~ Poisson(log_rate = a[g[i]] + b * u[i])         for i in rows
"""
PROBIT = """
table rows(y: bool, u: real)
b ~ Normal(0, 1)
c ~ Normal(0, 1)
y[i] ~ Bernoulli(Phi(c + b * u[i]))                   for i in rows
"""
ROBUST = """
table rows(y: real, u: real)
b ~ Normal(0, 1)
c ~ Normal(0, 1)
y[i] ~ StudentT(4, c + b * u[i], 0.5)                 for i in rows
"""


def site_data(name: str) -> dict[str, Array]:
    rng = np.random.default_rng(1)
    u = rng.normal(size=30)
    g = np.array(["abcde"[i] for i in rng.integers(5, size=30)])
    y = {"logistic": (u + rng.logistic(size=30) > 0).astype(int), "counts": rng.poisson(np.exp(0.4 * u))}
    y |= {"probit": y["logistic"], "robust": u + rng.standard_t(3, size=30)}
    columns = {"y": y[name], "u": u}
    columns |= {"g": g} if name in ("logistic", "counts") else {}
    return columns | ({"w": rng.integers(1, 4, size=30)} if name == "counts" else {})


SITES = {"logistic": LOGISTIC, "counts": COUNTS, "probit": PROBIT, "robust": ROBUST}


def started(ascent: Ascent, seed: int = 2) -> tuple[Factor, ...]:
    """Factors in general position: two sweeps from a random start."""
    state = first(ascent, np.random.default_rng(seed))
    for _ in range(2):
        state = ascent.sweep(state)
    return state.factors


def moved(factors: Sequence[Factor], i: int, key: Any, where: Any, by: float) -> tuple[Factor, ...]:
    """One mean parameter of block i changed."""
    array = np.array(factors[i].means[key])
    array[where] += by
    return (
        *factors[:i],
        replace(factors[i], means={**factors[i].means, key: array}),
        *factors[i + 1 :],
    )


def chosen(shape: tuple[int, ...], rng: np.random.Generator) -> list[tuple[int, ...]]:
    """All places of an array, or some of them."""
    every = list(np.ndindex(*shape))
    if len(every) <= PLACES:
        return every
    return [every[i] for i in rng.choice(len(every), PLACES, replace=False)]


def worst(ascent: Ascent, factors: tuple[Factor, ...], whose: Ascent | None = None) -> float:
    """The largest difference of messages and numerical gradients (of ``whose`` energy), relative to 1 + message."""
    energy = whose or ascent
    rng = np.random.default_rng(9)
    out = 0.0
    for i in range(len(ascent.blocks)):
        for key, message in ascent.polynomial.gradient(i, factors).items():
            message = np.broadcast_to(message, np.shape(factors[i].means[key]))
            step = 0.5 * (1.0 + float(np.max(np.abs(factors[i].means[key]))))
            for where in chosen(message.shape, rng):
                high = plain_energy(energy, moved(factors, i, key, where, step))
                low = plain_energy(energy, moved(factors, i, key, where, -step))
                numerical = (high - low) / (2 * step)
                if abs(message[where]) < 1e10:  # what stands for log 0
                    out = max(out, abs(numerical - message[where]) / (1 + abs(message[where])))
    return out


def of_case(name: str) -> Ascent:
    case = CASES[name]
    columns = case.columns(np.random.default_rng(3))
    return ascent_of(ppl.compile(case.model, path=False).bind(dict(columns)).problem)


@pytest.mark.parametrize("name", sorted(CASES))
def test_messages_are_numerical_gradients_of_the_energy(name: str) -> None:
    """Every block, every array, up to 40 places of each: 1e-6."""
    ascent = of_case(name)
    assert worst(ascent, started(ascent)) < 1e-6


def test_a_message_with_a_wrong_product_would_be_seen() -> None:
    """The broken twin: one product of the energy doubled for the messages only."""
    ascent = of_case("linear regression")
    factors = started(ascent)
    products = ascent.polynomial.products
    twice = replace(products[-1], coefficient=2 * products[-1].coefficient)
    broken = replace(
        ascent, polynomial=type(ascent.polynomial)((*products[:-1], twice), ascent.polynomial.size)
    )
    assert worst(ascent, factors) < 1e-6 < worst(broken, factors, ascent)


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_update_is_a_stationary_point_of_the_bound(name: str) -> None:
    """From natural parameters eta the bound falls in every direction by O(step^2): entropies are right too."""
    ascent = of_case(name)
    factors = started(ascent)
    rng = np.random.default_rng(4)
    for i, block in enumerate(ascent.blocks):
        gradients = ascent.polynomial.gradient(i, factors)
        top = block.best(gradients, factors[i])
        held = (*factors[:i], top, *factors[i + 1 :])
        here = plain_energy(ascent, held) + sum(f.entropy for f in held)
        if block.family == "Delta" or getattr(block, "point", False):
            continue
        way = {k: 0.3 * g * rng.random(np.shape(g)) for k, g in gradients.items()}
        slopes, size = [], 1.0 + abs(here)
        for step in (1e-3, 5e-4):
            bounds = []
            for by in (step, -step):
                other = block.best({k: g + by * way[k] for k, g in gradients.items()}, top)
                tried = (*factors[:i], other, *factors[i + 1 :])
                bounds.append(plain_energy(ascent, tried) + sum(f.entropy for f in tried))
                assert bounds[-1] <= here + 1e-11 * size, block.names
            slopes.append((bounds[0] - bounds[1]) / (2 * step))
        assert abs(4 * slopes[1] - slopes[0]) / 3 < 1e-6 * size, block.names  # Richardson: no cubic part


def test_points_are_at_the_top_of_the_energy() -> None:
    """For every point block: no small move raises the energy."""
    rng = np.random.default_rng(6)
    seen = 0
    for name in sorted(CASES):
        ascent = of_case(name)
        factors = started(ascent)
        for i, block in enumerate(ascent.blocks):
            if block.family != "Delta":
                continue
            top = block.best(ascent.polynomial.gradient(i, factors), factors[i])
            value = top.natural["value"]
            here = plain_energy(ascent, (*factors[:i], top, *factors[i + 1 :]))
            for _ in range(5):
                near = value * np.exp(1e-3 * rng.normal(size=value.shape))
                near = near / near.sum(-1, keepdims=True) if np.allclose(value.sum(-1), 1) else near
                there = plain_energy(ascent, (*factors[:i], block.at(near), *factors[i + 1 :]))
                assert there <= here + 1e-11 * (1 + abs(here)), (name, block.names)
                seen += 1
    assert seen > 10


def whole(ascent: Ascent, factors: tuple[Factor, ...]) -> float:
    """The bound with the quadrature taken at the present predictors."""
    touches = tuple(sorted(ascent.sites))
    factors = refreshed(ascent.polynomial, touches, ascent.sites, factors)
    return plain_energy(ascent, factors) + sum(f.entropy for f in factors)


@pytest.mark.parametrize("name", sorted(SITES))
def test_messages_of_sites_are_numerical_gradients_of_the_bound(name: str) -> None:
    """Factors by quadrature: E log f moves with the mean parameters as the stand-in says, to 1e-6."""
    ascent = climb(SITES[name], site_data(name))
    factors = started(ascent)
    factors = refreshed(ascent.polynomial, tuple(ascent.sites), ascent.sites, factors)
    rng = np.random.default_rng(9)
    step = 1e-4
    for i in range(len(ascent.blocks)):
        if i in ascent.sites:
            continue
        entropy = factors[i].entropy
        for key, message in ascent.polynomial.gradient(i, factors).items():
            message = np.broadcast_to(message, np.shape(factors[i].means[key]))
            for where in chosen(message.shape, rng):
                high = whole(ascent, moved(factors, i, key, where, step))
                low = whole(ascent, moved(factors, i, key, where, -step))
                numerical = (high - low) / (2 * step)
                assert numerical == pytest.approx(message[where], rel=1e-6, abs=2e-6), (key, where)
        assert factors[i].entropy == entropy
