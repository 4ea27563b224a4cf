"""Numbers between bounds, which may be arrays: identity, exponential and scaled logistic maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.supports.bijections.base import Bijection

Array = Any


def _is_zero(bound: Array) -> bool:
    return isinstance(bound, float | int) and bound == 0


@dataclass(frozen=True)
class Identity(Bijection):
    """The whole line: x = u."""

    def forward(self, u: Array) -> tuple[Array, Array]:
        return u, xp.zeros_like(u)

    def inverse(self, x: Array) -> Array:
        return np.asarray(x, dtype=float)


@dataclass(frozen=True)
class Above(Bijection):
    """x = lower + exp(u); at lower 0 strictly inside for |u| < 708, elsewhere to rounding."""

    lower: Array = 0.0

    def forward(self, u: Array) -> tuple[Array, Array]:
        size = xp.exp(u)
        return (size if _is_zero(self.lower) else self.lower + size), u

    def inverse(self, x: Array) -> Array:
        return np.log(np.asarray(x, dtype=float) - self.lower)


@dataclass(frozen=True)
class Below(Bijection):
    """x = upper - exp(u)."""

    upper: Array = 0.0

    def forward(self, u: Array) -> tuple[Array, Array]:
        return self.upper - xp.exp(u), u

    def inverse(self, x: Array) -> Array:
        return np.log(self.upper - np.asarray(x, dtype=float))


@dataclass(frozen=True)
class Between(Bijection):
    """x = lower + (upper - lower) / (1 + exp(-u)).

    On (0, 1) x stays strictly inside, stopping at 1e-300 and 1 - 2^-53; elsewhere it may round to a
    bound.
    """

    lower: Array = 0.0
    upper: Array = 1.0

    def forward(self, u: Array) -> tuple[Array, Array]:
        share = xp.inner_sigmoid(u)
        slope = xp.log_sigmoid_slope(u)
        if _is_zero(self.lower) and isinstance(self.upper, float | int) and self.upper == 1:
            return share, slope
        width = self.upper - self.lower
        return self.lower + width * share, slope + xp.log(width)

    def inverse(self, x: Array) -> Array:
        x = np.asarray(x, dtype=float)
        return np.log(x - self.lower) - np.log(self.upper - x)
