"""LKJCholesky(eta) over Cholesky factors of correlation matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions import _matrices as m
from ppl.distributions._checks import is_cholesky_correlation, on_events
from ppl.distributions._events import event_length, total
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, Structured, Support

Array = Any


class LKJCholesky(Distribution):
    """The factor L of a correlation R = L L' ~ LKJ(eta): prod_k L_kk^(K - k + 2 eta - 2).

    >>> import numpy as np
    >>> round(float(LKJCholesky.log_density(np.eye(2), eta=1.0)), 6)
    -0.693147
    """

    parameters = (Parameter("eta", POSITIVE, doc="concentration"),)
    signatures = (("eta",),)
    event_dims = 2
    examples = (
        Example({"eta": 2.0}, ([[1.0, 0.0], [0.6, 0.8]],)),
        Example({"eta": 0.7}, ([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.48, -0.64, 0.6]],)),
    )
    reference = "Lewandowski, Kurowicka & Joe, Generating random correlation matrices, 2009"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Structured("cholesky_correlation")

    @classmethod
    @on_events(is_cholesky_correlation)
    def log_density(cls, x: Array, eta: Array, event_shape: tuple[int, ...] | None = None) -> Array:
        size = x.shape[-1]
        logs = xp.log(xp.diagonal(x))
        power = total(logs * np.arange(size - 1.0, -1.0, -1.0)) + 2.0 * (eta - 1.0) * total(logs)
        return power - m.log_lkj_normaliser(eta, size)

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        eta: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        return m.lkj_factor(rng, shape, eta, event_length(event_shape))
