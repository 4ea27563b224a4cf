"""The search of a block whose factors are evaluated at fixed draws: frames by Newton steps, then quasi-Newton.

The value on the given draws never falls: a search that would lower it hands back where it began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ppl.energy.blocks.sampled import Climbed, Objective
from ppl.inference.draws import fixed, matched, stream, whitened
from ppl.inference.finite import FiniteTarget
from ppl.inference.full_rank import Frame, FullRank, newton_frame
from ppl.inference.lbfgs import Ascent, ascend, begin
from ppl.inference.mean_field import MeanField
from ppl.inference.starts import point_scale
from ppl.posterior.target import Array

LARGEST_DENSE = 100  # coordinates of a full covariance
FIRST_STEPS, STEPS, FRAMES = 80, 25, 8
CHEAP, MOST = 5e5, 480  # elements that one evaluation may touch, and the most draws for that
SMALL = 1e-4  # scaled gradient at which an update has done its work
WIDTHS = (0.0, 2.0, 5.0)  # e-folds by which a start is narrowed until its draws have densities
SPREADS = (0.0, 0.1, 0.5, 1.0, 2.0)  # sds of random shifts of a start, likewise


def fixed_draws(rank: int, dense: bool, work: float, seed: int = 0) -> Array:
    """Draws of a block with ``rank`` coordinates, each of which touches ``work`` elements: (S, rank)."""
    if rank == 0:
        return np.zeros((2, 0))
    rng, affordable = stream(seed, 11), int(CHEAP / max(work, 1.0)) // 2 * 2
    if dense:
        return whitened(rng, max(60, 2 * rank, min(affordable, MOST)), rank)
    return fixed(rng, max(30, min(affordable, MOST)), rank)


def search(objective: Objective, at: Climbed, eps: Array, fresh: bool) -> Climbed:
    """A better Gaussian than ``at``, or the same one; ``fresh`` where none was fitted yet."""
    dense = at.spread.ndim == 2
    if not dense:
        return _mean_field(objective, at, eps, FIRST_STEPS if fresh else STEPS, fresh)
    if fresh:
        rank = eps.shape[1]
        rough = matched(stream(0, 12), 30, rank)
        log_sd = np.full(objective.size, -1.0)
        first = _mean_field(objective, Climbed(at.mean, log_sd), rough, FIRST_STEPS, True)
        at = Climbed(first.mean, np.diag(np.exp(first.spread[~objective.point])))
    return _full_rank(objective, at, eps, fresh)


@dataclass(frozen=True)
class _Counted:
    """A mean-field objective whose spreads count as often as rows' weights say."""

    plain: MeanField
    more: Array

    def __call__(self, x: Array) -> tuple[float, Array]:
        value, grad = self.plain(x)
        log_sd = np.split(x, 2)[1]
        return value + float(self.more @ log_sd), grad + np.concatenate([0.0 * self.more, self.more])


def _mean_field(objective: Objective, at: Climbed, eps: Array, steps: int, fresh: bool) -> Climbed:
    whole = np.zeros((len(eps), objective.size))
    whole[:, ~objective.point] = eps
    target = FiniteTarget(objective)
    plain = MeanField(target, whole, point_scale(objective, at.mean))
    more = np.where(objective.point, 0.0, objective.counts - 1.0)
    counted = _Counted(plain, more)
    state = _finite_start(counted, at, fresh)
    if state is None:
        return at
    for _ in range(steps):
        if float(np.max(np.abs(plain.scaled_gradient(state.x, state.grad)))) < SMALL or state.stalled:
            break
        x = state.x
        state = ascend(counted, state, plain.metric(x, state.grad), partial(plain.cap, x))
    mean, log_sd = np.split(state.x, 2)
    return Climbed(mean, log_sd)


def _finite_start(objective: _Counted, at: Climbed, fresh: bool) -> Ascent | None:
    """Where draws have densities: at the start itself, or for a first fit narrower or near it."""
    rng = stream(0, 13)
    for spread in SPREADS if fresh else SPREADS[:1]:
        mean = at.mean + spread * rng.standard_normal(len(at.mean))
        for narrower in WIDTHS if fresh else WIDTHS[:1]:
            state = begin(objective, np.concatenate([mean, at.spread - narrower]))
            if np.isfinite(state.value) and np.isfinite(state.grad).all():
                return state
    return None


def _full_rank(objective: Objective, at: Climbed, eps: Array, fresh: bool) -> Climbed:
    target = FiniteTarget(objective)
    scale = point_scale(objective, at.mean)
    found = _framed(target, at, eps, scale, fresh)
    if found is None:
        return at
    climbed, state = found
    for _ in range(FRAMES if fresh else 2):
        better = _newton(climbed, state)
        if better is None:
            break
        gain = better[1].value - state.value
        climbed, state = better
        if gain < 1e-3:
            break
    for _ in range(STEPS):
        x = state.x
        if float(np.max(np.abs(climbed.scaled_gradient(x, state.grad)))) < SMALL or state.stalled:
            break
        state = ascend(climbed, state, climbed.metric(x, state.grad), partial(climbed.cap, x))
    best = climbed.gaussian(state.x)
    return Climbed(best.mean, best.tril)


def _framed(
    target: FiniteTarget, at: Climbed, eps: Array, scale: Array, fresh: bool
) -> tuple[FullRank, Ascent] | None:
    for narrower in WIDTHS if fresh else WIDTHS[:1]:
        objective = FullRank(target, eps, Frame(at.mean, np.exp(-narrower) * at.spread), scale)
        state = begin(objective, objective.origin)
        if np.isfinite(state.value) and np.isfinite(state.grad).all():
            return objective, state
    return None


def _newton(objective: FullRank, state: Ascent) -> tuple[FullRank, Ascent] | None:
    """A Newton step of the frame that gains; None where there is none."""
    for rate in (1.0, 0.5, 0.25):
        trial = replace(objective, frame=newton_frame(objective, state.grad, rate))
        new = begin(trial, trial.origin)
        if np.isfinite(new.grad).all() and new.value > state.value:
            return trial, new
    return None
