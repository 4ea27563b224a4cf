"""What coordinate ascent and EM fit: a bound problem's energy, split into blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, State
from ppl.energy.leaping import SLOW, Statistics, leapers, leapt, statistics
from ppl.inference.batched import Batched

CALM = 8  # sweeps in a row with next to nothing left to gain, where there were leaps
SHORT = 50  # sweeps that every start is given
SAME = 0.1  # nats: a start that gains no more on the best than this is not worth finishing
PLAIN = 8  # sweeps of a start before the first leap: the first ones settle which optimum it climbs


@dataclass(frozen=True, eq=False)
class EnergyTarget:
    """A problem, its coordinate ascent, and how many observations it has."""

    problem: Any
    ascent: Ascent
    observations: int


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a run of several restarts stands: the present one, the best so far, and the ends; or with minibatches.

    ``trail``: what the parameters were made from at the ends of up to two sweeps before, for leaps.
    """

    seed: int
    now: State
    best: State | None = None
    ends: tuple[float, ...] = ()
    quiet: int = 0
    steps: int = 0
    reason: str = ""
    batched: Batched | None = None
    trail: tuple[Statistics, ...] = ()
    leaps: int = 0

    @property
    def settled(self) -> bool:
        """Whether the present start is at its end: a leap leaves transients whose gains fall fast for a while."""
        return self.quiet >= (CALM if self.leaps else 2)


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


def ahead(target: EnergyTarget, before: State, climb: Climb) -> Climb:
    """After three slow sweeps, a leap along their path where that raises the bound."""
    now = climb.now
    fresh = not np.isfinite(before.gain)
    if now.sweep < PLAIN or climb.quiet or not (fresh or now.gain > SLOW * before.gain):
        return replace(climb, trail=())
    over = leapers(target.ascent)
    if not over:
        return climb
    if len(climb.trail) < 2:
        return replace(climb, trail=(*climb.trail, statistics(target.ascent, now, over)))
    found = leapt(target.ascent, now, climb.trail, over)
    return replace(climb, now=found or now, trail=(), leaps=climb.leaps + (found is not None))


def hopeless(climb: Climb, before: State) -> bool:
    """Whether a further start is heading for no more than the best one has, by twice what it seems to have left."""
    now, best = climb.now, climb.best
    if best is None or now.sweep < SHORT:
        return False
    return now.elbo + 2.0 * remaining(before.gain, now.gain) < best.elbo + SAME


def restarted(climb: Climb, fresh: State, best: State, ends: tuple[float, ...]) -> Climb:
    """The next restart, after those that ended at ``ends``."""
    return replace(climb, now=fresh, best=best, ends=ends, quiet=0, trail=(), leaps=0)
