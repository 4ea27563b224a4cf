"""Logical lines: newlines inside brackets are spaces, indents are levels, every slip is reported.

An unclosed bracket swallows no more than its own statement: a `~` or a block word at the start of a
line shows that the bracket was forgotten, and reading goes on after the bracket's own line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ppl.errors import Diagnostic, Source, Span
from ppl.language import syntax_errors as say
from ppl.language.lexer import Token

_OPENERS = ("FOR", "GUIDE", "REPORT")
_PAIR = {"RPAR": "LPAR", "RSQB": "LSQB"}


@dataclass(frozen=True)
class LogicalLine:
    """Tokens of one logical line and the level of its block; ``sound`` is false if it was reported."""

    tokens: list[Token]
    level: int
    sound: bool = True

    @property
    def span(self) -> Span:
        return Span(self.tokens[0].start, self.tokens[-1].end)


@dataclass
class _Layout:
    source: Source
    tokens: list[Token]
    depth_limit: int
    lines: list[LogicalLine] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    indents: list[int] = field(default_factory=list)
    # Once a bracket ran to the end of the text, a line that is no deeper ends any other.
    wary: bool = False

    def run(self) -> None:
        at = 0
        while at < len(self.tokens):
            at = at + 1 if self.tokens[at].kind == "NEWLINE" else self._line(at)

    def _line(self, first: int) -> int:
        """Reads one logical line from ``first``; returns where the next begins."""
        open_at: list[int] = []
        sound = True
        at = first
        while at < len(self.tokens):
            kind = self.tokens[at].kind
            if kind == "NEWLINE":
                if not open_at or (self.wary and not self._continues(at, self._column(self.tokens[first]))):
                    break
            elif kind in ("LPAR", "LSQB"):
                open_at.append(at)
                if len(open_at) > self.depth_limit:
                    return self._give_up(first, at, say.too_deep(_span(self.tokens[at]), self.depth_limit))
            elif kind in _PAIR:
                sound = self._close(open_at, at) and sound
            elif kind == "ILLEGAL":
                sound = False
            elif open_at and self._forgotten(open_at, at):
                return self._unclosed(first, open_at)
            at += 1
        if open_at:
            self.wary = True
            return self._unclosed(first, open_at)
        self._finish(first, at, sound)
        return at

    def _unclosed(self, first: int, open_at: list[int]) -> int:
        """Blames the last bracket left open on the physical line of the first."""
        line = self._line_end(open_at[0])
        blamed = max(at for at in open_at if at < line)
        return self._give_up(first, blamed, say.unclosed(self.tokens[blamed], self.source))

    def _close(self, open_at: list[int], at: int) -> bool:
        closing = self.tokens[at]
        if not open_at:
            self.diagnostics.append(say.nothing_to_close(closing, self.source.text))
            return False
        opening = self.tokens[open_at.pop()]
        if opening.kind != _PAIR[closing.kind]:
            self.diagnostics.append(say.mismatched(opening, closing, self.source))
            return False
        return True

    def _forgotten(self, open_at: list[int], at: int) -> bool:
        """Whether the token at ``at`` shows that an open bracket was never meant to reach it."""
        kind = self.tokens[at].kind
        if kind in say.BLOCK_WORDS:
            return self.tokens[at - 1].kind == "NEWLINE"
        return kind == "TILDE" and not self._closes_on_this_line(len(open_at), at)

    def _closes_on_this_line(self, depth: int, at: int) -> bool:
        while at < len(self.tokens) and self.tokens[at].kind != "NEWLINE":
            depth += (self.tokens[at].kind in ("LPAR", "LSQB")) - (self.tokens[at].kind in _PAIR)
            if depth == 0:
                return True
            at += 1
        return False

    def _give_up(self, first: int, at: int, diagnostic: Diagnostic) -> int:
        """Reports, and skips to the next physical line that is no deeper than the statement."""
        self.diagnostics.append(diagnostic)
        indent = self._column(self.tokens[first])
        end = self._line_end(at)
        self._finish(first, end, sound=False)
        while end < len(self.tokens) and self._continues(end, indent):
            end = self._line_end(end + 1)
        return end

    def _continues(self, newline: int, indent: int) -> bool:
        following = newline + 1
        if following >= len(self.tokens):
            return False
        token = self.tokens[following]
        return token.kind == "NEWLINE" or token.kind in _PAIR or self._column(token) > indent

    def _line_end(self, at: int) -> int:
        while at < len(self.tokens) and self.tokens[at].kind != "NEWLINE":
            at += 1
        return at

    def _column(self, token: Token) -> int:
        line = self.source.text.rfind("\n", 0, token.start) + 1
        return token.start - line - (line == 0 and self.source.text.startswith("\ufeff"))

    def _finish(self, first: int, end: int, sound: bool) -> None:
        tokens = [t for t in self.tokens[first:end] if t.kind != "NEWLINE"]
        self.lines.append(LogicalLine(tokens, self._level(tokens[0]), sound))

    def _level(self, token: Token) -> int:
        column, indents = self._column(token), self.indents
        if not indents:
            indents.append(column)
            if column:
                self.diagnostics.append(say.stray_indent(self._margin(token), column))
        elif column > indents[-1]:
            self._deeper(token, column)
        else:
            self._shallower(token, column)
        return len(indents) - 1

    def _deeper(self, token: Token, column: int) -> None:
        if self.lines[-1].tokens[0].kind in _OPENERS or self.lines[-1].tokens[-1].kind == "COLON":
            self.indents.append(column)
        elif len(self.indents) > 1:
            self.diagnostics.append(say.uneven(self._margin(token), column, self.indents[-1]))
        else:
            self.diagnostics.append(say.stray_indent(self._margin(token), column))

    def _shallower(self, token: Token, column: int) -> None:
        block = self.indents[-1]
        while self.indents and self.indents[-1] > column:
            block = self.indents.pop()
        if not self.indents:
            self.indents.append(column)
        elif self.indents[-1] < column:
            self.indents.append(block)
            self.diagnostics.append(say.uneven(self._margin(token), column, block))

    def _margin(self, token: Token) -> Span:
        """The spaces before a line's first token."""
        return Span(token.start - self._column(token), token.start)


def _span(token: Token) -> Span:
    return Span(token.start, token.end)


def _without_foreign_signs(text: str, tokens: list[Token]) -> Iterator[Token]:
    """Leaves out (already reported) ``;``, a ``{`` that ends a line and a ``}`` that begins one."""
    before = after = "NEWLINE"
    for token, following in zip(tokens, [*tokens[1:], None], strict=False):
        after = following.kind if following else "NEWLINE"
        sign = text[token.start] if token.kind == "ILLEGAL" else ""
        if not (sign == ";" or (sign == "{" and after == "NEWLINE") or (sign == "}" and before == "NEWLINE")):
            yield token
            before = token.kind


def lay_out(
    source: Source, tokens: list[Token], depth_limit: int
) -> tuple[list[LogicalLine], list[Diagnostic]]:
    """Cuts tokens into logical lines with levels.

    >>> from ppl.language.lexer import scan
    >>> from ppl.language.tables import load
    >>> text = "for j in s:\\n  a[j] = (1 +\\n 2)"
    >>> lines, slips = lay_out(Source("m", text), scan(text, load()).tokens, 150)
    >>> [(line.level, len(line.tokens)) for line in lines], slips
    ([(0, 5), (1, 10)], [])
    """
    layout = _Layout(source, list(_without_foreign_signs(source.text, tokens)), depth_limit)
    layout.run()
    return layout.lines, layout.diagnostics
