"""Gradients in what the guides of drawn latents read: the score of log q, or the exact sum over states.

Minus log q of such a latent is among the terms of the log joint, and its slope at a fixed draw has mean
zero: it is taken back, so that only the part with the costs is left.
"""

from __future__ import annotations

import numpy as np

from ppl.inference.score_gradients import leave_one_out
from ppl.inference.score_plan import GuidedNode
from ppl.inference.score_trials import state_costs
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
