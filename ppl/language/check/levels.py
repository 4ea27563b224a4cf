"""How random a term is: constant < data < discrete latents < continuous latents.

Conditions may not reach the last level, filters and sizes not even the third.
"""

from __future__ import annotations

from typing import Protocol

from ppl.language import typed

CONSTANT, DATA, DISCRETE, CONTINUOUS = range(4)


class Levels(Protocol):
    """What the walk asks of the checker's state."""

    def level(self, term: typed.Term) -> int:
        """The remembered level of a term."""

    @property
    def defined(self) -> dict:  # type: ignore[type-arg]
        """Definitions by name, each with a ``level``."""

    @property
    def columns(self) -> dict:  # type: ignore[type-arg]
        """Columns by name."""

    @property
    def givens(self) -> dict:  # type: ignore[type-arg]
        """Givens by name."""


def children(term: typed.Term) -> tuple[typed.Term, ...]:
    """The terms directly below one, conditions of its loops included."""
    match term:
        case typed.Subscript(value=value, indices=indices):
            return (value, *indices)
        case typed.Shift(base=base, amount=amount):
            return (base, amount)
        case typed.Apply(arguments=arguments, keywords=keywords):
            return (*arguments, *(k for _, k in keywords))
        case typed.Choose(test=test, then=then, other=other):
            return (test, then, other)
        case typed.Reduce(body=body, loops=loops):
            return (*(c for c in (loop.condition for loop in loops) if c is not None), body)
        case typed.Stack(body=body):
            return (body,)
        case typed.ListOf(items=items):
            return items
        case typed.NetworkCall(arguments=arguments):
            return arguments
        case typed.Dist(arguments=named):
            return tuple(a for _, a in named)
    return ()


def walk(term: typed.Term) -> list[typed.Term]:
    """Every term at or below one, each once, in order of first visit (iterative)."""
    found: list[typed.Term] = []
    seen: set[int] = set()
    stack = [term]
    while stack:
        here = stack.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        found.append(here)
        stack.extend(reversed(children(here)))
    return found


def alike(a: typed.Term, b: typed.Term) -> bool:
    """Whether two terms are the same expression of the same names and index variables."""
    for x, y in zip(walk(a), walk(b), strict=False):
        if type(x) is not type(y):
            return False
        if isinstance(x, typed.Var) and isinstance(y, typed.Var) and x.loop is not y.loop:
            return False
        if isinstance(x, typed.Const) and isinstance(y, typed.Const) and x.value != y.value:
            return False
        if isinstance(x, typed.Apply) and isinstance(y, typed.Apply) and x.function != y.function:
            return False
        if getattr(x, "name", None) != getattr(y, "name", None):
            return False
    return len(walk(a)) == len(walk(b))


def level_of(world: Levels, term: typed.Term) -> int:
    """The level of a term from those below it."""
    match term:
        case typed.Const():
            return CONSTANT
        case typed.Var():
            return DATA
        case typed.DataRef(name=name, table=table):
            return _data(world, name, table)
        case typed.Ref(name=name):
            return int(world.defined[name].level)
        case typed.NetworkCall():
            return CONTINUOUS
    own = DATA if isinstance(term, (typed.Reduce, typed.Stack)) else CONSTANT
    return (
        max((world.level(c) for c in children(term)), default=own)
        if own == CONSTANT
        else max([own, *(world.level(c) for c in children(term))])
    )


def _data(world: Levels, name: str, table: str | None) -> int:
    """Data, unless blank cells are imputed: then as random as what fills them."""
    columns = world.columns.get(name, ())
    found = world.givens[name] if table is None else next(c for c in columns if c.table == table)
    if not found.optional:
        return DATA
    return CONTINUOUS if found.type.element == "real" else DISCRETE
