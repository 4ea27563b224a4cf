"""Stochastic ascent: Adam with clipping and polynomial averaging, in stages of smaller steps.

A stage ends when the later half of its noisy ELBOs no longer rises; the next starts from the
stage's averaged iterate with a quarter of the step. The run ends when a smaller step no longer helps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ppl.posterior.target import Array

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
AVERAGING = 8.0  # eta of polynomial averaging: weights grow as t^8, so early iterates are forgotten
CLIP, FORGET = 10.0, 0.99
CHECK, SHORTEST, LONGEST = 100, 400, 8000
SHRINK = 0.25
ENOUGH = 2.0  # standard errors within which two levels are the same


@dataclass(frozen=True)
class Ascent:
    """theta: the iterate; average: its polynomial average; elbos: of this stage's steps.

    rms: running mean squared norm of each block's gradient; level: (mean, standard error) at the last stage's end.
    """

    theta: Array
    average: Array
    first: Array
    second: Array
    rms: Array
    elbos: Array
    level: Array
    rate: float
    stage: int
    moves: int
    finished: bool


def begin(theta: Array, blocks: int, rate: float) -> Ascent:
    """The state before the first step."""
    zero = np.zeros_like(theta)
    return Ascent(
        theta, theta, zero, zero, np.full(blocks, np.nan), np.zeros(0), np.array([-np.inf, 0.0]), rate, 0, 0, False
    )  # fmt: skip


def move(at: Ascent, gradient: Array, elbo: float, blocks: Array) -> Ascent:
    """One step up a clipped gradient. blocks: (parameters,) the number of each parameter's block."""
    gradient, rms = clipped(gradient, blocks, at.rms)
    first = FIRST * at.first + (1.0 - FIRST) * gradient
    second = SECOND * at.second + (1.0 - SECOND) * np.square(gradient)
    moves = at.moves + 1
    direction = first / (1.0 - FIRST**moves) / (np.sqrt(second / (1.0 - SECOND**moves)) + TINY)
    theta = at.theta + at.rate * direction
    elbos = np.append(at.elbos, elbo)
    share = (AVERAGING + 1.0) / (len(elbos) + AVERAGING)
    average = at.average + share * (theta - at.average)
    new = replace(
        at, theta=theta, average=average, first=first, second=second, rms=rms, elbos=elbos, moves=moves
    )
    return next_stage(new) if stage_over(elbos) else new


def clipped(gradient: Array, blocks: Array, rms: Array) -> tuple[Array, Array]:
    """The gradient with no block's norm above `CLIP` times its running root mean square, and that updated."""
    squares = np.bincount(blocks, np.square(gradient), minlength=len(rms))
    known = np.where(np.isnan(rms), squares, rms)
    most = CLIP**2 * np.maximum(known, TINY)
    scale = np.sqrt(np.minimum(1.0, most / np.maximum(squares, TINY)))
    seen = np.minimum(squares, most)
    return gradient * scale[blocks], FORGET * known + (1.0 - FORGET) * seen


def stage_over(elbos: Array) -> bool:
    """Whether the last quarter of the ELBOs is no higher than the quarter before, within two standard errors."""
    n = len(elbos)
    if n < SHORTEST or n % CHECK:
        return False
    before, last = elbos[n // 2 : 3 * n // 4], elbos[3 * n // 4 :]
    rise = last.mean() - before.mean()
    return bool(n >= LONGEST or rise < ENOUGH * np.hypot(_error(before), _error(last)))


def _error(x: Array) -> float:
    return float(x.std(ddof=1) / np.sqrt(len(x)))


def next_stage(at: Ascent) -> Ascent:
    """A quarter of the step from the averaged iterate, or the end where the last quartering did not help."""
    last = at.elbos[3 * len(at.elbos) // 4 :]
    level = np.array([last.mean(), _error(last)])
    gained = level[0] - at.level[0]
    helped = gained > ENOUGH * np.hypot(level[1], at.level[1])
    if at.stage > 0 and not helped:
        return replace(at, level=level, finished=True)
    return replace(
        at,
        theta=at.average,
        first=np.zeros_like(at.first),
        second=np.zeros_like(at.second),
        elbos=np.zeros(0),
        level=level,
        rate=at.rate * SHRINK,
        stage=at.stage + 1,
        moves=0,
    )
