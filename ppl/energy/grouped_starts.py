"""First tables for states that meet data through codes, where some tables belong to groups and others are shared.

Tokens have topics: the weights of topics belong to documents, the words of topics are shared. From shared tables
at random, a few passes of

    weights of the groups made even;  rounds of states and weights with the shared tables held;  shared tables once

Weights that remember the first, meaningless tables hold later ones back: that is why they are forgotten. A pass
may lower the bound, so that this is a start and no sweep. (Rounds within documents before topics are updated:
Blei, Ng & Jordan 2003, JMLR 3, section 5; Hoffman, Blei & Bach 2010.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppl.energy.ascent import Ascent
from ppl.energy.blocks.base import Factor
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.family import FamilyBlock
from ppl.energy.operands import Key
from ppl.energy.row_sums import Codes, Means

PASSES = 10
ROUNDS = 10  # of states and weights in each pass
FEWEST = 3  # passes where data are large
READS = 1.6e9  # elements times states times rounds that may be spent
NOISE = 0.33  # of shared tables at random: about a tenth


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
    at = list(factors)
    for b in found.shared:
        at[b] = ascent.blocks[b].start(rng, NOISE)
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
    """How many passes: fewer where the data are large, and their tables soon tell states apart."""
    block = ascent.blocks[found.states]
    assert isinstance(block, DiscreteBlock)
    reads = block.rows.elements * block.rows.states * ROUNDS
    return int(np.clip(READS // max(reads, 1), FEWEST, PASSES))


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
