"""What coordinate ascent and EM fit: a bound problem's energy, split into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.base import Factor
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


def settled(state: State, quiet: int, tolerance: float, observations: int, change: float) -> int:
    """How many sweeps in a row gained next to nothing and moved next to nothing."""
    still = state.gain < tolerance * observations and state.change < change
    return quiet + 1 if still else 0


def points(factors: Sequence[Factor]) -> int:
    """Numbers that all mean parameters hold."""
    return int(sum(np.size(a) for f in factors for a in f.means.values()))


def restarted(climb: Climb, fresh: State) -> Climb:
    """The next restart, the present one's end noted."""
    best = better(climb.best, climb.now)
    return replace(climb, now=fresh, best=best, ends=(*climb.ends, climb.now.elbo), quiet=0)
