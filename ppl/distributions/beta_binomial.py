"""BetaBinomial(n, a, b) or BetaBinomial(n, mean = m, concentration = c)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import on_support, plain
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.distributions.binomial import log_choose
from ppl.supports import COUNT, POSITIVE, Interval, Support
from ppl.supports.support import element
from ppl.types import Element

Array = Any


def _shapes(
    a: Array = None, b: Array = None, mean: Array = None, concentration: Array = None
) -> tuple[Array, Array]:
    if a is not None:
        return a, b
    return mean * concentration, (1.0 - mean) * concentration


class BetaBinomial(Distribution):
    """A Binomial whose p is Beta(a, b): choose(n, x) B(x + a, n - x + b) / B(a, b).

    >>> round(float(BetaBinomial.log_density(1, n=3, a=1.0, b=1.0)), 12)
    -1.38629436112
    """

    parameters = (
        Parameter("n", COUNT, doc="number of trials"),
        Parameter("a", POSITIVE),
        Parameter("b", POSITIVE),
        Parameter("mean", Interval(0.0, 1.0), doc="a / (a + b)"),
        Parameter("concentration", POSITIVE, doc="a + b"),
    )
    signatures = (("n", "a", "b"), ("n", "mean", "concentration"))
    element: ClassVar[Element] = "int"
    examples = (
        Example({"n": 12, "a": 0.7, "b": 2.0}, (0, 4, 12)),
        Example({"n": 5, "mean": 0.4, "concentration": 3.0}, (0, 3)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Interval(0.0, element(given["n"]).upper, True, True, integer=True)

    @classmethod
    @on_support(COUNT, 0.0)
    def log_density(cls, x: Array, n: Array, **given: Array) -> Array:
        a, b = _shapes(**given)
        few = xp.minimum(x, n)
        out = log_choose(n, few) + xp.log_beta(few + a, n - few + b) - xp.log_beta(a, b)
        if plain(x) and plain(n) and np.all(np.less_equal(x, n)):
            return out
        return xp.where(xp.less_equal(x, n), out, -np.inf)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], n: Array, **given: Array) -> Array:
        a, b = _shapes(**given)
        return rng.binomial(np.asarray(n).astype(np.int64), rng.beta(a, b, shape), shape)

    @classmethod
    def states(cls, n: Array, **given: Array) -> Array | None:
        return np.arange(int(np.max(n)) + 1) if plain(n) and np.max(n) <= 10_000 else None
