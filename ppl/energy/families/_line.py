"""A scalar latent on an interval in its unconstrained coordinate u, and statistics as functions of u.

On (0, inf) log x is u itself and x^p is exp(p u), so that nothing underflows before the density does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.energy.families._powers import exponent
from ppl.supports import Interval
from ppl.supports.bijections import Bijection, for_support

Array = Any
Function = Callable[[Array], Array]

_WIDE = 1e5  # in log coordinates: nothing that is proper and of use reaches further
_EXP = 690.0  # exp of it is still finite
_REAL = 1e30


def _log_sigmoid(u: Array) -> Array:
    return np.minimum(u, 0.0) - np.log1p(np.exp(-np.abs(u)))


@dataclass(frozen=True)
class Line:
    """An interval seen through its bijection; ``kind`` is "real", "positive", "unit" or "other"."""

    support: Interval
    kind: str
    bijection: Bijection

    @classmethod
    def of(cls, support: Interval) -> Line:
        ends = (support.lower, support.upper)
        kinds = {(-np.inf, np.inf): "real", (0.0, np.inf): "positive", (0.0, 1.0): "unit"}
        return cls(support, kinds.get(ends, "other"), for_support(support))

    def x(self, u: Array) -> np.ndarray:
        """The value; exp(u) stops at the ends of what is finite."""
        if self.kind != "real":
            u = np.clip(u, -_EXP, _EXP)
        return np.asarray(self.bijection.forward(np.asarray(u, dtype=float))[0])

    def log_jacobian(self, u: Array) -> np.ndarray:
        """log dx/du."""
        if self.kind == "real":
            return np.zeros(np.shape(u))
        if self.kind == "positive":
            return np.asarray(u)
        if self.kind == "unit":
            return np.asarray(_log_sigmoid(u) + _log_sigmoid(np.negative(u)))
        return np.asarray(self.bijection.forward(np.asarray(u, dtype=float))[1])

    def u(self, x: Array) -> np.ndarray:
        """The coordinate of a value."""
        return np.asarray(self.bijection.inverse(x))

    def log_x(self, u: Array) -> np.ndarray:
        """log x with all its digits."""
        if self.kind == "positive":
            return np.asarray(u)
        return np.asarray(_log_sigmoid(u) if self.kind == "unit" else np.log(self.x(u)))

    def statistic(self, stat: str, u: Array, function: Function | None) -> np.ndarray:
        """t(x(u)), elementwise."""
        if function is not None:
            return np.asarray(function(self.x(u)), dtype=float)
        if stat == "log":
            return self.log_x(u)
        if stat == "log1m":
            return np.asarray(_log_sigmoid(np.negative(u)) if self.kind == "unit" else np.log1p(-self.x(u)))
        p = exponent(stat)
        if p is None:
            raise ValueError(f"{stat} is no elementwise statistic; it needs a function")
        if self.kind in ("positive", "unit") and p != 1:
            return np.asarray(np.exp(p * self.log_x(u)))
        return np.asarray(self.x(u) ** p if p != 1 else self.x(u))

    def reach(self, stats: Iterable[str]) -> tuple[float, float]:
        """Range of u within which all these statistics are finite."""
        if self.kind == "real":
            return -_REAL, _REAL
        low, high = -_WIDE, _WIDE
        for stat in stats:
            p = exponent(stat)
            if p is None and stat not in ("log", "log1m"):
                low, high = max(low, -_EXP), min(high, _EXP)
            elif p is not None and p < 0:
                low = max(low, _EXP / p)
            elif p is not None and self.kind != "unit":
                high = min(high, _EXP / p)
        if self.kind == "other":
            low, high = max(low, -_EXP), min(high, _EXP)
        return low, high

    def grid(self, stats: Iterable[str]) -> np.ndarray:
        """Places to look at first: dense near 0, growing geometrically on both sides."""
        low, high = self.reach(stats)
        unit, step = (1e-8, 0.125) if self.kind == "real" else (0.1, 0.0625)
        up = unit * np.sinh(np.arange(0.0, np.arcsinh(high / unit), step))
        down = unit * np.sinh(np.arange(0.0, np.arcsinh(-low / unit), step))
        return np.concatenate([[low], -down[:0:-1], up, [high]])
