"""Typed gathers: subscripts by index variables, data, lags and latents, without one-hots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.graph.named import Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim

Array = Any
Size = Callable[[Dim], int]


@dataclass(frozen=True, eq=False)
class Index:
    """Codes into one axis; ``along`` when they are 0..n-1 along a dim of the axis's own set."""

    codes: Named
    along: Dim | None = None


def gather(value: Named, axes: tuple[Dim, ...], indices: tuple[Index, ...], size: Size) -> Named:
    """Pick along ``axes`` of a value; codes -1 or beyond the axis are marked invalid.

    An index that merely runs along a dim renames the axis. The others become one flat pick, whose
    result runs over the union of their dims; where such a dim is already one of the value's, the
    element on the diagonal is taken.
    """
    names: dict[Dim, Dim] = {}
    picked: list[tuple[Dim, Named]] = []
    for axis, index in zip(axes, indices, strict=True):
        free = index.along is not None and index.along not in value.dims and index.along not in names.values()
        if free and index.along is not None:
            names[axis] = index.along
        else:
            picked.append((axis, index.codes))
    moved = value.renamed(names)
    if not picked:
        return moved
    out = _pick(moved, picked, size)
    bad = [Named(None, (), _outside(codes, size(axis))) for axis, codes in picked]
    invalid = merge_invalid([out, *bad, *(c for _, c in picked)], size)
    return Named(out.array, out.dims, invalid)


def _outside(codes: Named, n: int) -> Named | None:
    if isinstance(codes.array, Traced):
        return None
    mask = (codes.numpy < 0) | (codes.numpy >= n)
    return Named(mask.any(axis=0, keepdims=True), codes.dims) if mask.any() else None


def _pick(value: Named, picked: list[tuple[Dim, Named]], size: Size) -> Named:
    codes = {axis: _inside(c, size(axis)) for axis, c in picked}
    out_dims = union((c.dims for c in codes.values()), size)
    shared = [d for d in out_dims if d in value.dims]
    if any(isinstance(c.array, Traced) for c in codes.values()):
        return _pick_traced(value, codes, shared, out_dims, size)
    if any(c.numpy.shape[0] != 1 for c in codes.values()):
        return _pick_by_draw(value, codes, shared, out_dims, size)
    if len(codes) == 1 and not shared and len(out_dims) <= 1:
        return _take(value, *next(iter(codes.items())))
    return _pick_flat(value, codes, shared, out_dims, size)


def _inside(codes: Named, n: int) -> Named:
    """Codes moved into 0..n-1, so that cells marked invalid hold some number."""
    if isinstance(codes.array, Traced):
        return Named(xp.minimum(xp.maximum(codes.array, 0.0), float(n - 1)), codes.dims)
    return Named(np.clip(codes.numpy, 0, n - 1).astype(np.intp), codes.dims)


def _take(value: Named, axis: Dim, codes: Named) -> Named:
    place = value.dims.index(axis) - len(value.dims)
    index = codes.numpy[0]
    array = xp.take(value.array, index if index.ndim else int(index), axis=place)
    dims = tuple(e for d in value.dims for e in (codes.dims if d == axis else (d,)))
    return Named(array, dims, _invalid_taken(value, axis, codes))


def _invalid_taken(value: Named, axis: Dim, codes: Named) -> Named | None:
    mask = value.invalid
    if mask is None or axis not in mask.dims:
        return mask
    return _take(Named(mask.array, mask.dims), axis, codes)


def _flat_codes(
    codes: dict[Dim, Named], shared: list[Dim], out_dims: tuple[Dim, ...], size: Size
) -> tuple[list[Dim], Array]:
    """The axes to flatten together and the flat position of each output cell (draw, *out_dims)."""
    group = [*shared, *codes]
    flat: Array = np.zeros((1,) * (1 + len(out_dims)), dtype=np.intp)
    for axis in group:
        own = codes.get(axis) or Named(np.arange(size(axis))[None], (axis,))
        flat = flat * size(axis) + aligned(own, out_dims)
    return group, flat


def _last(value: Named, group: list[Dim]) -> tuple[Array, tuple[Dim, ...]]:
    rest = tuple(d for d in value.dims if d not in group)
    return aligned(value, (*rest, *group)), rest


def _pick_flat(
    value: Named, codes: dict[Dim, Named], shared: list[Dim], out_dims: tuple[Dim, ...], size: Size
) -> Named:
    group, flat = _flat_codes(codes, shared, out_dims, size)
    array, rest = _last(value, group)
    shape = tuple(size(d) for d in out_dims)
    index = np.broadcast_to(flat, (1, *shape)).ravel()
    out = xp.reshape_last(xp.pick(array, index, count=len(group)), count=1, shape=shape)
    return Named(out, (*rest, *out_dims), _invalid_picked(value, codes, shared, out_dims, size))


def _invalid_picked(
    value: Named, codes: dict[Dim, Named], shared: list[Dim], out_dims: tuple[Dim, ...], size: Size
) -> Named | None:
    mask = value.invalid
    if mask is None or not set(mask.dims) & {*codes, *shared}:
        return mask
    full = np.broadcast_to(aligned(mask, value.dims), (1, *(size(d) for d in value.dims)))
    return _pick_flat(Named(full, value.dims), codes, shared, out_dims, size)


def _pick_traced(
    value: Named, codes: dict[Dim, Named], shared: list[Dim], out_dims: tuple[Dim, ...], size: Size
) -> Named:
    """The same with codes that a recorded computation makes: one element for each draw and cell."""
    group, flat = _flat_codes(codes, shared, out_dims, size)
    array, rest = _last(value, group)
    count = int(np.prod([size(d) for d in group], dtype=int))
    array = xp.broadcast_last(array, tuple(size(d) for d in group))
    table = xp.reshape_last(array, count=len(group), shape=(*(1 for _ in out_dims), count))
    index = xp.expand_dims(flat, tuple(range(1, 1 + len(rest)))) if rest else flat
    return Named(xp.take_along(table, index), (*rest, *out_dims), value.invalid)


def _pick_by_draw(
    value: Named, codes: dict[Dim, Named], shared: list[Dim], out_dims: tuple[Dim, ...], size: Size
) -> Named:
    """The same with codes that differ between draws (sampled labels): plain numpy."""
    group, flat = _flat_codes(codes, shared, out_dims, size)
    array, rest = _last(value, group)
    shape = tuple(size(d) for d in out_dims)
    draws = max(np.shape(array)[0], flat.shape[0])
    table = np.broadcast_to(array, (draws, *np.shape(array)[1:]))
    table = table.reshape(draws, *(size(d) for d in rest), -1)
    index = np.broadcast_to(flat, (draws, *shape)).reshape(draws, *(1 for _ in rest), -1)
    index = np.broadcast_to(index, (*table.shape[:-1], index.shape[-1]))
    out = np.take_along_axis(table, index, axis=-1)
    return Named(out.reshape(*table.shape[:-1], *shape), (*rest, *out_dims), value.invalid)
