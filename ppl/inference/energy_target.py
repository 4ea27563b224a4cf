"""What coordinate ascent and EM fit: a bound problem's energy, split into blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, State
from ppl.energy.leaping import LONGEST, SLOW, Statistics, leapers, leapt, statistics
from ppl.inference.batched import Batched

CALM = 8  # sweeps in a row with next to nothing left to gain, where there were leaps
SHORT = 100  # sweeps that every start is given: fewer end starts that are on a plateau
AGAIN = 5.0  # times what a start seems to have left, that it is given: plateaus end
SAME = 0.1  # nats: a start that gains no more on the best than this is not worth finishing
PLAIN = 30  # sweeps of a start before the first leap: the first ones settle which optimum it climbs
STEADY = 0.1  # of what a sweep leaves undone, 1 - c: by how much the rate c of gains may change from sweep to sweep


@dataclass(frozen=True, eq=False)
class EnergyTarget:
    """A problem, its coordinate ascent, and how many observations it has."""

    problem: Any
    ascent: Ascent
    observations: int


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a run of several restarts stands: the present one, the best so far, and the ends; or with minibatches.

    ``trail``: what the parameters were made from at the ends of up to two sweeps before, for leaps. ``rates``: of
    the last two gains to the ones before each. ``longest``: the length that a leap may have by now.
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
    rates: tuple[float, float] = (np.inf, np.inf)
    longest: float = LONGEST

    @property
    def steady(self) -> bool:
        """Whether gains have come to fall at one rate, as they do near an optimum and not on the way to it."""
        earlier, later = self.rates
        return abs(later - earlier) <= STEADY * (1.0 - later)

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


def rated(climb: Climb, before: State) -> Climb:
    """The climb with the rate at which its last gain fell; none after a leap."""
    known = np.isfinite(before.gain) and before.gain > 0.0
    return replace(climb, rates=(climb.rates[1], climb.now.gain / before.gain if known else np.inf))


def ahead(target: EnergyTarget, before: State, climb: Climb) -> Climb:
    """After three slow sweeps at a steady rate, or three after a leap, a leap where that raises the bound."""
    now, last = climb.now, len(climb.trail) == 2
    fresh = not np.isfinite(before.gain)
    if now.sweep < PLAIN or climb.quiet or not (fresh or now.gain > SLOW * before.gain):
        return replace(climb, trail=())
    if not (climb.trail or fresh or climb.steady):
        return climb
    over = leapers(target.ascent)
    if not over:
        return climb
    if not last:
        return replace(climb, trail=(*climb.trail, statistics(target.ascent, now, over)))
    found, longest = leapt(target.ascent, now, climb.trail, over, climb.longest)
    return replace(
        climb, now=found or now, trail=(), leaps=climb.leaps + (found is not None), longest=longest
    )


def hopeless(climb: Climb, before: State) -> bool:
    """Whether a further start steadily heads for no more than the best one has, by several times what it has left."""
    now, best = climb.now, climb.best
    if best is None or now.sweep < SHORT or not climb.steady:
        return False
    return now.elbo + AGAIN * remaining(before.gain, now.gain) < best.elbo + SAME


def restarted(climb: Climb, fresh: State, best: State, ends: tuple[float, ...]) -> Climb:
    """The next restart, after those that ended at ``ends``."""
    return Climb(climb.seed, fresh, best, ends, steps=climb.steps)
