"""Fitting a bend: from a Gaussian optimum on to what the fixed-draw ELBO gains by bending it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppl.inference.arrow import Factor, arrow_draws, arrow_order
from ppl.inference.draws import fixed
from ppl.inference.finite import FiniteTarget
from ppl.inference.lbfgs import ascend, begin
from ppl.posterior.approximation import Approximation
from ppl.posterior.bend import Bend, bend, straight
from ppl.posterior.target import Array, Target, global_coordinates

MOST_DRIVERS = 4
NEAR = 0.5  # widths at which drivers are looked for: tails there say little of the bulk
WORTH = 0.02  # nats a driver must promise
STEPS, CLOSE = 60, 0.01  # most steps, and the slope at which the bend is good enough to weigh draws by
BEND_WORK, ALL_WORK = 1.5e6, 2e8  # elements that one evaluation, and all of them, should touch
ARROW_DRAWS = 200  # fewest draws for the bend of an arrow
LARGEST, DEAREST = 400, 5e5  # rank and work of a draw beyond which nothing is bent
FREE = ("shift", "log_scale", "linear", "curve", "stretch", "skew", "log_tail")
# inverse curvature of the objective at a standard normal, by parameter
TILTED, WELL_SAMPLED = 100, 10  # largest rank, and draws a coordinate, at which correlations are fitted anew
CURVATURE = {
    "shift": 1.0,
    "log_scale": 0.5,
    "linear": 1.0,
    "curve": 0.5,
    "stretch": 0.5,
    "skew": 0.5,
    "log_tail": 0.3,
}
FURTHEST = 0.5  # how much one step may change any parameter


@dataclass(frozen=True)
class BendObjective:
    """The ELBO on draws eps: (S, R), without the normal's constant, over the free parts of a bend.

    Up to rank `TILTED` its factor is free as well, as L (I + N) with N strictly lower triangular. ``arrow``
    is the base's factor where that is an arrow, whose products are cheap.
    """

    target: FiniteTarget
    eps: Array
    base: Bend
    arrow: Factor | None = None

    def at(self, x: Array) -> Bend:
        """The bend with parameters x."""
        parts: dict[str, Any] = {}
        start = 0
        for name in FREE:
            old: Array = getattr(self.base, name)
            parts[name] = x[start : start + old.size].reshape(old.shape)
            start += old.size
        tril = self.base.tril @ self._unit(x[start:]) if len(self.below[0]) else self.base.tril
        return replace(self.base, tril=tril, **parts)

    def _unit(self, entries: Array) -> Array:
        """I + N: (R, R)."""
        unit = np.eye(self.eps.shape[1])
        if entries.size:
            unit[self.below] = entries
        return unit

    @cached_property
    def below(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Places of the entries of N; none where the factor stays as it is."""
        rank = self.eps.shape[1]
        tilted = self.arrow is None and rank <= TILTED and len(self.eps) >= WELL_SAMPLED * rank
        rows, columns = np.tril_indices(rank if tilted else 0, -1)
        return rows, columns

    def pack(self, parts: dict[str, Array], entries: Array) -> Array:
        """Parameters, or their derivatives, as one vector; the entries of N come last."""
        return np.concatenate([*(np.ravel(parts[name]) for name in FREE), entries])

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Value and gradient."""
        with np.errstate(over="ignore", invalid="ignore"):
            at = self.at(x)
            z, log_det = self.place(at, self.eps)
            values, slopes = self.target.value_and_grad(z)
            value = float((values + log_det).mean())
            ordered = slopes[:, at.order]
            return value, self.pack(
                self._derivatives(at, self.back(at, ordered)), self._tilts(at, z, ordered)
            )

    def place(self, at: Bend, eps: Array) -> tuple[Array, Array]:
        """As `Bend.place`."""
        if self.arrow is None:
            return at.place(eps)
        v, log_det = at.warp(eps)
        z = np.repeat(at.mean[None], len(eps), 0)
        z[:, at.order] += self.arrow.of(v)
        return z, log_det

    def back(self, at: Bend, slopes: Array) -> Array:
        """Slopes in z, in the bend's order, as slopes in v: (n, R)."""
        return slopes @ at.tril if self.arrow is None else self.arrow.back(slopes)

    def _tilts(self, at: Bend, z: Array, ordered: Array) -> Array:
        """The derivatives in the entries of N."""
        if not len(self.below[0]):
            return np.zeros(0)
        placed = np.linalg.solve(at.tril, (z - at.mean)[:, at.order].T)
        tilts: Array = ((ordered @ self.base.tril).T @ placed.T / len(z))[self.below]
        return tilts

    def _derivatives(self, at: Bend, slopes: Array) -> dict[str, Array]:
        """slopes: (S, R) of the log density in v."""
        k, count = at.drivers, len(slopes)
        driving, rest = self.eps[:, :k], self.eps[:, k:]
        bent = bend(at, driving, rest)
        first, other = slopes[:, :k] * np.exp(at.log_scale[:k]), slopes[:, k:]
        stretched = other * bent.own
        turning = first * np.cosh(bent.angle) + np.tanh(bent.angle)
        tails = turning * np.exp(at.log_tail) * np.arcsinh(driving)
        return {
            "shift": slopes.mean(0),
            "log_scale": 1.0 + np.concatenate([(first * bent.warped).mean(0), stretched.mean(0)]),
            "linear": other.T @ driving / count,
            "curve": other.T @ (np.square(driving) - 1.0) / count,
            "stretch": stretched.T @ driving / count + driving.mean(0),
            "skew": turning.mean(0),
            "log_tail": 1.0 + tails.mean(0),
        }


