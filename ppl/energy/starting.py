"""First factors: seeds for states far from one another, random parts where zero is a saddle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.base import Factor
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.gaussian import GaussianMembers
from ppl.energy.coded_starts import coded_labels
from ppl.energy.grouped_starts import climbed, grouped
from ppl.energy.lowering import Product
from ppl.energy.terms import Latent
from ppl.graph.nodes import Dim

Array = Any
SEEN = 4000  # rows that seeds are chosen from
ROUNDS = 8  # of Lloyd's algorithm
FEATURES = 200  # columns that are looked at
SURE = 2.5  # log odds of the state of the nearest seed
STAY = 3.0  # most log odds of a chain's step that keeps its state
RESTARTS = 5
MORE = 10  # of them where they cost next to nothing: most are given up after a few sweeps
SMALL_CELLS = 100_000
LARGE_CELLS = 20_000_000  # elements times states, over all starts, beyond which there are fewer of them
WARM = 3  # updates of everything else before the states move


def first(ascent: Ascent, rng: np.random.Generator) -> State:
    """Factors to begin with: states by k-means++ on the data that choose them, then all else fitted to these."""
    states = [i for i, b in enumerate(ascent.blocks) if isinstance(b, DiscreteBlock | DiscreteChain)]
    factors: dict[int, Factor] = {}
    own: dict[int, np.random.Generator] = {}
    for i, block in enumerate(ascent.blocks):
        if isinstance(block, DiscreteBlock):
            own[i] = np.random.default_rng(rng.integers(2**62))
        else:
            factors[i] = block.start(rng, spread(ascent, i))
    tables = {i: table for i in states if (table := grouped(ascent, i)) is not None}
    for i in states:
        found = None if i in tables else seeded(ascent, i, rng)
        factors[i] = found or (ascent.blocks[i].start(own[i], spread(ascent, i)) if i in own else factors[i])
    for table in tables.values():
        factors |= climbed(ascent, [factors[i] for i in range(len(factors))], table, rng)
    state = State(tuple(factors[i] for i in range(len(ascent.blocks))))
    others = [i for i in range(len(factors)) if i not in states]
    if states and others:
        for _ in range(WARM):
            state = ascent.sweep(state, others)
    return replace(state, sweep=0, gain=np.inf)


def spread(ascent: Ascent, i: int) -> float:
    """Random parts where a product of Gaussian latents makes zero a saddle, and for states."""
    block = ascent.blocks[i]
    if not isinstance(block, GaussianMembers):
        return 1.0
    return 1.0 if i in products_of_gaussians(ascent) else 0.0


def products_of_gaussians(ascent: Ascent) -> set[int]:
    """Gaussian blocks that some term multiplies with another one."""
    found: set[int] = set()
    for product in ascent.polynomial.products:
        held = {op.block for op in product.operands if isinstance(ascent.blocks[op.block], GaussianMembers)}
        if len(held) > 1:
            found |= held
    return found


def needs_restarts(ascent: Ascent) -> bool:
    """Whether the bound has many optima: hidden states with parameters of their own, or bilinear terms."""
    hidden = any(isinstance(b, DiscreteBlock | DiscreteChain) for b in ascent.blocks)
    return (hidden and len(ascent.blocks) > 1) or bool(products_of_gaussians(ascent))


def restarts(ascent: Ascent) -> int:
    """How many starts to make: one where there is one optimum, else five, ten on small data, fewer on large."""
    if not needs_restarts(ascent):
        return 1
    blocks = [b for b in ascent.blocks if isinstance(b, DiscreteBlock | DiscreteChain)]
    counts = [(b.latent.shape, b.latent.states) for b in blocks]
    cells = sum(int(np.prod(shape)) * len(states) for shape, states in counts if states is not None)
    if cells <= SMALL_CELLS:
        return MORE
    return int(np.clip(LARGE_CELLS // cells, 1, RESTARTS))


def seeded(ascent: Ascent, i: int, rng: np.random.Generator) -> Factor | None:
    """Responsibilities from seeds in feature space; None where the states have no features of their own.

    States of a chain whose labels come in runs stay, by odds at random: where states' data overlap, labels
    change more often than the states do.
    """
    block = ascent.blocks[i]
    assert isinstance(block, DiscreteBlock | DiscreteChain)
    assert block.latent.states is not None
    features = _features(ascent, i)
    if features is None:
        labels = coded_labels(block.parts, len(block.latent.states), rng, nearest)
        return None if labels is None else block.labelled(labels, SURE)
    labels = nearest(features, len(block.latent.states), rng)
    if isinstance(block, DiscreteChain):
        return block.labelled(labels, SURE, STAY * rng.random())
    return block.labelled(labels, SURE)


def _features(ascent: Ascent, i: int) -> Array | None:
    """Standardised data columns that multiply a function of the state: (elements, F)."""
    block = ascent.blocks[i]
    assert isinstance(block, DiscreteBlock | DiscreteChain)
    columns: list[Array] = []
    for product in ascent.lowered:
        left = FEATURES - sum(c.shape[1] for c in columns)
        columns += [c[:, :left] for c in _columns(product, i, block.latent)]
    if not columns:
        return None
    table = np.concatenate(columns, 1)
    sd = np.array([c.std() for c in table.T])
    told = sd > 1e-9 * (1.0 + np.maximum(table.max(0), -table.min(0)))
    if not told.any():
        return None
    table = table[:, told]
    table -= table.mean(0)
    table /= sd[told]
    return table


def _columns(product: Product, i: int, latent: Latent) -> list[Array]:
    """The data of a product that reads every state, an element a row; how often a row counts is no feature of it."""
    reads = [op for op in product.operands if op.block == i and op.key[0] == "is"]
    if len(reads) != 1:
        return []
    *index, state = reads[0].index  # on an axis of one element, that element
    cells = [c for c, n in zip(index, latent.shape, strict=False) if n > 1 or isinstance(c, Dim)]
    told = any(state in op.dims for op in product.operands if op is not reads[0])
    plain = isinstance(state, Dim) and all(isinstance(c, Dim) and c in product.dims for c in cells)
    if not told or not cells or not plain or len(set(cells)) < len(cells):
        return []
    order = [product.dims.index(c) for c in cells if isinstance(c, Dim)]
    rest = [j for j in range(len(product.dims)) if j not in order]
    moved = product.coefficient.transpose([*order, *rest])
    columns = moved.reshape(int(np.prod(latent.shape)), -1)
    if latent.multiplicity is not None:
        columns = columns / np.maximum(np.reshape(latent.multiplicity, (-1, 1)), 1e-300)
    return [columns]


def nearest(features: Array, k: int, rng: np.random.Generator) -> Array:
    """k-means++ seeds, a few rounds of Lloyd's algorithm on a sample, then every row's nearest seed."""
    rows = features if len(features) <= SEEN else features[rng.choice(len(features), SEEN, replace=False)]
    centres = _plus_plus(rows, k, rng)
    for _ in range(ROUNDS):
        at = np.argmin(_squared(rows, centres), 1)
        centres = _means(rows, at, centres)
    pieces = [features[lo : lo + SEEN] for lo in range(0, len(features), SEEN)]
    return np.concatenate([np.argmin(_squared(piece, centres), 1) for piece in pieces])


def _plus_plus(rows: Array, k: int, rng: np.random.Generator) -> Array:
    """Seeds drawn with probability proportional to squared distance (Arthur & Vassilvitskii 2007)."""
    centres = [rows[rng.integers(len(rows))]]
    for _ in range(k - 1):
        far = _squared(rows, np.stack(centres)).min(1)
        total = far.sum()
        p = far / total if total > 0 else None
        centres.append(rows[rng.choice(len(rows), p=p)])
    return np.stack(centres)


def _squared(rows: Array, centres: Array) -> Array:
    out: Array = np.square(rows).sum(1)[:, None] - 2.0 * rows @ centres.T + np.square(centres).sum(1)
    return np.maximum(out, 0.0)


def _means(rows: Array, at: Array, old: Array) -> Array:
    count = np.bincount(at, minlength=len(old)).astype(float)
    sums = np.stack([np.bincount(at, c, len(old)) for c in rows.T], 1)
    return np.where(count[:, None] > 0, sums / np.maximum(count, 1.0)[:, None], old)


def observations(ascent: Ascent, names: Sequence[str] = ()) -> int:
    """How many observed cells the energy has, as far as its coefficients show."""
    largest: dict[str, int] = {}
    for term in ascent.plan.energy.terms:
        if term.origin is not None and term.origin.kind == "observed":
            size = 1
            for d in term.coefficient.dims:
                size *= ascent.polynomial.size(d)
            largest[term.origin.name] = max(largest.get(term.origin.name, 1), size)
    return max(sum(largest.values()), 1)
