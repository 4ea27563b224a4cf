"""Forward and backward sums over one chain's states in logs: no underflow, a loop over time."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array


def sums_in_logs(tables: Array, unary: Array, codes: Array) -> tuple[Array, Array, Array]:
    """log Z (R,), single marginals (R, K, T), pair marginals summed by table (R, U, K, K).

    ``tables`` (U, K, K), ``unary`` (R, K, T), ``codes`` (T,); the state before the first step is 0.
    Marginals are 0 where Z is.
    """
    r, k, steps = unary.shape
    with np.errstate(all="ignore"):
        forward = np.full((steps + 1, r, k), -np.inf)
        forward[0, :, 0] = 0.0
        for t in range(steps):
            forward[t + 1] = _log_sum(forward[t][:, :, None] + tables[codes[t]], 1) + unary[..., t]
        total = _log_sum(forward[-1], -1)
        return total, *_marginals(forward, tables, unary, codes, np.where(np.isneginf(total), np.inf, total))


def _marginals(
    forward: Array, tables: Array, unary: Array, codes: Array, total: Array
) -> tuple[Array, Array]:
    r, k, steps = unary.shape
    single, pairs = np.empty((r, k, steps)), np.zeros((r, len(tables), k, k))
    backward = np.zeros((r, k))
    for t in reversed(range(steps)):
        single[..., t] = np.exp(forward[t + 1] + backward - total[:, None])
        onward = tables[codes[t]] + (unary[..., t] + backward)[:, None, :]
        pairs[:, codes[t]] += np.exp(forward[t][:, :, None] + onward - total[:, None, None])
        backward = _log_sum(onward, 2)
    return single, pairs


def _log_sum(x: Array, axis: int) -> Array:
    top = x.max(axis=axis, keepdims=True)
    top = np.where(np.isneginf(top), 0.0, top)
    return np.squeeze(top, axis) + np.log(np.exp(x - top).sum(axis=axis))
