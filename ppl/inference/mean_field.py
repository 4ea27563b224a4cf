"""The fixed-draw ELBO of an independent Gaussian, its gradient, and the metric to climb it in.

With z_s = m + e^w eps_s, the objective is ``mean_s log p(z_s) + sum w``. At its optimum
``e^{2w_i} E[-d2 log p / dz_i^2] = 1`` (Stein), which is also what a curvature estimate reads off
the gradient in w: ``r_i = 1 - df/dw_i``. The metric below is the inverse Fisher matrix
``diag(e^{2w}, 1/2)`` corrected by that estimate, so that a start orders of magnitude too wide or
too narrow is left in a few steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppl.inference.finite import FiniteTarget
from ppl.posterior.target import Array

WIDEN, NARROW, SHIFT = 1.0, 2.0, 5.0  # the furthest one step may go: in log sd, and in sds


@dataclass(frozen=True)
class MeanField:
    """The objective over x = (m, w): (2D,), on draws eps: (S, D); point coordinates keep w fixed."""

    target: FiniteTarget
    eps: Array
    point_scale: Array  # (D,) inverse curvature of the point coordinates, 1 elsewhere

    @property
    def free(self) -> NDArray[np.bool_]:
        """Coordinates with a spread."""
        return ~self.target.point

    def places(self, x: Array) -> tuple[Array, Array, Array]:
        """Draws z: (S, D), the scaled draws e^w eps: (S, D), and w: (D,)."""
        mean, log_sd = np.split(x, 2)
        with np.errstate(over="ignore", invalid="ignore"):
            spread = np.where(self.free, np.exp(log_sd), 0.0) * self.eps
        return mean + spread, spread, log_sd

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Value and gradient: (2D,)."""
        z, spread, log_sd = self.places(x)
        values, slopes = self.target.value_and_grad(z)
        with np.errstate(over="ignore", invalid="ignore"):
            in_w = np.where(self.free, np.einsum("sd,sd->d", slopes, spread) / len(z) + 1.0, 0.0)
            value = float(values.mean() + log_sd[self.free].sum())
            return value, np.concatenate([slopes.mean(0), in_w])

    def metric(self, x: Array, grad: Array) -> Array:
        """Diagonal of the initial inverse Hessian: (2D,)."""
        curvature = 1.0 - np.split(grad, 2)[1]
        log_sd = np.split(x, 2)[1]
        bounded = np.maximum(curvature, 0.05)
        near = np.abs(bounded - 1.0) < 1e-6
        newton = np.where(near, 0.5, 0.5 * np.log(bounded) / np.where(near, 1.0, bounded - 1.0))
        in_m = np.exp(2.0 * log_sd) / np.maximum(curvature, 0.2)
        return np.concatenate([np.where(self.free, in_m, self.point_scale), np.where(self.free, newton, 1.0)])

    def cap(self, x: Array, move: Array) -> float:
        """The fraction of a move that stays within a step's reach."""
        shift, widen = np.split(move, 2)
        log_sd = np.split(x, 2)[1]
        free = self.free
        reach = np.where(free, np.exp(-log_sd) * np.abs(shift) / SHIFT, np.abs(shift) / 10.0)
        most = max(_largest(reach), _largest(widen[free] / WIDEN), _largest(-widen[free] / NARROW))
        return 1.0 / max(1.0, most)

    def scaled_gradient(self, x: Array, grad: Array) -> Array:
        """The gradient in posterior sds, the measure of convergence: (2D,)."""
        in_m, in_w = np.split(grad, 2)
        log_sd = np.split(x, 2)[1]
        unit = np.where(self.free, np.exp(log_sd), np.sqrt(self.point_scale))
        return np.concatenate([unit * in_m, in_w])


def _largest(values: Array) -> float:
    return float(values.max()) if values.size else 0.0
