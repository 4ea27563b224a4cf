"""The log densities of some statements at coordinates of the latents that they mention, and nothing else.

The walk serves traced coordinates (to be differentiated) and numbers alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.energy.declare import stored_order
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, define_values, own_cells, row_weights
from ppl.graph.blocks import Block, bijection_of, constrained, unconstrained
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import give
from ppl.graph.guard import evaluating
from ppl.graph.named import Named, aligned, total
from ppl.graph.nodes import Dim
from ppl.graph.order import mentions
from ppl.graph.rows import checked
from ppl.graph.store import stored_dims, to_stored

Array = Any
EDGE = 700.0  # exp(700) is still a number


@dataclass(frozen=True, eq=False)
class Part:
    """Some latents with coordinates of their own, and the statements to be evaluated at them.

    ``needed``: the deterministic quantities that the statements read.
    """

    layout: Layout
    states: dict[str, np.ndarray]
    blocks: dict[str, Block]
    statements: tuple[g.Statement, ...]
    needed: frozenset[str]
    size: int

    def evaluator(self) -> Evaluator:
        """A fresh one that knows the states of discrete latents."""
        at = self.layout.evaluator()
        at.states.update(self.states)
        return at


@dataclass(frozen=True, eq=False)
class Walked:
    """``log_det``: log |dx/dz| of each draw, points aside; ``densities``: each statement's, over its own dims."""

    at: Evaluator
    log_det: Array
    densities: tuple[tuple[g.Statement, Named], ...]


def part_of(
    lay: Layout,
    states: dict[str, np.ndarray],
    names: Sequence[str],
    statements: Sequence[g.Statement],
    points: Collection[str] = (),
) -> Part:
    """Coordinates for some latents, in the order of the layout. ``points`` have no log |dx/dz|: the mode is in x."""
    blocks, start = {}, 0
    for name, block in lay.blocks.items():
        if name in names:
            stop = start + block.where.stop - block.where.start
            point = block.point or name in points
            blocks[name] = replace(block, where=slice(start, stop), point=point)
            start = stop
    return Part(lay, dict(states), blocks, tuple(statements), _needed(lay, statements), start)


def _needed(lay: Layout, statements: Sequence[g.Statement]) -> frozenset[str]:
    bodies = {v.name: v.body for v in lay.graph.statements if v.kind == "value"}
    roots = [n for s in statements for n in (s.body, s.observed) if n is not None]
    pending = list(mentions(tuple(roots)) & set(bodies))
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += list(mentions((bodies[name],)) & set(bodies))
    return frozenset(found)


def walk(part: Part, z: Array) -> Walked:
    """Values of the latents at coordinates z (draws, size), and the statements' log densities there."""
    at = part.evaluator()
    weight = row_weights(part.layout, at)
    log_dets: list[Array] = []
    out: list[tuple[g.Statement, Named]] = []
    chosen = {id(s) for s in part.statements}
    with np.errstate(all="ignore"):
        for group in part.layout.groups:
            drawn = {}
            for s in group:
                with evaluating(s):
                    drawn[s.name] = _define(part, at, z, s, weight, log_dets)
            define_values(at, tuple(s for s in group if s.kind != "value" or s.name in part.needed))
            for s in group:
                if id(s) in chosen:
                    with evaluating(s):
                        out.append((s, checked(at, s, _density(part, at, s, drawn[s.name]))))
    return Walked(at, _sum(log_dets), tuple(out))


def _sum(parts: list[Array]) -> Array:
    out: Array = np.zeros(1)
    for p in parts:
        out = out + p
    return out


def _define(
    part: Part, at: Evaluator, z: Array, s: g.Statement, weight: Any, log_dets: list[Array]
) -> Named | None:
    """Give a latent, param or imputed column its value; a latent's is returned over its own dims."""
    name = s.name if s.imputes is None else ".".join(s.imputes)
    block = part.blocks.get(name)
    if block is None or (s.imputes is None and s.kind not in ("latent", "param")):
        return None
    shape = (*(at.size(d) for d in block.batch), *block.inner)
    u = xp.slice_last(z, start=block.where.start, stop=block.where.stop)
    value, log_det = bijection_of(at, block).forward(xp.reshape_last(u, count=1, shape=shape))
    if not block.point:
        log_dets.append(total(weighted(Named(log_det, block.batch), weight)).array)
    if block.cells is not None:
        _impute(part, at, s, value, block.cells)
        return None
    drawn = Named(value, block.dims)
    at.values[s.name] = to_stored(at, s, drawn)
    return drawn


