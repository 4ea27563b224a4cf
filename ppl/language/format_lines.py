"""Output lines of a formatted model, with the source lines they come from, and long lines broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ppl.errors import Span
from ppl.language import tree as t
from ppl.language.format_statements import body, column, statement

WIDTH = 100
STEP = 4


@dataclass(frozen=True)
class Unit:
    """One statement or block header to print.

    ``span`` is what it covers in the source (of a block, its header); ``columns`` are those of a
    table; ``level`` is its depth in blocks.
    """

    node: t.Statement
    span: Span
    level: int

    @property
    def columns(self) -> tuple[t.Column, ...]:
        return self.node.columns if isinstance(self.node, t.Table) else ()


def units(model: t.Model) -> Iterator[Unit]:
    """Every statement and header in order, without recursion."""
    stack = [(s, 0) for s in reversed(model.statements)]
    while stack:
        node, level = stack.pop()
        yield Unit(node, _header_span(node), level)
        stack += [(inner, level + 1) for inner in reversed(body(node))]


def _header_span(node: t.Statement) -> Span:
    if isinstance(node, t.For):
        return _until(node, node.bindings[-1].span.end)
    if isinstance(node, t.Guide):
        return _until(node, node.span.start + len("guide"))
    return _until(node, node.span.start + len("report")) if isinstance(node, t.Report) else node.span


def _until(node: t.Node, end: int) -> Span:
    return Span(node.span.start, end)


def flat(unit: Unit) -> list[str]:
    """The unit's lines: one where it fits."""
    margin = " " * (STEP * unit.level)
    text = margin + statement(unit.node)
    if len(text) > WIDTH and unit.columns:
        return one_a_line(unit, {})
    return broken(text, margin + " " * STEP)


@dataclass(frozen=True)
class Comment:
    """A comment, its offset, and whether it stands alone on its line."""

    text: str
    start: int
    alone: bool


def one_a_line(unit: Unit, comments: dict[int, list[Comment]]) -> list[str]:
    """A table with a column a line; ``comments[k]`` follow column k (-1: the opening line)."""
    assert isinstance(unit.node, t.Table)
    lines = [_with(f"table {unit.node.name}(", comments.get(-1, []))]
    for number, node in enumerate(unit.columns):
        lines.append(_with(f"{' ' * STEP}{column(node)},", comments.get(number, [])))
    return [*(line for group in lines for line in group), ")"]


def _with(text: str, comments: list[Comment]) -> list[str]:
    """A first comment that stood behind the text stays there; the others have lines of their own."""
    behind = bool(comments) and not comments[0].alone
    first = f"{text}  {comments[0].text}" if behind else text
    return [first, *(" " * STEP + c.text for c in comments[behind:])]


def broken(text: str, margin: str) -> list[str]:
    """A long line cut at spaces inside brackets (where a newline is a space), the outermost first.

    >>> broken("x = f(" + "a" * 60 + ", " + "b" * 60 + ")", "    ")[1][:8]
    '    bbbb'
    """
    places = list(_spaces(text))
    lines, start, lead = [], 0, ""
    while len(lead) + len(text) - start > WIDTH:
        at = _best(places, start, start + WIDTH - len(lead))
        if at is None:
            break
        lines.append(lead + text[start:at])
        start, lead = at + 1, margin
    return [*lines, lead + text[start:]]


def _best(places: list[tuple[int, float]], start: int, limit: int) -> int | None:
    """The last of the cheapest spaces in the second half of the line; failing that, the next there is."""
    half = start + (limit - start) // 2
    near = [(cost, -at) for at, cost in places if half < at <= limit]
    if near:
        return -min(near)[1]
    return next((at for at, _ in places if at > half), None)


def _spaces(text: str) -> Iterator[tuple[int, float]]:
    """Spaces inside brackets, with the depth as cost; behind a comma costs less."""
    depth, quoted, at = 0, False, 0
    while at < len(text):
        character = text[at]
        if quoted:
            at += character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        else:
            depth += (character in "([") - (character in ")]")
            if character == " " and depth > 0:
                yield at, depth + (0.0 if text[at - 1] == "," else 0.5)
        at += 1
