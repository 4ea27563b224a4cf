"""Ordered(distribution): independent draws put into increasing order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import plain
from ppl.distributions.base import Applied, Distribution, Example
from ppl.supports import REAL, Structured, Support
from ppl.supports.support import element

Array = Any


class Ordered(Distribution):
    """n! prod_k p(x_k) on x_1 < ... < x_n: the order statistics of n equal draws.

    Where the elements' parameters differ, the divisor n! is only that of equal ones, and the density
    is not normalised. The arguments of the inner distribution are aligned to x with its event axis.

    >>> from ppl.distributions import find
    >>> inner = Applied(find("Uniform"), {"lower": 0.0, "upper": 1.0})
    >>> round(float(Ordered.log_density(np.array([0.2, 0.7]), distribution=inner)), 6)
    0.693147
    """

    parameters = ()
    signatures = (("distribution",),)
    event_dims = 1
    wrapper = True
    examples = (
        Example({"distribution": ("Normal", {"mean": 0.0, "sd": 2.0})}, ([-1.0, 0.5, 2.0], [0.1, 0.2])),
    )

    @classmethod
    def support(cls, distribution: Support = REAL, **given: Support) -> Support:
        return Structured("positive_ordered" if element(distribution).lower >= 0.0 else "ordered")

    @classmethod
    def log_density(
        cls, x: Array, distribution: Applied, event_shape: tuple[int, ...] | None = None
    ) -> Array:
        size = x.shape[-1]
        out = xp.sum(distribution.log_density(x), axis=-1) + math.lgamma(size + 1.0)
        if not plain(x) or np.all(np.diff(x, axis=-1) > 0):
            return out
        return xp.where((np.diff(x, axis=-1) > 0).all(-1), out, -math.inf)

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        distribution: Applied,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        size = _length(distribution) if event_shape is None else event_shape[-1]
        return np.sort(distribution.sample(rng, (*shape, size)), axis=-1)


def _length(distribution: Applied) -> int:
    """The longest last axis among the arguments."""
    return max((np.shape(v)[-1] for v in distribution.given.values() if np.ndim(v)), default=1)
