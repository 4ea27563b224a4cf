"""The log-partition of a chain of discrete states; its derivatives are the pairwise marginals.

log Z = log e_0' M_1 M_2 ... M_T 1 with M_t[i, j] = exp(m[..., t, i, j]). The product is taken as a
balanced tree of batched matrix products, each level rescaled by its largest element, so that depth
is log2 T and nothing under- or overflows. A restart is a step whose rows are all equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend.op import Array, op


def _levels(m: Array) -> tuple[list[Array], Array]:
    """Rescaled products of 1, 2, 4, ... steps, and the log of all scales taken out."""
    x, scale = _rescaled_exp(np.asarray(m, dtype=float))
    levels = [x]
    while x.shape[-3] > 1:
        if x.shape[-3] % 2:
            x = np.concatenate([x, _identity_like(x)], axis=-3)
            levels[-1] = x
        x, more = _rescaled(np.matmul(x[..., 0::2, :, :], x[..., 1::2, :, :]))
        scale = scale + more
        levels.append(x)
    return levels, scale


def _identity_like(x: Array) -> Array:
    return np.broadcast_to(np.eye(x.shape[-1]), (*x.shape[:-3], 1, *x.shape[-2:]))


def _rescaled_exp(m: Array) -> tuple[Array, Array]:
    top = m.max(axis=(-2, -1), keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    return np.exp(m - safe), safe[..., 0, 0].sum(axis=-1)


def _rescaled(x: Array) -> tuple[Array, Array]:
    top = x.max(axis=(-2, -1), keepdims=True)
    safe = np.where(top > 0, top, 1.0)
    return x / safe, np.log(safe[..., 0, 0]).sum(axis=-1)


def _chain_vjp(g: Array, ans: Array, m: Array) -> Array:
    """Cotangent of log Z in every m: g times the pairwise marginals, down the same tree."""
    levels, _ = _levels(m)
    top = levels[-1][..., 0, 0, :].sum(axis=-1)
    seed = np.zeros_like(levels[-1])
    seed[..., 0, 0, :] = (np.asarray(g) / np.where(top > 0, top, 1.0))[..., None]
    for x in reversed(levels[:-1]):
        seed = _down(seed, x)
    return seed[..., : np.shape(m)[-3], :, :] * levels[0][..., : np.shape(m)[-3], :, :]


def _down(seed: Array, x: Array) -> Array:
    """Cotangents of the two factors of every product, in the factors' own scale."""
    left, right = x[..., 0::2, :, :], x[..., 1::2, :, :]
    raw = np.matmul(left, right)
    top = raw.max(axis=(-2, -1), keepdims=True)
    seed = seed[..., : raw.shape[-3], :, :] / np.where(top > 0, top, 1.0)
    out = np.empty(np.broadcast_shapes(x.shape, x.shape))
    out[..., 0::2, :, :] = np.matmul(seed, np.swapaxes(right, -1, -2))
    out[..., 1::2, :, :] = np.matmul(np.swapaxes(left, -1, -2), seed)
    return out


@op(_chain_vjp)
def chain_log_partition(m: Array) -> Array:
    """log Z over the last three axes (step, previous state, state); the start is state 0."""
    levels, scale = _levels(m)
    with np.errstate(divide="ignore"):
        return np.log(levels[-1][..., 0, 0, :].sum(axis=-1)) + scale


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
