"""A chain of discrete states with every step by itself: the factorised stand-in for forward-backward.

    r_t(s) ~ exp(u_t(s) + sum_j r_{t-1}(j) w_t(j, s) + sum_k w_{t+1}(s, k) r_{t+1}(k))

Steps of even number given those of odd number, then the other way round: no two of them are neighbours, so that each
half is moved to its joint optimum at once and no pass lowers the bound (Ghahramani and Jordan 1997, section 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ppl.backend.op import Array

BARRED = -1e11  # log potentials at or below stand for moves of probability zero
PASSES = 20  # at most in one update
STILL = 1e-10  # the largest move of a probability that ends an update


@final
@dataclass(frozen=True)
class FactorisedResult:
    """Probabilities (K, T), expected moves by table (U, K, K) under independence, and the entropy."""

    node: Array
    pair_sums: Array
    entropy: float


def factorised_marginals(unary: Array, pair: Array, codes: Array, start: Array | None) -> FactorisedResult:
    """Independent steps that fit a chain best, from ``start`` (K, T), or from the unary potentials alone.

    ``unary`` (K, T); ``pair`` (U, K, K); ``codes`` (T,) says which table the step into t takes, and codes[0]
    nothing. Raises `ValueError` where a move is impossible: independent steps would make it all the same.

    >>> tables = np.log(np.array([[[0.9, 0.1], [0.1, 0.9]]]))
    >>> found = factorised_marginals(np.array([[2.0, 0, 0], [0, 0, 0]]), tables, np.zeros(3, int), None)
    >>> found.node.round(2).tolist(), found.pair_sums.sum().round(9).tolist()
    ([[0.98, 0.98, 0.89], [0.02, 0.02, 0.11]], 2.0)
    """
    if not np.min(pair, initial=0.0) > BARRED:
        raise ValueError("some moves are impossible, and independent steps make them all the same")
    r = _softmax(unary) if start is None else np.array(start)
    for _ in range(PASSES):
        change = max(_half(r, unary, pair, codes, first) for first in (0, 1))
        if change < STILL:
            break
    sums = np.zeros(pair.shape)
    for u in range(len(pair)):
        at = 1 + np.flatnonzero(codes[1:] == u)
        sums[u] = r[:, at - 1] @ r[:, at].T
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -float(np.sum(np.where(r > 0, r * np.log(r), 0.0)))
    return FactorisedResult(r, sums, entropy)


def _half(r: Array, unary: Array, pair: Array, codes: Array, first: int) -> float:
    """Every other step from number ``first`` on at its optimum, in place; the largest move of a probability."""
    steps = np.arange(first, r.shape[1], 2)
    if not len(steps):
        return 0.0
    scores = unary[:, steps].copy()
    past = steps[steps > 0]
    scores[:, len(steps) - len(past) :] += _along(pair.swapaxes(1, 2), codes[past], r[:, past - 1])
    next_ = steps[steps < r.shape[1] - 1] + 1
    scores[:, : len(next_)] += _along(pair, codes[next_], r[:, next_])
    new = _softmax(scores)
    change = float(np.max(np.abs(new - r[:, steps])))
    r[:, steps] = new
    return change


def _along(tables: Array, codes: Array, r: Array) -> Array:
    """tables[codes[t]] @ r[:, t] for all t: (K, T)."""
    if len(tables) == 1:
        found: Array = tables[0] @ r
        return found
    out = np.zeros((tables.shape[1], r.shape[1]))
    for u in np.unique(codes):
        at = codes == u
        out[:, at] = tables[u] @ r[:, at]
    return out


def _softmax(scores: Array) -> Array:
    top = np.exp(scores - scores.max(axis=0))
    found: Array = top / top.sum(axis=0)
    return found
