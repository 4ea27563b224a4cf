"""What batches know of their own elements, put together: first factors of local blocks over all rows.

A family's elements are the best ones for the gradients in their batches. States of chains and Gaussian elements have
the marginals that they have there: neighbours are tied again by the first update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent
from ppl.energy.blocks.base import Block, Factor
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.family import FamilyBlock
from ppl.energy.blocks.gaussian import GaussianMembers
from ppl.energy.operands import Key
from ppl.energy.terms import Latent
from ppl.energy.wishes import members, root
from ppl.inference.batched_target import BatchTarget, Part

Array = Any
Visited = Callable[[int], tuple[Part, tuple[Factor, ...]]]
LEAST = 1e-300  # probability of a state that a batch found impossible


def gathered(
    target: BatchTarget, seed: int, ascent: Ascent, visited: Visited
) -> dict[tuple[str, ...], Factor]:
    """Factors of local blocks; ``visited(k)`` has the energy and the factors of batch k, which was seen before."""
    found: dict[tuple[str, ...], Factor] = {}
    for block in ascent.blocks:
        if {root(n) for n in members(block.names)} & target.local_names:
            arrays = _put_together(target, seed, block, visited)
            if arrays is not None:
                found[block.names] = block.best(arrays, None)
    return found


def _put_together(target: BatchTarget, seed: int, block: Block, visited: Visited) -> dict[Key, Array] | None:
    """Natural parameters over all rows; None for blocks that need no start of their own."""
    latents = {m.name: m for m in _latents(block)}
    if not latents:
        return None
    eta: dict[Key, Array] = {}
    for k in range(target.count):
        part, factors = visited(k)
        i = next((j for j, b in enumerate(part.ascent.blocks) if b.names == block.names), None)
        if i is None:
            return None
        for key, small in _natural(part, i, factors):
            array = eta.setdefault(key, np.zeros(block.shapes()[key]))
            array[_places(target, seed, k, latents[key[1]], small.shape)] = small
    return eta


def _latents(block: Block) -> tuple[Latent, ...]:
    match block:
        case FamilyBlock() | DiscreteChain():
            return (block.latent,)
        case GaussianMembers():
            return () if block.point else tuple(m.latent for m in block.members)
    return ()


def _natural(part: Part, i: int, factors: tuple[Factor, ...]) -> Iterator[tuple[Key, Array]]:
    """What a batch says of each element of a block by itself."""
    block, means = part.ascent.blocks[i], factors[i].means
    match block:
        case FamilyBlock():
            made = part.ascent.polynomial.gradient(i, part.ascent.completed(factors))
            for key, small in block.shapes().items():
                if key in made:
                    yield key, np.broadcast_to(made[key], small)
        case DiscreteBlock() | DiscreteChain():
            yield block.key, np.log(np.maximum(means[block.key], LEAST))
        case GaussianMembers():
            for name, (mean, sd) in block.moments(factors[i]).items():
                precision = 1.0 / np.square(np.where(sd > 0, sd, 1.0))
                yield ("x", name), mean * precision
                yield ("power:2", name), -0.5 * precision


def _places(
    target: BatchTarget, seed: int, k: int, latent: Latent, shape: tuple[int, ...]
) -> tuple[Array, ...]:
    """Where a batch's elements lie in the array over all rows."""
    where = target.positions(seed, k)
    sets = [d.set for d in latent.dims[: len(shape)]]
    sets += [""] * (len(shape) - len(sets))
    return np.ix_(*(where.get(s, np.arange(n)) for s, n in zip(sets, shape, strict=True)))
