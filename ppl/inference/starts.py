"""Where a fit begins: a place at which the log density is finite over the whole first batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ppl.inference.base import NotFinite
from ppl.inference.finite import FiniteTarget, Tally
from ppl.posterior.target import Array, Target

WIDTHS = (-1.0, -3.0, -6.0)  # log sd of the first Gaussian; narrower ones only if a wider one fails
NUDGE = 0.1  # moves points off a symmetric saddle, which the draws do for coordinates with a spread
SPREADS = (0.0, 0.1, 1.0)  # distance from the target's own start, likewise


def find_start(
    target: FiniteTarget, eps: Array, rng: np.random.Generator, jitter: float, width: float, around: Array
) -> Array:
    """A first point x = (m, w): (2D,), near ``around``. Raises `NotFinite`, located, when none is found."""
    base = around + np.where(target.point, max(jitter, NUDGE), jitter) * rng.standard_normal(target.size)
    for spread in SPREADS:
        mean = base + spread * rng.standard_normal(target.size)
        for log_sd in (width, *(w for w in WIDTHS if w < width)):
            values, slopes = target.value_and_grad(mean + np.exp(log_sd) * np.where(target.point, 0.0, eps))
            if np.isfinite(values).all() and np.isfinite(slopes).all():
                target.tally.offender = None  # a start that was found is not worth a warning
                return np.concatenate([mean, np.full(target.size, log_sd)])
    raise NotFinite(target.explain())


def point_scale(target: Target, at: Array) -> Array:
    """Inverse curvature of each point coordinate by central differences, 1 elsewhere: (D,).

    Left at 1 when there are too many to difference or the curvature is not positive.
    """
    places = np.flatnonzero(target.point)
    scale = np.ones(target.size)
    if not 0 < len(places) <= 256:
        return scale
    finite = FiniteTarget(target, Tally())
    width = 1e-4 * np.maximum(1.0, np.abs(at[places]))
    moves = np.zeros((len(places), target.size))
    moves[np.arange(len(places)), places] = width
    _, slopes = finite.value_and_grad(np.concatenate([at + moves, at - moves]))
    up, down = np.split(slopes, 2)
    rows = np.arange(len(places))
    curvature = (down[rows, places] - up[rows, places]) / (2.0 * width)
    good = np.isfinite(curvature) & (curvature > 1e-12)
    scale[places[good]] = 1.0 / curvature[good]
    return scale


def without_offender(target: FiniteTarget) -> FiniteTarget:
    """The same target with a fresh tally."""
    return replace(target, tally=Tally())
