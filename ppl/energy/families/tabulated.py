"""The exact coordinate update of any scalar latent: q(x) = exp(sum_f eta_f f(x) - A) on an interval, by quadrature.

Nodes are uniform in t with u = centre + scale sinh(t), u the unconstrained coordinate: exponential tails become
double exponential, for which the trapezoid rule converges geometrically (Takahasi & Mori 1974; Trefethen &
Weideman, The exponentially convergent trapezoidal rule, 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ppl.energy.families import point
from ppl.energy.families._line import Function, Line
from ppl.energy.families._places import Places, place_nodes
from ppl.energy.families._search import Density, chunks
from ppl.energy.families.base import Eta, NotProper
from ppl.supports import Interval

Array = Any
Value = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (rows (R,), u (R, M)) -> (R, M)

_NEGLIGIBLE = 1e-13
_HUGE = 1e299


def tabulate(eta: Eta, support: Interval, functions: Mapping[str, Function] | None = None) -> Tabulated:
    """The density proportional to exp(sum_f eta_f f(x)) on ``support``, one for every element of the batch.

    eta: statistic -> (*batch): ``x``, ``power:p``, ``log``, ``log1m``, and any name with an elementwise function in
    ``functions``. Raises `NotProper` naming the elements that cannot be normalised.

    >>> from ppl.supports import POSITIVE
    >>> q = tabulate({"log": np.array(2.0), "x": np.array(-4.0)}, POSITIVE)  # Gamma(3, 4)
    >>> float(q.expect("x").round(9)), float(q.expect("power:-1").round(9))
    (0.75, 2.0)
    """
    arrays = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in eta.values()))
    shape = arrays[0].shape
    flat = {s: a.reshape(-1) for s, a in zip(eta, arrays, strict=True)}
    density = Density(Line.of(support), flat, dict(functions or {}), jacobian=True)
    rows = np.arange(arrays[0].size)
    bad = ~np.isfinite(np.stack([a.reshape(-1) for a in arrays])).all(0)
    places, improper = place_nodes(density, rows[~bad], density.grid(), rows.size)
    bad[~bad] = improper.any(0)
    if bad.any():
        raise NotProper("the density cannot be normalised", bad.reshape(shape))
    return Tabulated(density, shape, places)


@dataclass(frozen=True)
class Tabulated:
    """A tabulated density for every element of a batch; arrays it returns have the batch's shape."""

    density: Density
    shape: tuple[int, ...]
    places: Places

    @property
    def log_normaliser(self) -> np.ndarray:
        """A."""
        return self.places.log_total.reshape(self.shape)

    @property
    def error(self) -> np.ndarray:
        """How much A moved when the number of nodes was last doubled."""
        return self.places.error.reshape(self.shape)

    def expect(self, stat: str, function: Function | None = None) -> np.ndarray:
        """E f(x): infinite (or NaN, inf - inf) where the integral diverges or passes 1e299."""
        if function is None and stat in self.density.eta:
            return self._means[stat]
        return self._averages([self._statistic(stat, function)])[0].reshape(self.shape)

    def mean(self) -> dict[str, np.ndarray]:
        """E of every statistic in eta."""
        return dict(self._means)

    @cached_property
    def _means(self) -> dict[str, np.ndarray]:
        found = self._averages([self._statistic(stat, None) for stat in self.density.eta])
        return {s: e.reshape(self.shape) for s, e in zip(self.density.eta, found, strict=True)}

    def _statistic(self, stat: str, function: Function | None) -> Value:
        known = function or self.density.functions.get(stat)
        return lambda rows, u: self.density.line.statistic(stat, u, known)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of x."""
        mean = self.expect("x").reshape(-1)
        line = self.density.line
        centre = np.where(np.isfinite(mean), mean, 0.0)
        (var,) = self._averages([lambda rows, u: np.square(line.x(u) - centre[rows][:, None])])
        return mean.reshape(self.shape), np.sqrt(var).reshape(self.shape)

    def entropy(self) -> np.ndarray:
        """-E log q(x)."""
        total = self.places.log_total
        (found,) = self._averages([lambda rows, u: total[rows][:, None] - self.density.energy(rows, u)])
        return found.reshape(self.shape)

    def mode(self) -> tuple[np.ndarray, np.ndarray]:
        """The maximiser of the density of x and whether it was put on the boundary (see `point.mode`)."""
        eta = {s: v.reshape(self.shape) for s, v in self.density.eta.items()}
        return point.mode(eta, self.density.line.support, self.density.functions)

    def log_density(self, x: Array) -> np.ndarray:
        """log q(x) for x (..., *batch)."""
        x = np.asarray(x, dtype=float)
        lead = np.broadcast_shapes(x.shape, self.shape)
        flat = np.broadcast_to(x, lead).reshape(-1, self.places.log_total.size).T
        rows = np.arange(flat.shape[0])
        out = self.density.energy(rows, self.density.line.u(flat)) - self.places.log_total[:, None]
        return np.asarray(out.T.reshape(lead))

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """(n, *batch) draws by the inverse distribution function, interpolated between nodes."""
        out = np.empty((n, self.places.log_total.size))
        for rows, t, _, weight in self._nodes():
            for i in chunks(np.arange(len(rows)), n):
                at = _inverse_cdf(t[i], weight[i], rng.random((len(i), n)))
                out[:, rows[i]] = self.places.u(rows[i], at).T
        return self.density.line.x(out).reshape(n, *self.shape)

    def _nodes(self) -> Any:
        """(rows, t, u, probabilities) in pieces."""
        for count in np.unique(self.places.count):
            for rows in chunks(np.flatnonzero(self.places.count == count), int(count)):
                t, u, log_width = self.places.nodes(rows, int(count))
                logs = self.density(rows, u) + log_width - self.places.log_total[rows][:, None]
                weight = np.exp(logs)
                weight /= weight.sum(
                    -1, keepdims=True
                )  # A of far-off peaks has lost digits that they have not
                yield rows, t, u, weight

    def _averages(self, values: list[Value]) -> list[np.ndarray]:
        """E value(x) of each, (B,)."""
        out = [np.empty(self.places.log_total.size) for _ in values]
        cut: list[list[np.ndarray]] = [[] for _ in values]
        for rows, _, u, weight in self._nodes():
            for value, into, short in zip(values, out, cut, strict=True):
                with np.errstate(all="ignore"):
                    parts = np.where(weight > 0, weight * value(rows, u), 0.0)
                into[rows] = parts.sum(-1)
                ends = np.maximum(np.abs(parts[:, 0]), np.abs(parts[:, -1]))
                short.append(rows[~(ends <= _NEGLIGIBLE * np.abs(parts).sum(-1))])
        for value, into, short in zip(values, out, cut, strict=True):
            far = np.concatenate(short) if short else np.zeros(0, dtype=int)
            if far.size:
                into[far] = self._far_average(value, far)
        return out

    def _far_average(self, value: Value, rows: np.ndarray) -> np.ndarray:
        """The same where value grows so fast that the nodes end too early: nodes for q (1 + |value|)."""

        def tilted(rows: np.ndarray, u: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):
                size = np.abs(value(rows, u + np.zeros((len(rows), 1))))
            size = np.where(size <= _HUGE, size, _HUGE)
            return self.density(rows, u) + np.log1p(size)

        places, open_ends = place_nodes(tilted, rows, self.density.grid(), self.places.count.size)
        out = np.full(len(rows), np.nan)
        for i in chunks(np.arange(len(rows)), int(places.count.max())):
            r = rows[i]
            _, u, log_width = places.nodes(r, int(places.count.max()))
            with np.errstate(all="ignore"):
                v = value(r, u)
                logs = self.density(r, u) + log_width - self.places.log_total[r][:, None]
                parts = np.where(v == 0, 0.0, np.sign(v) * np.exp(logs + np.log(np.abs(v))))
            share = np.exp(tilted(r, u) + log_width - places.log_total[r][:, None])
            endless = (share > _NEGLIGIBLE) & ~(np.abs(v) < _HUGE)
            parts = np.where(endless, np.copysign(np.inf, v), parts)
            parts[:, 0] = np.where(open_ends[0, i], np.copysign(np.inf, v[:, 0]), parts[:, 0])
            parts[:, -1] = np.where(open_ends[1, i], np.copysign(np.inf, v[:, -1]), parts[:, -1])
            with np.errstate(invalid="ignore"):
                out[i] = parts.sum(-1)
        return out


def _inverse_cdf(t: np.ndarray, weight: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Where the piecewise linear distribution functions through the nodes reach p (R, n): (R, n) values of t."""
    count, last = len(t), t.shape[1] - 1
    edges = np.zeros(t.shape)
    np.cumsum(0.5 * (weight[:, 1:] + weight[:, :-1]), axis=-1, out=edges[:, 1:])
    edges /= edges[:, -1:]
    # one search for all rows: row r's edges lie between 2 r and 2 r + 1
    shift = 2.0 * np.arange(count)[:, None]
    cell = np.searchsorted((edges + shift).ravel(), (p + shift).ravel(), side="right").reshape(p.shape) - 1
    cell = np.clip(cell - (last + 1) * np.arange(count)[:, None], 0, last - 1)
    low, high = (np.take_along_axis(edges, c, axis=-1) for c in (cell, cell + 1))
    part = np.clip((p - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    return np.asarray(t[:, :1] + (t[:, 1:2] - t[:, :1]) * (cell + part))
