"""Whole paths of a chain's states: the likeliest, and draws from the posterior.

Read backwards, a path follows one map of states a step: s_{t-1} = f_t(s_t), the best predecessor (Viterbi 1967)
or one drawn with the uniform number of that step (forward filtering, backward sampling; Chib 1996). The maps of
all blocks are followed from every last state at once, and one pass over the blocks picks the path.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ppl.backend.chains.cut import Cut, cut
from ppl.backend.chains.discrete import swept
from ppl.backend.chains.logs import blocked, log_messages
from ppl.backend.chains.sweep import finite
from ppl.backend.chains.workspace import Workspace
from ppl.backend.op import Array

MOST_ELEMENTS = 32_000_000  # of the maps that are held at once, a byte each


def likeliest_path(unary: Array, pair: Array, codes: Array) -> tuple[Array, float]:
    """The states (T,) of greatest posterior probability, and their log weight.

    Potentials as of `chain_marginals`. Of equally good predecessors the lowest state wins.

    >>> stay = np.log(np.array([[[0.9, 0.1], [0.1, 0.9]]]))
    >>> evidence = np.log(np.array([[0.8, 0.4, 0.8, 0.1, 0.1], [0.2, 0.6, 0.2, 0.9, 0.9]]))
    >>> likeliest_path(evidence, stay, np.zeros(5, int))[0].tolist()
    [0, 0, 0, 1, 1]
    """
    best = log_messages(unary, pair, codes, hard=True)
    where, messages = cut(len(codes), len(unary)), _before(best)
    maps = np.empty((1, *messages.shape), dtype=np.int8 if len(unary) < 128 else np.intp)
    for state in range(len(unary)):
        maps[0, state] = (messages + _into(pair, codes, state, where)).argmax(axis=0)
    last = np.array([best[:, -1].argmax()])
    return _followed(maps, last, where)[0], float(best[last[0], -1])


def sample_paths(unary: Array, pair: Array, codes: Array, draws: int, rng: np.random.Generator) -> Array:
    """Independent draws (draws, T) of the states given everything.

    Potentials as of `chain_marginals`. Raises ValueError where no path is possible.

    >>> certain = np.array([[0.0, -np.inf, 0.0], [-np.inf, 0.0, -np.inf]])
    >>> sample_paths(certain, np.zeros((1, 2, 2)), np.zeros(3, int), 2, np.random.default_rng(0)).tolist()
    [[0, 1, 0], [0, 1, 0]]
    """
    where, weights, last = _weights(np.asarray(unary, float), np.asarray(pair, float), np.asarray(codes))
    if not last.sum() > 0:
        raise ValueError("no path of the chain is possible")
    chunk = max(MOST_ELEMENTS // unary.size, 1)
    out = np.empty((draws, len(codes)), dtype=np.intp)
    for first in range(0, draws, chunk):
        n = min(chunk, draws - first)
        maps = _drawn_maps(weights, len(unary), rng.random((n, where.length, where.blocks)))
        ends = _inverted(np.cumsum(last), rng.random(n))
        out[first : first + n] = _followed(maps, ends, where)
    return out


def _weights(unary: Array, pair: Array, codes: Array) -> tuple[Cut, Callable[[int], Array], Array]:
    """The weights (K, L, B) of the predecessors of a state at every step, and those of the last state (K,)."""
    where, work = cut(len(codes), len(unary)), Workspace()
    found = swept(unary, pair, codes, work)
    if found is not None:
        before, scaled = found[0].before, pair - finite(pair.max(axis=(1, 2)))[:, None, None]
        return (
            where,
            lambda state: before[:, :-1] * np.exp(_into(scaled, codes, state, where)),
            before[:, -1, -1],
        )
    forward = log_messages(unary, pair, codes, hard=False)
    messages = _before(forward)
    return (
        where,
        lambda state: _relative(messages + _into(pair, codes, state, where)),
        _relative(forward[:, -1]),
    )


def _relative(logs: Array) -> Array:
    """Weights whose largest over the first axis is 1, or which are all 0."""
    top = logs.max(axis=0)
    return np.asarray(np.exp(logs - np.where(np.isfinite(top), top, 0.0)))


def _before(messages: Array) -> Array:
    """The messages one step earlier, in blocks (K, L, B); at the first step anything."""
    k, steps = messages.shape
    moved = np.concatenate([np.zeros((k, 1)), messages[:, :-1]], axis=1)
    return blocked(cut(steps, k), moved)


def _into(pair: Array, codes: Array, state: int, where: Cut) -> Array:
    """Log tables of the steps into one state: (K, L, B), or (K, 1, 1) where all are equal."""
    if len(pair) == 1:
        return pair[0, :, state, None, None]
    return blocked(where, np.ascontiguousarray(pair[:, :, state].T)[:, codes])


def _inverted(cumulative: Array, uniform: Array) -> Array:
    """Draws by inversion: cumulative weights (K,), uniform numbers (n,)."""
    return np.asarray((cumulative[:-1, None] <= uniform * cumulative[-1]).sum(axis=0))


def _drawn_maps(weights: Callable[[int], Array], k: int, uniform: Array) -> Array:
    """A predecessor of every state at every step (n, K, L, B) by inversion; uniform (n, L, B)."""
    n, *shape = uniform.shape
    maps = np.zeros((n, k, *shape), dtype=np.int8 if k < 128 else np.intp)
    for state in range(k):
        below = weights(state)
        np.cumsum(below, axis=0, out=below)
        for draw in range(n):
            level = uniform[draw] * below[-1]
            for i in range(k - 1):
                maps[draw, state] += below[i] <= level
    return maps


def _followed(maps: Array, last: Array, where: Cut) -> Array:
    """Paths (n, T) that end in `last` (n,), by maps (n, K, L, B) from the state at a step to the one before."""
    n, k, length, blocks = maps.shape
    traced = np.empty_like(maps)
    state = np.broadcast_to(np.arange(k, dtype=np.intp)[:, None], (n, k, blocks))
    for step in range(length - 1, -1, -1):
        traced[:, :, step] = state
        state = np.take_along_axis(maps[:, :, step], state, axis=1).astype(np.intp)
    ends = np.empty((n, blocks), dtype=np.intp)
    ends[:, -1] = last
    each = np.arange(n)
    for b in range(blocks - 1, 0, -1):
        ends[:, b - 1] = state[each, ends[:, b], b]
    path = np.take_along_axis(traced, ends[:, None, None, :], axis=1)[:, 0]
    return path.swapaxes(1, 2).reshape(n, -1)[:, where.padding :].astype(np.intp)
