"""Multinomial(n, p) or Multinomial(n, logit = l); n may be left out where the counts are observed."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import is_counts, on_events, plain
from ppl.distributions._events import total
from ppl.distributions._gather import softmax
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import COUNT, REAL, Structured, Support
from ppl.types import Element

Array = Any


def log_ways(x: Array, n: Array) -> Array:
    """log n! / prod x_k!, without lgamma's large terms; n = sum x."""
    wide = xp.expand_dims(n, axis=-1)
    share = total(xp.deviance(x, wide)) - (x.shape[-1] - 1.0) * n
    return total(xp.factorial_kernel(x)) - xp.factorial_kernel(n) - share


def counted_logs(x: Array, p: Array = None, logit: Array = None) -> Array:
    """sum_k x_k log p_k for weights x that are not negative; p and logit as in `Multinomial`."""
    if logit is None:
        return total(x * xp.log_probability(_where_counted(x, p, 1.0)))
    safe = _where_counted(x, logit, 0.0)
    return total(x * (safe - xp.logsumexp(logit, axis=-1, keepdims=True)))


def _natural(n: Array = None, p: Array = None, logit: Array = None) -> tuple[Array]:
    return (xp.log_probability(p) if logit is None else logit,)


class Multinomial(Distribution):
    """n! / prod_k x_k! prod_k p_k^x_k: counts of n trials over K labels; zeros in p are exact.

    >>> import numpy as np
    >>> round(float(Multinomial.log_density(np.array([1.0, 1.0]), n=2, p=np.array([0.5, 0.5]))), 12)
    -0.69314718056
    """

    parameters = (
        Parameter("n", COUNT, doc="number of trials; the sum of the counts where left out"),
        Parameter("p", Structured("simplex"), 1),
        Parameter("logit", REAL, 1, doc="log odds, up to a constant"),
    )
    signatures = (("n", "p"), ("n", "logit"), ("p",), ("logit",))
    event_dims = 1
    element: ClassVar[Element] = "int"
    examples = (
        Example({"n": 6, "p": [0.2, 0.5, 0.3]}, ([1, 3, 2], [0, 0, 6])),
        Example({"n": 4, "logit": [0.0, -1.0, 0.7]}, ([1, 1, 2],)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (x,),
        natural=_natural,
        log_normaliser=lambda a, n: n * xp.logsumexp(a, axis=-1),
        given=lambda a, n: {"n": n, "p": xp.exp(a - xp.logsumexp(a, axis=-1, keepdims=True))},
        log_base=lambda x: log_ways(x, total(x)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return COUNT

    @classmethod
    @on_events(is_counts)
    def log_density(
        cls,
        x: Array,
        n: Array = None,
        p: Array = None,
        logit: Array = None,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        count = total(x)
        out = log_ways(x, count) + counted_logs(x, p, logit)
        if n is None or (plain(n) and plain(count) and np.all(np.equal(count, n))):
            return out
        return xp.where(xp.equal(count, n), out, -np.inf)

    @classmethod
    def polynomial(cls, form: Any, x: Any, n: Any = None, p: Any = None, logit: Any = None) -> Any:
        if p is None or not form.is_data(x) or (n is not None and not form.is_data(n)):
            return None
        count = form.total(x)
        ways = form.function("lgamma", count + 1.0) - form.total(form.function("lgamma", x + 1.0))
        if n is not None:
            ways = ways + form.elementwise(
                "is_sum", lambda a, b: np.where(np.equal(a, b), 0.0, -np.inf), count, n
            )
        return ways + form.total(form.counted_log(x, p))

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        n: Array = None,
        p: Array = None,
        logit: Array = None,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        if n is None:
            raise ValueError("the number of trials `n` is not given")
        p = np.asarray(p) if logit is None else softmax(logit)
        trials = np.broadcast_to(np.asarray(n).astype(np.int64), shape)
        p = np.broadcast_to(p / p.sum(-1, keepdims=True), (*shape, p.shape[-1]))
        return rng.multinomial(trials, p)


def _where_counted(x: Array, p: Array, otherwise: float) -> Array:
    """p where x is not zero: 0 log 0 is 0."""
    if plain(x) and np.all(x > 0):
        return p
    return xp.where(np.equal(x, 0) if plain(x) else xp.equal(x, 0), otherwise, p)
