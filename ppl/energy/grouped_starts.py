"""First tables for states that meet data through codes, where some tables belong to groups and others are shared.

Tokens have topics: the weights of topics belong to documents, the words of topics are shared. Each state's shared
table begins as an even one with a little of one group's data in it, a group of its own for every state; from there
a few passes of

    weights of the groups made even;  rounds of states and weights with the shared tables held;  shared tables once

Weights that remember the first, meaningless tables hold later ones back: that is why they are forgotten. A pass
may lower the bound, so that this is a start and no sweep. Tables at random differ by nothing that is in the data,
take three times the passes, and end at worse optima. (Topics seeded by documents: Blei, Ng & Jordan 2003, JMLR 3,
section 5.2 and their program; rounds within documents before topics are updated: Hoffman, Blei & Bach 2010.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent
from ppl.energy.blocks.base import Factor
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.family import FamilyBlock, neutral
from ppl.energy.operands import Key
from ppl.energy.row_sums import Codes, Means

Array = Any
PASSES = 10
ROUNDS = 10  # of states and weights in each pass
FEWEST = 3  # passes where data are large: seeds tell states apart soon
READS = 3e7  # elements times states times rounds that may be spent
SEED = 0.05  # of a state's first table that is its seed's data
NOISE = 0.33  # of shared tables at random, where there are fewer groups than states: about a tenth


@dataclass(frozen=True)
class Grouped:
    """A discrete block, the blocks of its groups' weights with the sums that these read, and its shared tables."""

    states: int
    weights: tuple[tuple[int, Key], ...]
    shared: tuple[int, ...]


def grouped(ascent: Ascent, i: int) -> Grouped | None:
    """Block i with its tables, where codes are all that its states read and there are both kinds of tables."""
    block = ascent.blocks[i]
    if not isinstance(block, DiscreteBlock) or block.dense or not block.parts:
        return None
    if not all(isinstance(p, Codes) for p in block.parts):
        return None
    weights, shared = [], []
    for product in ascent.polynomial.products:
        for read in (op for op in product.operands if op.block == i):
            others = [op for op in product.operands if op is not read]
            if len(others) != 1 or not isinstance(ascent.blocks[others[0].block], FamilyBlock):
                return None
            (table,) = others
            if table.index[-1] == read.index[-1]:
                weights.append((table.block, read.key))
            elif read.index[-1] in table.index:
                shared.append(table.block)
            else:
                return None
    return Grouped(i, tuple(weights), tuple(shared)) if weights and shared else None


def climbed(
    ascent: Ascent, factors: Sequence[Factor], found: Grouped, rng: np.random.Generator
) -> dict[int, Factor]:
    """The states and their tables after the passes; all other factors stay as they are."""
    even = {b: ascent.blocks[b].start(rng, 0.0) for b, _ in found.weights}
    at = seeded(ascent, factors, found, rng)
    for _ in range(passes(ascent, found)):
        for b in even:
            at[b] = even[b]
        for _ in range(ROUNDS):
            at[found.states] = _states(ascent, at, found)
            for b in even:
                at[b] = _best(ascent, at, b)
        at[found.states] = _best(ascent, at, found.states)
        for b in found.shared:
            at[b] = _best(ascent, at, b)
    return {b: at[b] for b in (found.states, *even, *found.shared)}


def passes(ascent: Ascent, found: Grouped) -> int:
    """How many passes: as many as next to no time allows, at least a few."""
    block = ascent.blocks[found.states]
    assert isinstance(block, DiscreteBlock)
    reads = block.rows.elements * block.rows.states * ROUNDS
    return int(np.clip(READS // max(reads, 1), FEWEST, PASSES))


def seeded(
    ascent: Ascent, factors: Sequence[Factor], found: Grouped, rng: np.random.Generator
) -> list[Factor]:
    """The factors with first shared tables: even ones with a little of the data of one group for each state."""
    at = list(factors)
    shares = _shares(ascent, found, rng)
    for b in found.shared:
        noise = None if shares is None else _noise(ascent, factors, found.states, shares, b)
        table = ascent.blocks[b]
        assert isinstance(table, FamilyBlock)
        at[b] = table.start(rng, NOISE) if noise is None else table.of(neutral(table.kind, noise))
    return at


def _shares(ascent: Ascent, found: Grouped, rng: np.random.Generator) -> dict[Key, Array] | None:
    """The sums of every part, (places, K), were state k all of a seed's data; None with fewer groups than states."""
    block = ascent.blocks[found.states]
    assert isinstance(block, DiscreteBlock)
    states, parts = block.rows.states, {p.key: p for p in block.parts if isinstance(p, Codes)}
    groups = parts[found.weights[0][1]]
    size = np.bincount(groups.codes, _weights(groups), groups.places)
    filled = np.flatnonzero(size > 0)
    if len(filled) < states:
        return None
    seeds = rng.permutation(filled)[:states]
    state = np.full(groups.places, -1, dtype=np.int32)
    state[seeds] = np.arange(states)
    own = np.flatnonzero(state[groups.codes] >= 0)
    k, share = state[groups.codes[own]], 1.0 / size[groups.codes[own]]
    out = {}
    for key, part in parts.items():
        cell = part.codes[own].astype(np.int64) * states + k
        counts = np.bincount(cell, share * _weights(part)[own], part.places * states)
        out[key] = counts.reshape(part.places, states)
    return out


def _weights(part: Codes) -> Array:
    return np.ones(len(part.codes)) if part.weight is None else np.abs(part.weight)


def _noise(
    ascent: Ascent, factors: Sequence[Factor], states: int, shares: dict[Key, Array], b: int
) -> Array | None:
    """Positive numbers of mean 1 in the shape of table b, that lean to where the shares are."""
    with_shares, without = list(factors), list(factors)
    with_shares[states] = Factor(Means(shares), 0.0)
    without[states] = Factor(Means({key: np.zeros_like(a) for key, a in shares.items()}), 0.0)
    told = ascent.polynomial.gradient(b, tuple(with_shares))
    prior = ascent.polynomial.gradient(b, tuple(without))
    latent = ascent.plan.blocks[b].latent  # type: ignore[attr-defined]
    leans = [
        told[key] - prior[key] for key in told if key[0] == "log" and np.shape(told[key]) == latent.shape
    ]
    if not leans or not np.mean(leans[0]) > 0:
        return None
    return np.asarray((1.0 - SEED) + SEED * leans[0] / np.mean(leans[0]))


def _best(ascent: Ascent, at: Sequence[Factor], b: int) -> Factor:
    return ascent.blocks[b].best(ascent.polynomial.gradient(b, tuple(at)), at[b])


def _states(ascent: Ascent, at: Sequence[Factor], found: Grouped) -> Factor:
    """The states' factor with the sums that the groups' weights read, and where possible no others."""
    block = ascent.blocks[found.states]
    assert isinstance(block, DiscreteBlock)
    if block.collapsed is None:
        return _best(ascent, at, found.states)
    gradients = ascent.polynomial.gradient(found.states, tuple(at))
    only = {key for _, key in found.weights}
    return Factor(Means(block.collapsed.softmax(gradients, only).sums), 0.0)
