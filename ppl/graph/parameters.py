"""The variational parameters of an approximation, laid in one vector, and their part in a minibatch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ppl.backend.low_rank import LowRank
from ppl.graph.assemble import Layout
from ppl.graph.blocks import Block
from ppl.graph.evaluate import Evaluator
from ppl.graph.flows import Flow
from ppl.graph.networks import is_weight
from ppl.graph.nodes import Dim

Array = Any


@dataclass(frozen=True, eq=False)
class Parameter:
    """One array of numbers that the search moves: coordinates ``where``, of shape ``shape``.

    It is the mean or the log sd of a block's unconstrained coordinates; a point estimate has a mean only.
    The weights of a flow go with its first block; ``gaussian``: those of a Gaussian of low rank.
    """

    block: Block
    role: Literal["mean", "log_sd", "flow"]
    where: slice
    shape: tuple[int, ...]
    gaussian: bool = False

    @property
    def weight(self) -> bool:
        """Whether it belongs to a network."""
        return is_weight(self.block.name)

    def of(self, x: Array) -> Array:
        """A view of the array inside a whole vector."""
        return x[self.where].reshape(self.shape)


def parameters_of(lay: Layout, guided: frozenset[str]) -> tuple[Parameter, ...]:
    """The parameters of every latent and param that no guide covers."""
    at, start = lay.evaluator(), 0
    out: list[Parameter] = []
    for block in lay.blocks.values():
        if block.name in guided:
            continue
        shape = (*(at.size(d) for d in block.batch), *block.inner)
        count = int(np.prod(shape, dtype=int))
        for role in ("mean",) if block.point else ("mean", "log_sd"):
            out.append(Parameter(block, role, slice(start, start + count), shape))  # type: ignore[arg-type]
            start += count
    return tuple(out)


def flow_parameters(flows: tuple[Flow, ...], start: int) -> tuple[Parameter, ...]:
    """The weights of flows, laid from ``start`` on."""
    out = []
    for flow in flows:
        count = flow.count
        gaussian = isinstance(flow.coupling, LowRank)
        out.append(Parameter(flow.blocks[0], "flow", slice(start, start + count), (count,), gaussian))
        start += count
    return tuple(out)


@dataclass(frozen=True, eq=False)
class Piece:
    """The elements of a parameter that a batch needs: ``index`` into its array, then axes in ``order``."""

    parameter: Parameter
    index: tuple[Array, ...] | None
    order: tuple[int, ...]

    def take(self, x: Array) -> Array:
        """The elements, with a leading draw axis of size one."""
        array = self.parameter.of(x)
        if self.index is None:
            return array[None]
        return np.transpose(array[self.index], self.order)[None]

    def put(self, g: Array) -> Array:
        """A slope (1, *batch shape) in the order of the parameter's own axes."""
        return g[0] if self.index is None else np.transpose(g[0], np.argsort(self.order))


def pieces_of(
    parameters: tuple[Parameter, ...], whole: Evaluator, part: Layout, positions: Mapping[str, Array]
) -> tuple[Piece, ...]:
    """Where a batch's blocks lie in the whole parameters."""
    at = part.evaluator()
    return tuple(_piece(p, whole, at, part.blocks.get(p.block.name), positions) for p in parameters)


def _piece(
    p: Parameter, whole: Evaluator, at: Evaluator, sub: Block | None, positions: Mapping[str, Array]
) -> Piece:
    if p.block.cells is not None:
        return _cells(p, whole, positions)
    moved = [_chosen(whole, at, d, positions) for d in p.block.batch]
    if all(m is None for m in moved) or sub is None:
        return Piece(p, None, ())
    axes = [np.arange(n) if m is None else m for m, n in zip(moved, p.shape, strict=False)]
    inner = [np.arange(n) for n in p.block.inner]
    order = tuple(p.block.batch.index(d) for d in sub.batch)
    count = len(p.block.batch)
    return Piece(p, np.ix_(*axes, *inner), (*order, *range(count, count + len(inner))))


def _chosen(whole: Evaluator, at: Evaluator, dim: Dim, positions: Mapping[str, Array]) -> Array | None:
    """The places along a dim that a batch has; None where it has them all."""
    if dim not in whole.domains:
        return positions.get(dim.set)
    plain = whole.domains[dim].plain
    if not any(d.set in positions for d in plain):
        return None
    sizes = tuple(whole.size(d) for d in plain)
    here = [
        positions[d.set][p] if d.set in positions else p
        for d, p in zip(plain, at.positions(dim), strict=True)
    ]
    known = np.ravel_multi_index(whole.positions(dim), sizes)
    return np.searchsorted(known, np.ravel_multi_index(tuple(here), sizes))


def _cells(p: Parameter, whole: Evaluator, positions: Mapping[str, Array]) -> Piece:
    key = p.block.statement.imputes
    assert key is not None and p.block.cells is not None
    if key[0] not in positions:
        return Piece(p, None, ())
    width = int(np.prod(whole.data.arrays[key].shape[1:], dtype=int))
    rows = p.block.cells // max(width, 1)
    return Piece(p, (np.flatnonzero(np.isin(rows, positions[key[0]])),), (0,))