def _impute(part: Part, at: Evaluator, s: g.Statement, value: Array, cells: np.ndarray) -> None:
    assert s.imputes is not None
    data = part.layout.data
    base = data.arrays[s.imputes].astype(float)
    known = np.where(data.missing[s.imputes], 0.0, base)[None]
    full = xp.place(value, cells, shape=base.shape) + known
    at.values[".".join(s.imputes)] = Named(full, stored_dims(s.imputes, base.ndim))


def weighted(x: Named, weight: Any) -> Named:
    """A value times the weights of the rows that it runs over."""
    for d in x.dims:
        own = weight(d)
        if own is not None:
            x = Named(x.array * aligned(Named(np.asarray(own, float)[None], (d,)), x.dims), x.dims)
    return x


def _density(part: Part, at: Evaluator, s: g.Statement, drawn: Named | None) -> Named:
    if s.kind == "factor":
        return at.named(s.body)
    if s.kind == "observed":
        assert s.observed is not None
        return at.log_density(s.body, at.named(s.observed), s.event)
    if s.name in part.layout.discrete:
        return at.log_density(s.body, own_cells(at, s), s.event)
    assert drawn is not None
    return at.log_density(s.body, drawn, s.event)


def repeats(part: Part, at: Evaluator, s: g.Statement, density: Named) -> float:
    """How often a density counts for the plates that it does not run over."""
    out = 1.0
    weight = row_weights(part.layout, at)
    for d in s.place.plates:
        if d not in density.dims and s.kind != "latent":
            own = weight(d)
            out *= float(at.size(d)) if own is None else float(np.sum(own))
    return out


def latent_array(at: Evaluator, block: Block) -> Array:
    """The value of a latent (draws, *axes) as the energy lays it out: axes of one draw last."""
    array = at.values[block.name].array
    if block.cells is not None:
        return array
    order = stored_order(block.statement)
    if order == tuple(range(len(order))):
        return array
    return xp.transpose(array, (0, *(1 + i for i in order)))


def coordinates_of(part: Part, draws: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (S, D) of values as the energy lays them out, and log |dx/dz| of all but points: (S,)."""
    count = len(next(iter(draws.values())))
    z, log_det = np.zeros((count, part.size)), np.zeros(count)
    at = part.evaluator()
    stored = {n: stored_array(part.blocks[n], a) for n, a in draws.items()}
    with np.errstate(all="ignore"):
        for group in part.layout.groups:
            for s in group:
                block = part.blocks.get(s.name if s.imputes is None else ".".join(s.imputes))
                if block is None or (s.imputes is None and s.kind not in ("latent", "param")):
                    continue
                own = give(part.layout, at, s, stored.__getitem__)
                value = Named(stored[block.name], block.batch) if own is None else own
                u = unconstrained(at, block, value)
                z[:, block.where] = np.nan_to_num(u, nan=0.0, posinf=EDGE, neginf=-EDGE)
                if not block.point:
                    log_det += np.asarray(constrained(at, block, z)[1])
            define_values(at, tuple(s for s in group if s.kind != "value" or s.name in part.needed))
    return z, log_det


def stored_array(block: Block, array: np.ndarray) -> np.ndarray:
    """The inverse of `latent_array`: values (S, *axes) over the axes as the model writes them."""
    if block.cells is not None:
        return array
    order = stored_order(block.statement)
    return np.transpose(array, (0, *(1 + int(i) for i in np.argsort(order))))


def point_mask(part: Part, points: Mapping[str, bool]) -> np.ndarray:
    """Coordinates of the latents that are points: (D,)."""
    out = np.zeros(part.size, dtype=bool)
    for name, block in part.blocks.items():
        out[block.where] = points[name]
    return out


def coordinate_counts(part: Part) -> np.ndarray:
    """How many equal ones each coordinate stands for, by the weights of its rows: (D,)."""
    out = np.ones(part.size)
    at = part.evaluator()
    weight = row_weights(part.layout, at)
    for block in part.blocks.values():
        shape = dims_size(at, block.batch)
        ones = weighted(Named(np.ones((1, *shape)), block.batch), weight).numpy[0]
        inner = int(np.prod(block.inner, dtype=int))
        out[block.where] = np.repeat(np.ravel(ones), inner)
    return out


def dims_size(at: Evaluator, dims: Sequence[Dim]) -> tuple[int, ...]:
    """Lengths."""
    return tuple(at.size(d) for d in dims)
