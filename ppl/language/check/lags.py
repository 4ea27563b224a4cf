"""Lags: the set must be ordered, and the earlier row must exist (E318)."""

from __future__ import annotations

from typing import NamedTuple

from ppl.errors import Note
from ppl.language.check.levels import DATA, alike, walk
from ppl.language.check.scope import Fact, Scope
from ppl.language.check.world import constant, is_unknown
from ppl.language.typed import Apply, Const, Loop, Shift, Term, Var
from ppl.supports.support import element
from ppl.types import Axis

FLIPPED = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge", "eq": "eq", "ne": "ne"}
NEGATED = {"gt": "le", "le": "gt", "lt": "ge", "ge": "lt", "eq": "ne", "ne": "eq"}


def check_lag(scope: Scope, value: Term, shift: Shift, axis: Axis) -> None:
    """Order, direction and first case of ``value[.. base - amount ..]``."""
    world = scope.world
    if is_unknown(shift.type) or is_unknown(shift.amount.type) or isinstance(shift.base, Const):
        return
    if not world.ordered(axis.set):
        _no_order(scope, shift, axis)
        return
    if world.level(shift.amount) > DATA:
        scope.error(
            "E318",
            f"how far `{scope.world.source_text(shift)}` goes back must be data",
            shift.span,
            "a random lag",
            help="sum over the possible lags instead, weighted by their probabilities",
        )
        return
    span = element(shift.amount.type.support)
    if span.upper <= 0:
        _check_ahead(scope, value, shift, span.upper)
    elif isinstance(shift.base, Var):
        verdict = proved(scope, shift.base.loop, shift.amount)
        if verdict is False:
            _no_first_case(scope, shift, axis)


def _no_order(scope: Scope, shift: Shift, axis: Axis) -> None:
    found = scope.world.sets[axis.set]
    if found.kind == "table":
        why = f"`{axis.set}` has no `order` column"
        help = f"say what orders its rows: `table {axis.set}(t: order, ...)`"
    else:
        why = f"the labels of `{axis.set}` have no order"
        help = f'list them in order: `index {axis.set} = ["a", "b"]`, or give a size'
    scope.error(
        "E318",
        f"{why}, so `{scope.world.source_text(shift)}` has no meaning",
        shift.span,
        "a lag needs an order",
        notes=(Note(found.span, "declared here"),),
        help=help,
    )


def _check_ahead(scope: Scope, value: Term, shift: Shift, upper: float) -> None:
    if scope.world.level(value) <= DATA or upper == 0:
        return
    scope.error(
        "E318",
        f"`{scope.world.source_text(shift)}` looks ahead: only data may be read at a later row",
        shift.span,
        "a later row",
        help="write the dependence from the later row's side, on the row before it",
    )


def _no_first_case(scope: Scope, shift: Shift, axis: Axis) -> None:
    text = scope.world.source_text(shift)
    name = scope.world.source_text(shift.base)
    lag = constant(shift.amount)
    rows = "the first row" if lag == 1 else "the first rows" if lag is None else f"the first {lag} rows"
    test = f"first({name})" if lag == 1 else f"position({name}) <= {scope.world.source_text(shift.amount)}"
    where = rows if axis.set in scope.world.tables else rows.replace("row", "element")
    scope.error(
        "E318",
        f"`{text}` does not exist at {where} of {axis.set}",
        shift.span,
        "no first case",
        help=f"use `... if {test} else ...`, or a filter that leaves those rows out",
    )


# ---------------------------------------------------------------- proof


def proved(scope: Scope, loop: Loop, amount: Term) -> bool | None:
    """Whether the facts at hand show position(loop) > amount.

    True: shown. False: not so, and everything said about the variable is understood. None: left
    to binding, because something said about it is beyond us.
    """
    facts = [*scope.facts, *_set_facts(scope, loop)]
    least, clear, exact = 1, True, False
    for condition, truth in _atoms(facts):
        if not _mentions(scope, condition, loop):
            continue
        bound = _lower_bound(scope, condition, truth, loop)
        if _shows(scope, condition, truth, loop, amount):
            exact = True
        else:
            clear = clear and bound.exact
            least = max(least, bound.least)
    most = element(amount.type.support).upper
    if isinstance(amount, Apply) and amount.function == "position":
        most = min(most, scope.world.constant_size(amount.arguments[0].type.set or "") or most)
    if exact or least > most:
        return True
    unsure = not clear or (most == float("inf") and least > 1)
    return None if unsure else False


def _set_facts(scope: Scope, loop: Loop) -> list[Fact]:
    """A filtered set's own condition holds for its labels."""
    found = scope.world.sets.get(loop.set)
    return [(found.condition, True)] if found is not None and found.condition is not None else []


def _atoms(facts: list[Fact]) -> list[Fact]:
    """Facts split at `and`, `or` and `not`, as far as their truth allows."""
    out: list[Fact] = []
    stack = list(reversed(facts))
    while stack:
        term, truth = stack.pop()
        if isinstance(term, Apply) and term.function == "not":
            stack.append((term.arguments[0], not truth))
        elif isinstance(term, Apply) and term.function == ("and" if truth else "or"):
            stack.extend((a, truth) for a in reversed(term.arguments))
        else:
            out.append((term, truth))
    return out


def _is_loop(scope: Scope, term: Term, loop: Loop) -> bool:
    """The variable itself, or the one that its filtered set is written with."""
    if not isinstance(term, Var):
        return False
    found = scope.world.sets.get(loop.set)
    return term.loop is loop or (found is not None and term.loop is found.loop)


def _mentions(scope: Scope, condition: Term, loop: Loop) -> bool:
    return any(_is_loop(scope, t, loop) for t in walk(condition))


def _comparison(scope: Scope, condition: Term, truth: bool, loop: Loop) -> tuple[str, Term] | None:
    """``position(t) OP other`` with the position on the left, or None."""
    if not isinstance(condition, Apply) or condition.function not in FLIPPED:
        return None
    op = condition.function if truth else NEGATED[condition.function]
    left, right = condition.arguments
    if _is_position(scope, left, loop):
        return op, right
    return (FLIPPED[op], left) if _is_position(scope, right, loop) else None


def _is_position(scope: Scope, term: Term, loop: Loop) -> bool:
    if isinstance(term, Apply) and term.function == "position":
        return _is_loop(scope, term.arguments[0], loop)
    return False


class Bound(NamedTuple):
    """The least position that a fact leaves, and whether it says no more than that."""

    least: int
    exact: bool


def _lower_bound(scope: Scope, condition: Term, truth: bool, loop: Loop) -> Bound:
    if isinstance(condition, Apply) and condition.function == "first":
        return Bound(1 if truth else 2, True)
    if isinstance(condition, Apply) and condition.function == "last":
        return Bound(1, True)
    compared = _comparison(scope, condition, truth, loop)
    if compared is None:
        return Bound(1, False)
    op, other = compared
    bound, fixed = element(other.type.support).lower, isinstance(other, Const)
    if op in ("lt", "le"):
        return Bound(1, True)
    if bound == float("-inf"):
        return Bound(1, False)
    if op == "ne":
        return Bound(2 if constant(other) == 1 else 1, fixed)
    return Bound(int(bound // 1) + 1 if op == "gt" else max(1, -int(-bound // 1)), fixed)


def _shows(scope: Scope, condition: Term, truth: bool, loop: Loop, amount: Term) -> bool:
    """``position(t) > k`` proves the lag k itself."""
    compared = _comparison(scope, condition, truth, loop)
    if compared is None or compared[0] != "gt":
        return False
    return alike(compared[1], amount)
