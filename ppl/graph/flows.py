"""Flows over the unconstrained coordinates of several latents: in place of independent standard normal noise.

A free latent is ``z = T(m + exp(w) v)`` with T its support's bijection. Without a flow v is standard normal;
with one, v = f(e) for the joint e of all its latents, f coupling layers that start at the identity. A flow that
reads something (`ppl.graph.flow_reads`) has m, w and f from that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.coupling import Coupling
from ppl.backend.low_rank import LowRank
from ppl.errors import Diagnostic, ModelError, Span
from ppl.graph.assemble import Layout
from ppl.graph.blocks import Block
from ppl.graph.evaluate import Evaluator
from ppl.graph.flow_reads import Reads, own_latent, reading, reads_of
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

    Both are over (draws, *axes, *the block's inner shape). whole: they are u and all of its ``-log q``.
    """

    noise: Array
    entropy: Array
    axes: tuple[Dim, ...]
    whole: bool = False

    def over(self, batch: tuple[Dim, ...]) -> tuple[Array, Array]:
        """Both over (draws, *batch, *inner)."""
        order = tuple(self.axes.index(d) + 1 for d in batch)
        return _moved(self.noise, order), _moved(self.entropy, order)


@dataclass(frozen=True, eq=False)
class Flow:
    """A flow over blocks, whose coordinates are laid one after another.

    ``plates``: dims of the first block whose elements flow each by itself. axes: of each block its plates, then
    the others; shapes: of the others, and of what its values have inside. ``reads``: what the guide gives it to read.
    """

    blocks: tuple[Block, ...]
    shapes: tuple[tuple[int, ...], ...]
    coupling: Coupling | LowRank
    axes: tuple[tuple[Dim, ...], ...]
    plates: tuple[Dim, ...] = ()
    reads: Reads | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The latents, as written."""
        return tuple(b.name.removesuffix(".raw") for b in self.blocks)

    @property
    def count(self) -> int:
        """Numbers that a search moves: weights, then mean and log sd of each coordinate if the flow reads."""
        return self.coupling.count + (0 if self.reads is None else 2 * self.coupling.size)

    def start(self, rng: np.random.Generator, z: Array, log_sd: float, size: Callable[[Dim], int]) -> Array:
        """The identity. z: prior medians of all coordinates, which a mean that is not read begins with."""
        weights = self.coupling.start(rng)
        if self.reads is None:
            return weights
        medians = []
        for block, axes, shape in zip(self.blocks, self.axes, self.shapes, strict=True):
            whole = z[block.where].reshape(1, *(size(d) for d in block.batch), *block.inner)
            whole = _moved(whole, tuple(block.batch.index(d) + 1 for d in axes))
            medians.append(whole.reshape(-1, int(np.prod(shape, dtype=int))).mean(0))
        mean = np.concatenate(medians) * ("mean" not in self.reads.given)
        spread = np.full(self.coupling.size, 0.0 if "sd" in self.reads.given else log_sd)
        return np.concatenate([weights, mean, spread])

    def warp(self, weights: Array, noise: Any, draws: int, closed: bool, at: Evaluator) -> dict[str, Warped]:
        """Draws for every block; the entropy is expected where ``closed``, else minus the log density there."""
        plates = tuple(at.size(d) for d in self.plates)
        lead = (draws, int(np.prod(plates, dtype=int)))
        v, entropy = _drawn(self.coupling, weights, noise, lead, closed, self._context(at))
        if self.reads is not None:
            size, first = self.coupling.size, self.coupling.count
            own = (
                xp.slice_last(weights, first, first + size),
                xp.slice_last(weights, first + size, self.count),
            )
            v, entropy = self.reads.moved(at, own, v, entropy)
        out, start = {}, 0
        for block, shape, axes in zip(self.blocks, self.shapes, self.axes, strict=True):
            stop = start + int(np.prod(shape, dtype=int))
            parts = (xp.slice_last(x, start, stop) for x in (v, entropy))
            noise_of, entropy_of = (xp.reshape_last(x, 2, (*plates, *shape)) for x in parts)
            out[block.name] = Warped(noise_of, entropy_of, axes, self.reads is not None)
            start = stop
        return out

    def _context(self, at: Evaluator) -> Array | None:
        if self.reads is None or not isinstance(self.coupling, Coupling):
            return None
        found = self.reads.context(at)
        if found is not None and _shape(found)[-1] != self.coupling.context:
            why = f"a batch takes a part of what `q({', '.join(self.names)}) ~ Flow` reads"
            raise ModelError((Diagnostic("E607", why, self.reads.given["context"].span),))
        return found


def _shape(x: Array) -> tuple[int, ...]:
    whole: Any = getattr(x, "example", x)
    return tuple(np.shape(whole))


def _moved(x: Array, order: tuple[int, ...]) -> Array:
    """Axes after the first in another order; those behind them stay."""
    if order == tuple(range(1, len(order) + 1)):
        return x
    return xp.transpose(x, (0, *order, *range(len(order) + 1, len(_shape(x)))))


def _drawn(
    coupling: Coupling | LowRank,
    weights: Array,
    noise: Any,
    lead: tuple[int, int],
    closed: bool,
    context: Array | None,
) -> tuple[Array, Array]:
    """v and what each coordinate adds to minus its log density, both (draws, elements, D)."""
    e = noise("flow", (*lead, coupling.size))
    if isinstance(coupling, LowRank):
        v, whole = coupling.drawn(weights, e, noise("shared", (*lead, coupling.rank)), closed)
        return v, whole / coupling.size + np.zeros(coupling.size, dtype=np.float32)
    v, log_scales = coupling.forward(weights, e, context)
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


def _plates(wish: Wish, block: Block) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
    """The dims of a block whose elements flow each by itself, and the others."""
    left, found = list(block.batch), []
    for name in wish.sets:
        own = [d for d in left if d.set == name]
        if not own or block.cells is not None:
            why = (
                f"`{block.name.removesuffix('.raw')}` is not drawn for each element of {', '.join(wish.sets)}"
            )
            raise _refused(wish, why, help="one flow is over latents of the same plates")
        found.append(next((d for d in own if d in block.statement.place.plates), own[0]))
        left.remove(found[-1])
    return tuple(found), tuple(left)


def _flow(lay: Layout, wish: Wish, blocks: tuple[Block, ...]) -> Flow:
    at, dims = lay.evaluator(), [_plates(wish, b) for b in blocks]
    shapes = tuple(
        tuple(b.cells.shape) if b.cells is not None else (*(at.size(d) for d in rest), *b.inner)
        for b, (_, rest) in zip(blocks, dims, strict=True)
    )
    axes = tuple((*own, *rest) for own, rest in dims)
    size = sum(int(np.prod(s, dtype=int)) for s in shapes)
    if size < 2:
        help = "name several latents in one `q(...)`, or leave the flow out"
        raise _refused(wish, "a flow of one coordinate is a Gaussian", help=help)
    if wish.rank is not None:
        rank = wish.rank or round(size**0.5)
        return Flow(blocks, shapes, LowRank(size, min(rank, size)), axes)
    if size > MOST:
        help = "a flow over a few latents: `q(a, b) ~ Flow` in a guide"
        raise _refused(wish, f"{size} coordinates are too many, {MOST} at most", help=help)
    plates, rest = dims[0]
    reads = _reads(lay, wish, blocks, plates, rest)
    context = 0 if reads is None else int(np.prod([at.size(d) for d in reads.width], dtype=int))
    context *= reads is not None and "context" in reads.given
    coupling = Coupling(size, wish.layers, wish.hidden, context, linear=size <= LINEAR)
    return Flow(blocks, shapes, coupling, axes, plates, reads)


def _reads(
    lay: Layout, wish: Wish, blocks: tuple[Block, ...], plates: tuple[Dim, ...], rest: tuple[Dim, ...]
) -> Reads | None:
    """What the guide gives a flow to read. Raises `ModelError` (E605) where it cannot."""
    guide = reading(lay.graph, wish.names or ())
    if guide is None:
        return None
    domains = lay.evaluator().domains
    if any(b.cells is not None for b in blocks):
        raise _refused(wish, "blank cells have factors of their own", help="leave out what it reads")
    if any(d in domains for d in (*guide.place.plates, *(d for b in blocks for d in b.batch))):
        raise _refused(
            wish, "what reads something is over whole sets", help="leave out the condition of the loop"
        )
    if tuple(d.set for d in guide.place.plates) != tuple(d.set for d in plates):
        raise _refused(wish, "its loops go through rows of other rows", help="write one loop for each plate")
    own = own_latent(lay.graph, guide, wish.names or ())
    if own:
        raise _refused(wish, f"what it reads depends on `{own}`, which it draws")
    return reads_of(guide, rest)


def _refused(wish: Wish, why: str, code: str = "E605", help: str = "") -> ModelError:
    what = f"`q({', '.join(wish.names)}) ~ Flow`" if wish.names else "a flow over all latents"
    return ModelError((Diagnostic(code, f"{what} cannot be: {why}", wish.span, help=help),))


@dataclass(frozen=True, eq=False)
class Warps:
    """Draws of all blocks of some flows, each with its weights; those that read something when they are asked for."""

    flows: tuple[tuple[Flow, Array], ...]
    noise: Any
    draws: int
    closed: bool
    at: Evaluator
    known: dict[str, Warped] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for k, (flow, _) in enumerate(self.flows):
            if flow.reads is None:
                self._draw(k)

    def of(self, name: str) -> Warped | None:
        """Those of a block, or None where it is in no flow."""
        if name not in self.known:
            for k, (flow, _) in enumerate(self.flows):
                if any(b.name == name for b in flow.blocks):
                    self._draw(k)
        return self.known.get(name)

    def _draw(self, k: int) -> None:
        flow, weights = self.flows[k]
        own = partial(_numbered, self.noise, k)
        self.known.update(flow.warp(weights, own, self.draws, self.closed, self.at))


def noise_name(k: int, name: str = "flow") -> str:
    """What the noise of the k-th flow is called: a source may give the same numbers for the same name."""
    return f"{name} {k + 1}"


def _numbered(noise: Any, k: int, name: str, shape: tuple[int, ...]) -> Array:
    return noise(noise_name(k, name), shape)
