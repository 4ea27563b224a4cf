"""A Gaussian bent along a few of its coordinates: what a Gaussian misses of a hierarchical posterior.

The spread of a group of effects depends on the scale above them, and the scale itself is skewed.
With standard normal e, the first K coordinates, the drivers, are warped,

    v_k = a_k + e^{c_k} sinh(d_k asinh(e_k) + s_k),

and the others get a mean and a spread that follow the drivers,

    v_i = a_i + A_i e + Q_i (e^2 - 1) + exp(c_i + B_i e) e_i      (e: the drivers),

and z = m + L v. The map is triangular, so its log Jacobian is a sum. With a = c = A = Q = B = s = 0
and d = 1 it is the Gaussian N(m, LL'). (Sinh-arcsinh: Jones and Pewsey 2009, Biometrika 96.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppl.posterior.target import Array


@dataclass(frozen=True)
class Bend:
    """order: (R,) places of the coordinates that vary, drivers first; mean: (D,); tril: (R, R) in that order.

    shift, log_scale: (R,); linear, curve, stretch: (R - K, K); skew, log_tail: (K,).
    """

    order: NDArray[np.int64]
    mean: Array
    tril: Array
    shift: Array
    log_scale: Array
    linear: Array
    curve: Array
    stretch: Array
    skew: Array
    log_tail: Array

    @property
    def drivers(self) -> int:
        """K."""
        return len(self.skew)

    def place(self, eps: Array) -> tuple[Array, Array]:
        """Standard normal e: (n, R) to draws z: (n, D) and ``log|dz/de|``: (n,)."""
        v, log_det = self.warp(eps)
        z = np.repeat(self.mean[None], len(eps), 0)
        z[:, self.order] += v @ self.tril.T
        return z, log_det

    def warp(self, eps: Array) -> tuple[Array, Array]:
        """Standard normal e: (n, R) to v: (n, R) and ``log|dz/de|``: (n,)."""
        k = self.drivers
        bent = bend(self, eps[:, :k], eps[:, k:])
        v = self.shift + np.concatenate([np.exp(self.log_scale[:k]) * bent.warped, bent.moved], 1)
        fixed = float(np.log(np.diag(self.tril)).sum() + self.log_scale.sum() + self.log_tail.sum())
        return v, fixed + bent.follow.sum(1) + bent.log_slope.sum(1)


@dataclass(frozen=True)
class Bent:
    """The pieces of a bend at some draws, kept for its derivatives.

    angle, warped: (n, K) the argument of sinh and its value; follow: (n, R - K) the log spread that
    follows the drivers; own: (n, R - K) the scaled draws; moved: own plus the mean that follows;
    log_slope: (n, K) the warp's log derivative but for d.
    """

    angle: Array
    warped: Array
    follow: Array
    own: Array
    moved: Array
    log_slope: Array


def bend(at: Bend, driving: Array, rest: Array) -> Bent:
    """The pieces at drivers' draws (n, K) and the others' (n, R - K)."""
    angle = np.exp(at.log_tail) * np.arcsinh(driving) + at.skew
    follow = driving @ at.stretch.T
    own = np.exp(at.log_scale[at.drivers :] + follow) * rest
    moved = own + driving @ at.linear.T + (np.square(driving) - 1.0) @ at.curve.T
    # log cosh without overflow
    log_cosh = np.logaddexp(angle, -angle) - np.log(2.0)
    return Bent(angle, np.sinh(angle), follow, own, moved, log_cosh - 0.5 * np.log1p(np.square(driving)))


def straight(order: NDArray[np.int64], mean: Array, tril: Array, drivers: int) -> Bend:
    """The Gaussian itself as a bend.

    >>> b = straight(np.array([1, 0]), np.zeros(2), np.eye(2), 1)
    >>> z, log_det = b.place(np.array([[0.5, -2.0]]))
    >>> z.round(12).tolist(), abs(log_det.round(12)).tolist()
    ([[-2.0, 0.5]], [0.0])
    """
    rank = len(order)
    none, flat = np.zeros(rank), np.zeros((rank - drivers, drivers))
    return Bend(order, mean, tril, none, none, flat, flat, flat, np.zeros(drivers), np.zeros(drivers))
