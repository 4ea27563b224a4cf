"""Newton's way from a start far below the posterior to where a Gaussian can take over.

A mean-field climb moves by a few sds a step, which is hopeless when flat priors leave the start
thousands of sds away. Here single points move by damped Newton steps on the log density; the
curvature comes from central differences of the gradient. Directions of wrong curvature are turned
round by taking the absolute value of the eigenvalues.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.inference.finite import FiniteTarget, Tally
from ppl.inference.full_rank import Frame
from ppl.posterior.target import Array, Target

DAMPING = 10.0 ** np.linspace(-8.0, 8.0, 17)  # tried all at once, in units of the curvature
ENOUGH = 0.5  # nats that the last step may still have gained
MOST_STEPS, LARGEST = 60, 200
STIFF = 1e-8  # least eigenvalue kept, relative to the diagonal


@dataclass(frozen=True)
class _Curved:
    """Log density, slope and scaled curvature at one point; ``scale`` has the units of z."""

    value: float
    slope: Array
    values: Array
    vectors: Array
    scale: Array

    def step(self, damping: float) -> Array:
        """The damped Newton step: (D,)."""
        inside = self.vectors.T @ (self.slope * self.scale)
        step: Array = self.scale * (self.vectors @ (inside / (self.values + damping)))
        return step


def approach(target: Target, start: Array) -> Frame | None:
    """A frame near the mode that the start leads to; None where there is none to be found."""
    if target.size > LARGEST:
        return None
    finite, z = FiniteTarget(target, Tally()), start
    at = _curvature(finite, z)
    for _ in range(MOST_STEPS):
        if at is None:
            return None
        moved = z + np.stack([at.step(float(d)) for d in DAMPING])
        heights = np.nan_to_num(finite.value_and_grad(moved)[0], nan=-np.inf)
        best = int(np.argmax(heights))
        gain = float(heights[best]) - at.value
        if gain > 0.0:
            z, at = moved[best], _curvature(finite, moved[best])
        if not gain > ENOUGH:
            break
    return None if at is None else _framed(target, z, at)


def _curvature(finite: FiniteTarget, z: Array) -> _Curved | None:
    width = 1e-5 * np.maximum(1.0, np.abs(z))
    moves = np.diag(width)
    values, slopes = finite.value_and_grad(np.concatenate([z[None], z + moves, z - moves]))
    if not (np.isfinite(values[0]) and np.isfinite(slopes).all()):
        return None
    up, down = np.split(slopes[1:], 2)
    curve = (down - up) / (2.0 * width[:, None])
    curve = 0.5 * (curve + curve.T)
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(curve)), 1e-12))
    eigenvalues, vectors = np.linalg.eigh(curve * scale * scale[:, None])
    return _Curved(float(values[0]), slopes[0], np.maximum(np.abs(eigenvalues), STIFF), vectors, scale)


def _framed(target: Target, z: Array, at: _Curved) -> Frame | None:
    free = np.flatnonzero(~target.point)
    root = at.scale[:, None] * at.vectors / np.sqrt(at.values)
    cov = (root @ root.T)[np.ix_(free, free)]
    try:
        tril = np.asarray(np.linalg.cholesky(cov), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return Frame(z, tril)
