"""ZeroSumNormal(sd): effects of K groups that sum to zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import is_zero_sum, on_events
from ppl.distributions._events import event_length, total
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.distributions.normal import LOG_TWO_PI
from ppl.supports import POSITIVE, Structured, Support

Array = Any


class ZeroSumNormal(Distribution):
    """A normal of K independent coordinates of this sd, given that they sum to zero.

    Density exp(-sum(x^2) / (2 sd^2)) / (sd sqrt(2 pi))^(K - 1) in an orthonormal basis of the
    (K - 1)-dimensional space; each x_k has standard deviation sd sqrt(1 - 1 / K).

    >>> import numpy as np
    >>> round(float(ZeroSumNormal.log_density(np.zeros(2), sd=1.0)), 6)
    -0.918939
    """

    parameters = (Parameter("sd", POSITIVE),)
    signatures = (("sd",),)
    event_dims = 1
    examples = (Example({"sd": 1.5}, ([1.0, -0.25, -0.75], [0.5, -0.5])),)

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Structured("zero_sum")

    @classmethod
    @on_events(is_zero_sum)
    def log_density(cls, x: Array, sd: Array, event_shape: tuple[int, ...] | None = None) -> Array:
        square = total(xp.square(x)) / xp.square(sd)
        return -0.5 * square - (x.shape[-1] - 1.0) * (xp.log(sd) + 0.5 * LOG_TWO_PI)

    @classmethod
    def polynomial(cls, form: Any, x: Any, sd: Any) -> Any:
        square = form.total(form.square(x)) * form.power(sd, -2.0)
        return -0.5 * square - (form.length - 1.0) * (form.log(sd) + 0.5 * LOG_TWO_PI)

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        sd: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        z = rng.standard_normal((*shape, event_length(event_shape)))
        return np.asarray(sd)[..., None] * (z - z.mean(-1, keepdims=True))
