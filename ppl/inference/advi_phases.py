"""The phases of a fixed-draw fit: centre, frame, climb, replicate. Each maps a state to the next.

centre     mean field on few draws, to know where the posterior is and how wide
frame      smoothed Newton steps of mean and covariance, until the posterior looks standard
climb      quasi-Newton to a zero gradient of the objective
replicate  the same on independent draws; too different an answer doubles their number
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ppl.inference.advi_state import (
    Answer,
    Objective,
    State,
    ascended,
    gaussian,
    measured,
    objective_of,
    runaway,
)
from ppl.inference.approach import approach
from ppl.inference.arrow import arrow_draws, diagonal_frame
from ppl.inference.draws import fixed, stream, whitened
from ppl.inference.finite import FiniteTarget
from ppl.inference.full_rank import Frame
from ppl.inference.lbfgs import Ascent, begin
from ppl.inference.mean_field import MeanField
from ppl.posterior.target import Array, Target

ROUGH = 0.1  # scaled gradient at which the centre is good enough to look around from
CENTRE_STEPS, FRAME_STEPS = 150, 8
FAR, FAR_STEPS = 30.0, 25  # scaled gradient after that many steps that calls for Newton's method
SHIFT_MAX, SHIFT_RMS, SPREAD_MAX = 0.3, 0.05, 0.3  # how far an answer may depend on its draws
NARROWER = (1.0, 0.5, 0.2, 0.05)  # widths tried when new draws reach where the density is not finite
AT_EDGE = 300  # non-finite trial points after which the optimum must lie where nothing is finite
FINE = 0.03  # and how far when more draws cost nothing noticeable


@dataclass(frozen=True)
class Limits:
    """What the phases need of the options: draws of a full-rank fit, most draws, tolerance."""

    draws: int
    max_draws: int
    tolerance: float


def centre(target: Target, state: State, limits: Limits) -> State:
    """Mean field to a rough optimum, as the first frame of a full-rank fit."""
    new = _watched(target, ascended(target, state))
    if new.reason in ("unbounded", "failed"):
        return new
    lost = new.gradient > FAR and (new.phase_steps >= FAR_STEPS or new.ascent.stalled)
    if new.gradient > ROUGH and not new.ascent.stalled and new.phase_steps < CENTRE_STEPS and not lost:
        return new
    mean, log_sd = np.split(new.ascent.x, 2)
    nearer = approach(target, mean) if lost and state.family == "full_rank" else None
    frame = _independent(target, state, mean, log_sd) if nearer is None else nearer
    framed = _reframed(target, replace(new, reason="", phase="frame"), frame, limits.draws)
    return replace(new, reason=framed.reason, detail=framed.detail) if framed.reason else framed


def _independent(target: Target, state: State, mean: Array, log_sd: Array) -> Frame:
    """An independent Gaussian as the frame of the state's family."""
    if state.family == "arrow":
        return diagonal_frame(mean, log_sd, state.places)
    return Frame(mean, np.diag(np.exp(log_sd[~target.point])))


def frame(target: Target, state: State, limits: Limits) -> State:
    """One smoothed Newton step of the frame; when it no longer pays, go on to climb."""
    finite = FiniteTarget(target)
    objective = objective_of(finite, state)
    assert not isinstance(objective, MeanField)
    for rate in (1.0, 0.5, 0.25, 0.1):
        trial = replace(objective, frame=objective.newton(state.ascent.grad, rate))
        ascent = begin(trial, trial.origin)
        gain = ascent.value - state.ascent.value
        if np.isfinite(ascent.grad).all() and gain > 0.0:
            new = measured(replace(state, frame=trial.frame, ascent=ascent), trial)
            settled = new.gradient < 0.1 or (rate == 1.0 and gain < 0.01)
            return new if not settled and state.phase_steps < FRAME_STEPS else _to("climb", new)
    return _to("climb", replace(state, draws_used=state.draws_used + finite.tally.draws))


def climb(target: Target, state: State, limits: Limits) -> State:
    """Ascend to the optimum on the first draws, then try it on a second set."""
    new = state if state.gradient <= limits.tolerance else _watched(target, ascended(target, state))
    if new.reason or new.gradient > limits.tolerance:
        return new
    at = new.ascent
    kept = replace(new, answer=Answer(at.x, at.value, at.grad, new.eps, new.frame, new.gradient))
    if bool(np.all(target.point)):
        return _accepted(replace(kept, shift_max=0.0, shift_rms=0.0, spread_max=0.0))
    second = _redrawn(target, _to("replicate", kept), len(new.eps))
    if second.reason:
        return replace(kept, reason=second.reason, detail=second.detail)
    return _quickly_accepted(target, second) if second.framed else second


def replicate(target: Target, state: State, limits: Limits) -> State:
    """Ascend on the second draws; accept the first answer, or double the draws and climb again."""
    new = _watched(target, ascended(target, state))
    settled = new.gradient <= 10.0 * limits.tolerance or new.reason == "stalled" or new.phase_steps > 100
    if new.reason in ("unbounded", "failed") or not settled:
        return new
    new = _compared(target, replace(new, reason=""))
    count = wanted_draws(new, limits)
    return _accepted(new) if count <= len(new.eps) else _redrawn(target, _to("climb", new), count)


