"""From text to tokens: (terminal, start, end), with comments apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ppl.language.tables import Tables


class Token(NamedTuple):
    """A terminal's name and its character offsets ``[start, end)``."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Scan:
    """What a text is made of. ``tokens`` includes NEWLINE and ILLEGAL, not spaces or comments."""

    tokens: list[Token]
    comments: list[tuple[int, int]]
    tabs: list[int]


def scan(text: str, tables: Tables) -> Scan:
    """Cuts a text into tokens; a byte-order mark at the start is skipped.

    >>> from ppl.language.tables import load
    >>> [token.kind for token in scan("a ~ b # c", load()).tokens]
    ['NAME', 'TILDE', 'NAME']
    """
    tokens: list[Token] = []
    comments: list[tuple[int, int]] = []
    tabs: list[int] = []
    words, punctuation = tables.words, tables.punctuation
    for match in tables.scanner.finditer(text, 1 if text.startswith("\ufeff") else 0):
        kind, start, end = match.lastgroup or "ILLEGAL", match.start(), match.end()
        if kind == "SPACE":
            if "\t" in match.group():
                tabs.append(text.index("\t", start))
        elif kind == "COMMENT":
            comments.append((start, end))
        elif kind == "NAME":
            tokens.append(Token(words.get(match.group(), "NAME"), start, end))
        elif kind == "SIGN":
            tokens.append(Token(punctuation[match.group()], start, end))
        else:
            tokens.append(Token(kind, start, end))
    return Scan(tokens, comments, tabs)
