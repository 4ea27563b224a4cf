"""Binomial(n, p) or Binomial(n, logit = l)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._alternatives import probability_of
from ppl.distributions._checks import on_support, plain
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import COUNT, REAL, UNIT, Interval, Support
from ppl.supports.support import element
from ppl.types import Element

Array = Any


def log_choose(n: Array, x: Array) -> Array:
    """log n! / (x! (n - x)!), without lgamma's large terms: shape of the arguments."""
    rest = n - x
    share = xp.deviance(x, n) + xp.deviance(rest, n)
    return xp.factorial_kernel(x) + xp.factorial_kernel(rest) - xp.factorial_kernel(n) + n - share


def _ways_or_none(n: Array, x: Array) -> Array:
    """log of the number of ways, -inf for more successes than trials."""
    return np.where(x <= n, log_choose(n, np.minimum(x, n)), -np.inf)


def _log_base(x: Array, n: Array = 0.0) -> Array:
    return log_choose(n, x)


def _natural(n: Array, p: Array = None, logit: Array = None) -> tuple[Array]:
    return (logit if logit is not None else xp.log_probability(p) - xp.log_probability(1.0 - p),)


class Binomial(Distribution):
    """n! / (x! (n - x)!) p^x (1 - p)^(n - x): successes among n trials.

    >>> round(float(Binomial.log_density(1, n=2, p=0.5)), 12)
    -0.69314718056
    """

    parameters = (
        Parameter("n", COUNT, doc="number of trials"),
        Parameter("p", UNIT),
        Parameter("logit", REAL, doc="log odds of p"),
    )
    signatures = (("n", "p"), ("n", "logit"))
    element: ClassVar[Element] = "int"
    examples = (
        Example({"n": 12, "p": 0.3}, (0, 4, 12)),
        Example({"n": 5, "logit": -1.5}, (0, 3)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x, n=None: (x,),
        natural=_natural,
        log_normaliser=lambda a, n: n * xp.softplus(a),
        given=lambda a, n: {"n": n, "p": xp.sigmoid(a)},
        log_base=_log_base,
    )
    reference = "C. Loader, Fast and Accurate Computation of Binomial Probabilities, 2000"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Interval(0.0, element(given["n"]).upper, True, True, integer=True)

    @classmethod
    @on_support(COUNT, 0.0)
    def log_density(cls, x: Array, n: Array, p: Array = None, logit: Array = None) -> Array:
        few = xp.minimum(x, n)
        rest = n - few
        if logit is not None:
            out = log_choose(n, few) + xp.binomial_logit(few, n, logit)
        else:
            constant = xp.factorial_kernel(few) + xp.factorial_kernel(rest) - xp.factorial_kernel(n)
            out = constant - xp.deviance(few, n * p) - xp.deviance(rest, n * (1.0 - p))
        if plain(x) and plain(n) and np.all(np.less_equal(x, n)):
            return out
        return xp.where(xp.less_equal(x, n), out, -np.inf)

    @classmethod
    def polynomial(cls, form: Any, x: Any, n: Any, p: Any = None, logit: Any = None) -> Any:
        if p is None:
            return None
        ways = form.elementwise("log_choose", _ways_or_none, n, x)
        return ways + form.times_log(x, p) + form.times_log1m(n - x, p)

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], n: Array, p: Array = None, logit: Array = None
    ) -> Array:
        return rng.binomial(np.asarray(n).astype(np.int64), probability_of(p, logit), shape)

    @classmethod
    def states(cls, n: Array, **given: Array) -> Array | None:
        return np.arange(int(np.max(n)) + 1) if plain(n) and np.max(n) <= 10_000 else None

    @classmethod
    def log_cdf(cls, x: Array, n: Array, p: Array = None, logit: Array = None) -> Array:
        k = xp.floor(xp.minimum(xp.maximum(x, 0.0), n - 1.0))
        inner = xp.log_betaincc(k + 1.0, n - k, probability_of(p, logit))
        return xp.where(xp.less(x, 0.0), -np.inf, xp.where(xp.less(x, n), inner, 0.0))

    @classmethod
    def log_sf(cls, x: Array, n: Array, p: Array = None, logit: Array = None) -> Array:
        k = xp.floor(xp.minimum(xp.maximum(x, 0.0), n - 1.0))
        inner = xp.log_betainc(k + 1.0, n - k, probability_of(p, logit))
        return xp.where(xp.less(x, 0.0), 0.0, xp.where(xp.less(x, n), inner, -np.inf))

    @classmethod
    def quantile(cls, q: Array, /, n: Array, p: Array = None, logit: Array = None) -> Array:
        success = probability_of(p, logit)
        guess = np.ceil(special.bdtrik(q, n, success))
        lower = np.maximum(guess - 1.0, 0.0)
        trials = np.asarray(n).astype(np.int64)
        return np.where(special.bdtr(lower, trials, success) >= q, lower, np.maximum(guess, 0.0))
