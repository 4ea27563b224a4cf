"""LKJ(eta) over correlation matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions import _matrices as m
from ppl.distributions._checks import is_correlation, on_events
from ppl.distributions._events import event_length
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import POSITIVE, Structured, Support

Array = Any


class LKJ(Distribution):
    """det(R)^(eta - 1) over correlation matrices; eta = 1 is uniform, larger nearer the identity.

    >>> import numpy as np
    >>> round(float(LKJ.log_density(np.eye(2), eta=1.0)), 6)
    -0.693147
    """

    parameters = (Parameter("eta", POSITIVE, doc="concentration"),)
    signatures = (("eta",),)
    event_dims = 2
    examples = (
        Example({"eta": 2.0}, ([[1.0, 0.3], [0.3, 1.0]], [[1.0, -0.6], [-0.6, 1.0]])),
        Example({"eta": 0.7}, ([[1.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.0]],)),
    )
    reference = "Lewandowski, Kurowicka & Joe, Generating random correlation matrices, 2009"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Structured("correlation")

    @classmethod
    @on_events(is_correlation)
    def log_density(cls, x: Array, eta: Array, event_shape: tuple[int, ...] | None = None) -> Array:
        return (eta - 1.0) * xp.logdet_pd(x) - m.log_lkj_normaliser(eta, x.shape[-1])

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        eta: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        lower = m.lkj_factor(rng, shape, eta, event_length(event_shape))
        out = np.matmul(lower, np.swapaxes(lower, -1, -2))
        eye = np.eye(out.shape[-1])
        return out * (1.0 - eye) + eye
