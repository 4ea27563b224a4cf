"""Importance weights of a score-function fit, on the line that it moves on.

There a standardised latent has a density, and so has one that a guide draws given what it reads, where by
themselves they have none that is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.graph.assemble import Layout
from ppl.inference.score_estimate import ScoreTarget
from ppl.inference.score_family import Draws
from ppl.inference.score_gradients import own_log
from ppl.posterior.factored_weights import FEWEST, LARGEST_D, MOST, WORK
from ppl.posterior.target import Array

MOST_ELEMENTS = 50  # of tables: the weights of many rows together are uneven, each row's own nearly even


def ratios_on_the_line(problem: Any | None, target: ScoreTarget, theta: Array, drawn: Draws) -> Array | None:
    """``log p - log q`` at draws of q: (n,). None where tables stand for more than one element each.

    Free tables are summed out where the log joint of ``problem`` has the same coordinates without them; else
    (and with None for a problem) they are among what is weighed, which makes the weights no more even.
    """
    log_q = log_gaussians(target, theta, drawn.eps)
    if not target.family.discretes:
        return target.log_joint(drawn.x) - log_q
    summed = problem is not None and not target.terms.drawn
    places = _places(target.terms.layout, problem.layout) if problem is not None and summed else None
    if problem is not None and places is not None:
        with np.errstate(all="ignore"):
            return np.asarray(problem.target().log_density(drawn.x[:, places]) - log_q)
    if any((d.weights != 1.0).any() for d in target.family.discretes):
        return None
    for table, codes in zip(target.family.log_tables(theta), drawn.codes, strict=True):
        log_q = log_q + own_log(table, codes).sum(1)
    return target.log_joint(drawn.x) - log_q


def joint_count(target: ScoreTarget) -> int:
    """How many draws of all latents together can be weighed; 0 where they are too many for weights to be even."""
    discrete = [*target.family.discretes, *(q.discrete for q in target.terms.drawn if q.discrete is not None)]
    elements = sum(d.count for d in discrete)
    weighted = any((d.weights != 1.0).any() for d in discrete)
    free = int(np.sum(~target.family.point.astype(bool))) + elements
    if weighted or not 0 < elements <= MOST_ELEMENTS or free > LARGEST_D:
        return 0
    count = int(min(WORK / max(target.terms.program.widest, target.terms.count, 1.0), MOST))
    return count if count >= FEWEST else 0


def log_gaussians(target: ScoreTarget, theta: Array, eps: Array) -> Array:
    """Log density of the free Gaussians at standard normal draws (n, D), points left out: (n,)."""
    free = target.family.free
    log_sd = theta[target.family.size : 2 * target.family.size][free]
    out: Array = (-0.5 * np.square(eps[:, free]) - log_sd - 0.5 * np.log(2.0 * np.pi)).sum(1)
    return out


def _places(own: Layout, other: Layout) -> np.ndarray | None:
    """Where the coordinates of another layout lie in this one; None where they are not the same ones."""
    if own.size != other.size or own.blocks.keys() != other.blocks.keys():
        return None
    out = np.empty(own.size, dtype=np.intp)
    for name, block in own.blocks.items():
        there = other.blocks[name]
        if (
            block.point != there.point
            or block.where.stop - block.where.start != there.where.stop - there.where.start
        ):
            return None
        out[there.where] = np.arange(block.where.start, block.where.stop)
    return out
