"""Flat(support): density 1 everywhere on a support, never normalised."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import contains, plain
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import REAL, Interval, Support

Array = Any


class Flat(Distribution):
    """1 on the support ``on``; an improper prior unless the support is bounded.

    ``lower`` and ``upper`` bound it where they depend on other values. On vectors and matrices the
    result keeps x's shape, all zeros.

    >>> float(Flat.log_density(3.0)), float(Flat.log_density(3.0, on=Interval(0.0, 1.0)))
    (0.0, -inf)
    """

    parameters = (Parameter("lower", REAL), Parameter("upper", REAL))
    signatures = ((), ("lower",), ("upper",), ("lower", "upper"))
    normalised = False
    examples = (Example({}, (-3.0, 0.0)), Example({"lower": 0.0, "upper": 2.0}, (0.5,)))

    @classmethod
    def support(cls, on: Support = REAL, **given: Support) -> Support:
        return on

    @classmethod
    def log_density(
        cls,
        x: Array,
        on: Support = REAL,
        lower: Array = None,
        upper: Array = None,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        out = xp.zeros_like(x)
        if not plain(x) or not isinstance(on, Interval):
            return out
        inside = contains(Interval(on.lower, on.upper, True, True, on.integer), np.asarray(x))
        if lower is not None:
            inside = xp.logical_and(inside, xp.less_equal(lower, x))
        if upper is not None:
            inside = xp.logical_and(inside, xp.less_equal(x, upper))
        return xp.where(inside, out, -np.inf)

    @classmethod
    def polynomial(cls, form: Any, x: Any, lower: Any = 0.0, upper: Any = 0.0) -> Any:
        return 0.0 if form.is_data(lower, upper) else None

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], **given: Any) -> Array:
        """There is nothing to draw from: NaN, which callers report."""
        return np.full(shape, np.nan)

    @classmethod
    def limits(cls, on: Support = REAL, lower: Array = None, upper: Array = None, **given: Any) -> Any:
        if lower is None and upper is None:
            return None
        own = on if isinstance(on, Interval) else REAL
        return own.lower if lower is None else lower, own.upper if upper is None else upper
