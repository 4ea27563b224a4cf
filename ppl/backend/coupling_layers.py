"""The arithmetic of coupling layers, with its gradient by hand.

One layer, x to y or back, with m its mask, c the context and s bounded by B:

    h = tanh((m x) W + c V + b),   [t, r] = h U + d,   s = B tanh(r / B) (1 - m),   y = x exp(s) + t (1 - m).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.backend.op import Array, unbroadcast

BOUND = 3.0  # of the log scale of one layer


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights of one layer: W (D, H), V (C, H), b (1, H), U (H, 2 D), d (1, 2 D), and its mask (D,)."""

    own: Array
    given: Array
    bias: Array
    out: Array
    last: Array
    mask: Array


@dataclass(frozen=True, eq=False)
class Moved:
    """What the way back needs: the masked input, hidden units, log scales, and the layer's moved side."""

    seen: Array
    hidden: Array
    log_scale: Array
    far: Array


def _times(x: Array, w: Array) -> Array:
    """x (..., F) times w (F, H) as one product of two matrices."""
    return (x.reshape(-1, x.shape[-1]) @ w).reshape(*x.shape[:-1], w.shape[1])


def _outer(x: Array, g: Array) -> Array:
    """The sum over rows of x' g: (F, H)."""
    return x.reshape(-1, x.shape[-1]).T @ g.reshape(-1, g.shape[-1])


def apply(layer: Layer, x: Array, context: Array, back: bool) -> tuple[Array, Moved]:
    """One layer on x (A, B, D), or its inverse: the image and what was computed."""
    seen = x * layer.mask
    bias = _times(context, layer.given) + layer.bias if layer.given.size else layer.bias
    hidden = np.tanh(_times(seen, layer.own) + bias)
    moves = _times(hidden, layer.out) + layer.last
    size = x.shape[-1]
    rest = 1.0 - layer.mask
    shift = moves[..., :size] * rest
    log_scale = np.tanh(moves[..., size:] / BOUND) * (BOUND * rest)
    if back:
        y = (x - shift) * np.exp(-log_scale)
        return y, Moved(seen, hidden, log_scale, y)
    far = x * np.exp(log_scale)
    return far + shift, Moved(seen, hidden, log_scale, far)


def pull(
    layer: Layer, at: Moved, context: Array, g: Array, g_scale: Array, back: bool
) -> tuple[Array, Array, list[Array]]:
    """Slopes in the input, the context and the weights, from those in the image and in the log scales."""
    rest = 1.0 - layer.mask
    scale = np.exp(-at.log_scale if back else at.log_scale)
    in_x = g * scale
    in_scale = g_scale - g * at.far if back else g_scale + g * at.far
    in_shift = -in_x if back else g
    in_raw = in_scale * (rest - np.square(at.log_scale / BOUND))
    in_moves = np.concatenate([in_shift * rest, in_raw], axis=-1)
    in_pre = _times(in_moves, layer.out.T) * (1.0 - np.square(at.hidden))
    in_x = in_x + _times(in_pre, layer.own.T) * layer.mask
    in_given, in_context = layer.given, context
    if layer.given.size:
        shared = unbroadcast(in_pre, (*context.shape[:-1], in_pre.shape[-1]))
        in_given, in_context = _outer(context, shared), _times(shared, layer.given.T)
    flat = (0, 1)
    slopes = [
        _outer(at.seen, in_pre), in_given, in_pre.sum(flat), _outer(at.hidden, in_moves), in_moves.sum(flat)
    ]  # fmt: skip
    return in_x, in_context, slopes


def run(
    layers: list[Layer], x: Array, context: Array, back: bool, keep: bool = True
) -> tuple[Array, Array, list[Moved]]:
    """All layers in turn, or their inverses from the last: the image, the summed log scales, what was computed.

    Without ``keep`` the last is forgotten, and no slopes can follow.
    """
    total, kept = np.zeros(x.shape, dtype=x.dtype), []
    for layer in reversed(layers) if back else layers:
        x, at = apply(layer, x, context, back)
        total = total + at.log_scale
        if keep:
            kept.append(at)
    return x, total, kept


def run_back(
    layers: list[Layer], kept: list[Moved], context: Array, g: Array, g_scale: Array, back: bool
) -> tuple[Array, Array, Array]:
    """Slopes in all weights (count,), x and the context, from those in the image and the summed log scales."""
    found = []
    in_context: Array = np.zeros(context.shape)
    for layer, at in zip(layers if back else reversed(layers), reversed(kept), strict=True):
        g, part, slopes = pull(layer, at, context, g, g_scale, back)
        in_context = in_context + part
        found.append(np.concatenate([s.ravel() for s in slopes]))
    return np.concatenate(found if back else found[::-1]), g, in_context
