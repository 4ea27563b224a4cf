"""Flows over the unconstrained coordinates of several latents: in place of independent standard normal noise.

A free latent is ``z = T(m + exp(w) v)`` with T its support's bijection. Without a flow v is standard normal;
with one, v = f(e) for the joint e of all its latents, f coupling layers that start at the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.coupling import Coupling
from ppl.backend.low_rank import LowRank
from ppl.errors import Diagnostic, ModelError, Span
from ppl.graph.assemble import Layout
from ppl.graph.blocks import Block
from ppl.graph.networks import is_weight
from ppl.graph.nodes import Dim
from ppl.language import typed as t

Array = Any
HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
LAYERS, HIDDEN = 6, 32
MOST = 500  # coordinates of one flow
LINEAR = 100  # coordinates up to which a triangular matrix comes last


@dataclass(frozen=True)
class Wish:
    """A flow over some latents, or over all that are free where ``names`` is None.

    ``rank``: a Gaussian of that rank plus a diagonal instead of layers; the root of the coordinates where 0.
    ``sets``: of the plates whose elements flow each by itself, by the same layers.
    """

    names: tuple[str, ...] | None = None
    layers: int = LAYERS
    hidden: int = HIDDEN
    span: Span | None = None
    rank: int | None = None
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Warped:
    """What takes the place of standard normal noise in one block: v, and what v adds to ``-log q``.

    Both are over (draws, *the block's shape).
    """

    noise: Array
    entropy: Array


@dataclass(frozen=True, eq=False)
class Flow:
    """A flow over blocks, whose coordinates are laid one after another.

    ``plates``: dims that all blocks begin with, whose elements flow each by itself. shapes: of what follows them.
    """

    blocks: tuple[Block, ...]
    shapes: tuple[tuple[int, ...], ...]
    coupling: Coupling | LowRank
    plates: tuple[Dim, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The latents, as written."""
        return tuple(b.name.removesuffix(".raw") for b in self.blocks)

    def warp(
        self, weights: Array, noise: Any, draws: int, closed: bool, size: Callable[[Dim], int]
    ) -> dict[str, Warped]:
        """Draws for every block; the entropy is expected where ``closed``, else minus the log density there."""
        plates = tuple(size(d) for d in self.plates)
        lead = (draws, int(np.prod(plates, dtype=int)))
        v, entropy = _drawn(self.coupling, weights, noise, lead, closed)
        out, start = {}, 0
        for block, shape in zip(self.blocks, self.shapes, strict=True):
            stop = start + int(np.prod(shape, dtype=int))
            parts = (xp.slice_last(x, start, stop) for x in (v, entropy))
            out[block.name] = Warped(*(xp.reshape_last(x, 2, (*plates, *shape)) for x in parts))
            start = stop
        return out


def _drawn(
    coupling: Coupling | LowRank, weights: Array, noise: Any, lead: tuple[int, int], closed: bool
) -> tuple[Array, Array]:
    """v and what each coordinate adds to minus its log density, both (draws, elements, D)."""
    e = noise("flow", (*lead, coupling.size))
    if isinstance(coupling, LowRank):
        v, whole = coupling.drawn(weights, e, noise("shared", (*lead, coupling.rank)), closed)
        return v, whole / coupling.size + np.zeros(coupling.size, dtype=np.float32)
    v, log_scales = coupling.forward(weights, e)
    return v, log_scales + (HALF_LOG_2PI + (0.5 if closed else 0.5 * e * e))


def wishes_of(program: t.Program) -> tuple[Wish, ...]:
    """The flows that a guide asks for."""
    found = []
    for q in program.guide:
        if q.strategy == "Flow":
            asked, sets = dict(q.settings), tuple(loop.set for loop in q.loops)
            layers, hidden = asked.get("layers", LAYERS), asked.get("hidden", HIDDEN)
            found.append(Wish(q.names, layers, hidden, q.span, sets=sets))
    return tuple(found)


def flows_of(
    lay: Layout,
    wishes: tuple[Wish, ...],
    taken: Collection[str],
    cut: Callable[[Block], bool],
) -> tuple[Flow, ...]:
    """The flows that are wished for. taken: latents with a guide of their own; cut: blocks that batches cut.

    Raises `ModelError`: E605 for what cannot flow, E607 for latents of which batches take a part.
    """
    return tuple(_flow(lay, wish, _blocks(lay, wish, taken, cut)) for wish in wishes)


def _blocks(
    lay: Layout, wish: Wish, taken: Collection[str], cut: Callable[[Block], bool]
) -> tuple[Block, ...]:
    free = {n: b for n, b in lay.blocks.items() if not b.point and n not in taken}
    if wish.names is None:
        weights = wish.rank is not None
        return tuple(b for b in free.values() if (weights or not is_weight(b.name)) and not cut(b))
    found = []
    for name in wish.names:
        block = _named(free, name)
        if block is None:
            raise _refused(wish, f"`{name}` has no coordinates on the real line to flow")
        _plates(wish, block)
        if cut(block) and not wish.sets:
            why = f"a batch takes a part of `{name}`"
            raise _refused(wish, why, "E607", "leave it out of the flow, or fit without --batch")
        found.append(block)
    return tuple(found)


def _named(free: Mapping[str, Block], name: str) -> Block | None:
    for known in (name, f"{name}.raw"):
        if known in free:
            return free[known]
    return next((b for n, b in free.items() if b.cells is not None and n.endswith(f".{name}")), None)


def _plates(wish: Wish, block: Block) -> tuple[Dim, ...]:
    """The dims of a block whose elements flow each by itself."""
    count = len(wish.sets)
    if count and (block.cells is not None or tuple(d.set for d in block.batch[:count]) != wish.sets):
        why = f"`{block.name.removesuffix('.raw')}` is not drawn for each element of {', '.join(wish.sets)}"
        raise _refused(wish, why, help="one flow is over latents of the same plates")
    return block.batch[:count]


def _flow(lay: Layout, wish: Wish, blocks: tuple[Block, ...]) -> Flow:
    at, count = lay.evaluator(), len(wish.sets)
    shapes = tuple(
        tuple(b.cells.shape) if b.cells is not None else (*(at.size(d) for d in b.batch[count:]), *b.inner)
        for b in blocks
    )
    size = sum(int(np.prod(s, dtype=int)) for s in shapes)
    if size < 2:
        help = "name several latents in one `q(...)`, or leave the flow out"
        raise _refused(wish, "a flow of one coordinate is a Gaussian", help=help)
    if wish.rank is not None:
        rank = wish.rank or round(size**0.5)
        return Flow(blocks, shapes, LowRank(size, min(rank, size)))
    if size > MOST:
        help = "a flow over a few latents: `q(a, b) ~ Flow` in a guide"
        raise _refused(wish, f"{size} coordinates are too many, {MOST} at most", help=help)
    coupling = Coupling(size, wish.layers, wish.hidden, linear=size <= LINEAR)
    return Flow(blocks, shapes, coupling, _plates(wish, blocks[0]))


def _refused(wish: Wish, why: str, code: str = "E605", help: str = "") -> ModelError:
    what = f"`q({', '.join(wish.names)}) ~ Flow`" if wish.names else "a flow over all latents"
    return ModelError((Diagnostic(code, f"{what} cannot be: {why}", wish.span, help=help),))


def warped(
    flows: tuple[tuple[Flow, Array], ...],
    noise: Any,
    draws: int,
    closed: bool,
    size: Callable[[Dim], int],
) -> Iterator[tuple[str, Warped]]:
    """Block name and draws, for all blocks of some flows with their weights."""
    for k, (flow, weights) in enumerate(flows):
        own = partial(_numbered, noise, k)
        yield from flow.warp(weights, own, draws, closed, size).items()


def _numbered(noise: Any, k: int, name: str, shape: tuple[int, ...]) -> Array:
    """Noise under a name of its own: a source may give the same numbers for the same name."""
    return noise(f"{name} {k + 1}", shape)
