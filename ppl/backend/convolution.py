"""Sliding windows laid out as rows, so that a convolution is one product of matrices."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array, op

Pair = tuple[int, int]


def places(size: int, width: int, stride: int, same: bool) -> tuple[int, Pair]:
    """How many windows fit along an axis, and the zeros before and after it.

    With ``same`` there are as many windows as strides begun, the zeros on both sides differing by one at
    most; else windows lie inside the axis.

    >>> places(8, 3, 1, True), places(8, 3, 2, True), places(8, 3, 2, False)
    ((8, (1, 1)), (4, (0, 1)), (3, (0, 0)))
    """
    if not same:
        return max((size - width) // stride + 1, 0), (0, 0)
    count = -(-size // stride)
    lacking = max((count - 1) * stride + width - size, 0)
    return count, (lacking // 2, lacking - lacking // 2)


def _padded(x: Array, pads: tuple[Pair, Pair]) -> Array:
    return np.pad(x, ((0, 0), (0, 0), *pads, (0, 0))) if np.any(pads) else np.asarray(x)


def _slots(width: Pair, count: Pair, stride: int) -> list[tuple[int, int, slice, slice]]:
    """For each place inside a window, the elements that all windows have there."""
    return [
        (i, j, slice(i, i + stride * (count[0] - 1) + 1, stride), slice(j, j + stride * (count[1] - 1) + 1, stride))
        for i in range(width[0])
        for j in range(width[1])
    ]  # fmt: skip


def _patches_vjp(
    g: Array, ans: Array, x: Array, width: Pair, stride: int, pads: tuple[Pair, Pair], count: Pair
) -> Array:
    draws, rows, high, wide, channels = np.shape(x)
    (above, below), (left, right) = pads
    out = np.zeros((draws, rows, above + high + below, left + wide + right, channels), dtype=g.dtype)
    parts = np.reshape(g, (draws, rows, *count, *width, channels))
    for i, j, down, along in _slots(width, count, stride):
        out[:, :, down, along] += parts[:, :, :, :, i, j]
    return out[:, :, above : above + high, left : left + wide]


@op(_patches_vjp)
def patches(x: Array, width: Pair, stride: int, pads: tuple[Pair, Pair], count: Pair) -> Array:
    """Windows of x (S, N, H, W, C) as rows: (S, N * count[0] * count[1], width[0] * width[1] * C).

    >>> rows = patches(np.arange(4.0).reshape(1, 1, 1, 4, 1), (1, 3), 1, ((0, 0), (0, 0)), (1, 2))
    >>> rows[0].tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    whole = _padded(x, pads)
    draws, rows, _, _, channels = np.shape(whole)
    out = np.empty((draws, rows, *count, *width, channels), dtype=whole.dtype)
    for i, j, down, along in _slots(width, count, stride):
        out[:, :, :, :, i, j] = whole[:, :, down, along]
    return out.reshape(draws, rows * count[0] * count[1], width[0] * width[1] * channels)
