"""The member of a family that is closest to a density of known statistics: the fixed form of a coordinate update.

    argmin KL(q || p),  p ~ exp(sum_f eta_f f):    argmax J(theta) = sum_f eta_f E_theta f + H(theta)

Newton's method in at most two coordinates with derivatives by differences; a step that does not raise J is halved,
so that J never falls. E f in closed form where the family has one, else on nodes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.energy.families._form_nodes import NODES
from ppl.energy.families._forms import Form
from ppl.energy.families._line import Function, Line
from ppl.energy.families._search import chunks
from ppl.energy.families.base import NotProper, weighted
from ppl.energy.families.tabulated import tabulate
from ppl.supports import Interval

Array = Any

STEP = 1e-2  # of the differences, in units of the coordinates
ROUNDS, HALVINGS, NARROWER = 60, 30, 20
LONGEST = 4.0  # units that one step moves
FLATTEST = 1e-3  # curvature below which a step goes by it
SMALL = 1e-13  # nats, relative to the size of J, that are not worth another step


@dataclass(frozen=True)
class Closest:
    """The problem for some elements at once. ``stats`` are those that are asked for."""

    form: type[Form]
    support: Interval
    stats: tuple[str, ...]
    functions: Mapping[str, Function]

    def expectations(self, theta: Array) -> dict[str, np.ndarray]:
        """E f of every statistic, (*batch); infinite where it is."""
        kind = self.form.kind()
        with np.errstate(all="ignore"):
            eta = kind.natural(self.form.parameters(theta))
            found = {s: kind.expect(s, eta) for s in self.stats}
            rest = [s for s, value in found.items() if value is None]
            if rest:
                found |= self._by_nodes(theta, rest)
        shape = theta[0].shape
        return {s: np.broadcast_to(np.asarray(v), shape) for s, v in found.items()}

    def _by_nodes(self, theta: Array, stats: list[str]) -> dict[str, np.ndarray]:
        line, shape = Line.of(self.support), theta[0].shape
        flat = np.reshape(theta, (len(theta), -1))
        out = {s: np.empty(flat.shape[1]) for s in stats}
        for rows in chunks(np.arange(flat.shape[1]), NODES):
            u, weight = self.form.nodes(flat[:, rows])
            for s in stats:
                out[s][rows] = (weight * line.statistic(s, u, self.functions.get(s))).sum(-1)
        return {s: v.reshape(shape) for s, v in out.items()}

    def value(self, theta: Array, eta: Mapping[str, Array]) -> tuple[np.ndarray, np.ndarray]:
        """J and the size of its parts; -inf where an expectation is infinite."""
        found = self.expectations(theta)
        with np.errstate(all="ignore"):
            parts = [weighted(eta[s], e) for s, e in found.items()]
            parts.append(self.form.entropy(theta))
            total, size = np.sum(parts, axis=0), np.sum(np.abs(parts), axis=0)
        fine = np.all([np.isfinite(e) for e in (*found.values(), total)], axis=0)
        return np.asarray(np.where(fine, total, -np.inf)), size

    def begin(self, eta: Mapping[str, Array]) -> np.ndarray:
        """Coordinates from the mean and variance of the density itself on the unconstrained line.

        Narrower where an expectation is infinite. Raises `NotProper` where it cannot be normalised.
        """
        q = tabulate(eta, self.support, self.functions)
        line = Line.of(self.support)
        mean = q.expect("place", line.u)
        spread = q.expect("square", lambda x: np.square(line.u(x)))
        variance = spread - np.square(mean)
        ok = np.isfinite(mean) & np.isfinite(variance) & (variance > 0)
        mean, variance = np.where(ok, mean, 0.0), np.where(ok, variance, 1.0)
        theta = self.form.about(mean, variance)
        for _ in range(NARROWER):
            endless = ~np.isfinite(self.value(theta, eta)[0])
            if not endless.any() or len(theta) == 1:
                break
            variance = np.where(endless, 0.3 * variance, variance)
            theta = self.form.about(mean, variance)
        return np.asarray(theta)

    def climb(self, eta: Mapping[str, Array], theta: Array) -> np.ndarray:
        """The best coordinates from a start, never worse than it; ``eta``: statistic -> (B,), theta (D, B)."""
        out: np.ndarray = np.array(theta, dtype=float)
        for rows in chunks(np.arange(out.shape[1]), 64):
            out[:, rows] = _newton(self.value, {s: e[rows] for s, e in eta.items()}, out[:, rows], self)
        return out


Value = Callable[[Array, Mapping[str, Array]], tuple[np.ndarray, np.ndarray]]


def _newton(value: Value, eta: Mapping[str, Array], theta: np.ndarray, of: Closest) -> np.ndarray:
    now, size = value(theta, eta)
    active = np.arange(theta.shape[1])
    for _ in range(ROUNDS):
        own = {s: e[active] for s, e in eta.items()}
        here = theta[:, active]
        units = of.form.units(here)
        slope, bend = _derivatives(value, own, here, units)
        step = _step(slope, bend)
        new, gained = _halved(value, own, here, now[active], units * step)
        theta[:, active] = new
        now[active] += gained
        worth = gained > SMALL * (1.0 + size[active])
        active = active[worth]
        if not active.size:
            break
    if active.size and not (np.abs(theta[-1, active]) < 300.0).all():
        raise NotProper("no member of the family is closest to the density", np.abs(theta[-1]) >= 300.0)
    return theta


def _derivatives(
    value: Value, eta: Mapping[str, Array], theta: Array, units: Array
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (D, B) and second derivatives (D, D, B) of J in units, by fourth-order differences."""
    size = len(theta)
    moves = [np.zeros(size)]
    for i in range(size):
        moves += [k * np.eye(size)[i] for k in (-2.0, -1.0, 1.0, 2.0)]
    if size == 2:
        moves += [np.array(m) for m in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))]
    places = theta[:, None, :] + STEP * np.stack(moves, 1)[:, :, None] * units[:, None, :]
    j, _ = value(places, {s: e[None] for s, e in eta.items()})
    with np.errstate(invalid="ignore"):
        slope = np.empty(theta.shape)
        bend = np.zeros((size, size, theta.shape[1]))
        for i in range(size):
            far_low, low, high, far_high = j[1 + 4 * i : 5 + 4 * i]
            slope[i] = (far_low - 8.0 * low + 8.0 * high - far_high) / (12.0 * STEP)
            bend[i, i] = (-far_low + 16.0 * low - 30.0 * j[0] + 16.0 * high - far_high) / (12.0 * STEP**2)
        if size == 2:
            bend[0, 1] = bend[1, 0] = (j[-4] - j[-3] - j[-2] + j[-1]) / (4.0 * STEP**2)
    fine = np.isfinite(slope).all(0) & np.isfinite(bend).all((0, 1))
    return np.where(fine, slope, 0.0), np.where(fine, bend, -np.eye(size)[:, :, None])


