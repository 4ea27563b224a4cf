"""Reductions along axes. Axes are negative numbers: the leading axis holds the draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend.op import Array, op

Axes = int | tuple[int, ...]


def _spread(g: Array, x: Array, axis: Axes, keepdims: bool) -> Array:
    return g if keepdims else np.expand_dims(g, _among(axis, np.ndim(x)))


def _among(axis: Axes, ndim: int) -> Axes:
    """The same axes counted from the front, so that they may be re-inserted."""
    axes = (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(a % ndim for a in axes))


def _sum_vjp(g: Array, ans: Array, x: Array, axis: Axes, keepdims: bool = False) -> Array:
    return np.broadcast_to(_spread(g, x, axis, keepdims), np.shape(x))


@op(_sum_vjp)
def sum_(x: Array, axis: Axes, keepdims: bool = False) -> Array:
    reduce: Any = np.add.reduce  # np.sum costs three times the call
    out: Array = reduce(x, axis, None, None, keepdims)
    return out


def _total_vjp(g: Array, ans: Array, *parts: Array) -> Array:
    return g


MOST_PARTS = 64


@op(*[_total_vjp] * MOST_PARTS, broadcasts=True)
def total(*parts: Array) -> Array:
    """The sum of at most 64 arrays that broadcast."""
    out = np.add(parts[0], parts[1]) if len(parts) > 1 else parts[0]
    for p in parts[2:]:
        out = out + p
    return out


FEW = 16  # slices along the axis below which a loop over them beats a reduction along it


def _slices(x: Array, axis: Axes) -> list[Array] | None:
    """The slices along one short axis, or None."""
    axes = (axis,) if isinstance(axis, int) else axis
    if len(axes) != 1 or not 0 < np.shape(x)[axes[0]] <= FEW:
        return None
    moved = np.moveaxis(x, axes[0], 0)
    return list(moved)


def _finite(top: Array) -> Array:
    return np.where(np.isfinite(top), top, 0.0)


def _logsumexp(x: Array, axis: Axes, keepdims: bool) -> Array:
    parts = _slices(x, axis)
    if parts is not None:
        out = _logsumexp_of(parts)
        return np.expand_dims(out, axis) if keepdims else out
    top = _finite(np.max(x, axis=axis, keepdims=True, initial=-np.inf))
    with np.errstate(divide="ignore"):
        out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)


def _logsumexp_of(parts: list[Array]) -> Array:
    top = parts[0]
    for p in parts[1:]:
        top = np.maximum(top, p)
    top = _finite(top)
    whole = np.exp(parts[0] - top)
    for p in parts[1:]:
        whole = whole + np.exp(p - top)
    with np.errstate(divide="ignore"):
        return np.log(whole) + top


def _logsumexp_vjp(g: Array, ans: Array, x: Array, axis: Axes, keepdims: bool = False) -> Array:
    top = _spread(ans, x, axis, keepdims)
    share = np.exp(x - _finite(top))
    share *= _spread(g, x, axis, keepdims)
    return share


@op(_logsumexp_vjp)
def logsumexp(x: Array, axis: Axes, keepdims: bool = False) -> Array:
    """log sum exp along axes; -inf (with zero derivative) over nothing but -inf."""
    return _logsumexp(x, axis, keepdims)


def _part_vjp(i: int) -> Any:
    def vjp(g: Array, ans: Array, *parts: Array) -> Array:
        return g * np.exp(parts[i] - _finite(ans))

    return vjp


@op(*[_part_vjp(i) for i in range(FEW)], broadcasts=True)
def logsumexp_of(*parts: Array) -> Array:
    """log sum exp over at most 16 arrays that broadcast, element by element."""
    return _logsumexp_of(list(parts))


def _prod_vjp(g: Array, ans: Array, x: Array, axis: int, keepdims: bool = False) -> Array:
    if np.shape(x)[axis] == 0:
        return np.zeros(np.shape(x))
    before = np.cumprod(x, axis=axis)
    after = np.flip(np.cumprod(np.flip(x, axis), axis=axis), axis)
    ones = np.ones_like(np.take(x, [0], axis=axis))
    n = np.shape(x)[axis]
    left = np.concatenate([ones, np.take(before, range(n - 1), axis=axis)], axis=axis)
    right = np.concatenate([np.take(after, range(1, n), axis=axis), ones], axis=axis)
    return _spread(g, x, axis, keepdims) * left * right


@op(_prod_vjp)
def prod(x: Array, axis: int, keepdims: bool = False) -> Array:
    """Product along one axis; its derivative is right where factors are zero."""
    return np.prod(x, axis=axis, keepdims=keepdims)


def _extreme_vjp(g: Array, ans: Array, x: Array, axis: Axes, keepdims: bool = False) -> Array:
    hit = np.equal(x, _spread(ans, x, axis, keepdims))
    ties = np.sum(hit, axis=axis, keepdims=True)
    return _spread(g, x, axis, keepdims) * hit / ties


@op(_extreme_vjp)
def max_(x: Array, axis: Axes, keepdims: bool = False) -> Array:
    """Largest element; ties share the derivative."""
    return np.max(x, axis=axis, keepdims=keepdims, initial=-np.inf)


@op(_extreme_vjp)
def min_(x: Array, axis: Axes, keepdims: bool = False) -> Array:
    """Smallest element; ties share the derivative."""
    return np.min(x, axis=axis, keepdims=keepdims, initial=np.inf)


@op(lambda g, ans, x, axis: np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis))
def cumsum(x: Array, axis: int) -> Array:
    return np.cumsum(x, axis=axis)
