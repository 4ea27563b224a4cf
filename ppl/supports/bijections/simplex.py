"""The simplex by the isometric log ratio; row-stochastic matrices row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.supports.bijections.base import Bijection
from ppl.supports.bijections.helmert import gathered, spread

Array = Any
FLOOR = -690.0


def _forward(u: Array) -> tuple[Array, Array]:
    """x = softmax(H u) and log |det|, which is sum(log x) + log(K) / 2."""
    size = u.shape[-1] + 1
    y = spread(u)
    top = xp.logsumexp(y, axis=-1, keepdims=True)
    log_det = 0.5 * math.log(size) - size * xp.squeeze(top, axis=-1)
    return xp.exp(xp.maximum(y - top, FLOOR)), log_det


def _inverse(x: Array) -> Array:
    return gathered(np.log(np.asarray(x, dtype=float)))


@dataclass(frozen=True)
class Simplex(Bijection):
    """x = softmax(H u), H orthonormal: no coordinate is special, and u = 0 is the centre.

    Elements stop at exp(-690). (Egozcue et al., Isometric logratio transformations, 2003.)
    """

    event_dims = 1

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*event_shape[:-1], event_shape[-1] - 1)

    def forward(self, u: Array) -> tuple[Array, Array]:
        return _forward(u)

    def inverse(self, x: Array) -> Array:
        return _inverse(x)


@dataclass(frozen=True)
class RowStochastic(Bijection):
    """Every row a simplex."""

    event_dims = 2

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*event_shape[:-1], event_shape[-1] - 1)

    def forward(self, u: Array) -> tuple[Array, Array]:
        x, log_det = _forward(u)
        return x, xp.sum(log_det, axis=-1)

    def inverse(self, x: Array) -> Array:
        return _inverse(x)


@dataclass(frozen=True)
class ZeroSum(Bijection):
    """x = H u: the vectors that sum to zero, without change of volume."""

    event_dims = 1

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*event_shape[:-1], event_shape[-1] - 1)

    def forward(self, u: Array) -> tuple[Array, Array]:
        x = spread(u)
        return x, xp.sum(xp.zeros_like(u), axis=-1)

    def inverse(self, x: Array) -> Array:
        return gathered(x)
