"""DiscreteUniform(lower, upper) over whole numbers, DiscreteUniform(size = K) over K labels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support, plain
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import COUNT, INTEGER, Interval, Support
from ppl.supports.support import element
from ppl.types import Element

Array = Any


def _bounds(lower: Array = None, upper: Array = None, size: Array = None) -> tuple[Array, Array]:
    return (0.0, size - 1.0) if lower is None else (lower, upper)


class DiscreteUniform(Distribution):
    """1 / (upper - lower + 1) on lower, ..., upper; with ``size``, on the codes 0, ..., size - 1.

    >>> round(float(DiscreteUniform.log_density(2, lower=1, upper=2)), 12)
    -0.69314718056
    """

    parameters = (
        Parameter("lower", INTEGER),
        Parameter("upper", INTEGER),
        Parameter("size", COUNT, doc="number of labels"),
    )
    signatures = (("lower", "upper"), ("size",))
    element: ClassVar[Element] = "int"
    examples = (Example({"lower": -1, "upper": 6}, (-1, 0, 6)), Example({"size": 3}, (0, 2)))

    @classmethod
    def support(cls, **given: Support) -> Support:
        if "size" in given:
            return Interval(0.0, element(given["size"]).upper - 1.0, True, True, integer=True)
        low, high = element(given["lower"]).lower, element(given["upper"]).upper
        return Interval(low, high, True, True, integer=True)

    @classmethod
    @on_support(INTEGER, 0.0)
    def log_density(cls, x: Array, **given: Array) -> Array:
        lower, upper = _bounds(**given)
        flat = xp.zeros_like(x) - xp.log(upper - lower + 1.0)
        if not plain(x):
            return flat
        return xp.where(xp.logical_and(xp.less_equal(lower, x), xp.less_equal(x, upper)), flat, -np.inf)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], **given: Array) -> Array:
        lower, upper = _bounds(**given)
        low = np.asarray(lower).astype(np.int64)
        return rng.integers(low, np.asarray(upper).astype(np.int64), shape, endpoint=True)

    @classmethod
    def states(cls, **given: Array) -> Array | None:
        lower, upper = _bounds(**given)
        if not (plain(lower) and plain(upper)) or np.max(upper) - np.min(lower) > 10_000:
            return None
        return np.arange(int(np.min(lower)), int(np.max(upper)) + 1)
