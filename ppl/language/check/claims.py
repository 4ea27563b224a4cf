"""One name, one thing."""

from __future__ import annotations

from ppl.errors import Note, Span
from ppl.language.check.world import World


def claim(world: World, name: str, kind: str, span: Span) -> bool:
    """Take a name for one thing; E204 when it already is another."""
    known = world.symbols.get(name)
    if known is None:
        world.symbols[name] = (kind, span)
        return True
    if known[0] == "column" and kind == "column":
        return True
    line = world.problems.line(known[1])
    world.problems.error(
        "E204",
        f"`{name}` already has a definition on line {line}",
        name_span(world, span, name),
        f"second definition, as a {kind}" if kind != known[0] else "second definition",
        notes=(Note(name_span(world, known[1], name), f"first defined here, as a {known[0]}"),),
        help="one name has one `~`, `=` or declaration: rename one of the two",
    )
    return False


def name_span(world: World, span: Span, name: str) -> Span:
    """The first place of a name within a span (the span itself if it is not spelt there)."""
    at = world.source.text.find(name, span.start, span.end)
    return span if at < 0 else Span(at, at + len(name))
