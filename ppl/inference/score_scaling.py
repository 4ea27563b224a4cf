"""Natural scaling of gradients: a step in a logit is worth the same whatever its probability."""

from __future__ import annotations

import numpy as np

from ppl.inference.score_family import Family, columns
from ppl.inference.score_plan import Plan
from ppl.posterior.target import Array

SMALLEST_DRAWN = 0.02  # smallest p (1 - p) that a noisy gradient is divided by
SMALLEST_EXACT = 1e-12
SHARE = 0.3  # of the way to the conditional that a trial run goes in one step


def naturally_scaled(family: Family, plan: Plan, theta: Array, gradient: Array) -> Array:
    """Slopes in logits divided by p (1 - p), the diagonal of their Fisher information."""
    out = gradient.copy()
    for node, where, table in zip(plan.discrete, family.logits, family.log_tables(theta), strict=True):
        p = np.exp(table[:, 1:] if columns(node.latent) == 1 else table)
        smallest = SMALLEST_EXACT if node.estimator == "local" else SMALLEST_DRAWN
        out[where] /= np.maximum(p * (1.0 - p), smallest).ravel()
    return out


def towards_conditionals(family: Family, plan: Plan, before: Array, gradient: Array, after: Array) -> Array:
    """``after``, with the tables of exact gradients moved part of the way to their conditionals given the rest.

    The natural gradient of a table is its cost less log p; a whole step along it is a coordinate update.
    """
    out = after.copy()
    for node, where, table in zip(plan.discrete, family.logits, family.log_tables(before), strict=True):
        if node.estimator == "local":
            p = np.exp(table)
            scale = p[:, 1:] * p[:, :1] if columns(node.latent) == 1 else p
            natural = gradient[where] / np.maximum(scale, SMALLEST_EXACT).ravel()
            out[where] = before[where] + SHARE * natural
    return out


def block_numbers(family: Family, plan: Plan) -> np.ndarray:
    """For each parameter the number of its latent: continuous ones first, then discrete ones."""
    out = np.zeros(family.count, dtype=np.intp)
    for i, node in enumerate(plan.continuous):
        out[node.block.where] = i
        out[family.size + node.block.where.start : family.size + node.block.where.stop] = i
    for j, where in enumerate(family.logits):
        out[where] = len(plan.continuous) + j
    for index, where in zip(family.groups, family.corners, strict=True):
        rows = np.tril_indices(index.shape[1], -1)[0]
        out[where] = out[index[:, rows].ravel()]
    return out
