"""Types of definitions that refer to each other's earlier rows: a fixpoint from the first case."""

from __future__ import annotations

from dataclasses import replace

from ppl.language.check.define import define
from ppl.language.check.levels import walk
from ppl.language.check.problems import Problems
from ppl.language.check.statements import Pending
from ppl.language.check.world import World, is_unknown
from ppl.language.typed import Definition, Reduce
from ppl.supports import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Support, within
from ppl.types import Type

ROUNDS = 6
_STEPS = (-1.0, 0.0, 1.0)
_SUPPOSED = (UNIT, POSITIVE, NONNEGATIVE, REAL)


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
        _induce(world, group)
    finally:
        world.problems = real
        world.inlined, world.improper, world.undefined = inlined, improper, undefined


def _induce(world: World, group: list[Pending]) -> None:
    """A recurrence over the whole past starts from an empty sum, which tells no type.

    So a support is supposed of the earlier rows, and kept if it then follows for the next one.
    """
    unsettled = [p.name for p in group if p.name in world.defined and is_unknown(world.defined[p.name].type)]
    if not unsettled or not any(_reduces(define(world, p)) for p in group):
        return
    for supposed in _SUPPOSED:
        for name in unsettled:
            known = world.defined[name]
            known.type = Type("real", supposed, known.axes)
        for pending in group:
            define(world, pending)
        types = [world.defined[n].type for n in unsettled]
        if not any(is_unknown(t) for t in types) and all(within(t.support, supposed) for t in types):
            return


def _reduces(definition: Definition | None) -> bool:
    return definition is not None and any(isinstance(t, Reduce) for t in walk(definition.body))


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
