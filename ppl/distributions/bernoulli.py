"""Bernoulli(p) or Bernoulli(logit = l)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._alternatives import probability_of
from ppl.distributions._checks import on_support, plain
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import BOOL, REAL, UNIT, Support
from ppl.types import Element

Array = Any


def _logit(p: Array = None, logit: Array = None) -> tuple[Array]:
    return (logit if logit is not None else xp.log_probability(p) - xp.log_probability(1.0 - p),)


class Bernoulli(Distribution):
    """1 with probability p, else 0; logit = log(p / (1 - p)). p = 0 and p = 1 are exact.

    >>> float(Bernoulli.log_density(1, p=0.0)), float(Bernoulli.log_density(0, p=0.0))
    (-inf, 0.0)
    """

    parameters = (Parameter("p", UNIT), Parameter("logit", REAL, doc="log odds of p"))
    signatures = (("p",), ("logit",))
    element: ClassVar[Element] = "bool"
    examples = (Example({"p": 0.3}, (0, 1)), Example({"logit": -1.5}, (0, 1)))
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (x,),
        natural=_logit,
        log_normaliser=lambda a: xp.softplus(a),
        given=lambda a: {"p": xp.sigmoid(a)},
        log_base=lambda x: xp.zeros_like(x),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return BOOL

    @classmethod
    @on_support(BOOL, 0.0)
    def log_density(cls, x: Array, p: Array = None, logit: Array = None) -> Array:
        if logit is not None:
            return xp.binomial_logit(x, 1.0, logit)
        one = np.equal(x, 1) if plain(x) else xp.equal(x, 1)
        return xp.log_probability(xp.where(one, p, 1.0 - p))

    @classmethod
    def polynomial(cls, form: Any, x: Any, p: Any = None, logit: Any = None) -> Any:
        return None if p is None else form.times_log(x, p) + form.times_log1m(1.0 - x, p)

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], p: Array = None, logit: Array = None
    ) -> Array:
        return (rng.random(shape) < probability_of(p, logit)).astype(np.int64)

    @classmethod
    def states(cls, **given: Array) -> Array:
        return np.arange(2)
