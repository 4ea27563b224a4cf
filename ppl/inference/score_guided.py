"""Gradients in what the guides of drawn latents read: the score of log q, or the exact sum over states.

Minus log q of such a latent is among the terms of the log joint, and its slope at a fixed draw has mean
zero: it is taken back, so that only the part with the costs is left.
"""

from __future__ import annotations

import numpy as np

from ppl.graph.drawn_guides import DrawnGuide
from ppl.graph.guide_terms import state_tables
from ppl.graph.terms_at_draws import TermsAtDraws
from ppl.inference.score_gradients import leave_one_out
from ppl.inference.score_plan import MOST_STATES, GuidedNode
from ppl.inference.score_trials import AT_ONCE, state_costs
from ppl.posterior.target import Array


def guided_slopes(node: GuidedNode, x: Array, values: Array) -> Array:
    """Slopes (S, width) to add to those of the terms, one row a draw."""
    q = node.guide
    if node.estimator in ("pathwise", "implicit"):
        return np.zeros_like(x)
    if node.estimator == "local":
        assert node.trial is not None and node.tables is not None and node.order is not None
        costs = state_costs(node.trial, x)[:, node.order]
        log_q = np.asarray(node.tables.value(x)).reshape(-1, q.count, costs.shape[2])
        p = np.exp(log_q)
        gain = p * (costs - (p * costs).sum(2, keepdims=True))
        slopes = node.tables.pulled(x, gain.reshape(len(x), -1))
        return np.asarray(slopes + q.log_q.pulled(x, np.broadcast_to(q.weights, (len(x), q.count))))
    assert node.blanket is not None
    costs = leave_one_out(node.blanket.costs(values)[:, q.elements])
    return np.asarray(q.log_q.pulled(x, costs + q.weights))


def state_shares(terms: TermsAtDraws, q: DrawnGuide, x: Array) -> Array:
    """Probabilities of the states of a drawn discrete latent, averaged over draws (S, width): (*shape, K).

    Those of the guide where states are few, else how often each was drawn.
    """
    d = q.discrete
    assert d is not None
    full = np.zeros((int(np.prod(d.shape, dtype=int)), len(d.states)))
    if len(d.states) > MOST_STATES:
        full[d.cells] = np.stack([(x[:, q.where] == state).mean(0) for state in d.states], axis=1)
        return full.reshape(*d.shape, len(d.states))
    program, rows = state_tables(terms, q), max(1, int(AT_ONCE // (q.count * len(d.states))))
    for i in range(0, len(x), rows):
        part = x[i : i + rows]
        p = np.exp(np.asarray(program.value(part))).reshape(-1, q.count, len(d.states))
        full[q.elements] += p.mean(0) * len(part) / len(x)
    return full.reshape(*d.shape, len(d.states))
