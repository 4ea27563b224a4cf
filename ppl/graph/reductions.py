"""Reductions over whole dims and over ragged groups of rows; lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import Diagnostic, ModelError
from ppl.functions import find
from ppl.graph import nodes as g
from ppl.graph.named import Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.graph.rewrite import substitute
from ppl.graph.segments import segment_reduce

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator

Array = Any
MOST_TERMS = 64


def reduce(at: Evaluator, node: g.Reduce) -> Named:
    if node.function == "sum" and isinstance(node.body, g.Apply) and node.body.function == "multiply":
        fast = _sum_of_products(at, node.body, node.over)
        if fast is not None:
            return fast
    x = at.named(node.body)
    if reads_along(at, x, node.over):
        return _unrolled(at, node)
    over = node.over
    dims = union((x.dims,), at.size, over)
    function = find(node.function)
    assert function is not None and function.evaluate is not None
    array = aligned(x, dims)
    if any(d not in x.dims for d in over):
        array = xp.broadcast_last(array, tuple(map(at.size, over)))
    out = function.evaluate(array, axis=tuple(range(-len(over), 0)))
    return Named(out, dims[: len(dims) - len(over)], dropped(x.invalid, over))


def reads_along(at: Evaluator, x: Named, over: Sequence[Dim]) -> bool:
    """Whether a value reads summed-out latents at cells that vary along these dims."""
    found = (at.reads[d] for d in x.dims if d in at.reads)
    return any(set(c.codes.dims) & set(over) for read in found for c in read.cells)


def _unrolled(at: Evaluator, node: g.Reduce) -> Named:
    """A reduction over cells of a summed-out latent, term by term: each term has states of its own."""
    parts = [node.body]
    for dim in node.over:
        n = at.size(dim)
        if n * len(parts) > MOST_TERMS:
            raise too_many(node, n * len(parts))
        parts = [at_place(at, p, dim, k) for p in parts for k in range(n)]
    function = {"sum": "add", "prod": "multiply"}.get(node.function)
    event = node.event
    if function is not None and parts:
        whole: g.Node = parts[0]
        for p in parts[1:]:
            whole = g.Apply(node.type, whole.loops | p.loops, event, node.span, function, (whole, p))
        return at.named(whole)
    values = [at.named(p) for p in parts]
    dims = union((v.dims for v in values), at.size)
    arrays = [xp.expand_dims(aligned(v, dims), -1) for v in values]
    found = find(node.function)
    assert found is not None and found.evaluate is not None
    out = found.evaluate(concatenated(arrays, -1), axis=(-1,))
    return Named(out, dims, merge_invalid(values, at.size))


def at_place(at: Evaluator, body: g.Node, dim: Dim, k: int) -> g.Node:
    """The body at one place along a dim (plain, or flat with several variables)."""

    def change(node: g.Node) -> g.Node | None:
        if not isinstance(node, g.Position) or node.dim != dim:
            return None
        code = k
        if dim in at.domains:
            code = int(at.positions(dim)[at.domains[dim].variables.index(node.variable)][k])
        label = at.sets.get(node.type.set or dim.set).label(code)
        return g.Constant(node.type, frozenset(), (), node.span, label)

    return substitute(body, change)


def too_many(node: g.Node, n: int) -> ModelError:
    message = f"this joins {n} cells of a discrete latent in one factor: their joint states are too many"
    help = f"at most {MOST_TERMS} cells can be read together"
    return ModelError((Diagnostic("E505", message, span=node.span, help=help),))


def stack(at: Evaluator, node: g.Stack) -> Named:
    """A loop dim becomes the leading event dim, at full length."""
    body = at.named(node.body)
    first = node.event[0]
    if reads_along(at, body, (node.loop,)):
        n = at.size(node.loop)
        if n > MOST_TERMS:
            raise too_many(node, n)
        parts = tuple(at_place(at, node.body, node.loop, k) for k in range(n))
        return items(at, g.Items(node.type, node.loops, node.event, node.span, parts))
    inner = dict(zip(node.body.event, node.event[1:], strict=True))
    moved = body.renamed({**inner, node.loop: first})
    if first in moved.dims:
        return moved
    dims = (*moved.dims, first)
    return Named(xp.broadcast_last(aligned(moved, dims), tuple(map(at.size, dims))), dims, moved.invalid)


def _sum_of_products(at: Evaluator, body: g.Apply, over: tuple[Dim, ...]) -> Named | None:
    """sum_k x[n, k] b[k] as one matrix product, for a data matrix and a traced vector."""
    if len(over) != 1 or len(body.arguments) != 2:
        return None
    x, v = (at.named(a) for a in body.arguments)
    if v.constant and not x.constant:
        x, v = v, x
    rows = tuple(d for d in x.dims if d != over[0])
    if not x.constant or v.constant or len(rows) != 1 or over[0] not in x.dims or over[0] not in v.dims:
        return None
    if rows[0] in v.dims or x.invalid is not None or v.invalid is not None:
        return None
    rest = tuple(d for d in v.dims if d != over[0])
    matrix = np.ascontiguousarray(aligned(x, (rows[0], over[0]))[0], dtype=float)
    return Named(xp.design(matrix, aligned(v, (*rest, over[0]))), (*rest, rows[0]))


def segment(at: Evaluator, node: g.Segment) -> Named:
    body = at.named(node.body)
    if reads_along(at, body, (node.over,)):
        raise too_many(node, at.size(node.over))
    codes = [at.named(k) for _, k in node.keys]
    outer = tuple(d for d, _ in node.keys)
    flat = np.zeros(at.size(node.over), dtype=np.int64)
    for dim, c in zip(outer, codes, strict=True):
        flat = flat * at.size(dim) + c.numpy[0]
    shape = tuple(at.size(d) for d in outer)
    rest = tuple(d for d in body.dims if d != node.over)
    array = aligned(body, (*rest, node.over))
    if node.over not in body.dims:
        array = xp.broadcast_last(array, (at.size(node.over),))
    out = segment_reduce(node.function, array, flat, int(np.prod(shape, dtype=int)))
    return Named(xp.reshape_last(out, count=1, shape=shape), (*rest, *outer))


def items(at: Evaluator, node: g.Items) -> Named:
    parts = [at.named(i) for i in node.items]
    inner = node.event[1:]
    parts = [
        p.renamed(dict(zip(i.event, inner, strict=True))) for p, i in zip(parts, node.items, strict=True)
    ]
    batch = union((set(p.dims) - set(inner) for p in parts), at.size)
    arrays = [xp.expand_dims(aligned(p, (*batch, *inner)), -1 - len(inner)) for p in parts]
    out = arrays[0] if len(arrays) == 1 else concatenated(arrays, -1 - len(inner))
    return Named(out, (*batch, *node.event), merge_invalid(parts, at.size))


def dropped(mask: Named | None, over: tuple[Dim, ...]) -> Named | None:
    if mask is None or not set(over) & set(mask.dims):
        return mask
    axes = tuple(1 + i for i, d in enumerate(mask.dims) if d in over)
    return Named(mask.numpy.any(axis=axes), tuple(d for d in mask.dims if d not in over))


def concatenated(arrays: list[Array], axis: int) -> Array:
    while len(arrays) > 1:
        arrays = [xp.concatenate(*arrays[i : i + 32], axis=axis) for i in range(0, len(arrays), 32)]
    return arrays[0]
