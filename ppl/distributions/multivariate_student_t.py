"""MultivariateStudentT(df, loc, cov) or (df, loc, scale_tril = L); cov is the scale matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import is_real, on_events
from ppl.distributions._events import total
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.distributions.multivariate_normal import factor
from ppl.supports import POSITIVE, REAL, Structured, Support

Array = Any


class MultivariateStudentT(Distribution):
    """(1 + q / df)^(-(df + K) / 2) times a constant, q = (x - loc)' cov^-1 (x - loc).

    The covariance is cov df / (df - 2), where it exists.

    >>> import numpy as np
    >>> given = {"df": 1.0, "loc": np.zeros(1), "cov": np.eye(1)}
    >>> round(float(MultivariateStudentT.log_density(np.zeros(1), **given)), 6)
    -1.14473
    """

    parameters = (
        Parameter("df", POSITIVE, doc="degrees of freedom"),
        Parameter("loc", REAL, 1),
        Parameter("cov", Structured("covariance"), 2, doc="scale matrix"),
        Parameter("scale_tril", Structured("cholesky_covariance"), 2, doc="its lower Cholesky factor"),
    )
    signatures = (("df", "loc", "cov"), ("df", "loc", "scale_tril"))
    event_dims = 1
    examples = (
        Example({"df": 4.0, "loc": [0.5, -1.0], "cov": [[2.0, 0.3], [0.3, 0.5]]}, ([0.0, 0.0], [3.0, -9.0])),
        Example({"df": 2.5, "loc": [0.5, -1.0], "scale_tril": [[2.0, 0.0], [0.3, 0.5]]}, ([0.0, 0.0],)),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_events(is_real)
    def log_density(
        cls,
        x: Array,
        df: Array,
        loc: Array,
        cov: Array = None,
        scale_tril: Array = None,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        r = x - loc
        size = r.shape[-1]
        if cov is not None:
            square, half_logdet = xp.mahalanobis(r, cov), 0.5 * xp.logdet_pd(cov)
        else:
            square = total(xp.square(xp.solve_lower(scale_tril, r)))
            half_logdet = total(xp.log(xp.diagonal(scale_tril)))
        constant = xp.log_beta(0.5 * df, 0.5 * size) - math.lgamma(0.5 * size)
        constant = constant + 0.5 * size * (xp.log(df) + math.log(math.pi)) + half_logdet
        return -0.5 * (df + size) * xp.log1p(square / df) - constant

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        df: Array,
        loc: Array,
        event_shape: tuple[int, ...] | None = None,
        **spread: Array,
    ) -> Array:
        a = factor(**spread)
        z = rng.standard_normal((*shape, a.shape[-1], 1))
        w = np.sqrt(2.0 * rng.standard_gamma(0.5 * np.asarray(df), shape) / df)
        return loc + np.matmul(a, z)[..., 0] / w[..., None]
