"""Draws of q reweighted towards the posterior, where the model's density can be had and q is near enough.

Pareto smoothed importance sampling (Vehtari and others 2024): with r = log p - log q at draws of q, those with
k-hat below its limit and enough effective draws are resampled in proportion to their smoothed weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.errors import PplError
from ppl.graph.evaluate import StillVector
from ppl.posterior.diagnostics_importance import systematic
from ppl.posterior.factored import Factored
from ppl.posterior.factored_weights import WORK, affordable
from ppl.posterior.psis import smooth, threshold
from ppl.posterior.target import Array

POOL = 20_000  # draws that are weighed, where that is cheap
ENOUGH = 500  # effective draws that summaries need
EVEN = 0.99  # effective share from which there is nothing to correct


@dataclass(frozen=True, eq=False)
class Reweighted:
    """Draws by name, their smoothed weights (n,), and the k-hat of these."""

    pool: Mapping[str, Array]
    weights: Array
    khat: float

    def resampled(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draws in proportion to their weights, with the least noise: (n, *shape) by name."""
        places = systematic(rng, self.weights, n)
        return {name: a if a.strides[0] == 0 and len(a) == n else a[places] for name, a in self.pool.items()}


def reweighted(q: Factored, problem: Any, rng: np.random.Generator) -> Reweighted | None:
    """Reweighted draws, or None where there is no density, nothing to correct, or weights not to be relied on."""
    try:
        if not affordable(problem)[0]:
            return None
        n = int(min(WORK / max(problem.own_target.work, 1.0), POOL))
        pool, ratios = q.weighed(problem, rng, n)
    except (PplError, StillVector):
        return None
    if ratios is None:
        return None
    found = smooth(np.where(np.isnan(ratios) | (ratios == np.inf), -np.inf, ratios))
    trusted = found.khat < threshold(n) and found.ess >= ENOUGH
    if found.exact or found.ess > EVEN * n or not trusted:
        return None
    return Reweighted(pool, found.weights, found.khat)
