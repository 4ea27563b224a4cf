"""StudentT(df, loc, scale)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._checks import on_support
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, REAL, Support

Array = Any


class StudentT(Distribution):
    """(1 + z^2 / df)^(-(df + 1) / 2) / (scale sqrt(df) B(df / 2, 1 / 2)), z = (x - loc) / scale.

    >>> float(StudentT.log_density(0.0, df=1.0, loc=0.0, scale=1.0))
    -1.1447298858494
    """

    parameters = (
        Parameter("df", POSITIVE, doc="degrees of freedom"),
        Parameter("loc", REAL),
        Parameter("scale", POSITIVE),
    )
    signatures = (("df", "loc", "scale"),)
    examples = (
        Example({"df": 4.0, "loc": 0.5, "scale": 2.0}, (-9.0, 0.0, 5.0)),
        Example({"df": 0.8, "loc": -1.0, "scale": 0.1}, (1.0,)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_support(REAL, 0.0)
    def log_density(cls, x: Array, df: Array, loc: Array, scale: Array) -> Array:
        constant = xp.log_beta(0.5 * df, 0.5) + 0.5 * xp.log(df) + xp.log(scale)
        return -0.5 * (df + 1.0) * xp.log1p(xp.square((x - loc) / scale) / df) - constant

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], df: Array, loc: Array, scale: Array
    ) -> Array:
        return loc + scale * rng.standard_t(df, shape)

    @classmethod
    def log_cdf(cls, x: Array, df: Array, loc: Array, scale: Array) -> Array:
        return xp.log_stdtr(df, (x - loc) / scale)

    @classmethod
    def log_sf(cls, x: Array, df: Array, loc: Array, scale: Array) -> Array:
        return xp.log_stdtr(df, (loc - x) / scale)

    @classmethod
    def quantile(cls, p: Array, df: Array, loc: Array, scale: Array) -> Array:
        return loc + scale * special.stdtrit(df, p)
