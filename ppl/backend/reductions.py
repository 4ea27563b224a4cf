"""Reductions along axes. Axes are negative numbers: the leading axis holds the draws."""

from __future__ import annotations

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
    return np.sum(x, axis=axis, keepdims=keepdims)


def _logsumexp(x: Array, axis: Axes, keepdims: bool) -> Array:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        out = np.log(np.sum(np.exp(x - safe), axis=axis, keepdims=True)) + safe
    return out if keepdims else np.squeeze(out, axis=axis)


def _logsumexp_vjp(g: Array, ans: Array, x: Array, axis: Axes, keepdims: bool = False) -> Array:
    top = _spread(ans, x, axis, keepdims)
    share = np.exp(x - np.where(np.isfinite(top), top, 0.0))
    return _spread(g, x, axis, keepdims) * share


@op(_logsumexp_vjp)
def logsumexp(x: Array, axis: Axes, keepdims: bool = False) -> Array:
    """log sum exp along axes; -inf (with zero derivative) over nothing but -inf."""
    return _logsumexp(x, axis, keepdims)


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
