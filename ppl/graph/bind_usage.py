"""Which data cells a program models, found by walking its terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ppl.language import typed as t

Key = tuple[str | None, str]


@dataclass(frozen=True)
class Use:
    """One mention of a column: row by row along ``loop``, or whole (None); under which function."""

    key: Key
    loop: t.Loop | None
    observed: bool
    parent: str


def uses(program: t.Program) -> list[Use]:
    """Every mention of a column or given in the definitions and the report."""
    found: list[Use] = []
    for d in (*program.definitions, *program.report):
        found += _uses_of(d.body, False)
        if d.observed is not None:
            found += _uses_of(d.observed, True)
        for loop in d.loops:
            if loop.condition is not None:
                found += _uses_of(loop.condition, False)
    return found


def _uses_of(root: t.Term, observed: bool) -> Iterator[Use]:
    stack: list[tuple[t.Term, t.Loop | None, str]] = [(root, None, "")]
    while stack:
        term, loop, parent = stack.pop()
        if isinstance(term, t.DataRef):
            yield Use((term.table, term.name), loop, observed, parent)
        elif isinstance(term, t.Subscript):
            first = term.indices[0] if term.indices else None
            stack.append((term.value, first.loop if isinstance(first, t.Var) else None, parent))
            stack += [(i, None, "subscript") for i in term.indices]
        else:
            name = term.function if isinstance(term, t.Apply) else ""
            stack += [(child, None, name) for child in children(term)]


def sized_by_rows(found: t.IndexSet) -> bool:
    """Whether a set's size is computed from a table's column, as in ``0..max(y)``."""
    stack = [term for term in (found.size, found.low) if term is not None]
    while stack:
        term = stack.pop()
        if isinstance(term, t.DataRef) and term.table is not None:
            return True
        stack += children(term)
    return False


def children(term: t.Term) -> tuple[t.Term, ...]:
    """The terms directly inside a term."""
    match term:
        case t.Apply():
            return (*term.arguments, *(v for _, v in term.keywords))
        case t.Choose():
            return (term.test, term.then, term.other)
        case t.Reduce():
            return (term.body, *(x.condition for x in term.loops if x.condition is not None))
        case t.Stack():
            return (term.body, *((term.loop.condition,) if term.loop.condition is not None else ()))
        case t.ListOf():
            return term.items
        case t.NetworkCall():
            return term.arguments
        case t.Dist():
            return tuple(v for _, v in term.arguments)
        case t.Shift():
            return (term.base, term.amount)
        case t.Subscript():
            return (term.value, *term.indices)
        case _:
            return ()