def fit_bend(
    target: Target, q: Approximation, rng: np.random.Generator, places: NDArray[np.int64] | None = None
) -> Bend | None:
    """The bend of a fitted Gaussian, or None where bending promises too little to be worth it.

    places: (J, k) are the elements of an arrow: where it is large, its head alone can drive.
    """
    if places is not None and places.size and q.size > LARGEST:
        return bent_arrow(target, q, rng, places)
    gaussian = q.for_summaries()
    free = np.flatnonzero(q.free)
    if len(free) == 0 or len(free) > LARGEST or target.work > DEAREST:
        return None
    cov = (
        np.diag(np.square(gaussian.sd))
        if gaussian.scale_tril is None
        else gaussian.scale_tril @ gaussian.scale_tril.T
    )
    count = int(np.clip(BEND_WORK / max(target.work, 1.0), 100, 1000))
    eps = fixed(rng, max(count, 3 * len(free)) // 2 * 2, len(free))
    is_global = global_coordinates(target.groups, target.size)[free]
    order = np.concatenate([free[is_global], free[~is_global]])
    first = BendObjective(FiniteTarget(target), eps, straight(order, q.mean, _root(cov, order), 0))
    chosen = _drivers(first, int(is_global.sum()) or len(free))
    if not len(chosen):
        return None
    order = np.concatenate([order[chosen], np.delete(order, chosen)])
    return _climbed(replace(first, base=straight(order, q.mean, _root(cov, order), len(chosen))))


def bent_arrow(
    target: Target, q: Approximation, rng: np.random.Generator, places: NDArray[np.int64]
) -> Bend | None:
    """The bend of an arrow, whose products cost no more than its entries."""
    if target.work > DEAREST or q.scale_tril is None:
        return None
    cov, order = q.scale_tril @ q.scale_tril.T, arrow_order(places, q.size)
    head = q.size - places.size
    count = int(
        np.clip(BEND_WORK / max(target.work, 1.0), max(ARROW_DRAWS, 8 * (head + places.shape[1])), 1000)
    )
    eps = arrow_draws(rng, count // 2 * 2, head, (len(places), places.shape[1]))

    def along(order: NDArray[np.int64], drivers: int) -> BendObjective:
        root = _root(cov, order)
        elements, own = places.shape
        rows = np.arange(places.size).reshape(elements, own) + head
        feet = root[rows[:, :, None], rows[:, None, :]]
        factor = Factor(root[:head, :head], root[head:, :head].reshape(elements, own, head), feet)
        return BendObjective(FiniteTarget(target), eps, straight(order, q.mean, root, drivers), factor)

    chosen = _drivers(along(order, 0), head)
    if not len(chosen):
        return None
    return _climbed(along(np.concatenate([order[chosen], np.delete(order, chosen)]), len(chosen)))


def _root(cov: Array, order: NDArray[np.int64]) -> Array:
    root: Array = np.asarray(np.linalg.cholesky(cov[np.ix_(order, order)]), float)
    return root


def _drivers(objective: BendObjective, candidates: int) -> NDArray[np.intp]:
    """Places, among the first ``candidates`` coordinates, of those that promise most to the ELBO.

    The promise is the gradient's square in the metric of `CURVATURE`, at the Gaussian. Terms odd in
    the draws cancel over antithetic pairs, so that a Gaussian target promises nothing.
    """
    eps = NEAR * objective.eps
    values, slopes = objective.target.value_and_grad(objective.place(objective.base, eps)[0])
    eps = objective.eps
    if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
        return np.zeros(0, np.intp)
    white = objective.back(objective.base, slopes[:, objective.base.order])
    some = eps[:, :candidates]
    curve = white.T @ (np.square(some) - 1.0) / len(eps)
    stretch = (white * eps).T @ some / len(eps)
    own = np.arange(candidates)
    skew = (
        white[:, :candidates] * np.sqrt(1.0 + np.square(some)) + some / np.sqrt(1.0 + np.square(some))
    ).mean(0)
    curve[own, own] = stretch[own, own] = 0.0
    promise = 0.25 * (np.square(curve).sum(0) + np.square(stretch).sum(0) + np.square(skew))
    best = np.argsort(-promise)[:MOST_DRIVERS]
    chosen: NDArray[np.intp] = best[promise[best] > max(WORTH, 0.1 * promise[best[0]])]
    return chosen


def _climbed(objective: BendObjective) -> Bend | None:
    """The optimum, near enough; None when it gains nothing."""
    entries = np.zeros(len(objective.below[0]))
    start = objective.pack({n: getattr(objective.base, n) for n in FREE}, entries)
    scale = objective.pack(
        {n: np.full_like(getattr(objective.base, n), CURVATURE[n]) for n in FREE}, entries + 1.0
    )
    state = begin(objective, start)
    if not np.isfinite(state.value) or not np.isfinite(state.grad).all():
        return None
    first = state.value
    affordable = int(ALL_WORK / (max(objective.target.target.work, 1.0) * len(objective.eps)))
    for _ in range(min(STEPS, max(affordable, 5))):
        if float(np.abs(np.sqrt(scale) * state.grad).max()) < CLOSE or state.stalled:
            break
        state = ascend(
            objective, state, scale, lambda move: min(1.0, FURTHEST / max(float(np.abs(move).max()), 1e-300))
        )
    return objective.at(state.x) if state.value > first + WORTH else None
