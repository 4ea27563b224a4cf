"""The log-partition of a chain of discrete states; its derivatives are the pairwise marginals.

log Z = log e_0' M_1 M_2 ... M_T 1 with M_t[i, j] = exp(m[..., i, j, t]). The product is taken as a
balanced tree, each level rescaled by its largest element, so that depth is log2 T and nothing
under- or overflows. A restart is a step whose rows are all equal. States come first in memory, so
that each product of two levels is a few long multiplications.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np

from ppl.backend.op import Array, op

FEW_STATES = 12  # below, products are sums over the middle state; above, batched matrix products


@dataclass(frozen=True)
class _Tree:
    """Rescaled products of 1, 2, 4, ... steps as (i, j, *batch, t), their divisors, and log Z."""

    levels: list[Array]
    divisors: list[Array]
    total: Array
    log_partition: Array


_last = local()  # the tree of the latest forward sweep: the reverse sweep follows on the same array


def _tree(m: Array) -> _Tree:
    known = getattr(_last, "entry", None)
    if known is not None and known[0] is m:
        found: _Tree = known[1]
        return found
    tree = _built(np.asarray(m, dtype=float))
    _last.entry = (m, tree)
    return tree


def _built(m: Array) -> _Tree:
    x = np.ascontiguousarray(np.moveaxis(m, (-3, -2), (0, 1)))
    top = x.max(axis=(0, 1))
    top = np.where(np.isfinite(top), top, 0.0)
    x = np.exp(x - top)
    scale = top.sum(axis=-1)
    levels, divisors = [x], []
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        raw = _product(*_pairs(x, half))
        top = raw.max(axis=(0, 1))
        top = np.where(top > 0, top, 1.0)
        raw /= top
        scale = scale + np.log(top).sum(axis=-1)
        divisors.append(top)
        x = np.concatenate([raw, x[..., 2 * half :]], axis=-1) if x.shape[-1] % 2 else raw
        levels.append(x)
    total = levels[-1][0, ..., 0].sum(axis=0)
    with np.errstate(divide="ignore"):
        return _Tree(levels, divisors, total, np.log(total) + scale)


def _pairs(x: Array, half: int) -> tuple[Array, Array]:
    """The left and right factors of each product."""
    left = np.ascontiguousarray(x[..., 0 : 2 * half : 2])
    return left, np.ascontiguousarray(x[..., 1 : 2 * half : 2])


def _product(a: Array, b: Array) -> Array:
    """sum_k a[i, k, ...] b[k, j, ...]."""
    if a.shape[0] > FEW_STATES:
        return _back(np.matmul(_front(a), _front(b)))
    out = a[:, 0, None] * b[None, 0]
    for k in range(1, a.shape[0]):
        out += a[:, k, None] * b[None, k]
    return out


def _front(x: Array) -> Array:
    return np.moveaxis(x, (0, 1), (-2, -1))


def _back(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, (-2, -1), (0, 1)))


def _chain_vjp(g: Array, ans: Array, m: Array) -> Array:
    """Cotangent of log Z in every m: g times the pairwise marginals, down the same tree."""
    tree = _tree(m)
    seed = np.zeros_like(tree.levels[-1])
    seed[0, ..., 0] = np.asarray(g) / np.where(tree.total > 0, tree.total, 1.0)
    for x, divisor in zip(reversed(tree.levels[:-1]), reversed(tree.divisors), strict=True):
        seed = _down(seed, x, divisor)
    return np.moveaxis(seed * tree.levels[0], (0, 1), (-3, -2))


def _down(seed: Array, x: Array, divisor: Array) -> Array:
    """Cotangents of the two factors of every product."""
    half = divisor.shape[-1]
    left, right = _pairs(x, half)
    inner = seed[..., :half] / divisor
    out = np.empty_like(x)
    out[..., 0 : 2 * half : 2] = _product(inner, np.swapaxes(right, 0, 1))
    out[..., 1 : 2 * half : 2] = _product(np.swapaxes(left, 0, 1), inner)
    out[..., 2 * half :] = seed[..., half:]
    return out


@op(_chain_vjp)
def chain_log_partition(m: Array) -> Array:
    """log Z over the last three axes (previous state, state, step); the start is state 0.

    >>> float(np.exp(chain_log_partition(np.log(np.full((2, 2, 3), 0.5)))))
    1.0
    """
    return _tree(m).log_partition


@op(
    lambda g, ans, a, b: _affine_pull(g, ans, b)[0],
    lambda g, ans, a, b: _affine_pull(g, ans, b)[1],
    broadcasts=True,
)
def affine_scan(a: Array, b: Array) -> Array:
    """x_t = a_t + b_t x_{t-1} along the last axis, with x_0 = a_0."""
    a, b = np.broadcast_arrays(a, b)
    out = np.empty(a.shape)
    out[..., 0] = a[..., 0]
    for t in range(1, a.shape[-1]):
        out[..., t] = a[..., t] + b[..., t] * out[..., t - 1]
    return out


def _affine_pull(g: Array, ans: Array, b: Any) -> tuple[Array, Array]:
    g = np.asarray(g)
    b = np.broadcast_to(b, g.shape)
    lam = np.empty(g.shape)
    lam[..., -1] = g[..., -1]
    for t in range(g.shape[-1] - 2, -1, -1):
        lam[..., t] = g[..., t] + b[..., t + 1] * lam[..., t + 1]
    slope = np.zeros(g.shape)
    slope[..., 1:] = lam[..., 1:] * ans[..., :-1]
    return lam, slope
