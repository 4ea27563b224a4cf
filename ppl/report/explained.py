"""How coordinate ascent or EM would fit a bound model, block by block: for texts, JSON and guides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppl.energy.ascent import Ascent
from ppl.energy.conditionals import Conditional, conditionals
from ppl.errors import Source, Span
from ppl.graph.nodes import Statement
from ppl.inference.coordinate import evidence_reason, exact
from ppl.language.typed import Program
from ppl.report.advice import advice, site_advice
from ppl.report.guide_text import guide


@dataclass(frozen=True)
class Place:
    """A statement as the text has it."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True)
class Block:
    """One block of q: see `ppl.energy.conditionals.Conditional`; ``advice`` is a nearby change, or empty."""

    names: tuple[str, ...]
    elements: int
    conditional: str
    statistics: Mapping[str, tuple[str, ...]]
    q: str
    kind: str
    exact: bool
    point: bool
    reason: str
    blame: Place | None
    advice: str
    ties: tuple[tuple[tuple[str, ...], Place | None], ...]


@dataclass(frozen=True)
class StandIn:
    """A factor that quadrature stands in for."""

    names: tuple[str, ...]
    reason: str
    place: Place | None
    advice: str


@dataclass(frozen=True)
class Explained:
    """The plan of one method. ``exact``: whether q is the posterior itself, given the points."""

    method: str
    blocks: tuple[Block, ...]
    stand_ins: tuple[StandIn, ...]
    exact: bool
    why: str
    guide: str


def explained(method: str, ascent: Ascent, program: Program) -> Explained:
    """Put a plan in words, with the lines of the text that are the reasons."""
    source, found = program.source, conditionals(ascent.plan)
    blocks = tuple(_block(c, source) for c in found)
    stand_ins = tuple(
        StandIn(tuple(sorted(r.names)), r.reason, place(source, r.statement), site_advice(r))
        for r in ascent.plan.energy.residuals
    )
    return Explained(
        method, blocks, stand_ins, exact(ascent), evidence_reason(ascent), guide(ascent.plan, found, program)
    )


def _block(c: Conditional, source: Source) -> Block:
    return Block(
        c.names,
        c.elements,
        c.conditional,
        {n: tuple(s) for n, s in c.statistics.items()},
        c.q,
        c.kind,
        c.exact,
        c.point,
        c.reason,
        place(source, c.blame),
        advice(c, source),
        tuple((names, place(source, s)) for names, s in c.ties),
    )


def place(source: Source, statement: Statement | None) -> Place | None:
    """The line of a statement and its text, without a comment."""
    return None if statement is None else place_at(source, statement.span)


def place_at(source: Source, span: Span) -> Place:
    """The line where a span starts.

    >>> str(place_at(Source("m", "a ~ Normal(0, 1)  # prior"), Span(0, 1)))
    'line 1: a ~ Normal(0, 1)'
    """
    line = source.position(span.start)[0]
    text = source.line(line).partition("#")[0]
    return Place(line, " ".join(text.split()))


# ---------------------------------------------------------------- JSON


def to_dict(e: Explained) -> dict[str, Any]:
    """Everything as JSON takes it."""
    return {
        "method": e.method,
        "exact": e.exact,
        "reason": e.why,
        "blocks": [
            {
                "latents": list(b.names),
                "elements": b.elements,
                "conditional": b.conditional or None,
                "statistics": {n: list(s) for n, s in b.statistics.items()},
                "q": b.q,
                "exact_update": b.exact,
                "point": b.point,
                "reason": b.reason,
                "statement": _place(b.blame),
                "advice": b.advice or None,
                "tied_to": [{"latents": list(n), "statement": _place(p)} for n, p in b.ties],
            }
            for b in e.blocks
        ],
        "stand_ins": [
            {
                "latents": list(s.names),
                "reason": s.reason,
                "statement": _place(s.place),
                "advice": s.advice or None,
            }
            for s in e.stand_ins
        ],
        "guide": e.guide,
    }


def _place(p: Place | None) -> dict[str, Any] | None:
    return None if p is None else {"line": p.line, "text": p.text}
