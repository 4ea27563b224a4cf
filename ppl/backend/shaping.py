"""Shape, gathering and scattering. The leading axis (draws) is never named by an attribute."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend.op import Array, op


@op(lambda g, ans, x, axis: np.reshape(g, np.shape(x)))
def expand_dims(x: Array, axis: int | tuple[int, ...]) -> Array:
    """Insert axes of size one (negative positions in the result)."""
    return np.expand_dims(x, axis)


@op(lambda g, ans, x, axis: np.reshape(g, np.shape(x)))
def squeeze(x: Array, axis: int | tuple[int, ...]) -> Array:
    return np.squeeze(x, axis=axis)


@op(lambda g, ans, x, order: np.transpose(g, np.argsort(order)))
def transpose(x: Array, order: tuple[int, ...]) -> Array:
    """Permute all axes; ``order`` as in numpy."""
    return np.transpose(x, order)


@op(lambda g, ans, x: np.swapaxes(g, -1, -2))
def matrix_transpose(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _reshape(x: Array, count: int, shape: tuple[int, ...]) -> Array:
    kept = np.shape(x)[: np.ndim(x) - count]
    return np.reshape(x, kept + shape)


@op(lambda g, ans, x, count, shape: np.reshape(g, np.shape(x)))
def reshape_last(x: Array, count: int, shape: tuple[int, ...]) -> Array:
    """Replace the last ``count`` axes by ``shape``."""
    return _reshape(x, count, shape)


def _broadcast_vjp(g: Array, ans: Array, x: Array, shape: tuple[int, ...]) -> Array:
    axes = tuple(i for i in range(g.ndim) if np.shape(x)[i] == 1 and g.shape[i] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


@op(_broadcast_vjp)
def broadcast_last(x: Array, shape: tuple[int, ...]) -> Array:
    """Broadcast the last ``len(shape)`` axes to ``shape``."""
    kept = np.shape(x)[: np.ndim(x) - len(shape)]
    return np.broadcast_to(x, kept + shape)


def _take_vjp(g: Array, ans: Array, x: Array, index: Array, axis: int) -> Array:
    return scatter_add(g, index, np.shape(x)[axis], axis)


@op(_take_vjp, None)
def take(x: Array, index: Array, axis: int) -> Array:
    """Gather along one axis by an integer vector (or a single integer, which drops the axis)."""
    return np.take(x, index, axis=axis)


def scatter_add(g: Array, index: Array, size: int, axis: int) -> Array:
    """The transpose of `take`: add slices into ``size`` slots along an axis."""
    axis = axis % g.ndim if np.ndim(index) else axis
    if np.ndim(index) == 0:
        out = np.zeros(np.insert(g.shape, len(g.shape) + 1 + axis, size))
        slot: list[Any] = [slice(None)] * out.ndim
        slot[axis] = int(index)
        out[tuple(slot)] = g
        return out
    flat = np.moveaxis(g, axis, -1)
    lead = flat.shape[:-1]
    rows = int(np.prod(lead, dtype=int))
    if rows == 0 or flat.shape[-1] == 0:
        return np.moveaxis(np.zeros((*lead, size)), -1, axis)
    offset = np.arange(rows)[:, None] * size + np.asarray(index)[None, :]
    out = np.bincount(offset.ravel(), flat.reshape(-1), rows * size)
    return np.moveaxis(out.reshape(*lead, size), -1, axis)


@op(lambda g, ans, x, index, size, axis: np.take(g, index, axis=axis), None)
def segment_sum(x: Array, index: Array, size: int, axis: int) -> Array:
    """Sum the slices that share an index: out[j] = sum over n with index[n] = j of x[n]."""
    return scatter_add(x, index, size, axis)


def _places(x: Array, index: Array) -> Array:
    """Where x[..., index[...]] lies in x laid flat."""
    rows, size = np.shape(x)[:-1], np.shape(x)[-1]
    start = np.arange(int(np.prod(rows, dtype=int))).reshape(rows) * size
    return start + np.asarray(index, dtype=np.intp)


def _take_along_vjp(g: Array, ans: Array, x: Array, index: Array) -> Array:
    places = _places(x, index)
    wide = np.broadcast_to(g, places.shape)
    return np.bincount(places.ravel(), wide.ravel(), np.size(x)).reshape(np.shape(x))


@op(_take_along_vjp, None)
def take_along(x: Array, index: Array) -> Array:
    """x[..., index[...]]: pick one element of the last axis per batch position (batch broadcasts)."""
    return np.take(np.ravel(x), _places(x, index))


def _concatenate_vjp(i: int) -> Any:
    def vjp(g: Array, ans: Array, *parts: Array, axis: int) -> Array:
        start = sum(np.shape(p)[axis] for p in parts[:i])
        slot: list[Any] = [slice(None)] * g.ndim
        slot[axis] = slice(start, start + np.shape(parts[i])[axis])
        return _reduce_lead(g[tuple(slot)], np.shape(parts[i]))

    return vjp


def _reduce_lead(g: Array, shape: tuple[int, ...]) -> Array:
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


@op(*[_concatenate_vjp(i) for i in range(64)])
def concatenate(*parts: Array, axis: int) -> Array:
    """Join at most 64 arrays along an axis (negative); other axes broadcast."""
    rest = [tuple(n for k, n in enumerate(np.shape(p)) if k != np.ndim(p) + axis) for p in parts]
    shape = list(np.broadcast_shapes(*rest))
    wide = []
    for p in parts:
        full = shape.copy()
        full.insert(np.ndim(p) + axis, np.shape(p)[axis])
        wide.append(np.broadcast_to(p, full))
    return np.concatenate(wide, axis=axis)


@op(lambda g, ans, x: np.asarray(g)[..., None] * np.eye(np.shape(x)[-1]))
def diagonal(x: Array) -> Array:
    """The diagonal of the last two axes."""
    return np.diagonal(x, axis1=-2, axis2=-1)


@op(lambda g, ans, x: np.diagonal(g, axis1=-2, axis2=-1))
def diagonal_matrix(x: Array) -> Array:
    """A diagonal matrix from the last axis."""
    return np.asarray(x)[..., None] * np.eye(np.shape(x)[-1])


def _place_vjp(g: Array, ans: Array, x: Array, index: Array, shape: tuple[int, ...]) -> Array:
    flat = g.reshape(g.shape[: g.ndim - len(shape)] + (-1,))
    return flat[..., index]


@op(_place_vjp, None)
def place(x: Array, index: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of trailing ``shape`` with x's last axis written at flat positions ``index``."""
    lead = np.shape(x)[:-1]
    out = np.zeros((*lead, int(np.prod(shape, dtype=int))))
    out[..., index] = x
    return out.reshape(*lead, *shape)


def _pick_vjp(g: Array, ans: Array, x: Array, index: Array, count: int) -> Array:
    shape = np.shape(x)[np.ndim(x) - count :]
    flat = scatter_add(g, index, int(np.prod(shape, dtype=int)), -1)
    return flat.reshape(np.shape(x))


@op(_pick_vjp, None)
def pick(x: Array, index: Array, count: int) -> Array:
    """Gather from the last ``count`` axes, flattened, by a vector of flat positions."""
    lead = np.shape(x)[: np.ndim(x) - count]
    return np.reshape(x, (*lead, -1))[..., index]


def _slice_vjp(g: Array, ans: Array, x: Array, start: int, stop: int) -> Array:
    out = np.zeros(np.shape(x))
    out[..., start:stop] = g
    return out


@op(_slice_vjp)
def slice_last(x: Array, start: int, stop: int) -> Array:
    """Elements start..stop-1 of the last axis."""
    return x[..., start:stop]
