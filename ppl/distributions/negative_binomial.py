"""NegativeBinomial(mean, concentration), (log_mean, concentration) or (n, p)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.lazy import special
from ppl.distributions._alternatives import either
from ppl.distributions._checks import on_support
from ppl.distributions._invert import smallest_count
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import COUNT, NONNEGATIVE, POSITIVE, REAL, Interval, Support
from ppl.types import Element

Array = Any


def _size_odds(
    mean: Array = None,
    concentration: Array = None,
    log_mean: Array = None,
    n: Array = None,
    p: Array = None,
) -> tuple[Array, Array, Array]:
    """Size, probability of stopping, and of going on."""
    if p is not None:
        return n, p, 1.0 - p
    mean = xp.exp(log_mean) if mean is None else mean
    total = mean + concentration
    return concentration, concentration / total, mean / total


class NegativeBinomial(Distribution):
    """Failures before the n-th success of probability p; a Poisson with gamma rate.

    The variance is mean + mean^2 / concentration; concentration = n, mean = n (1 - p) / p.

    >>> round(float(NegativeBinomial.log_density(0, n=1.0, p=0.5)), 12)
    -0.69314718056
    """

    parameters = (
        Parameter("mean", NONNEGATIVE),
        Parameter("concentration", POSITIVE),
        Parameter("log_mean", REAL, doc="log of the mean"),
        Parameter("n", POSITIVE, doc="successes to stop at, not necessarily whole"),
        Parameter("p", Interval(0.0, 1.0, False, True), doc="probability of success"),
    )
    signatures = (("mean", "concentration"), ("log_mean", "concentration"), ("n", "p"))
    element: ClassVar[Element] = "int"
    examples = (
        Example({"mean": 3.2, "concentration": 1.7}, (0, 3, 12)),
        Example({"log_mean": -0.5, "concentration": 20.0}, (0, 2)),
        Example({"n": 2.5, "p": 0.4}, (0, 5)),
    )
    reference = "J. Hilbe, Negative Binomial Regression, 2011 (NB2)"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return COUNT

    @classmethod
    @on_support(COUNT, 0.0)
    def log_density(
        cls,
        x: Array,
        mean: Array = None,
        concentration: Array = None,
        log_mean: Array = None,
        n: Array = None,
        p: Array = None,
    ) -> Array:
        size = either(concentration, n)
        total = x + size
        base = xp.gamma_kernel(size) - xp.gamma_kernel(total) + xp.factorial_kernel(x)
        if p is not None:
            return base - xp.deviance(x, total * (1.0 - p)) - xp.deviance(size, total * p)
        mean = xp.exp(log_mean) if mean is None else mean
        return base + xp.negative_binomial_kernel(x, size, mean)

    @classmethod
    def polynomial(cls, form: Any, x: Any, **given: Any) -> Any:
        if "p" not in given:
            return None
        n, p = given["n"], given["p"]
        ways = form.function("lgamma", x + n) - form.function("lgamma", n) - form.function("lgamma", x + 1.0)
        return ways + n * form.log(p) + form.times_log1m(x, p)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], **given: Array) -> Array:
        size, stop, go = _size_odds(**given)
        return rng.poisson(np.minimum(rng.standard_gamma(size, shape) * (go / stop), 9e18))

    @classmethod
    def log_cdf(cls, x: Array, **given: Array) -> Array:
        size, stop, _ = _size_odds(**given)
        k = xp.floor(xp.maximum(x, 0.0))
        return xp.where(xp.less(x, 0.0), -np.inf, xp.log_betainc(size, k + 1.0, stop))

    @classmethod
    def log_sf(cls, x: Array, **given: Array) -> Array:
        size, stop, _ = _size_odds(**given)
        k = xp.floor(xp.maximum(x, 0.0))
        return xp.where(xp.less(x, 0.0), 0.0, xp.log_betaincc(size, k + 1.0, stop))

    @classmethod
    def quantile(cls, q: Array, /, **given: Array) -> Array:
        size, stop, go = _size_odds(**given)
        return smallest_count(lambda k: special.betainc(size, k + 1.0, stop) >= q, size * go / stop)
