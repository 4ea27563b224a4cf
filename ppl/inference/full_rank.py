"""The fixed-draw ELBO of a correlated Gaussian, in coordinates where it is nearly standard.

With a frame (m0, L0) and z_s = m0 + L0 (a + C eps_s), C lower triangular with diagonal e^d, the
objective is ``mean_s log p(z_s) + sum d + log|L0|``. In a frame close to the posterior a = 0 and
C = I are nearly optimal and the Hessian there nearly diagonal, so few steps are needed.
The draws must be whitened and number at least 2R: with fewer the objective has no maximum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ppl.inference.finite import FiniteTarget
from ppl.posterior.target import Array

SHIFT, WIDEN, TILT = 5.0, 1.0, 2.0


@dataclass(frozen=True)
class Frame:
    """A centre (D,) and a Cholesky factor (R, R) over the R coordinates that vary."""

    mean: Array
    tril: Array

    @property
    def log_det(self) -> float:
        """``log|L0|``."""
        return float(np.log(np.diag(self.tril)).sum())


@dataclass(frozen=True)
class FullRank:
    """The objective over x = (a: R, point coordinates: P, tril of C: R(R+1)/2), eps: (S, R)."""

    target: FiniteTarget
    eps: Array
    frame: Frame
    point_scale: Array  # (D,)

    def __post_init__(self) -> None:
        draws, size = self.eps.shape
        if size and draws < 2 * size:
            raise ValueError(
                f"a full-rank Gaussian over {size} coordinates needs at least {2 * size} draws, not "
                f"{draws}: with fewer its objective has no maximum"
            )

    @property
    def free(self) -> NDArray[np.bool_]:
        """Coordinates with a spread: (D,)."""
        return ~self.target.point

    @cached_property
    def lower(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of each entry of C in x."""
        rows, columns = np.tril_indices(self.eps.shape[1])
        return rows.astype(np.int64), columns.astype(np.int64)

    @cached_property
    def diagonal(self) -> NDArray[np.bool_]:
        """Which entries of C are diagonal."""
        rows, columns = self.lower
        return np.equal(rows, columns)

    @property
    def origin(self) -> Array:
        """The frame itself as a point: a = 0, C = I."""
        return np.zeros(self.target.size + len(self.lower[0]))

    def triangle(self, x: Array) -> Array:
        """C: (R, R)."""
        entries = x[self.target.size :]
        with np.errstate(over="ignore"):
            filled = np.where(self.diagonal, np.exp(np.where(self.diagonal, entries, 0.0)), entries)
        tril = np.zeros((self.eps.shape[1],) * 2)
        tril[self.lower] = filled
        return tril

    def gaussian(self, x: Array) -> Frame:
        """Mean (D,) and Cholesky factor (R, R) in the model's coordinates."""
        rank = self.eps.shape[1]
        mean = self.frame.mean.copy()
        mean[self.free] += self.frame.tril @ x[:rank]
        mean[~self.free] += x[rank : self.target.size]
        return Frame(mean, self.frame.tril @ self.triangle(x))

    def slopes(self, frame: Frame) -> tuple[Array, Array]:
        """Values (S,) and gradients (S, D) at the draws of a Gaussian."""
        z = np.repeat(frame.mean[None], len(self.eps), 0)
        z[:, self.free] += self.eps @ frame.tril.T
        return self.target.value_and_grad(z)

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Value and gradient, both at x: (D + R(R+1)/2,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            at = self.gaussian(x)
            values, slopes = self.slopes(at)
            white = slopes[:, self.free] @ self.frame.tril
            outer = (white.T @ self.eps / len(white))[self.lower]
            scales = x[self.target.size :]
            in_c = outer * np.where(self.diagonal, np.exp(np.where(self.diagonal, scales, 0.0)), 1.0)
            in_c += self.diagonal
            value = float(values.mean() + scales[self.diagonal].sum() + self.frame.log_det)
            return value, np.concatenate([white.mean(0), slopes[:, ~self.free].mean(0), in_c])

    def metric(self, x: Array, grad: Array) -> Array:
        """Diagonal of the initial inverse Hessian: 1 for a and off the diagonal of C, 1/2 on it."""
        rank = self.eps.shape[1]
        ones = np.ones_like(x)
        ones[rank : self.target.size] = self.point_scale[~self.free]
        ones[self.target.size :][self.diagonal] = 0.5
        return ones

    def cap(self, x: Array, move: Array) -> float:
        """The fraction of a move that stays within a step's reach."""
        rank = self.eps.shape[1]
        shift = math.sqrt(float(np.square(move[:rank]).sum()))
        entries = np.abs(move[self.target.size :]) / np.where(self.diagonal, WIDEN, TILT)
        return 1.0 / max(1.0, shift / SHIFT, float(entries.max(initial=0.0)))

    def scaled_gradient(self, x: Array, grad: Array) -> Array:
        """The gradient in posterior sds; the frame has made it so but for the point coordinates."""
        rank = self.eps.shape[1]
        out = grad.copy()
        out[rank : self.target.size] *= np.sqrt(self.point_scale[~self.free])
        return out

    def predicted(self, grad: Array) -> tuple[Array, Array]:
        """How far the optimum lies from the frame, by the slope there: shifts in sds and of log sds, (R,) each."""
        return np.abs(grad[: self.eps.shape[1]]), np.abs(grad[self.target.size :][self.diagonal]) / 2.0

    def newton(self, grad: Array, rate: float) -> Frame:
        """The frame after one step of `newton_frame`."""
        return newton_frame(self, grad, rate)


FLATTEST, STEEPEST = 0.05, 1e8


def newton_frame(objective: FullRank, grad: Array, rate: float) -> Frame:
    """The frame after one smoothed Newton step, from the gradient at the origin of the last one.

    In the frame's coordinates ``B = -mean_s g_s eps_s'`` is the average negative Hessian (Stein's
    identity, exact for quadratics with whitened draws) and g the mean slope; the fixed point is
    B = I, g = 0. The gradient in C holds the lower triangle of I - B. Negative curvatures change
    sign and tiny ones become `FLATTEST`; ``rate`` in (0, 1] damps.
    """
    rank, frame = objective.eps.shape[1], objective.frame
    lower = np.zeros((rank, rank))
    lower[objective.lower] = objective.diagonal - grad[objective.target.size :]
    values, vectors = np.linalg.eigh(lower)  # reads the lower triangle only
    precision = (1.0 - rate) + rate * np.clip(np.abs(values), FLATTEST, STEEPEST)
    shift = (vectors / precision) @ (vectors.T @ grad[:rank])
    length = math.sqrt(float(shift @ shift))
    mean = frame.mean.copy()
    mean[objective.free] += frame.tril @ shift * (rate * min(1.0, SHIFT / max(length, 1e-300)))
    return Frame(mean, _lower(frame.tril @ (vectors / np.sqrt(precision))))


def _lower(root: Array) -> Array:
    """The lower Cholesky factor of ``root root'``, by QR so that nothing is squared."""
    upper = np.linalg.qr(root.T)[1]
    lower: Array = (upper * np.where(np.diag(upper) < 0, -1.0, 1.0)[:, None]).T
    return lower
