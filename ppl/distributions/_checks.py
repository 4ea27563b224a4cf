"""Values off the support and bad parameters, found where they are plain arrays.

Latent values are inside their support by construction and observed ones are checked when they
bind, so traced values cost nothing here. Plain arrays are looked at once: off the support the log
density is -inf, under a bad parameter it is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.elementwise import floating
from ppl.supports import Interval

Array = Any
Density = Callable[..., Array]


def plain(x: Array) -> bool:
    """Whether x is numbers rather than a traced value."""
    return isinstance(x, np.ndarray | np.generic | float | int)


def contains(support: Interval, x: Array) -> Array:
    """Which elements lie in an interval (NaN does not)."""
    low = x >= support.lower if support.closed_lower else x > support.lower
    high = x <= support.upper if support.closed_upper else x < support.upper
    whole = x == np.floor(x) if support.integer else True
    return low & high & whole


def on_support(support: Interval, at: float) -> Callable[[Density], Density]:
    """Decorate a scalar ``log_density``: -inf off ``support``; ``at`` is any point inside it."""

    def decorate(density: Density) -> Density:
        @wraps(density)
        def checked(cls: Any, x: Array, **given: Array) -> Array:
            with np.errstate(all="ignore"):
                if not plain(x):
                    return _with_parameters(cls, density(cls, x, **given), given)
                x = floating(x)
                inside = contains(support, x)
                if inside.all():
                    out = density(cls, x, **given)
                else:
                    out = xp.where(inside, density(cls, np.where(inside, x, at), **given), -np.inf)
                return _with_parameters(cls, out, given)

        return checked

    return decorate


def on_events(inside: Callable[[Array], Array]) -> Callable[[Density], Density]:
    """Decorate a vector or matrix ``log_density``; ``inside(x)`` is the mask in batch shape."""

    def decorate(density: Density) -> Density:
        @wraps(density)
        def checked(cls: Any, x: Array, **given: Array) -> Array:
            with np.errstate(all="ignore"):
                out = density(cls, np.asarray(x, dtype=float) if plain(x) else x, **given)
                if plain(x):
                    mask = inside(np.asarray(x, dtype=float))
                    out = out if mask.all() else xp.where(mask, out, -np.inf)
                return _with_parameters(cls, out, given)

        return checked

    return decorate


def _with_parameters(cls: Any, out: Array, given: Mapping[str, Array]) -> Array:
    for parameter in cls.parameters:
        value = given.get(parameter.name)
        if value is None or not plain(value) or not isinstance(parameter.support, Interval):
            continue
        # infinite logits and cutpoints are limits with a meaning
        endless = parameter.event_dims > 0 or parameter.name == "logit"
        good = contains(parameter.support, np.asarray(value)) | (np.isinf(value) & endless)
        if parameter.event_dims and np.ndim(good):
            good = good.all(axis=tuple(range(-min(parameter.event_dims, np.ndim(good)), 0)))
        if not np.all(good):
            out = xp.where(good, out, np.nan)
    return out


def is_real(x: Array) -> Array:
    """Finite vectors."""
    return np.isfinite(x).all(-1)


def is_matrix(x: Array) -> Array:
    """Finite matrices."""
    return np.isfinite(x).all((-1, -2))


def is_simplex(x: Array) -> Array:
    """Nonnegative vectors that sum to one (to 1e-8)."""
    return (x >= 0).all(-1) & (np.abs(x.sum(-1) - 1.0) < 1e-8)


def is_zero_sum(x: Array) -> Array:
    """Vectors that sum to zero, to 1e-8 of their size."""
    return np.abs(x.sum(-1)) <= 1e-8 * np.maximum(np.abs(x).max(-1), 1.0)


def is_covariance(x: Array) -> Array:
    """Symmetric matrices (to 1e-8); the Cholesky factor finds the rest out."""
    gap = np.abs(x - np.swapaxes(x, -1, -2)).max((-1, -2))
    return gap <= 1e-8 * np.abs(x).max((-1, -2))


def is_correlation(x: Array) -> Array:
    """Symmetric with a unit diagonal."""
    return is_covariance(x) & (np.abs(np.diagonal(x, axis1=-2, axis2=-1) - 1.0) < 1e-8).all(-1)


def is_cholesky_correlation(x: Array) -> Array:
    """Lower triangular with rows of unit length and a positive diagonal."""
    lower = (np.abs(np.triu(x, 1)) < 1e-12).all((-1, -2))
    unit = (np.abs(np.square(x).sum(-1) - 1.0) < 1e-8).all(-1)
    return lower & unit & (np.diagonal(x, axis1=-2, axis2=-1) > 0).all(-1)


def is_counts(x: Array) -> Array:
    """Vectors of nonnegative whole numbers."""
    return ((x >= 0) & (x == np.floor(x))).all(-1)
