"""Sums of products of named arrays, two at a time, by matrix products wherever the shapes allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from ppl.energy.operands import Size
from ppl.graph.nodes import Dim

Array = Any
Part = tuple[Array, tuple[Dim, ...]]
SMALLEST_PRODUCT = 512  # multiply-adds of one matrix product below which a batch of them does not pay


def contract(parts: Sequence[Part], out: tuple[Dim, ...], size: Size) -> Array:
    """Sum of the product of ``parts`` over every dim that ``out`` does not name: an array over ``out``.

    The cheapest pair goes first. A dim of ``out`` that no part has is filled by repetition.
    """
    left = [_reduced(p, _needed(i, parts, out)) for i, p in enumerate(parts)]
    while len(left) > 1:
        i, j = min(combinations(range(len(left)), 2), key=lambda ij: _cost(left[ij[0]], left[ij[1]], size))
        b, a = left.pop(j), left.pop(i)
        keep = set(out).union(*(d for _, d in left))
        left.append(_pair(a, b, keep, size))
    return arranged(left[0] if left else (np.ones(()), ()), out, size)


def arranged(part: Part, out: tuple[Dim, ...], size: Size) -> Array:
    """One part summed down and laid out over ``out``."""
    array, dims = _reduced(part, set(out))
    order = [dims.index(d) for d in out if d in dims]
    array = array.transpose(order)
    if len(order) == len(out):
        return array
    shape = tuple(array.shape[sum(e in dims for e in out[:i])] if d in dims else 1 for i, d in enumerate(out))
    return np.broadcast_to(array.reshape(shape), tuple(size(d) for d in out))


def _needed(i: int, parts: Sequence[Part], out: tuple[Dim, ...]) -> set[Dim]:
    return set(out).union(*(d for j, (_, d) in enumerate(parts) if j != i))


def _reduced(part: Part, keep: set[Dim]) -> Part:
    array, dims = part
    gone = tuple(i for i, d in enumerate(dims) if d not in keep)
    if not gone:
        return part
    return np.sum(array, axis=gone), tuple(d for d in dims if d in keep)


def _cost(a: Part, b: Part, size: Size) -> float:
    return float(prod(size(d) for d in set(a[1]) | set(b[1])))


def _pair(a: Part, b: Part, keep: set[Dim], size: Size) -> Part:
    """The product of two parts, summed over the shared dims that nothing else needs."""
    (x, p), (y, q) = a, b
    shared = [d for d in p if d in q]
    summed = [d for d in shared if d not in keep]
    batch = [d for d in shared if d in keep]
    own, other = [d for d in p if d not in q], [d for d in q if d not in p]
    if not summed:
        dims = (*batch, *own, *other)
        return _aligned(x, p, dims) * _aligned(y, q, dims), dims
    c = prod(size(d) for d in summed)
    work = prod(size(d) for d in own) * c * prod(size(d) for d in other)
    if batch and work < SMALLEST_PRODUCT:
        return _elementwise(x, p, y, q, (*batch, *own, *other))
    return _matmul(x, p, y, q, (batch, own, other, summed), size)


def _aligned(array: Array, dims: tuple[Dim, ...], out: tuple[Dim, ...]) -> Array:
    moved = array.transpose([dims.index(d) for d in out if d in dims])
    shape, axis = [], 0
    for d in out:
        shape.append(moved.shape[axis] if d in dims else 1)
        axis += d in dims
    return moved.reshape(shape)


def _elementwise(x: Array, p: tuple[Dim, ...], y: Array, q: tuple[Dim, ...], out: tuple[Dim, ...]) -> Part:
    names: dict[Dim, int] = {}
    for d in (*p, *q):
        names.setdefault(d, len(names))
    return np.einsum(x, [names[d] for d in p], y, [names[d] for d in q], [names[d] for d in out]), out


def _matmul(
    x: Array,
    p: tuple[Dim, ...],
    y: Array,
    q: tuple[Dim, ...],
    kinds: tuple[list[Dim], list[Dim], list[Dim], list[Dim]],
    size: Size,
) -> Part:
    batch, own, other, summed = kinds
    lengths = [prod(size(d) for d in ds) for ds in kinds]
    left = x.transpose([p.index(d) for d in (*batch, *own, *summed)]).reshape(
        lengths[0], lengths[1], lengths[3]
    )
    right = y.transpose([q.index(d) for d in (*batch, *summed, *other)]).reshape(
        lengths[0], lengths[3], lengths[2]
    )
    out = left[0] @ right[0] if lengths[0] == 1 else left @ right
    dims = (*batch, *own, *other)
    return out.reshape(tuple(size(d) for d in dims)), dims
