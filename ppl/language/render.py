"""Diagnostics as text for people: the user's own lines, a caret, and the other places that disagree."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ppl.errors import Diagnostic, Source, Span
from ppl.language.render_machine import render_github, render_json, render_sarif

__all__ = ["display_width", "printable", "render_github", "render_json", "render_sarif", "render_text"]

_WIDEST = 160
_RED, _YELLOW, _BLUE, _BOLD, _PLAIN = "\x1b[31;1m", "\x1b[33;1m", "\x1b[34;1m", "\x1b[1m", "\x1b[0m"


def render_text(diagnostics: Sequence[Diagnostic], source: Source | None, color: bool = False) -> str:
    """Every diagnostic as a headline, its places, and what to do, with a blank line between.

    >>> d = Diagnostic("E202", "no `mu` here", Span(4, 6), label="unknown name", help="define it first")
    >>> print(render_text([d], Source("m.model", "x = mu")), end="")
    error[E202]: no `mu` here
      --> m.model:1:5
      1 | x = mu
        |     ^^ unknown name
    help: define it first
    """
    paint = _Paint(color)
    return "\n".join(_one(d, source, paint) for d in diagnostics)


@dataclass(frozen=True)
class _Paint:
    on: bool

    def __call__(self, text: str, style: str) -> str:
        return f"{style}{text}{_PLAIN}" if self.on and text else text


@dataclass(frozen=True)
class _Mark:
    """Something to underline: the main place with ``^``, another with ``-``."""

    span: Span
    label: str
    main: bool


def _one(d: Diagnostic, source: Source | None, paint: _Paint) -> str:
    head = paint(f"{d.severity}[{d.code}]", _RED if d.severity == "error" else _YELLOW)
    lines = [f"{head}{paint(': ' + printable(d.message), _BOLD)}"]
    if d.place is not None:
        lines.append(f"  --> {_data_place(d)}")
    if source is not None and (d.span is not None or d.notes):
        lines += _places(d, source, paint)
    lines += _help(d, source, paint)
    return "\n".join(lines) + "\n"


def _data_place(d: Diagnostic) -> str:
    place = d.place
    assert place is not None
    where = printable(place.file) + (f":{place.line}" if place.line else "")
    return f"{where}, column `{printable(place.column)}`" if place.column else where


def _places(d: Diagnostic, source: Source, paint: _Paint) -> list[str]:
    marks = [_Mark(n.span, n.text, False) for n in d.notes]
    lines = []
    if d.span is not None:
        line, column = source.position(d.span.start)
        lines.append(f"  --> {printable(source.name)}:{line}:{column}")
        marks.append(_Mark(d.span, d.label, True))
    marks.sort(key=lambda m: (source.position(m.span.start)[0], m.main, m.span.start))
    width = max(3, *(len(str(source.position(m.span.start)[0])) for m in marks))
    shown = None
    for mark in marks:
        number, column = source.position(mark.span.start)
        text, offset = _window(source.line(number), column - 1)
        if number != shown:
            lines.append(f"{paint(f'{number:>{width}} |', _BLUE)} {printable(text)}")
            shown = number
        lines.append(f"{paint(' ' * width + ' |', _BLUE)} {_underline(mark, text, offset, paint)}")
    return lines


def _window(text: str, column: int) -> tuple[str, int]:
    """A very long line cut around the column, and the column within it."""
    text = text.rstrip("\r")
    if len(text) <= _WIDEST or column < _WIDEST - 40:
        return (text if len(text) <= _WIDEST else text[:_WIDEST] + " ..."), column
    first = column - _WIDEST // 2
    tail = " ..." if first + _WIDEST < len(text) else ""
    return "... " + text[first : first + _WIDEST] + tail, column - first + 4


def _underline(mark: _Mark, text: str, offset: int, paint: _Paint) -> str:
    stop = min(offset + max(mark.span.end - mark.span.start, 1), max(len(text), offset + 1))
    before, under = text[:offset].ljust(offset), text[offset:stop] or " "
    sign = "^" if mark.main else "-"
    count = display_width(under) if mark.main else max(display_width(under), 3)
    drawn = " " * display_width(before) + paint(sign * max(count, 1), _RED if mark.main else _BLUE)
    return f"{drawn} {printable(mark.label)}".rstrip()


def _help(d: Diagnostic, source: Source | None, paint: _Paint) -> list[str]:
    if not d.help and not d.suggestion:
        return []
    help = printable(d.help or "write", keep_newlines=True)
    if not d.suggestion:
        return [f"{paint('help', _BOLD)}: {help}"]
    lines = [f"{paint('help', _BOLD)}: {help.rstrip(':')}:"]
    number = ""
    if source is not None and d.span is not None:
        number = str(source.position(d.span.start)[0])
    gutter = f"{number:>3} |"
    lines += [f"{paint(gutter, _BLUE)} {printable(line)}" for line in d.suggestion.split("\n")]
    return lines


def display_width(text: str) -> int:
    """Columns on a terminal: wide letters take two, combining ones none, escapes their length.

    >>> display_width("a\\u4e2d")
    3
    """
    return sum(_cell(c) for c in text)


def _cell(character: str) -> int:
    if character.isascii():
        return 1 if character.isprintable() else len(printable(character))
    if unicodedata.combining(character):
        return 0
    if not character.isprintable():
        return len(printable(character))
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def printable(text: str, keep_newlines: bool = False) -> str:
    """The text with what would not show, or would disturb the terminal, escaped.

    >>> printable("a\\u202eb")
    'a<U+202E>b'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or (c == "\n" and keep_newlines) else _escape(c) for c in text)


def _escape(character: str) -> str:
    return " " if character in "\t\r\n\u00a0" else f"<U+{ord(character):04X}>"
