"""Delta(value): a point mass."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import REAL, Support

Array = Any


class Delta(Distribution):
    """All mass at ``value``: log mass 0 there and -inf elsewhere.

    >>> float(Delta.log_density(1.0, value=1.0)), float(Delta.log_density(2.0, value=1.0))
    (0.0, -inf)
    """

    parameters = (Parameter("value", REAL),)
    signatures = (("value",),)
    examples = (Example({"value": 2.0}, (2.0,)),)

    @classmethod
    def support(cls, value: Support = REAL, **given: Support) -> Support:
        return value

    @classmethod
    @on_support(REAL, 0.0)
    def log_density(cls, x: Array, value: Array) -> Array:
        return xp.where(xp.equal(x, value), 0.0, -np.inf)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], value: Array) -> Array:
        return np.broadcast_to(value, shape).copy()
