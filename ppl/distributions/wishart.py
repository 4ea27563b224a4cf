"""Wishart(df, scale)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions import _matrices as m
from ppl.distributions._checks import is_covariance, on_events
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.supports import POSITIVE, Structured, Support

Array = Any


def _log_normaliser(a: Array, b: Array) -> Array:
    return m.log_multigamma(a, b.shape[-1]) - a * xp.logdet_pd(-b)


class Wishart(Distribution):
    """Sum of df outer products of Normal(0, scale) vectors: a random covariance, df > K - 1.

    det(X)^((df - K - 1) / 2) exp(-tr(scale^-1 X) / 2) / (2^(df K / 2) det(scale)^(df / 2)
    Gamma_K(df / 2)), by the lower triangle; the mean is df scale.

    >>> import numpy as np
    >>> round(float(Wishart.log_density(np.eye(1), df=2.0, scale=np.eye(1))), 6)
    -1.193147
    """

    parameters = (
        Parameter("df", POSITIVE, doc="degrees of freedom, above K - 1"),
        Parameter("scale", Structured("covariance"), 2),
    )
    signatures = (("df", "scale"),)
    event_dims = 2
    examples = (
        Example({"df": 5.0, "scale": [[1.0, 0.3], [0.3, 0.5]]}, ([[4.0, 1.0], [1.0, 2.0]],)),
        Example({"df": 2.2, "scale": [[0.2]]}, ([[0.7]],)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (xp.logdet_pd(x), x),
        natural=lambda df, scale: (0.5 * df, -0.5 * xp.inverse(scale)),
        log_normaliser=_log_normaliser,
        given=lambda a, b: {"df": 2.0 * a, "scale": xp.inverse(-2.0 * b)},
        log_base=lambda x: -0.5 * (x.shape[-1] + 1.0) * xp.logdet_pd(x),
    )
    reference = "A. Gupta & D. Nagar, Matrix Variate Distributions, 2000, ch. 3"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return Structured("covariance")

    @classmethod
    @on_events(is_covariance)
    def log_density(
        cls, x: Array, df: Array, scale: Array, event_shape: tuple[int, ...] | None = None
    ) -> Array:
        size = x.shape[-1]
        factor = xp.cholesky(x)
        logdet = 2.0 * xp.sum(xp.log(xp.diagonal(factor)), axis=-1)
        ratio = xp.solve(xp.cholesky(scale), factor)
        out = m.log_ratio_deviance(ratio, 0.5 * df, size) + m.wishart_constant(0.5 * df, size)
        return xp.where(xp.less(size - 1.0, df), out - 0.5 * (size + 1.0) * logdet, math.nan)

    @classmethod
    def polynomial(cls, form: Any, x: Any, df: Any, scale: Any) -> Any:
        size = form.length
        constant = m.log_wishart(form, df, size)
        ratio = form.trace(form.inverse(scale), x)
        return constant + 0.5 * ((df - (size + 1.0)) * form.logdet(x) - ratio) - df * form.logdet(scale) * 0.5

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        df: Array,
        scale: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        a = np.matmul(np.linalg.cholesky(scale), m.wishart_factor(rng, shape, df, np.shape(scale)[-1]))
        return np.matmul(a, np.swapaxes(a, -1, -2))
