"""Log potentials of finitely many states: log-sum-exp, softmax and draws along the last axis."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def log_sum_exp(potential: Array) -> np.ndarray:
    """log sum_k exp(potential_k) over the last axis; -inf where no state is allowed.

    >>> log_sum_exp(np.array([0.0, -np.inf])).tolist()
    0.0
    """
    potential = np.asarray(potential, dtype=float)
    top = potential.max(-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(potential - top).sum(-1)) + top[..., 0])


def softmax(potential: Array) -> tuple[np.ndarray, np.ndarray]:
    """log-sum-exp and probabilities, one exponential an element; NaN where no state is allowed."""
    potential = np.asarray(potential, dtype=float)
    top = potential.max(-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    out = potential - top
    np.exp(out, out=out)
    total = out.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        out /= total
        return (np.log(total) + top)[..., 0], out


def one_hot(code: Array, size: int) -> np.ndarray:
    """Booleans (..., size), true at the code."""
    return np.asarray(np.asarray(code)[..., None] == np.arange(size))


def draws(rng: np.random.Generator, p: Array, n: int) -> np.ndarray:
    """Codes (n, *batch) drawn by inverting the distribution function; p (*batch, K)."""
    edges = np.cumsum(p, axis=-1)
    edges /= edges[..., -1:]
    u = 1.0 - rng.random((n, *edges.shape[:-1]))  # in (0, 1]: a first state of probability zero is not drawn
    out = np.zeros(u.shape, dtype=np.int64)
    for k in range(edges.shape[-1] - 1):
        out += u > edges[..., k]
    return out
