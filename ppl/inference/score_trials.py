"""Every state of every element of a discrete latent tried, with everything else as drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.backend.tape import Program
from ppl.graph.terms_at_draws import Discrete
from ppl.inference.score_blanket import Blanket
from ppl.posterior.target import Array

IMPOSSIBLE = -1000.0  # what a log density of 0 counts as while searching: q then leaves that state
AT_ONCE = 4_000_000  # array elements of the widest intermediate in one evaluation


@dataclass(frozen=True, eq=False)
class Trial:
    """``program`` evaluates the blanket ``own`` of a latent alone; ``colours``: (n,).

    Elements of one colour share no term, so that one evaluation tries a state for all of them.
    """

    latent: Discrete
    own: Blanket
    program: Program
    colours: Array


def state_costs(trial: Trial, x: Array) -> Array:
    """The cost of each state of each element, given the rest of each draw: (S, n, K)."""
    d = trial.latent
    pairs = [(c, k) for c in range(int(trial.colours.max(initial=-1)) + 1) for k in range(len(d.states))]
    chosen = [np.flatnonzero(trial.colours == c) for c in range(pairs[-1][0] + 1)]
    out = np.zeros((len(x), d.count, len(d.states)))
    together = max(1, int(AT_ONCE // (max(trial.program.widest, x.shape[1], 1.0) * len(x))))
    for i in range(0, len(pairs), together):
        part = pairs[i : i + together]
        y = np.repeat(x[None], len(part), axis=0)
        for j, (c, k) in enumerate(part):
            y[j][:, d.where.start + chosen[c]] = d.states[k]
        values = possible(trial.program.value(y.reshape(-1, x.shape[1])), len(part) * len(x))
        costs = trial.own.costs(values)[:, d.cells].reshape(len(part), len(x), d.count)
        for j, (c, k) in enumerate(part):
            out[:, chosen[c], k] = costs[j][:, chosen[c]]
    return out


def possible(values: Array, count: int) -> Array:
    """Log densities of 0 as a large loss; broadcast to the number of draws."""
    values = np.asarray(values)
    values = np.where(np.isneginf(values), IMPOSSIBLE, values)
    return np.broadcast_to(values, (count, values.shape[1]))
