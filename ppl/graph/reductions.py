"""Reductions over whole dims and over ragged groups of rows; lists; network calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.functions import find
from ppl.graph import nodes as g
from ppl.graph.named import Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.graph.segments import segment_reduce

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator

Array = Any


def reduce(at: Evaluator, node: g.Reduce) -> Named:
    if node.function == "sum" and isinstance(node.body, g.Apply) and node.body.function == "multiply":
        fast = _sum_of_products(at, node.body, node.over)
        if fast is not None:
            return fast
    x = at.named(node.body)
    over = tuple(d for d in node.over if d in x.dims)
    dims = union((x.dims,), at.size, over)
    function = find(node.function)
    assert function is not None and function.evaluate is not None
    out = function.evaluate(aligned(x, dims), axis=tuple(range(-len(over), 0)))
    return Named(out, dims[: len(dims) - len(over)], dropped(x.invalid, over))


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
    codes = [at.named(k) for _, k in node.keys]
    outer = tuple(d for d, _ in node.keys)
    flat = np.zeros(at.size(node.over), dtype=np.int64)
    for dim, c in zip(outer, codes, strict=True):
        flat = flat * at.size(dim) + c.numpy[0]
    shape = tuple(at.size(d) for d in outer)
    rest = tuple(d for d in body.dims if d != node.over)
    array = aligned(body, (*rest, node.over))
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
    out = arrays[0] if len(arrays) == 1 else _concatenated(arrays, -1 - len(inner))
    return Named(out, (*batch, *node.event), merge_invalid(parts, at.size))


def network(at: Evaluator, node: g.NetworkCall) -> Named:
    parts = [at.named(a) for a in node.arguments]
    batch = union((set(p.dims) - set(a.event) for p, a in zip(parts, node.arguments, strict=True)), at.size)
    arrays = [aligned(p, (*batch, *a.event)) for p, a in zip(parts, node.arguments, strict=True)]
    return Named(at.networks[node.network](node.part, *arrays), (*batch, *node.event))


def dropped(mask: Named | None, over: tuple[Dim, ...]) -> Named | None:
    if mask is None or not set(over) & set(mask.dims):
        return mask
    axes = tuple(1 + i for i, d in enumerate(mask.dims) if d in over)
    return Named(mask.numpy.any(axis=axes), tuple(d for d in mask.dims if d not in over))


def _concatenated(arrays: list[Array], axis: int) -> Array:
    while len(arrays) > 1:
        arrays = [xp.concatenate(*arrays[i : i + 32], axis=axis) for i in range(0, len(arrays), 32)]
    return arrays[0]
