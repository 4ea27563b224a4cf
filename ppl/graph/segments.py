"""Reductions of ragged groups: elements along the last axis fall into numbered slots."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp

Array = Any


def segment_reduce(function: str, array: Array, index: np.ndarray, size: int) -> Array:
    """A ragged reduction along the last axis into ``size`` slots."""
    if function in ("sum", "mean"):
        out = xp.segment_sum(array, index, size=size, axis=-1)
        if function == "sum":
            return out
        return out / np.maximum(np.bincount(index, minlength=size), 1)
    if function == "logsumexp":
        top = _segment_max(array, index, size)
        with np.errstate(divide="ignore"):
            return xp.log(xp.segment_sum(xp.exp(array - top[..., index]), index, size=size, axis=-1)) + top
    if function == "prod":
        return _segment_prod(array, index, size)
    if function in ("min", "max"):
        return _segment_extreme(function, array, index, size)
    raise TypeError(f"a ragged `{function}` is not known")


def _segment_max(array: Array, index: np.ndarray, size: int) -> np.ndarray:
    """A constant upper level for each segment (from the example value; any level is exact)."""
    values = (
        np.asarray(getattr(array, "example", array), dtype=float)
        .reshape(-1, len(index))
        .max(axis=0, initial=-np.inf)
    )
    top = np.full(size, -np.inf)
    np.maximum.at(top, index, values)
    return np.where(np.isfinite(top), top, 0.0)


def _segment_prod(array: Array, index: np.ndarray, size: int) -> Array:
    if not len(index):
        return np.ones((1,) * (len(np.shape(array)) - 1) + (size,))
    padded, slots = _padded(index, size)
    full = xp.reshape_last(xp.take(array, slots.ravel(), axis=-1), count=1, shape=slots.shape)
    return xp.prod(xp.where(padded, full, 1.0), axis=-1)


def _segment_extreme(function: str, array: Array, index: np.ndarray, size: int) -> Array:
    if not len(index):
        return np.full((1,) * (len(np.shape(array)) - 1) + (size,), np.inf if function == "min" else -np.inf)
    padded, slots = _padded(index, size)
    full = xp.reshape_last(xp.take(array, slots.ravel(), axis=-1), count=1, shape=slots.shape)
    fill = np.inf if function == "min" else -np.inf
    reduce = xp.min if function == "min" else xp.max
    return reduce(xp.where(padded, full, fill), axis=-1)


def _padded(index: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each segment side by side, padded to the longest: (mask, positions)."""
    order = np.argsort(index, kind="stable")
    counts = np.bincount(index, minlength=size)
    width = int(counts.max(initial=0))
    starts = np.cumsum(counts) - counts
    place = np.minimum(starts[:, None] + np.arange(width)[None, :], max(len(index) - 1, 0))
    mask = np.arange(width)[None, :] < counts[:, None]
    return mask, order[place] if len(index) else place
