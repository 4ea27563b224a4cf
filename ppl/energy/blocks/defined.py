"""Elements that the model does not define, such as cells of an imputed column that are not blank."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any


def lent(eta: Mapping[str, Array], defined: Array | None) -> dict[str, Array]:
    """Elements that the model does not define get the natural parameters of one that it does: all are then proper.

    They are in no factor, and count nothing.

    >>> lent({"x": np.array([0.0, -2.0])}, np.array([False, True]))["x"].tolist()
    [-2.0, -2.0]
    """
    if defined is None or np.all(defined) or not np.any(defined):
        return dict(eta)
    first = tuple(np.argwhere(defined)[0])
    return {s: np.where(defined, e, e[first]) if e.shape == np.shape(defined) else e for s, e in eta.items()}


def log_density_of(parts: Callable[[Array], Array], x: Array, defined: Array | None) -> Array:
    """Log densities of draws (n, *shape) in all, by those of their elements; undefined ones are no draws."""
    if defined is not None and not np.all(defined) and np.any(defined):
        first = (slice(None), *np.argwhere(defined)[0])
        x = np.where(defined, x, x[first].reshape(-1, *(1,) * (x.ndim - 1)))
        return np.asarray(np.where(defined, parts(x), 0.0).reshape(len(x), -1).sum(1))
    return np.asarray(parts(x)).reshape(len(x), -1).sum(1)
