"""Where curves over one coordinate peak and how far they reach: a scan, then rounds of zooming in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.energy.families._line import Function, Line
from ppl.energy.families.base import weighted

Array = Any
Rows = Any
Curve = Callable[[Rows, Array], np.ndarray]  # (R row numbers, u (R or 1, M)) -> (R, M)

LARGEST = 4_000_000  # elements of a temporary
_POINTS = 17


@dataclass(frozen=True)
class Density:
    """sum_f eta_f f(x(u)) for every row, in u: with the Jacobian a log density of u, without one of x.

    eta: statistic -> (B,).
    """

    line: Line
    eta: dict[str, np.ndarray]
    functions: dict[str, Function]
    jacobian: bool

    def energy(self, rows: Rows, u: Array) -> np.ndarray:
        """<eta, t>."""
        total: Any = 0.0
        with np.errstate(all="ignore"):
            for stat, eta in self.eta.items():
                value = self.line.statistic(stat, u, self.functions.get(stat))
                total = total + weighted(eta[rows][:, None], value)
        return np.asarray(total)

    def __call__(self, rows: Rows, u: Array) -> np.ndarray:
        out = self.energy(rows, u)
        if self.jacobian:
            out = out + self.line.log_jacobian(u)
        return np.where(np.isnan(out), -np.inf, out)

    def grid(self) -> np.ndarray:
        """Places to scan, as far out as functions of the user stay finite."""
        grid = self.line.grid(self.eta)
        finite = np.ones(grid.shape, dtype=bool)
        with np.errstate(all="ignore"):
            for stat in self.eta.keys() & self.functions.keys():
                finite &= np.isfinite(self.line.statistic(stat, grid, self.functions[stat]))
        keep = np.flatnonzero(finite)
        return grid[keep[0] : keep[-1] + 1] if keep.size else grid


@dataclass(frozen=True)
class Peak:
    """Of every row: the best place (R), its value (R), and the values of the scan (R, G)."""

    place: np.ndarray
    top: np.ndarray
    scan: np.ndarray


def chunks(rows: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Row numbers in pieces of at most `LARGEST` elements."""
    size = max(1, LARGEST // width)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _zoom(curve: Curve, rows: Rows, low: Array, high: Array, drop: float) -> tuple[Array, Array]:
    """The highest place between low and high and its value, until the bracket falls by at most ``drop``."""
    share = np.linspace(0.0, 1.0, _POINTS)
    best, top = 0.5 * (low + high), np.full(len(rows), -np.inf)
    active = np.arange(len(rows))
    for _ in range(60):
        u = low[active, None] + (high - low)[active, None] * share
        values = curve(rows[active], u)
        i = values.argmax(-1)
        at = np.arange(len(active))
        best[active], top[active] = u[at, i], values[at, i]
        left, right = np.maximum(i - 1, 0), np.minimum(i + 1, _POINTS - 1)
        low[active], high[active] = u[at, left], u[at, right]
        fall = values[at, i] - np.minimum(values[at, left], values[at, right])
        narrow = u[at, right] - u[at, left] <= 1e-15 * np.abs(u[at, i])
        active = active[~((fall <= drop) | narrow)]
        if not active.size:
            break
    return best, top


def find_peak(curve: Curve, rows: np.ndarray, grid: np.ndarray, drop: float = 1.0) -> Peak:
    """Scan the grid for every row and zoom in on the highest place."""
    scan = curve(rows, grid[None, :])
    flat = scan.max(-1) == scan.min(-1)
    i = np.where(flat, np.abs(grid).argmin(), scan.argmax(-1))
    low, high = grid[np.maximum(i - 1, 0)], grid[np.minimum(i + 1, len(grid) - 1)]
    place, top = _zoom(curve, rows, low, high, drop)
    return Peak(np.where(flat, grid[i], place), top, scan)


def _right(grid: np.ndarray, scan: np.ndarray, place: np.ndarray, level: np.ndarray, far: bool) -> np.ndarray:
    """(2, R): the last place right of the peak above the level (or the first below it), and one beyond (before)."""
    last = len(grid) - 1
    after = grid > place[:, None]
    first = np.where(after.any(-1), after.argmax(-1), last)
    if far:
        above = after & (scan >= level[:, None])
        end = np.where(above.any(-1), last - above[:, ::-1].argmax(-1) + 1, first)
    else:
        below = after & (scan < level[:, None])
        end = np.where(below.any(-1), below.argmax(-1), last)
    inner = np.where(end > first, grid[np.maximum(np.minimum(end, last) - 1, 0)], place)
    return np.stack([inner, grid[np.minimum(end, last)]])


def around(grid: np.ndarray, scan: np.ndarray, place: np.ndarray, level: np.ndarray, far: bool) -> np.ndarray:
    """(left and right, inner and outer, R): places of the scan between which the curve passes a level.

    The furthest passage where ``far``, so that lower peaks beyond a valley count; else the nearest.
    """
    left = -_right(-grid[::-1], scan[:, ::-1], -place, level, far)
    return np.stack([left, _right(grid, scan, place, level, far)])


def crossing(
    curve: Curve, rows: np.ndarray, inner: Array, outer: Array, level: Array, around: Array
) -> np.ndarray:
    """A place between inner (above ``level``) and outer (below) where the curve passes it, to 5 % of its distance."""
    inner, outer = inner.copy(), outer.copy()
    for _ in range(80):
        middle = 0.5 * (inner + outer)
        above = curve(rows, middle[:, None])[:, 0] >= level
        inner, outer = np.where(above, middle, inner), np.where(above, outer, middle)
        if (np.abs(outer - inner) <= 0.05 * np.abs(outer - around)).all():
            break
    return np.asarray(outer)
