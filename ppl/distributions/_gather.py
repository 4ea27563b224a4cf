"""Look up one entry of a row of states per batch position."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import plain

Array = Any


def gather(table: Array, codes: Array) -> Array:
    """table[..., codes[...]]: table (batch, K), codes (batch) whole numbers; batch shape.

    Where one row of states serves every position (batch axes of size 1 behind the first), the
    codes index it directly, so nothing of size batch times K is built.
    """
    if not plain(codes):
        return xp.take_along(table, codes)
    codes = np.asarray(codes).astype(np.intp)
    batch = table.shape[:-1]
    if codes.ndim == 0:
        return xp.take(table, int(codes), axis=-1)
    if len(batch) == codes.ndim and codes.shape[0] == 1 and all(n == 1 for n in batch[1:]):
        row = xp.reshape_last(table, codes.ndim, (table.shape[-1],))
        return xp.reshape_last(xp.take(row, codes.ravel(), axis=-1), 1, codes.shape[1:])
    return xp.take_along(table, codes)


def draw_codes(rng: np.random.Generator, shape: tuple[int, ...], p: Array) -> Array:
    """Codes of batch shape drawn with probabilities p (batch, K), by inversion."""
    cumulative = np.cumsum(p, axis=-1)
    u = rng.random(shape)[..., None] * cumulative[..., -1:]
    return np.minimum((u >= cumulative).sum(-1), np.shape(p)[-1] - 1)


def softmax(logit: Array) -> Array:
    """Plain numpy softmax of the last axis (samplers only)."""
    e = np.exp(logit - np.max(logit, axis=-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
