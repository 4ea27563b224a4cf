"""MatrixNormal(mean, row_cov, column_cov)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import is_matrix, on_events
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.distributions.normal import LOG_TWO_PI
from ppl.supports import REAL, Structured, Support

Array = Any


class MatrixNormal(Distribution):
    """Normal matrix (R, C) with Cov(x_ij, x_kl) = row_cov_ik column_cov_jl.

    >>> import numpy as np
    >>> x = np.zeros((2, 1))
    >>> round(float(MatrixNormal.log_density(x, mean=x, row_cov=np.eye(2), column_cov=np.eye(1))), 6)
    -1.837877
    """

    parameters = (
        Parameter("mean", REAL, 2),
        Parameter("row_cov", Structured("covariance"), 2, "rows"),
        Parameter("column_cov", Structured("covariance"), 2, "columns"),
    )
    signatures = (("mean", "row_cov", "column_cov"),)
    event_dims = 2
    examples = (
        Example(
            {
                "mean": [[0.5, 0.0, 1.0], [0.0, 0.2, -0.4]],
                "row_cov": [[2.0, 0.3], [0.3, 0.5]],
                "column_cov": [[1.0, 0.2, 0.0], [0.2, 0.7, 0.1], [0.0, 0.1, 0.4]],
            },
            ([[0.0, 1.0, 0.5], [1.0, 0.0, -1.0]],),
        ),
    )
    reference = "A. P. Dawid, Some matrix-variate distribution theory, Biometrika 1981"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_events(is_matrix)
    def log_density(
        cls,
        x: Array,
        mean: Array,
        row_cov: Array,
        column_cov: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        r = x - mean
        rows, columns = r.shape[-2:]
        lower = xp.cholesky(row_cov)
        white = xp.solve(lower, r)
        square = xp.trace_ratio(xp.matmul(xp.matrix_transpose(white), white), column_cov)
        logdet = columns * xp.logdet_pd(row_cov) + rows * xp.logdet_pd(column_cov)
        return -0.5 * (square + logdet + rows * columns * LOG_TWO_PI)

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        mean: Array,
        row_cov: Array,
        column_cov: Array,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        a, b = np.linalg.cholesky(row_cov), np.linalg.cholesky(column_cov)
        z = rng.standard_normal((*shape, a.shape[-1], b.shape[-1]))
        return mean + np.matmul(np.matmul(a, z), np.swapaxes(b, -1, -2))
