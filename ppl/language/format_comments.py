"""Puts comments and blank lines of the source back between the printed lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ppl.errors import Source
from ppl.language.format_lines import STEP, Comment, Unit, flat, one_a_line


@dataclass(frozen=True)
class Piece:
    """Printed lines with the source lines (counted from 1) they stand for."""

    lines: list[str]
    first: int
    last: int
    opens: bool = False


def comments_of(source: Source, places: list[tuple[int, int]]) -> list[Comment]:
    """The comments of a source, from their offsets."""
    found = []
    for start, end in places:
        line_start = source.text.rfind("\n", 0, start) + 1
        alone = not source.text[line_start:start].strip(" \t\r\ufeff")
        found.append(Comment(source.text[start:end].rstrip(), start, alone))
    return found


def weave(source: Source, units: list[Unit], comments: list[Comment]) -> str:
    """The whole text: units and comments in order, at most one blank line where there were any."""
    return separated(list(_pieces(source, units, comments)))


def separated(pieces: list[Piece]) -> str:
    """Pieces as text; a blank line stays, but not first in a block."""
    lines: list[str] = []
    before: Piece | None = None
    for piece in pieces:
        if before is not None and piece.first - before.last > 1 and not before.opens:
            lines.append("")
        lines += piece.lines
        before = piece
    return "\n".join(lines) + "\n"


def _pieces(source: Source, units: list[Unit], comments: list[Comment]) -> Iterator[Piece]:
    waiting = comments[::-1]
    # The source column of the block at each level that is open.
    margins: list[int] = []
    for unit in units:
        while waiting and waiting[-1].start < unit.span.start:
            yield _alone(source, waiting.pop(), margins, unit)
        margins[unit.level :] = [source.position(unit.span.start)[1]]
        inside = _take(waiting, unit.span.end)
        yield from _unit(source, unit, inside, _trailing(source, waiting, unit))
    while waiting:
        yield _alone(source, waiting.pop(), margins, None)


def _take(waiting: list[Comment], end: int) -> list[Comment]:
    taken = []
    while waiting and waiting[-1].start < end:
        taken.append(waiting.pop())
    return taken


def _trailing(source: Source, waiting: list[Comment], unit: Unit) -> Comment | None:
    """The comment behind the unit on its last line."""
    if waiting and not waiting[-1].alone:
        last = source.position(max(unit.span.end - 1, 0))[0]
        if source.position(waiting[-1].start)[0] == last:
            return waiting.pop()
    return None


def _unit(source: Source, unit: Unit, inside: list[Comment], trailing: Comment | None) -> Iterator[Piece]:
    first = source.position(unit.span.start)[0]
    last = source.position(max(unit.span.end - 1, 0))[0]
    if inside and unit.columns:
        lines = one_a_line(unit, _by_column(unit, inside))
    else:
        margin = " " * (STEP * unit.level)
        if inside:
            yield Piece([margin + c.text for c in inside], first, first)
        lines = flat(unit)
    if trailing is not None:
        lines[-1] += f"  {trailing.text}"
    yield Piece(lines, first, last, lines[-1].split("  #")[0].endswith(":"))


def _by_column(unit: Unit, inside: list[Comment]) -> dict[int, list[Comment]]:
    """Comments under the number of the column they follow; one alone before a column goes above it."""
    placed: dict[int, list[Comment]] = {}
    for comment in inside:
        before = [k for k, c in enumerate(unit.columns) if c.span.start < comment.start]
        placed.setdefault(before[-1] if before else -1, []).append(comment)
    return placed


def _alone(source: Source, comment: Comment, margins: list[int], below: Unit | None) -> Piece:
    line, column = source.position(comment.start)
    margin = " " * (STEP * _level(column, margins, below.level if below else 0))
    return Piece([margin + comment.text], line, line)


def _level(column: int, margins: list[int], after: int) -> int:
    """A comment between a block and what follows belongs to the block that is indented like it."""
    inner = [level for level, margin in enumerate(margins) if margin <= column and level > after]
    return inner[-1] if inner else after
