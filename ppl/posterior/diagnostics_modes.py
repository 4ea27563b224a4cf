"""A search for posterior mass that a Gaussian fit does not cover. Finding none proves nothing."""

from __future__ import annotations

import math

import numpy as np

from ppl.posterior.approximation import Approximation
from ppl.posterior.target import Array, Target, global_coordinates

FLIPPED = 100  # most coordinates whose sign is tried on its own
INSIDE = 200  # draws that tell what density is typical
EACH = 4  # draws a sign flip is tried on
WIDE = 1000  # draws of wider Gaussians
AWAY = 6.0  # radii, beyond that of typical draws, at which a place counts as elsewhere
BELOW = 5.0  # nats below typical draws at which it still counts as a rival


def find_rival(
    target: Target, q: Approximation, draws: Array, rng: np.random.Generator, wide: int = WIDE
) -> Array | None:
    """A place (D,) far outside q with a density as high as at the posterior's draws (n, D), or None.

    Tried are sign flips of draws, one global coordinate at a time and all at once, which find
    mirror images exactly, and draws of Gaussians 3 and 10 times wider and around the start.
    """
    inside = draws[:INSIDE]
    tried = np.concatenate([_flips(target, inside[:EACH]), _wider(target, q, rng, wide)])
    with np.errstate(all="ignore"):
        levels = target.log_density(np.concatenate([inside, tried]))
        level, found = np.median(levels[: len(inside)]), levels[len(inside) :]
        radius = np.sqrt(np.square(q.standardise(tried)).sum(1))
    rank = int(q.free.sum())
    rival = np.isfinite(found) & (found > level - BELOW) & (radius > AWAY + math.sqrt(rank))
    if not rival.any():
        return None
    best = int(np.argmax(np.where(rival, found, -np.inf)))
    place: Array = tried[best]
    return place


def _flips(target: Target, draws: Array) -> Array:
    """Sign flips of each draw: of every coordinate together, and of each global one: (k, D)."""
    alone = np.flatnonzero(global_coordinates(target.groups, target.size) & ~target.point)[:FLIPPED]
    signs = np.ones((len(alone) + 1, target.size))
    signs[np.arange(len(alone)), alone] = -1.0
    signs[-1] = np.where(target.point, 1.0, -1.0)
    return (signs[:, None] * draws[None]).reshape(-1, target.size)


def _wider(target: Target, q: Approximation, rng: np.random.Generator, count: int) -> Array:
    """Draws around q, 3 and 10 times as wide, and around the start: (count, D)."""
    eps = rng.standard_normal((count, q.size)) * q.free
    third = count // 3
    near = q.transform(3.0 * eps[:third])
    far = q.transform(10.0 * eps[third : 2 * third])
    start = np.where(q.free, np.asarray(target.start, float), q.mean) + 2.0 * eps[2 * third :]
    return np.concatenate([near, far, start])
