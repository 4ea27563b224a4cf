"""The exact log evidence where only discrete latents are free: all their states summed out by the graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.errors import PplError
from ppl.graph.evaluate import StillVector
from ppl.posterior.factored import Factored

CELLS = 5e6  # data cells times states that are summed over without being asked


def exact_evidence(problem: Any, q: Factored) -> float:
    """log p(y), or log p(y, points): what the bound falls short of. NaN where it is not known.

    q itself tells it where it is the posterior; else, with no continuous latent but points, the sum over all
    states does (variable elimination, forward recursions in chains).
    """
    if q.log_evidence is not None:
        return float(q.log_evidence)
    discrete = set(q.probabilities())
    if not discrete or any(not b.point and not discrete.issuperset(whole(b.names)) for b in q.blocks):
        return math.nan
    cells = sum(int(np.size(a)) for a in problem.data.arrays.values())
    if cells * math.prod(len(s) for s in problem.state_values().values()) > CELLS:
        return math.nan
    names = [name for b in q.blocks if b.point for name in b.names]
    if not all(name in q.means for name in names):  # a q that is drawn from has no means in closed form
        return math.nan
    points = {name: np.asarray(q.means[name]) for name in names}
    try:
        return float(problem.log_joint(points)[0])
    except (PplError, StillVector):
        return math.nan


def whole(names: tuple[str, ...]) -> set[str]:
    """The latents that names belong to: a part of one that was cut along an axis is called ``z[1]``."""
    return {name.partition("[")[0] for name in names}
