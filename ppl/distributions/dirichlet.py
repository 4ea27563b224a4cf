"""Dirichlet(concentration) on the simplex."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import is_simplex, on_events
from ppl.distributions._events import event_length, fill, total
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import POSITIVE, Structured, Support

Array = Any


def _log_normaliser(a: Array) -> Array:
    """sum_k lgamma(a_k) - lgamma(sum a), without lgamma's large terms."""
    sum_a = xp.sum(a, axis=-1, keepdims=True)
    cross = total(a * xp.log(a / sum_a) - xp.gamma_kernel(a))
    return cross + xp.gamma_kernel(total(a))


class Dirichlet(Distribution):
    """prod_k x_k^(a_k - 1) / B(a) on the simplex, by the measure of any K - 1 coordinates.

    >>> import numpy as np
    >>> round(float(Dirichlet.log_density(np.array([0.2, 0.8]), concentration=np.ones(2))), 12)
    0.0
    """

    parameters = (Parameter("concentration", POSITIVE, 1),)
    signatures = (("concentration",),)
    event_dims = 1
    examples = (
        Example({"concentration": [2.0, 0.5, 3.0]}, ([0.3, 0.1, 0.6], [0.25, 0.5, 0.25])),
        Example({"concentration": [1.0, 1.0, 1.0, 1.0]}, ([0.1, 0.2, 0.3, 0.4],)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (xp.log(x),),
        natural=lambda concentration: (concentration,),
        log_normaliser=_log_normaliser,
        given=lambda a: {"concentration": a},
        log_base=lambda x: -total(xp.log(x)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Structured("simplex")

    @classmethod
    @on_events(is_simplex)
    def log_density(cls, x: Array, concentration: Array, event_shape: tuple[int, ...] | None = None) -> Array:
        a = fill(concentration, x)
        return total(xp.xlogy(a - 1.0, x)) - _log_normaliser(a)

    @classmethod
    def polynomial(cls, form: Any, x: Any, concentration: Any) -> Any:
        total = form.total(concentration)
        normaliser = form.total(form.function("lgamma", concentration)) - form.function("lgamma", total)
        return form.total((concentration - 1.0) * form.log(x)) - normaliser

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        concentration: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        """Normalised gammas, in logs so that small concentrations keep their precision."""
        size = event_length(event_shape, concentration)
        a = np.broadcast_to(concentration, (*shape, size))
        log_g = np.log(rng.standard_gamma(a + 1.0)) + np.log1p(-rng.random(a.shape)) / a
        e = np.exp(log_g - log_g.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
