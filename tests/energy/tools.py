"""What several tests of the engine use: compiled texts, sweeps, and the energy by plain sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import ppl
from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.base import Factor
from ppl.energy.lowering import Product
from ppl.energy.starting import first
from ppl.graph.nodes import Dim
from ppl.inference.energy_build import ascent_of

Array = Any


def bound(text: str, data: Any, **settings: Any) -> Any:
    """A problem from the text of a model."""
    return ppl.compile(text, path=False).bind(data, **settings).problem


def climb(text: str, data: Any, points: Sequence[str] = (), merge: bool = True, **settings: Any) -> Ascent:
    """The coordinate ascent of a text."""
    return ascent_of(bound(text, data, **settings), points, merge)


def swept(ascent: Ascent, sweeps: int = 300, seed: int = 0, tolerance: float = 1e-13) -> State:
    """Sweeps until nothing moves."""
    state = first(ascent, np.random.default_rng(seed))
    for _ in range(sweeps):
        state = ascent.sweep(state)
        if state.change < tolerance:
            break
    return state


def plain_energy(ascent: Ascent, factors: Sequence[Factor]) -> float:
    """The expected log joint by one einsum a product: no memo, no order of contraction."""
    total = sum(_plain(p, factors) for p in ascent.polynomial.products)
    return float(total + ascent.plan.energy.constant)


def _plain(product: Product, factors: Sequence[Factor]) -> float:
    parts = [(np.asarray(a), d) for a, d in product.data]
    parts += [op.gather(factors[op.block].means[op.key]) for op in product.operands]
    names: dict[Dim, int] = {}
    for _, dims in parts:
        for d in dims:
            names.setdefault(d, len(names))
    operands = [x for a, dims in parts for x in (a, [names[d] for d in dims])]
    return float(np.einsum(*operands, [], optimize="greedy"))


def column(rows: Mapping[str, Any]) -> dict[str, Array]:
    """Lists as arrays."""
    return {k: np.asarray(v) for k, v in rows.items()}
