"""MultivariateNormal(mean, cov), (mean, precision = P) or (mean, scale_tril = L)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import is_real, on_events
from ppl.distributions._events import total
from ppl.distributions.base import Distribution, Example, ExponentialFamily, Parameter
from ppl.distributions.normal import LOG_TWO_PI
from ppl.supports import REAL, Structured, Support

Array = Any


def factor(cov: Array = None, precision: Array = None, scale_tril: Array = None) -> Array:
    """Plain numpy A with A A' = cov, for samplers."""
    if scale_tril is not None:
        return np.asarray(scale_tril)
    if cov is not None:
        return np.linalg.cholesky(cov)
    return np.swapaxes(np.linalg.inv(np.linalg.cholesky(precision)), -1, -2)


def _precision(cov: Array = None, precision: Array = None, scale_tril: Array = None) -> Array:
    if precision is not None:
        return precision
    if cov is None:
        cov = xp.matmul(scale_tril, xp.matrix_transpose(scale_tril))
    return xp.inverse(cov)


def _natural(mean: Array, **spread: Array) -> tuple[Array, Array]:
    p = _precision(**spread)
    return xp.matvec(p, mean), -0.5 * p


def _log_normaliser(linear: Array, quadratic: Array) -> Array:
    p = -2.0 * quadratic
    return 0.5 * xp.mahalanobis(linear, p) - 0.5 * xp.logdet_pd(p)


def _given(linear: Array, quadratic: Array) -> dict[str, Array]:
    cov = xp.inverse(-2.0 * quadratic)
    return {"mean": xp.matvec(cov, linear), "cov": cov}


def _outer(x: Array) -> Array:
    return xp.expand_dims(x, axis=-1) * xp.expand_dims(x, axis=-2)


class MultivariateNormal(Distribution):
    """exp(-(x - mean)' cov^-1 (x - mean) / 2) / sqrt(det(2 pi cov)), x of length K.

    >>> import numpy as np
    >>> round(float(MultivariateNormal.log_density(np.zeros(2), mean=np.zeros(2), cov=np.eye(2))), 6)
    -1.837877
    """

    parameters = (
        Parameter("mean", REAL, 1),
        Parameter("cov", Structured("covariance"), 2),
        Parameter("precision", Structured("covariance"), 2, doc="inverse of cov"),
        Parameter("scale_tril", Structured("cholesky_covariance"), 2, doc="lower Cholesky factor of cov"),
    )
    signatures = (("mean", "cov"), ("mean", "precision"), ("mean", "scale_tril"))
    event_dims = 1
    examples = (
        Example({"mean": [0.5, -1.0], "cov": [[2.0, 0.3], [0.3, 0.5]]}, ([0.0, 0.0], [3.0, -2.0])),
        Example({"mean": [0.5, -1.0], "precision": [[2.0, 0.3], [0.3, 0.5]]}, ([0.0, 0.0],)),
        Example({"mean": [0.5, -1.0], "scale_tril": [[2.0, 0.0], [0.3, 0.5]]}, ([0.0, 0.0],)),
    )
    family: ClassVar = ExponentialFamily(
        statistics=lambda x: (x, _outer(x)),
        natural=_natural,
        log_normaliser=_log_normaliser,
        given=_given,
        log_base=lambda x: total(xp.zeros_like(x) - 0.5 * LOG_TWO_PI),
    )

    @classmethod
    def support(cls, **given: Support) -> Support:
        return REAL

    @classmethod
    @on_events(is_real)
    def log_density(
        cls,
        x: Array,
        mean: Array,
        cov: Array = None,
        precision: Array = None,
        scale_tril: Array = None,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        r = x - mean
        if cov is not None:
            return xp.gaussian_log_density(r, cov)
        constant = 0.5 * LOG_TWO_PI * r.shape[-1]
        if precision is not None:
            return 0.5 * (xp.logdet_pd(precision) - total(r * xp.matvec(precision, r))) - constant
        z = xp.solve_lower(scale_tril, r)
        return -0.5 * total(xp.square(z)) - total(xp.log(xp.diagonal(scale_tril))) - constant

    @classmethod
    def polynomial(
        cls, form: Any, x: Any, mean: Any, cov: Any = None, precision: Any = None, scale_tril: Any = None
    ) -> Any:
        if scale_tril is not None:
            cov = form.of_matrix(scale_tril, lambda a: np.matmul(a, np.swapaxes(a, -1, -2)))
        logdet = form.logdet(precision) if precision is not None else -1.0 * form.logdet(cov)
        precision = form.inverse(cov) if precision is None else precision
        square = form.quadratic(precision, x - mean)
        return 0.5 * (logdet - square - form.length * LOG_TWO_PI)

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        mean: Array,
        event_shape: tuple[int, ...] | None = None,
        **spread: Array,
    ) -> Array:
        a = factor(**spread)
        z = rng.standard_normal((*shape, a.shape[-1], 1))
        return mean + np.matmul(a, z)[..., 0]