def _step(slope: Array, bend: Array) -> np.ndarray:
    """An ascent step in units (D, B): Newton's where J is concave, else with curvatures turned round."""
    roots, vectors = np.linalg.eigh(np.moveaxis(bend, -1, 0))
    along = np.einsum("bij,ib->bj", vectors, slope)
    along = along / np.maximum(np.abs(roots), FLATTEST)
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    along = along * np.minimum(1.0, LONGEST / np.maximum(length, 1e-300))
    return np.asarray(np.einsum("bij,bj->ib", vectors, along))


def _halved(
    value: Value, eta: Mapping[str, Array], theta: np.ndarray, now: np.ndarray, step: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The longest of the steps that raises J, or none: the new coordinates, and what each gained."""
    new, gained = theta.copy(), np.zeros(now.shape)
    open_still = np.flatnonzero((step != 0).any(0))
    share = 1.0
    for _ in range(HALVINGS):
        if not open_still.size:
            break
        tried = theta[:, open_still] + share * step[:, open_still]
        found, _ = value(tried, {s: e[open_still] for s, e in eta.items()})
        with np.errstate(invalid="ignore"):
            better = found > now[open_still]
        new[:, open_still[better]] = tried[:, better]
        gained[open_still[better]] = found[better] - now[open_still[better]]
        open_still = open_still[~better]
        share *= 0.5
    return new, gained
