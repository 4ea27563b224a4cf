"""What the chain kernels must agree with, written in the plainest way."""

from __future__ import annotations

from itertools import product

import numpy as np

Array = np.ndarray


def path_score(path: Array, unary: Array, pair: Array, codes: Array) -> float:
    """The log weight of one path."""
    out = unary[path, np.arange(len(path))].sum()
    return float(out + pair[codes[1:], path[:-1], path[1:]].sum())


def enumerated(unary: Array, pair: Array, codes: Array) -> tuple[float, Array, Array]:
    """log Z, node and summed pair marginals over all K^T paths."""
    k, steps = unary.shape
    paths = np.array(list(product(range(k), repeat=steps)))
    weights = np.exp([path_score(p, unary, pair, codes) for p in paths])
    node, pairs = np.zeros((k, steps)), np.zeros(pair.shape)
    for path, weight in zip(paths, weights, strict=True):
        node[path, np.arange(steps)] += weight
        np.add.at(pairs, (codes[1:], path[:-1], path[1:]), weight)
    total = weights.sum()
    return float(np.log(total)), node / total, pairs / total


def log_loop(unary: Array, pair: Array, codes: Array) -> tuple[float, Array, Array]:
    """The same by forward and backward recursions in logs."""
    k, steps = unary.shape
    forward, backward = np.empty((steps, k)), np.zeros((steps, k))
    pairs = np.zeros(pair.shape)
    with np.errstate(all="ignore"):
        forward[0] = unary[:, 0]
        for t in range(1, steps):
            forward[t] = np.logaddexp.reduce(forward[t - 1][:, None] + pair[codes[t]], axis=0) + unary[:, t]
        total = np.logaddexp.reduce(forward[-1])
        for t in range(steps - 1, 0, -1):
            onward = pair[codes[t]] + unary[:, t] + backward[t]
            backward[t - 1] = np.logaddexp.reduce(onward, axis=1)
            pairs[codes[t]] += np.exp(forward[t - 1][:, None] + onward - total)
        return float(total), np.exp(forward + backward - total).T, pairs
