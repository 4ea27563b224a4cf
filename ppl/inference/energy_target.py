"""What coordinate ascent and EM fit: a bound problem's energy, split into blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, State
from ppl.inference.batched import Batched


@dataclass(frozen=True, eq=False)
class EnergyTarget:
    """A problem, its coordinate ascent, and how many observations it has."""

    problem: Any
    ascent: Ascent
    observations: int


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a run of several restarts stands: the present one, the best so far, and the ends; or with minibatches."""

    seed: int
    now: State
    best: State | None = None
    ends: tuple[float, ...] = ()
    quiet: int = 0
    steps: int = 0
    reason: str = ""
    batched: Batched | None = None


def better(a: State | None, b: State) -> State:
    """The state with the higher bound."""
    return b if a is None or not a.elbo >= b.elbo else a


def settled(before: State, now: State, quiet: int, tolerance: float, observations: int) -> int:
    """How many sweeps in a row have left next to nothing to gain: less than ``tolerance`` nats an observation."""
    return quiet + 1 if remaining(before.gain, now.gain) < tolerance * observations else 0


def remaining(earlier: float, later: float) -> float:
    """What all further sweeps will gain, if gains go on falling at the rate of the last two (Aitken).

        sum_{t > 0} g c^t = g c / (1 - c),    c = later / earlier

    A sweep may gain little because little is left, or because it is slow: the sum tells the two apart.
    (Böhning, Dietz, Schaub, Schlattmann & Lindsay 1994; McLachlan & Krishnan 2008, section 4.9.)

    >>> remaining(1.0, 0.5), round(remaining(1e-3, 0.999e-3), 3), remaining(1e-9, 2e-9)
    (0.5, 0.998, inf)
    """
    if later <= 0.0:
        return 0.0
    if not np.isfinite(earlier) or later >= earlier:
        return float("inf")
    return later * later / (earlier - later)


def restarted(climb: Climb, fresh: State) -> Climb:
    """The next restart, the present one's end noted."""
    best = better(climb.best, climb.now)
    return replace(climb, now=fresh, best=best, ends=(*climb.ends, climb.now.elbo), quiet=0)
