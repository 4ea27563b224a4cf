"""The state of a fixed-draw fit, and the objective and Gaussian it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ppl.inference.arrow import Arrow, approximation
from ppl.inference.finite import FiniteTarget
from ppl.inference.full_rank import Frame, FullRank
from ppl.inference.lbfgs import Ascent, ascend
from ppl.inference.mean_field import MeanField
from ppl.posterior.approximation import Approximation
from ppl.posterior.target import Array, Target, coordinate_names

Phase = Literal["centre", "frame", "climb", "replicate", "end"]
Objective = MeanField | FullRank | Arrow

FRAMED = ("full_rank", "arrow")  # families that are climbed in a frame
WIDEST = 25.0  # log sd at which a coordinate is taken to have no posterior


def no_places() -> NDArray[np.int64]:
    """No elements."""
    return np.zeros((0, 0), dtype=np.int64)


@dataclass(frozen=True)
class Answer:
    """An optimum set aside while a second set of draws is tried."""

    x: Array
    value: float
    grad: Array
    eps: Array
    frame: Frame
    gradient: float = np.nan


@dataclass(frozen=True)
class State:
    """Everything a fit needs to go on.

    eps: (S, D) for a mean-field objective, (S, R) for a full-rank one. ``sets`` counts the draw
    sets used, which number their random streams. ``shift_*`` say how far the means (in sds) and
    the log sds differ between two sets. ``ends``: (k,) are the objectives at the ends of earlier
    starts, -inf where one did not converge, and ``best`` the best. ``reason`` is empty while the fit runs.
    """

    phase: str
    family: str
    seed: int
    eps: Array
    offender: Array  # (D,) the last draw whose density was not finite; empty when none was
    ascent: Ascent
    frame: Frame
    point_scale: Array
    answer: Answer
    best: Answer
    ends: Array
    sets: int = 0
    steps: int = 0
    phase_steps: int = 0
    gradient: float = np.inf
    draws_used: int = 0
    shift_max: float = np.nan
    shift_rms: float = np.nan
    spread_max: float = np.nan
    places: NDArray[np.int64] = field(default_factory=no_places)  # (J, k) of an arrow's elements
    affordable: int = 0  # draws an objective may have before they cost noticeable time
    reason: str = ""
    detail: str = ""

    @property
    def framed(self) -> bool:
        """Whether the objective at hand is of a correlated family, in a frame."""
        return self.family in FRAMED and self.phase != "centre"


def no_frame() -> Frame:
    """The frame of a mean-field fit."""
    return Frame(np.zeros(0), np.zeros((0, 0)))


def no_answer() -> Answer:
    """The answer before there is one."""
    empty = np.zeros(0)
    return Answer(empty, np.nan, empty, np.zeros((0, 0)), no_frame())


def objective_of(target: FiniteTarget, state: State) -> Objective:
    """The function the state's ascent climbs."""
    if state.framed and state.family == "arrow":
        return Arrow(target, state.eps, state.frame, state.places)
    if state.framed:
        return FullRank(target, state.eps, state.frame, state.point_scale)
    return MeanField(target, state.eps, state.point_scale)


def measured(state: State, objective: Objective) -> State:
    """The state with its scaled gradient, its count of work and any trouble brought up to date."""
    scaled = objective.scaled_gradient(state.ascent.x, state.ascent.grad)
    tally = objective.target.tally
    return replace(
        state,
        gradient=float(np.abs(scaled).max(initial=0.0)),
        draws_used=state.draws_used + tally.draws,
        offender=state.offender if tally.offender is None else tally.offender,
    )


def ascended(target: Target, state: State) -> State:
    """One quasi-Newton step of whatever the state climbs."""
    objective = objective_of(FiniteTarget(target), state)
    x, grad = state.ascent.x, state.ascent.grad
    trust = 1e6 if bool(np.any(target.point)) else 20.0
    ascent = ascend(
        objective, state.ascent, objective.metric(x, grad), lambda move: objective.cap(x, move), trust=trust
    )
    return measured(replace(state, ascent=ascent), objective)


def gaussian(target: Target, state: State) -> Approximation:
    """The Gaussian at the state's point."""
    point = np.asarray(target.point, bool)
    objective = objective_of(FiniteTarget(target), state)
    if isinstance(objective, FullRank):
        at = objective.gaussian(state.ascent.x)
        tril = np.zeros((target.size, target.size))
        tril[np.ix_(~point, ~point)] = at.tril
        return Approximation(at.mean, scale_tril=tril, point=point)
    if isinstance(objective, Arrow):
        return approximation(objective.gaussian(state.ascent.x), state.places)
    mean, log_sd = np.split(state.ascent.x, 2)
    return Approximation(mean, log_sd=np.where(point, -np.inf, log_sd), point=point)


def runaway(target: Target, state: State) -> str:
    """The name of a coordinate that has widened or moved beyond all bounds, or nothing."""
    mean, sd = _moments(target, state)
    with np.errstate(divide="ignore"):
        lost = (np.log(sd) > WIDEST) | (np.abs(mean) > 1e15)
    if not lost.any():
        return ""
    return f"`{coordinate_names(target.groups, target.size)[int(np.argmax(lost))]}`"


def _moments(target: Target, state: State) -> tuple[Array, Array]:
    """Means and sds at the state's point, (D,) each, without a covariance where that would be large."""
    objective = objective_of(FiniteTarget(target), state)
    if isinstance(objective, Arrow):
        at = objective.gaussian(state.ascent.x)
        sd = np.empty(target.size)
        sd[objective.order] = np.sqrt(np.square(at.tril).sum(1))
        return at.mean, sd
    q = gaussian(target, state)
    return q.mean, q.sd
