"""InverseWishart(df, scale)."""

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
    return m.log_multigamma(-a, b.shape[-1]) + a * xp.logdet_pd(-b)


class InverseWishart(Distribution):
    """X whose inverse is Wishart(df, scale^-1), df > K - 1.

    det(scale)^(df / 2) det(X)^(-(df + K + 1) / 2) exp(-tr(scale X^-1) / 2) / (2^(df K / 2)
    Gamma_K(df / 2)), by the lower triangle; the mean is scale / (df - K - 1).

    >>> import numpy as np
    >>> round(float(InverseWishart.log_density(np.eye(1), df=2.0, scale=np.eye(1))), 6)
    -1.193147
    """

    parameters = (
        Parameter("df", POSITIVE, doc="degrees of freedom, above K - 1"),
        Parameter("scale", Structured("covariance"), 2),
    )
    signatures = (("df", "scale"),)
    event_dims = 2
    examples = (
        Example({"df": 5.0, "scale": [[1.0, 0.3], [0.3, 0.5]]}, ([[0.4, 0.1], [0.1, 0.2]],)),
        Example({"df": 2.2, "scale": [[0.2]]}, ([[0.7]],)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (xp.logdet_pd(x), xp.inverse(x)),
        natural=lambda df, scale: (-0.5 * df, -0.5 * scale),
        log_normaliser=_log_normaliser,
        given=lambda a, b: {"df": -2.0 * a, "scale": -2.0 * b},
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
        ratio = xp.solve(factor, xp.cholesky(scale))
        out = m.log_ratio_deviance(ratio, 0.5 * df, size) + m.wishart_constant(0.5 * df, size)
        return xp.where(xp.less(size - 1.0, df), out - 0.5 * (size + 1.0) * logdet, math.nan)

    @classmethod
    def polynomial(cls, form: Any, x: Any, df: Any, scale: Any) -> Any:
        size = form.length
        constant = m.log_wishart(form, df, size)
        ratio = form.trace(scale, form.inverse(x))
        return constant - 0.5 * ((df + (size + 1.0)) * form.logdet(x) + ratio) + df * form.logdet(scale) * 0.5

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        df: Array,
        scale: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        """scale = L L', X = L inv(A)' inv(A) L' with Bartlett's A."""
        a = m.wishart_factor(rng, shape, df, np.shape(scale)[-1])
        half = np.matmul(np.linalg.cholesky(scale), np.swapaxes(np.linalg.inv(a), -1, -2))
        return np.matmul(half, np.swapaxes(half, -1, -2))
