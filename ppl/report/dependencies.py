"""What each definition of a program reads: the arrows of its picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from ppl.language import typed as t


@dataclass(frozen=True)
class Vertex:
    """A quantity in the picture. kind: ``latent``, ``param``, ``value``, ``observed`` or ``data``."""

    name: str
    kind: str
    plates: tuple[str, ...]
    reads: tuple[str, ...]
    law: str = ""


def terms(root: t.Term) -> Iterator[t.Term]:
    """Every term below one, iteratively."""
    stack: list[Any] = [root]
    while stack:
        thing = stack.pop()
        if isinstance(thing, tuple):
            stack.extend(thing)
        elif isinstance(thing, t.Term):
            yield thing
            stack.extend(
                getattr(thing, f.name) for f in fields(thing) if f.name not in ("type", "span", "loops")
            )


def vertices(program: t.Program) -> tuple[Vertex, ...]:
    """Definitions first, in the order of writing, then the data columns that they read."""
    found: dict[str, Vertex] = {}
    data: dict[str, Vertex] = {}
    for d in program.definitions:
        name = column_name(d.observed) or d.name if d.observed is not None else d.name
        kind = d.kind if d.kind != "factor" else "observed"
        plates = tuple(loop.set for loop in d.loops)
        found[name] = Vertex(name, kind, plates, _reads(d), law(d.body))
        data |= {c.name: c for c in _columns(d)}
    return (*found.values(), *(v for name, v in data.items() if name not in found))


def law(body: t.Term) -> str:
    """The distribution of a definition, or an empty text for a value.

    >>> law.__name__
    'law'
    """
    return next((term.name for term in terms(body) if isinstance(term, t.Dist)), "")


def _reads(d: t.Definition) -> tuple[str, ...]:
    names = [term.name for term in terms(d.body) if isinstance(term, t.Ref | t.DataRef)]
    return tuple(dict.fromkeys(reversed(names)))


def _columns(d: t.Definition) -> Iterator[Vertex]:
    for term in terms(d.body):
        if isinstance(term, t.DataRef):
            yield Vertex(term.name, "data", (term.table,) if term.table else (), ())


def column_name(term: t.Term | None) -> str | None:
    """The column or given that an observation is about."""
    refs = [x.name for x in terms(term) if isinstance(x, t.DataRef)] if term is not None else []
    return refs[0] if refs else None
