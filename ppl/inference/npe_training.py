"""Training by simulations: one pass of Adam over minibatches, and the loss on held-out data sets.

The loss is the mean of -log q(latents | data) over data sets simulated from the model, whose minimum
over all q is the posterior (the forward Kullback-Leibler divergence, averaged over data sets).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ppl.inference.npe_head import Head
from ppl.inference.npe_network import Network
from ppl.posterior.target import Array

BATCH = 200
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
LONGEST = 10.0  # a gradient's norm is cut at it


@dataclass(frozen=True)
class Trained:
    """weights: the network's, then the head's; and those best on held-out sets with their loss.

    ``waited``: passes since that was found.
    """

    weights: Array
    first: Array
    second: Array
    best: Array
    loss: float
    last: float
    passes: int
    waited: int


@dataclass(frozen=True, eq=False)
class Examples:
    """Summaries (n, features), rows (n, m, F) or None, whitened latents (n, D); the last ``held`` are held out."""

    s: Array
    rows: Array | None
    t: Array
    held: int


def begin(weights: Array, network: Network, head: Head, data: Examples) -> Trained:
    """Before the first pass."""
    zero = np.zeros_like(weights)
    loss = held_out(weights, network, head, data)
    return Trained(weights, zero, zero, weights, loss, loss, 0, 0)


def one_pass(
    at: Trained, network: Network, head: Head, data: Examples, rng: np.random.Generator, rate: float
) -> Trained:
    """One pass over the training sets in random order."""
    count = len(data.t) - data.held
    order = rng.permutation(count)
    weights, first, second = at.weights.copy(), at.first.copy(), at.second.copy()
    steps = at.passes * (count // BATCH)
    for k in range(count // BATCH):
        chosen = order[k * BATCH : (k + 1) * BATCH]
        rows = None if data.rows is None else data.rows[chosen]
        out, memory = network.forward(weights[: network.count], data.s[chosen], rows)
        _, slope, own = head.slopes(out, data.t[chosen], weights[network.count :])
        gradient = np.concatenate([network.backward(-slope / len(chosen), memory), -own / len(chosen)])
        gradient *= min(1.0, LONGEST / max(float(np.sqrt(np.square(gradient).sum())), TINY))
        first = FIRST * first + (1.0 - FIRST) * gradient
        second = SECOND * second + (1.0 - SECOND) * np.square(gradient)
        steps += 1
        scale = np.sqrt(1.0 - SECOND**steps) / (1.0 - FIRST**steps)
        weights = weights - rate * scale * first / (np.sqrt(second) + TINY)
    loss = held_out(weights, network, head, data)
    new = replace(at, weights=weights, first=first, second=second, last=loss, passes=at.passes + 1)
    if loss < at.loss:
        return replace(new, best=weights, loss=loss, waited=0)
    return replace(new, waited=at.waited + 1)


def held_out(weights: Array, network: Network, head: Head, data: Examples) -> float:
    """The loss on the held-out sets."""
    start = len(data.t) - data.held
    total = 0.0
    for i in range(start, len(data.t), BATCH):
        rows = None if data.rows is None else data.rows[i : i + BATCH]
        out, _ = network.forward(weights[: network.count], data.s[i : i + BATCH], rows)
        total -= float(head.log_density(out, data.t[i : i + BATCH], weights[network.count :]).sum())
    return total / max(data.held, 1)
