"""Point estimates: the maximiser of exp(sum_f eta_f f(x)) in the latent's own coordinates (MAP, or ML without priors).

Closed forms where the statistics have one; else a scan, zooming in, and Newton steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.energy.families._gaussian import factor, gaussian, inverse, symmetric
from ppl.energy.families._line import Function, Line
from ppl.energy.families._powers import exponent
from ppl.energy.families._search import Density, chunks, find_peak
from ppl.energy.families.base import Eta, NotProper
from ppl.energy.families.dirichlet import Dirichlet
from ppl.supports import Interval, Structured, Support

Array = Any
Mode = tuple[np.ndarray, np.ndarray]


def mode(eta: Eta, support: Support, functions: Mapping[str, Function] | None = None) -> Mode:
    """The maximiser over the closed support, and a mask of its shape: the element was put on the boundary.

    eta: statistic -> (*batch, *axes of the statistic). Scalars: any statistics, ``functions`` for ``fn:``. Gaussian
    vectors: ``x`` and ``outer``. Simplex: ``log``. Covariance: ``logdet`` with ``inverse`` or ``x``. Raises
    `NotProper` where the supremum is at infinity or at a singular matrix.

    >>> from ppl.supports import POSITIVE
    >>> value, clipped = mode({"log": np.array([2.0, -0.5]), "x": np.array([-4.0, -4.0])}, POSITIVE)
    >>> value.tolist(), clipped.tolist()
    ([0.5, 0.0], [False, True])
    """
    eta = {s: np.asarray(v, dtype=float) for s, v in eta.items()}
    if "outer" in eta:
        return _gaussian_mode(eta)
    if isinstance(support, Structured):
        if support == Structured("simplex") and set(eta) == {"log"}:
            return Dirichlet.mode(eta)
        if support == Structured("covariance") and "logdet" in eta and len(eta) == 2:
            return _matrix_mode(eta)
        raise ValueError(f"no closed form for {', '.join(eta)} on {support.kind}")
    arrays = np.broadcast_arrays(*eta.values())
    eta = dict(zip(eta, arrays, strict=True))
    found = _closed(eta, support) if not functions or not set(functions) & set(eta) else None
    return _searched(eta, support, dict(functions or {})) if found is None else found


def _gaussian_mode(eta: Eta) -> Mode:
    mean, _, logdet = gaussian(eta["x"], -2.0 * eta["outer"])
    if not np.isfinite(logdet).all():
        raise NotProper("the precision is not positive definite", ~np.isfinite(logdet))
    return mean, np.zeros(mean.shape, dtype=bool)


def _matrix_mode(eta: Eta) -> Mode:
    """Covariance: a / S - S^-1 M S^-1 = 0 gives M / a; precision: a X^-1 + M = 0 gives -a M^-1."""
    a = eta["logdet"][..., None, None]
    if "inverse" in eta:
        matrix = symmetric(eta["inverse"])
        good = (eta["logdet"] < 0) & np.isfinite(factor(-matrix)[1])
        value = matrix / np.where(a < 0, a, -1.0)
    else:
        inverted, logdet = inverse(-symmetric(eta["x"]))
        good = (eta["logdet"] > 0) & np.isfinite(logdet)
        value = a * inverted
    if not good.all():
        raise NotProper("the density has no mode among positive definite matrices", ~good)
    return value, np.zeros(value.shape, dtype=bool)


def _closed(eta: dict[str, np.ndarray], support: Interval) -> Mode | None:
    """Closed forms of scalars; None where there is none."""
    stats = set(eta)
    if stats == {"x", "power:2"}:
        return _quadratic(eta["x"], eta["power:2"], support)
    if (support.lower, support.upper) == (0.0, 1.0) and stats == {"log", "log1m"}:
        return _proportion(eta["log"], eta["log1m"])
    if (support.lower, support.upper) == (0.0, np.inf) and "log" in stats and len(stats) == 2:
        p = exponent((stats - {"log"}).pop())
        return None if not p else _power(eta["log"], eta[(stats - {"log"}).pop()], p)
    return None


def _quadratic(h: np.ndarray, q: np.ndarray, support: Interval) -> Mode | None:
    if not (q < 0).all():
        if support.lower == -np.inf and support.upper == np.inf:
            raise NotProper("the precision is not positive", ~(q < 0))
        return None
    value = -0.5 * h / q
    inside = np.clip(value, support.lower, support.upper)
    return inside, inside != value


def _proportion(a: np.ndarray, b: np.ndarray) -> Mode | None:
    """a / (a + b) of counts, cut off at zero."""
    if (np.minimum(a, b) < 0).any() or (a + b == 0).any():
        return None
    value = a / (a + b)
    return value, (value == 0) | (value == 1)


def _power(a: np.ndarray, c: np.ndarray, p: float) -> Mode:
    """a log x + c x^p: x^p = -a / (c p) for c < 0 and a p > 0; at 0 for p > 0 and a <= 0."""
    at_zero = (p > 0) & (a <= 0)
    good = (c < 0) & ((a * p > 0) | at_zero)
    if not good.all():
        raise NotProper("the density has no mode", ~good)
    ratio = np.where(at_zero, 0.0, -a / (c * p))
    value = np.where(at_zero, 0.0, np.where(at_zero, 1.0, ratio) ** (1.0 / p))
    return value, at_zero


def _searched(eta: dict[str, np.ndarray], support: Interval, functions: dict[str, Function]) -> Mode:
    """Any statistics of a scalar."""
    shape = next(iter(eta.values())).shape
    density = Density(Line.of(support), {s: v.reshape(-1) for s, v in eta.items()}, functions, jacobian=False)
    grid = density.grid()
    rows = np.arange(int(np.prod(shape, dtype=int)))
    u = np.empty(rows.size)
    for i in chunks(rows, len(grid)):
        u[i] = _polish(density, i, find_peak(density, i, grid, drop=1e-3).place)
    low, high = _at_ends(density, rows, u, grid)
    lost = (low & (support.lower == -np.inf)) | (high & (support.upper == np.inf)) | ~np.isfinite(u)
    if lost.any():
        raise NotProper("the density has no mode", lost.reshape(shape))
    value = np.where(low, support.lower, np.where(high, support.upper, density.line.x(u)))
    return value.reshape(shape), (low | high).reshape(shape)


def _at_ends(density: Density, rows: np.ndarray, u: np.ndarray, grid: np.ndarray) -> Mode:
    """Whether the best place is as good as none but the lower, the upper end; neither where the curve is flat."""
    height = density(rows, u[:, None])
    ends = density(rows, grid[None, [0, -1]]) >= height  # rounding makes the way to a bound flat
    low, high = ends.T
    inside = (u > grid[1]) & (u < grid[-2])
    flat = low & high & inside
    low = (low | (u <= grid[1])) & ~flat
    return low, (high | (u >= grid[-2])) & ~flat & ~low


def _polish(density: Density, rows: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Newton steps with differences, as long as the density does not fall.

    The spacing is where the curve falls by some 1e-5, so that neither rounding nor the fifth derivative shows.
    """
    step = np.full(u.shape, 1e-2) * (np.abs(u) if density.line.kind == "real" else 1.0)
    step = np.maximum(step, 1e-12)
    with np.errstate(all="ignore"):
        for _ in range(8):
            offsets = step[:, None] * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
            v = density(rows, u[:, None] + offsets)
            slope = (v[:, 0] - 8.0 * v[:, 1] + 8.0 * v[:, 3] - v[:, 4]) / (12.0 * step)
            bend = (-v[:, 0] + 16.0 * v[:, 1] - 30.0 * v[:, 2] + 16.0 * v[:, 3] - v[:, 4]) / (12.0 * step**2)
            move = np.where(bend < 0, -slope / bend, 0.0)
            new = u + move
            worse = ~(density(rows, new[:, None])[:, 0] >= v[:, 2] - 1e-12 * np.abs(v[:, 2]))
            u = np.where(worse, u, new)
            step = np.where(bend < 0, 3e-3 / np.sqrt(np.abs(bend)) + 1e-300, step)
    return np.asarray(u)
