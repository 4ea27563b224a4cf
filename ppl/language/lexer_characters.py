"""Characters that cannot stand in a model: each is named, with what to write instead."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from ppl.errors import Diagnostic, Span
from ppl.language.lexer import Scan, Token

# Letters of other scripts that are drawn like a Latin letter.
_LATIN_TWINS = dict(
    zip(
        "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "aeopcyxijshdqwABEKMHOPCTYXIJSABEZHIKMNOPTYXo",
        strict=True,
    )
)
_FOREIGN = frozenset(";{}!&%")
# Never wanted, not even in a comment: they make a text look different from what is read.
_HIDDEN = re.compile("[\x00\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ADVICE = {
    ";": ("E104", "`;` is not used here", "that is Stan or C; a statement ends with its line"),
    "{": (
        "E104",
        "`{` is not used here",
        "that is Stan or C; a block is indented under a line that ends with `:`",
    ),
    "}": ("E104", "`}` is not used here", "that is Stan or C; a block ends where its indent ends"),
    "!": ("E104", "`!` is not used here", "that is Stan or C; write `not`, or `!=` for unequal"),
    "&": ("E104", "`&` is not used here", "that is Stan or C; write `and`"),
    "%": ("E104", "`%` is not used here", "there is no such operator"),
    "'": ("E100", "a `'` stands here", "texts are written in double quotes; a prime follows a name directly"),
    '"': ("E101", "the text opened here is never closed", 'close it with `"` on the same line'),
    "\\": ("E100", "a `\\` stands here", "a line goes on by itself inside brackets"),
    "\u00a0": ("E109", "", "use an ordinary space"),
    "\u2212": ("E109", "", "write `-`"),
    "\u00d7": ("E109", "", "write `*`"),
    "\u00b7": ("E109", "", "write `*`"),
    "\u2264": ("E109", "", "write `<=`"),
    "\u2265": ("E109", "", "write `>=`"),
    "\u2260": ("E109", "", "write `!=`"),
    "\u201c": ("E109", "", 'write `"`'),
    "\u201d": ("E109", "", 'write `"`'),
    "\u223c": ("E109", "", "write `~`"),
    "\u2026": ("E109", "", "write `..`"),
}


def check_characters(text: str, scanned: Scan) -> list[Diagnostic]:
    """Everything wrong with single characters and letters of names; one report a line for signs.

    >>> from ppl.language.lexer import scan
    >>> from ppl.language.tables import load
    >>> text = "a\\u200bb ~ c"
    >>> [d.message for d in check_characters(text, scan(text, load()))]
    ['the character U+200B (ZERO WIDTH SPACE) cannot stand here']
    """
    found = chain(_illegal(text, scanned.tokens), _tabs(scanned), _returns(text))
    if text.isascii() and "\x00" not in text:
        return list(found)
    return [*found, *_hidden(text, scanned), *_names(text, scanned.tokens)]


def codepoint(character: str) -> str:
    """``U+200B (ZERO WIDTH SPACE)``."""
    name = unicodedata.name(character, "")
    if not name:
        name = {"\x00": "NULL", "\r": "CARRIAGE RETURN"}.get(character, "an unnamed character")
    return f"U+{ord(character):04X} ({name})"


def _illegal(text: str, tokens: list[Token]) -> Iterator[Diagnostic]:
    """The first of each foreign sign, with how many follow; of other characters the first on a line."""
    illegal = [t for t in tokens if t.kind == "ILLEGAL"]
    counts = Counter(text[t.start] for t in illegal)
    lines: set[int] = set()
    for token in illegal:
        character, line = text[token.start], text.rfind("\n", 0, token.start)
        span = Span(token.start, token.end)
        if character in _FOREIGN and counts[character]:
            yield _refused(character, span, counts[character] - 1)
            counts[character] = 0
        elif character not in _FOREIGN and line not in lines:
            lines.add(line)
            yield _refused(character, span, 0)


def _refused(character: str, span: Span, more: int) -> Diagnostic:
    code, message, help = _ADVICE.get(character, ("E109", "", "remove it"))
    if not message:
        shown = f"`{character}`" if character.isascii() and character.isprintable() else codepoint(character)
        message = f"the character {shown} cannot stand here"
    if more:
        message += f" (and in {more} more places)" if more > 1 else " (and in one more place)"
    return Diagnostic(code, message, span, label="this character", help=help)


def _tabs(scanned: Scan) -> Iterator[Diagnostic]:
    if scanned.tabs:
        first = scanned.tabs[0]
        yield _tab(Span(first, first + 1), len(scanned.tabs) - 1)


def _tab(span: Span, more: int) -> Diagnostic:
    others = f" (and on {more} more lines)" if more > 1 else " (and on one more line)" if more else ""
    return Diagnostic(
        "E102",
        f"a tab stands here{others}; its width differs between editors",
        span,
        label="a tab",
        help="use spaces, four for each level of a block",
    )


def _returns(text: str) -> Iterator[Diagnostic]:
    """A carriage return that ends no line would hide what stands before it."""
    match = re.search(r"\r(?!\n|\Z)", text) if "\r" in text else None
    if match:
        span = Span(match.start(), match.end())
        yield Diagnostic(
            "E109",
            f"the character {codepoint(chr(13))} cannot stand inside a line",
            span,
            label="this character",
            help="end lines with a newline",
        )


def _hidden(text: str, scanned: Scan) -> Iterator[Diagnostic]:
    inside = sorted([*scanned.comments, *((t.start, t.end) for t in scanned.tokens if t.kind == "STRING")])
    for start, end in inside:
        match = _HIDDEN.search(text, start, end)
        if match:
            message = f"the character {codepoint(match.group())} hides or reorders text"
            span = Span(match.start(), match.end())
            yield Diagnostic("E109", message, span, label="this character", help="remove it")


def _names(text: str, tokens: list[Token]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for token in tokens:
        name = text[token.start : token.end]
        if token.kind in ("NAME", "PRIMED") and not name.isascii() and name not in seen:
            seen.add(name)
            yield from _letters(name, token.start)


def _letters(name: str, start: int) -> Iterator[Diagnostic]:
    """Twins of Latin letters, where they stand among Latin letters or make up the whole name."""
    letters = [c for c in name if c.isalpha()]
    mixed = any(c.isascii() for c in letters) or all(c in _LATIN_TWINS for c in letters)
    for offset, character in enumerate(name):
        span = Span(start + offset, start + offset + 1)
        plain = unicodedata.normalize("NFKC", character)
        if mixed and character in _LATIN_TWINS:
            latin = _LATIN_TWINS[character]
            message = f"{codepoint(character)} in `{name}` looks like the Latin letter `{latin}`"
            yield Diagnostic("E109", message, span, label="not a Latin letter", help=f"type `{latin}`")
        elif plain != character:
            message = f"{codepoint(character)} in `{name}` is read as `{plain}` by most programs"
            yield Diagnostic("E109", message, span, label="this letter", help=f"write `{plain}`")
