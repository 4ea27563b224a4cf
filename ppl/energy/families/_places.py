"""Where the nodes of the quadrature go: peak, scale and reach of every row, then doubling until A stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.energy.families._search import Curve, around, chunks, crossing, find_peak

Array = Any

_FIRST, _LAST = 129, 4097
_TOLERANCE = 1e-10
_FAR = 40.0  # nats below the peak that are cut off


@dataclass(frozen=True)
class Places:
    """u = centre + scale sinh(t) for ``count`` values of t from ``low`` to ``high``; all (B,).

    ``log_total``: log of the integral of exp(curve) over u; ``error``: its last change.
    """

    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    log_total: np.ndarray
    error: np.ndarray

    @classmethod
    def empty(cls, size: int) -> Places:
        """Places to be filled in."""
        one = np.ones(size)
        count = np.full(size, _FIRST)
        return cls(one, one.copy(), one.copy(), one.copy(), count, np.zeros(size), np.zeros(size))

    def u(self, rows: np.ndarray, t: Array) -> np.ndarray:
        """The coordinate, t (R, M)."""
        return np.asarray(self.centre[rows][:, None] + self.scale[rows][:, None] * np.sinh(t))

    def nodes(self, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """t, u and log weights of the trapezoid rule, (R, count) each."""
        share = np.linspace(0.0, 1.0, count)
        t = self.low[rows][:, None] + (self.high - self.low)[rows][:, None] * share
        step = (self.high - self.low)[rows][:, None] / (count - 1)
        return t, self.u(rows, t), np.log(step * self.scale[rows][:, None] * np.cosh(t))


def place_nodes(curve: Curve, rows: np.ndarray, grid: np.ndarray, size: int) -> tuple[Places, np.ndarray]:
    """Places for some of ``size`` rows, and (2, R) where a curve does not fall to the left or right."""
    places = Places.empty(size)
    unbounded = np.zeros((2, len(rows)), dtype=bool)
    for i in chunks(np.arange(len(rows)), len(grid)):
        unbounded[:, i] = _spread(curve, rows[i], grid, places)
    _refine(curve, rows, places)
    return places, unbounded


def _spread(curve: Curve, rows: np.ndarray, grid: np.ndarray, places: Places) -> np.ndarray:
    """Fill in centre, scale and reach."""
    peak = find_peak(curve, rows, grid)
    nearby = around(grid, peak.scan, peak.place, peak.top - 1.0, far=False)
    near = [crossing(curve, rows, inner, outer, peak.top - 1.0, peak.place) for inner, outer in nearby]
    scale = np.sqrt((peak.place - near[0]) * (near[1] - peak.place))
    scale = np.where(scale > 0, scale, 1e-300 + 1e-15 * np.abs(peak.place))
    place = np.zeros(places.centre.shape)
    width = np.ones(place.shape)
    place[rows], width[rows] = peak.place, scale

    def mass(rows: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The curve and log of the length of a tail: algebraic tails are cut where their mass is small."""
        tail: np.ndarray = np.log1p(np.abs(u - place[rows][:, None]) / width[rows][:, None])
        return np.asarray(curve(rows, u) + tail)

    scan = peak.scan + np.log1p(np.abs(grid - peak.place[:, None]) / scale[:, None])
    level = peak.top - _FAR
    reach = around(grid, scan, peak.place, level, far=True)
    far = [crossing(mass, rows, inner, outer, level, peak.place) for inner, outer in reach]
    places.centre[rows], places.scale[rows] = peak.place, scale
    places.low[rows] = -np.arcsinh((peak.place - far[0]) / scale)
    places.high[rows] = np.arcsinh((far[1] - peak.place) / scale)
    return np.asarray(level <= scan[:, [0, -1]].T)


def _integral(curve: Curve, places: Places, rows: np.ndarray, count: int) -> np.ndarray:
    out = np.empty(len(rows))
    for i in chunks(np.arange(len(rows)), count):
        _, u, log_width = places.nodes(rows[i], count)
        logs = curve(rows[i], u) + log_width
        top = logs.max(-1)
        top = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore"):
            out[i] = np.log(np.exp(logs - top[:, None]).sum(-1)) + top
    return out


def _refine(curve: Curve, rows: np.ndarray, places: Places) -> None:
    """Double the nodes of every row until log_total changes by less than 1e-10."""
    count = _FIRST
    last = _integral(curve, places, rows, count)
    while rows.size:
        count = 2 * count - 1
        new = _integral(curve, places, rows, count)
        with np.errstate(invalid="ignore"):
            error = np.abs(new - last)
        places.log_total[rows], places.count[rows], places.error[rows] = new, count, error
        open_still = ~(error <= _TOLERANCE + 1e-14 * np.abs(new)) & np.isfinite(new)
        rows, last = rows[open_still], new[open_still]
        if count >= _LAST:
            break
