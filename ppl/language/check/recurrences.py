"""Types of definitions that refer to each other's earlier rows: a fixpoint from the first case."""

from __future__ import annotations

from dataclasses import replace

from ppl.language.check.define import define
from ppl.language.check.problems import Problems
from ppl.language.check.statements import Pending
from ppl.language.check.world import World, is_unknown
from ppl.supports import Interval, Support
from ppl.types import Type

ROUNDS = 6
_STEPS = (-1.0, 0.0, 1.0)


def settle(world: World, group: list[Pending]) -> None:
    """Type a group silently until its types stand still; unknown until the first case says more.

    Supports that keep growing are widened to the next of -inf, -1, 0, 1, inf.
    """
    real, world.problems = world.problems, Problems(world.source)
    inlined, improper, undefined = world.inlined, list(world.improper), world.undefined
    try:
        for turn in range(ROUNDS):
            before = _types(world, group)
            for pending in group:
                define(world, pending)
            if _types(world, group) == before:
                break
            if turn >= 2:
                _widen(world, group, before)
    finally:
        world.problems = real
        world.inlined, world.improper, world.undefined = inlined, improper, undefined


def _types(world: World, group: list[Pending]) -> dict[str, tuple[Type, int]]:
    names = [p.name for p in group if p.name in world.defined]
    return {n: (world.defined[n].type, world.defined[n].level) for n in names}


def _widen(world: World, group: list[Pending], before: dict[str, tuple[Type, int]]) -> None:
    for name, (old, _) in before.items():
        known = world.defined[name]
        if is_unknown(old) or is_unknown(known.type) or known.type.support == old.support:
            continue
        known.type = replace(known.type, support=widened(old.support, known.type.support))


def widened(old: Support, new: Support) -> Support:
    """A support that both lie in, each moving end taken to the next step.

    >>> widened(Interval(1, 1, True, True), Interval(0.5, 1, True, True))
    Interval(lower=0.0, upper=1, closed_lower=True, closed_upper=True, integer=False)
    """
    if not isinstance(old, Interval) or not isinstance(new, Interval):
        return new
    lower, upper = old.lower, old.upper
    if new.lower < old.lower:
        lower = max((s for s in _STEPS if s <= new.lower), default=-float("inf"))
    if new.upper > old.upper:
        upper = min((s for s in _STEPS if s >= new.upper), default=float("inf"))
    closed_lower = (new.closed_lower or old.closed_lower or lower < new.lower) and lower > -float("inf")
    closed_upper = (new.closed_upper or old.closed_upper or upper > new.upper) and upper < float("inf")
    return Interval(lower, upper, closed_lower, closed_upper, old.integer and new.integer)
