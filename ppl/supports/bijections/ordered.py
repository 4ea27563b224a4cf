"""Increasing vectors, from their gaps; unit vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.supports.bijections.base import Bijection

Array = Any


@dataclass(frozen=True)
class Ordered(Bijection):
    """x_1 = u_1, x_k = x_{k-1} + exp(u_k); gaps below rounding make neighbours equal."""

    event_dims = 1

    def forward(self, u: Array) -> tuple[Array, Array]:
        size = u.shape[-1]
        if size < 2:
            return u, xp.sum(xp.zeros_like(u), axis=-1)
        gaps = xp.slice_last(u, start=1, stop=size)
        first = xp.slice_last(u, start=0, stop=1)
        x = xp.cumsum(xp.concatenate(first, xp.exp(gaps), axis=-1), axis=-1)
        return x, xp.sum(gaps, axis=-1)

    def inverse(self, x: Array) -> Array:
        x = np.asarray(x, dtype=float)
        return np.concatenate([x[..., :1], np.log(np.diff(x, axis=-1))], axis=-1)


@dataclass(frozen=True)
class PositiveOrdered(Bijection):
    """x_k = exp(u_1) + ... + exp(u_k)."""

    event_dims = 1

    def forward(self, u: Array) -> tuple[Array, Array]:
        return xp.cumsum(xp.exp(u), axis=-1), xp.sum(u, axis=-1)

    def inverse(self, x: Array) -> Array:
        x = np.asarray(x, dtype=float)
        return np.log(np.diff(x, axis=-1, prepend=0.0))


@dataclass(frozen=True)
class UnitVector(Bijection):
    """x = u / |u|: many to one, so u carries a standard normal length besides the direction.

    With this log-determinant the integral over u of p(x(u)) is that of p over the sphere's surface.
    """

    event_dims = 1

    def forward(self, u: Array) -> tuple[Array, Array]:
        size = u.shape[-1]
        square = xp.sum(xp.square(u), axis=-1)
        length = xp.sqrt(xp.maximum(square, 1e-300))
        area = math.log(2.0) - math.lgamma(0.5 * size) - 0.5 * size * math.log(2.0)
        return u / xp.expand_dims(length, axis=-1), area - 0.5 * square

    def inverse(self, x: Array) -> Array:
        x = np.asarray(x, dtype=float)
        return x * math.sqrt(x.shape[-1])
