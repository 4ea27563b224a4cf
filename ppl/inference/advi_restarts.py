"""Several starts in one run: the best end is kept, and how far apart the ends are is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ppl.inference.advi_state import State

ENDED = ("converged", "stalled")  # ways to end that another start may better
USUAL_JITTER = 1.5  # sd of the shift of a further start, when none is asked for


def further_start(state: State, restarts: int, begin_at: Callable[[int], State]) -> State:
    """The state to go on from when a start has ended: a fresh start, or the best end of all.

    ``begin_at`` makes the state of the k-th start.
    """
    if state.reason not in ENDED or restarts <= 1:
        return state
    ends = np.append(state.ends, state.ascent.value if state.reason == "converged" else -np.inf)
    best = state.answer if len(state.ends) == 0 or ends[-1] > state.ends.max() else state.best
    if len(ends) < restarts:
        fresh = begin_at(len(ends))
        return replace(
            fresh, steps=state.steps, draws_used=state.draws_used + fresh.draws_used, ends=ends, best=best
        )
    return _best_of(replace(state, ends=ends, best=best))


def _best_of(state: State) -> State:
    """The best end restored; without one that converged, the state as it is."""
    if not np.isfinite(state.ends).any() or not len(state.best.x):
        return state
    kept, nothing = state.best, np.zeros((0, len(state.best.x)))
    ascent = replace(state.ascent, x=kept.x, value=kept.value, grad=kept.grad, steps=nothing, changes=nothing)
    return replace(
        state, phase="end", reason="converged", detail="", ascent=replace(ascent, stalled=False),
        eps=kept.eps, frame=kept.frame, gradient=kept.gradient, answer=kept,
    )  # fmt: skip


def spread_of_ends(state: State) -> float:
    """Nats between the best and the worst converged start; nan with fewer than two."""
    known = state.ends[np.isfinite(state.ends)]
    return float(np.ptp(known)) if len(known) > 1 else float("nan")
