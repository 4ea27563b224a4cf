"""Limited-memory quasi-Newton ascent with a given preconditioner, one step at a time.

The objective may be -inf or NaN away from the optimum: such trial points are backed away from and
counted, never averaged or accepted. Convergence is for the caller to judge, from the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ppl.posterior.target import Array

Objective = Callable[[Array], tuple[float, Array]]

ARMIJO = 1e-4
SHORTEST = 40  # halvings before a direction is given up
CURVATURE = 1e-10


@dataclass(frozen=True)
class Ascent:
    """Where the ascent is. x, grad: (P,); steps, changes: (k, P), oldest first, k <= memory.

    ``stalled`` is set when not even the preconditioned gradient gives an ascent in floating point;
    ``blocked`` as well when no point along it was finite.
    """

    x: Array
    value: float
    grad: Array
    steps: Array
    changes: Array
    evaluations: int = 1
    nonfinite: int = 0
    stalled: bool = False
    blocked: bool = False


def begin(objective: Objective, x: Array) -> Ascent:
    """The state at a starting point."""
    value, grad = objective(x)
    none = np.zeros((0, x.shape[0]))
    return Ascent(x, value, grad, none, none)


def direction(state: Ascent, scale: Array, trust: float) -> Array:
    """The two-loop recursion with initial inverse Hessian ``gamma diag(scale)``: (P,).

    ``gamma`` fits the newest curvature pair, within a factor ``trust`` of 1.
    """
    q = state.grad.copy()
    rows = len(state.steps)
    if rows == 0:
        return scale * q
    rho = 1.0 / np.einsum("kp,kp->k", state.steps, state.changes)
    alpha = np.zeros(rows)
    for k in reversed(range(rows)):
        alpha[k] = rho[k] * (state.steps[k] @ q)
        q -= alpha[k] * state.changes[k]
    newest = state.changes[-1]
    gamma = np.clip(1.0 / (rho[-1] * (newest @ (scale * newest))), 1.0 / trust, trust)
    q *= gamma * scale
    for k in range(rows):
        q += state.steps[k] * (alpha[k] - rho[k] * (state.changes[k] @ q))
    return q


def ascend(
    objective: Objective,
    state: Ascent,
    scale: Array,
    cap: Callable[[Array], float],
    memory: int = 15,
    trust: float = 20.0,
) -> Ascent:
    """One step: a direction, shortened to ``cap`` of itself, and a backtracking search along it.

    ``scale``: (P,) is the diagonal initial inverse Hessian, ``cap`` maps a direction to the largest
    fraction of it (at most 1) that may be tried. The accepted value never decreases.
    """
    move = direction(state, scale, trust)
    if not np.all(np.isfinite(move)) or move @ state.grad <= 0.0:
        state, move = _forget(state), scale * state.grad
    found = _search(objective, state, cap(move) * move)
    if found.stalled and len(state.steps):
        fresh = _forget(replace(state, evaluations=found.evaluations, nonfinite=found.nonfinite))
        move = scale * state.grad
        found = _search(objective, fresh, cap(move) * move)
    return found if found.stalled else _remember(found, state, memory)


def _forget(state: Ascent) -> Ascent:
    none = np.zeros((0, state.x.shape[0]))
    return replace(state, steps=none, changes=none)


def _search(objective: Objective, state: Ascent, move: Array) -> Ascent:
    slope, length = float(move @ state.grad), 1.0
    nonfinite = state.nonfinite
    slack = 1e-14 * abs(state.value)  # rounding of the objective itself must not look like a decrease
    for trial in range(1, SHORTEST + 1):
        x = state.x + length * move
        value, grad = objective(x)
        if np.isfinite(value) and np.all(np.isfinite(grad)):
            if value >= state.value + ARMIJO * length * slope - slack:
                count = state.evaluations + trial
                return replace(state, x=x, value=value, grad=grad, evaluations=count, nonfinite=nonfinite)
            shortfall = state.value + length * slope - value
            length *= float(np.clip(0.5 * length * slope / shortfall, 0.1, 0.5))
        else:
            nonfinite += 1
            length *= 0.25
    blocked = nonfinite == state.nonfinite + SHORTEST
    count = state.evaluations + SHORTEST
    return replace(state, evaluations=count, nonfinite=nonfinite, stalled=True, blocked=blocked)


def _remember(new: Ascent, old: Ascent, memory: int) -> Ascent:
    step, change = new.x - old.x, old.grad - new.grad
    if step @ change <= CURVATURE * np.sqrt((step @ step) * (change @ change)):
        return new
    keep = slice(max(0, len(new.steps) - memory + 1), None)
    return replace(
        new,
        steps=np.concatenate([new.steps[keep], step[None]]),
        changes=np.concatenate([new.changes[keep], change[None]]),
    )
