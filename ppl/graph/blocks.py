"""How latents lie in one real vector: blocks of coordinates and their bijections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import Diagnostic, ModelError
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned, union
from ppl.graph.networks import is_weight
from ppl.graph.nodes import Dim
from ppl.graph.order import mentions
from ppl.graph.store import axis_sets, stored_dims
from ppl.supports import Interval, Structured, Support
from ppl.supports.bijections import Bijection, for_support
from ppl.supports.support import EVENT_DIMS

Array = Any


@dataclass(frozen=True, eq=False)
class Block:
    """One latent's coordinates: ``where`` in the vector, over ``batch`` dims then event dims.

    ``cells`` are the flat positions of imputed cells (None for an ordinary latent). ``is_global``:
    in no plate over a table's rows or a set whose levels come from data.
    """

    name: str
    statement: g.Statement
    where: slice
    batch: tuple[Dim, ...]
    consumed: tuple[Dim, ...]
    inner: tuple[int, ...]
    support: Support
    is_global: bool
    point: bool = False
    cells: np.ndarray | None = None

    @property
    def dims(self) -> tuple[Dim, ...]:
        """Dims of the constrained value."""
        return (*self.batch, *self.consumed)


def structured_dims(support: Support) -> int:
    """Event axes of a support (an interval has none)."""
    return EVENT_DIMS[support.kind] if isinstance(support, Structured) else 0


def make_block(at: Evaluator, s: g.Statement, start: int, data_sets: frozenset[str]) -> Block:
    """The block of a latent or param that starts at coordinate ``start``."""
    support = s.type.support if s.kind == "param" else s.body.type.support
    k = structured_dims(support)
    consumed = s.event[len(s.event) - k :]
    batch = union((s.place.plates, s.event[: len(s.event) - k]), at.size)
    if is_weight(s.name):
        batch = s.event  # as the products of matrices want them
    bijection = for_support(support)
    inner = bijection.unconstrained_shape(tuple(at.size(d) for d in consumed))
    count = int(np.prod([at.size(d) for d in batch], dtype=int)) * int(np.prod(inner, dtype=int))
    is_global = not any(_over_data(d, data_sets) for d in s.place.plates)
    where = slice(start, start + count)
    return Block(s.name, s, where, batch, consumed, inner, support, is_global, s.kind == "param")


def _over_data(dim: Dim, data_sets: frozenset[str]) -> bool:
    return any(part in data_sets for part in dim.set.split("+"))


def make_imputed(at: Evaluator, s: g.Statement, start: int, data_sets: frozenset[str]) -> Block | None:
    """The block of a column's blank cells, or None where there is none."""
    assert s.imputes is not None
    mask = at.data.missing.get(s.imputes)
    if mask is None or not mask.any():
        return None
    cells = np.flatnonzero(mask)
    support = s.body.type.support
    if structured_dims(support):
        raise TypeError(f"blank cells of {'.'.join(s.imputes)} lie in a {support}")
    where = slice(start, start + len(cells))
    dim = Dim("cells", ".".join(s.imputes))
    at.define_dim(dim, len(cells))
    return Block(".".join(s.imputes), s, where, (dim,), (), (), support, False, cells=cells)


def constrained(at: Evaluator, block: Block, z: Array) -> tuple[Named, Array]:
    """The value of a block and its log |det J| summed to the draw axis."""
    shape = (*(at.size(d) for d in block.batch), *block.inner)
    u = xp.slice_last(z, start=block.where.start, stop=block.where.stop)
    u = xp.reshape_last(u, count=1, shape=shape)
    value, log_det = bijection_of(at, block).forward(u)
    named = Named(value, block.dims)
    axes = tuple(range(-len(block.batch), 0))
    return named, (xp.sum(log_det, axis=axes) if axes else log_det)


def bijection_of(at: Evaluator, block: Block) -> Bijection:
    """The bijection of a block, with bounds that may depend on other latents."""
    if block.cells is None and block.statement.kind == "latent" and isinstance(block.support, Interval):
        bounds = densities.limits(
            _before_rows(at, block.statement), block.statement.body, block.statement.event, block.batch
        )
        if bounds is not None:
            lower, upper = (aligned(b, block.batch) for b in bounds)
            return for_support(block.support, lower=lower, upper=upper)
    return for_support(block.support)


def _before_rows(at: Evaluator, s: g.Statement) -> Evaluator:
    """An evaluator for bounds, which may not depend on the latent's own earlier rows."""
    if s.name not in mentions((s.body,)):
        return at
    if s.name in mentions(tuple(bound_nodes(s.body))):
        message = f"the bounds of `{s.name}` depend on its own earlier rows, which no method fits yet"
        help = (
            f"draw a share of what is left: `{s.name}[i] = {s.name}[i-1] * v[i]` with `v[i] ~ Uniform(0, 1)`"
        )
        raise ModelError((Diagnostic("E605", message, span=s.span, help=help),))
    shape = tuple(at.sets.size(n) for n in axis_sets(s))
    names = stored_dims(s.name, len(shape))
    for name, n in zip(names, shape, strict=True):
        at.define_dim(name, n)
    return replace(at, values={**at.values, s.name: Named(np.zeros((1, *shape)), names)}, _memo={})


def bound_nodes(body: g.Node) -> list[g.Node]:
    """The arguments that bound a distribution, in all its cases and wrappers."""
    if isinstance(body, g.Choose):
        return [*bound_nodes(body.then), *bound_nodes(body.other)]
    out: list[g.Node] = []
    for name, node in body.arguments if isinstance(body, g.Distribution) else ():
        if name in ("lower", "upper"):
            out.append(node)
        elif isinstance(node, g.Distribution | g.Choose):
            out += bound_nodes(node)
        elif isinstance(node, g.Items):
            out += [b for item in node.items for b in bound_nodes(item)]
    return out


def unconstrained(at: Evaluator, block: Block, value: Named) -> Array:
    """Coordinates (draw, count) of a value over the block's dims."""
    array = aligned(value, block.dims)
    u = np.asarray(bijection_of(at, block).inverse(np.asarray(array, dtype=float)))
    return u.reshape(u.shape[0], -1)
