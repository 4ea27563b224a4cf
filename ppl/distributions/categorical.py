"""Categorical(p) or Categorical(logit = l) over the labels of an index set."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import plain
from ppl.distributions._gather import draw_codes, gather, softmax
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import COUNT, REAL, Structured, Support
from ppl.types import Element

Array = Any


def _one_hot(x: Array, size: int) -> tuple[Array]:
    return (xp.where(np.equal(np.asarray(x)[..., None], np.arange(size)), 1.0, 0.0),)


def _log_p(p: Array = None, logit: Array = None) -> tuple[Array]:
    if logit is not None:
        return (logit - xp.logsumexp(logit, axis=-1, keepdims=True),)
    return (xp.log_probability(p),)


class Categorical(Distribution):
    """State x (its code, from 0) with probability p[x], or softmax(logit)[x]; zeros are exact.

    >>> import numpy as np
    >>> Categorical.log_density(np.array([0, 1]), p=np.array([[0.0, 1.0]])).tolist()
    [-inf, 0.0]
    """

    parameters = (
        Parameter("p", Structured("simplex"), 1, "states"),
        Parameter("logit", REAL, 1, "states", doc="log odds, up to a constant"),
    )
    signatures = (("p",), ("logit",))
    element: ClassVar[Element] = "label"
    examples = (
        Example({"p": [0.2, 0.5, 0.3]}, (0, 1, 2)),
        Example({"logit": [0.0, -1.0, 2.0, 0.5]}, (0, 3)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=_one_hot,
        natural=_log_p,
        log_normaliser=lambda a: xp.logsumexp(a, axis=-1),
        given=lambda a: {"p": xp.exp(a - xp.logsumexp(a, axis=-1, keepdims=True))},
        log_base=lambda x: xp.zeros_like(x),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return COUNT

    @classmethod
    def log_density(cls, x: Array, p: Array = None, logit: Array = None) -> Array:
        table = p if logit is None else logit
        inside = True
        if plain(x):
            x = np.asarray(x)
            inside = (x >= 0) & (x < table.shape[-1]) & (x == np.floor(x))
            x = np.where(inside, x, 0)
        with np.errstate(all="ignore"):
            if logit is None:
                out = xp.log_probability(gather(table, x))
                if plain(table) and not np.all(_proper(table)):
                    out = xp.where(_proper(table), out, np.nan)
            else:
                out = gather(table, x) - xp.logsumexp(table, axis=-1)
        return out if np.all(inside) else xp.where(inside, out, -np.inf)

    @classmethod
    def polynomial(cls, form: Any, x: Any, p: Any = None, logit: Any = None) -> Any:
        return None if p is None else form.counted_log(1.0, form.pick(p, x))

    @classmethod
    def sample(
        cls, rng: np.random.Generator, shape: tuple[int, ...], p: Array = None, logit: Array = None
    ) -> Array:
        return draw_codes(rng, shape, np.asarray(p) if logit is None else softmax(logit))

    @classmethod
    def states(cls, p: Array = None, logit: Array = None) -> Array:
        return np.arange((logit if p is None else p).shape[-1])


def _proper(p: Array) -> Array:
    return (np.abs(p.sum(-1) - 1.0) < 1e-6) & (p >= 0).all(-1)