def wanted_draws(state: State, limits: Limits) -> int:
    """Draws for an answer that depends little enough on them: errors fall with their square root.

    Where draws are cheap, little is `FINE`; where they are not, the `SHIFT` figures decide.
    """
    have = len(state.eps)
    fine = max(state.shift_max, state.spread_max) / FINE
    cheap = 2 * round(min(have * fine**2, state.affordable, limits.max_draws) / 2)
    near = state.shift_max <= SHIFT_MAX and state.shift_rms <= SHIFT_RMS and state.spread_max <= SPREAD_MAX
    needed = have if near else 2 * have
    return max(cheap, needed if needed <= limits.max_draws else have)


def _to(phase: str, state: State) -> State:
    return replace(state, phase=phase, phase_steps=0)


def _watched(target: Target, state: State) -> State:
    """The state, ended if it has run away or can climb no further."""
    lost = runaway(target, state)
    if lost:
        return replace(state, reason="unbounded", detail=lost)
    if state.ascent.blocked or state.ascent.nonfinite > AT_EDGE:
        return replace(state, reason="failed", detail=target.locate(state.offender))
    return replace(state, reason="stalled") if state.ascent.stalled else state


def _draw(target: Target, state: State, count: int) -> Array:
    rng = stream(state.seed, 2, state.sets)
    if state.framed and state.family == "arrow":
        elements, own = state.places.shape
        return arrow_draws(rng, count, target.size - elements * own, (elements, own))
    if state.framed:
        return whitened(rng, count, int((~target.point).sum()))
    return np.where(target.point, 0.0, fixed(rng, count, target.size))


def _reframed(target: Target, state: State, at: Frame, count: int) -> State:
    """The full-rank objective on new draws, begun in a frame of its own, ``at`` or a narrower one."""
    new = replace(state, frame=at, phase_steps=0, sets=state.sets + 1)
    eps = _draw(target, new, count)
    for narrower in NARROWER:
        frame = Frame(at.mean, narrower * at.tril)
        objective = objective_of(FiniteTarget(target), replace(new, eps=eps, frame=frame))
        assert not isinstance(objective, MeanField)
        ascent = begin(objective, objective.origin)
        if _finite(ascent):
            return measured(replace(new, eps=eps, frame=frame, ascent=ascent), objective)
    return _failed(target, state, objective)


def _redrawn(target: Target, state: State, count: int) -> State:
    """The same Gaussian on new draws, or a narrower one."""
    objective = objective_of(FiniteTarget(target), state)
    if not isinstance(objective, MeanField):
        return _reframed(target, state, objective.gaussian(state.ascent.x), count)
    new = replace(state, sets=state.sets + 1)
    fresh = replace(objective, eps=_draw(target, new, count))
    for narrower in NARROWER:
        shrunk = np.concatenate([np.zeros(target.size), np.full(target.size, np.log(narrower))])
        ascent = begin(fresh, state.ascent.x + shrunk)
        if _finite(ascent):
            return measured(replace(new, eps=fresh.eps, ascent=ascent), fresh)
    return _failed(target, state, fresh)


def _finite(ascent: Ascent) -> bool:
    return bool(np.isfinite(ascent.value) and np.isfinite(ascent.grad).all())


def _failed(target: Target, state: State, objective: Objective) -> State:
    """The last good state, ended because new draws have no finite density however close they are."""
    return replace(state, reason="failed", detail=objective.target.explain())


def _quickly_accepted(target: Target, state: State) -> State:
    """Accept at once when the gradient on new draws predicts a small shift.

    In its own frame an optimum has unit curvature, so that the gradient is the shift in sds.
    """
    objective = objective_of(FiniteTarget(target), state)
    assert not isinstance(objective, MeanField)
    shift, spread = objective.predicted(state.ascent.grad)
    rms = float(np.sqrt(np.square(shift).mean()))
    most = max(float(shift.max()), float(spread.max()))
    fine = most <= FINE or len(state.eps) >= state.affordable
    if not fine or most > SHIFT_MAX / 3 or rms > SHIFT_RMS / 2:
        return state
    return _accepted(
        replace(state, shift_max=float(shift.max()), shift_rms=rms, spread_max=float(spread.max()))
    )


def _accepted(state: State) -> State:
    """The first answer, as the result."""
    kept = state.answer
    ascent = replace(state.ascent, x=kept.x, value=kept.value, grad=kept.grad, stalled=False)
    ascent = replace(ascent, steps=ascent.steps[:0], changes=ascent.changes[:0])
    return replace(
        state, phase="end", reason="converged", eps=kept.eps, frame=kept.frame, ascent=ascent,
        gradient=kept.gradient,
    )  # fmt: skip


def _compared(target: Target, state: State) -> State:
    """How far the second answer is from the first, in the first one's sds."""
    first, second = gaussian(target, _accepted(state)), gaussian(target, state)
    free = first.free
    shift = np.abs(second.mean - first.mean)[free] / first.sd[free]
    spread = np.abs(np.log(second.sd[free] / first.sd[free]))
    rms = float(np.sqrt(np.square(shift).mean()))
    return replace(state, shift_max=float(shift.max()), shift_rms=rms, spread_max=float(spread.max()))
