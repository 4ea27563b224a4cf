"""Text to tree: every syntax mistake of a text in one error.

Each unindented logical line, with the block under it, is parsed on its own, so one mistake hides no
other. Inside a block the line that is wrong is set aside and the rest is parsed again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ppl.errors import Diagnostic, ModelError, Source, Span
from ppl.language import syntax_errors as say
from ppl.language import tree as t
from ppl.language.build_tree import TreeBuilder
from ppl.language.layout import LogicalLine, lay_out
from ppl.language.lexer import Token, scan
from ppl.language.lexer_characters import check_characters
from ppl.language.parse_driver import DEPTH_LIMIT, Driver, TooDeep, Unexpected
from ppl.language.parse_foreign import bugs_distribution, foreign_program
from ppl.language.syntax_errors_habits import diagnose
from ppl.language.tables import load

_REPAIRS = 40


def parse(source: Source) -> t.Model:
    """The tree of a model text.

    Raises ModelError with every syntax mistake (E100 to E110), in the order of the text.

    >>> parse(Source("m.model", "mu ~ Normal(0, 5)")).statements[0].left[0].name
    'mu'
    """
    with _collector_paused():
        statements, diagnostics = _Parser(source).run()
    if diagnostics:
        first = {(d.code, d.span): d for d in reversed(diagnostics)}
        raise ModelError(tuple(sorted(first.values(), key=_place)), source)
    return t.Model(statements, span=Span(0, len(source.text)))


def _place(d: Diagnostic) -> int:
    return d.span.start if d.span else 0


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A large tree has no cycles to collect, and looking for them triples the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


class _Parser:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._tables = load()
        self._builder = TreeBuilder()
        self._driver = Driver(source.text, self._tables, self._builder)
        self._diagnostics: list[Diagnostic] = []

    def run(self) -> tuple[tuple[t.Statement, ...], list[Diagnostic]]:
        text = self._source.text
        foreign = foreign_program(self._source)
        if foreign:
            return (), foreign
        scanned = scan(text, self._tables)
        self._diagnostics += check_characters(text, scanned)
        lines, slips = lay_out(self._source, scanned.tokens, DEPTH_LIMIT)
        self._diagnostics += slips
        if not lines and not self._diagnostics:
            return (), [say.empty_text()]
        statements = [s for chunk in chunks(lines) if (s := self._chunk(chunk)) is not None]
        self._diagnostics += self._builder.finish()
        self._diagnostics += filter(
            None, (bugs_distribution(self._source, d) for d in self._builder.distributions)
        )
        return tuple(statements), self._diagnostics

    def _chunk(self, lines: list[LogicalLine]) -> t.Statement | None:
        """The statement of a header line and the block under it, or None once reported."""
        for _ in range(_REPAIRS):
            wrong = next((k for k, line in enumerate(lines) if not line.sound), None)
            if wrong is None:
                statement = self._attempt(lines)
                if statement is not None:
                    return statement
            elif _opens_block(lines, wrong) or len(lines) == 1:
                self._without_header(lines, wrong)
                return None
            else:
                del lines[wrong]
                if _opens_block_without_lines(lines, wrong - 1):
                    return None
        return None

    def _attempt(self, lines: list[LogicalLine]) -> t.Statement | None:
        """The statement; or None, with the mistake reported and its line marked or mended."""
        tokens, owners = assemble(lines)
        try:
            statement: t.Statement = self._driver.parse(tokens, "item")
            return statement
        except TooDeep as error:
            token = tokens[error.position]
            found, mended = say.too_deep(Span(token.start, token.end), DEPTH_LIMIT), None
            where = owners[error.position]
        except Unexpected as error:
            where = owners[error.position]
            found, mended = diagnose(self._source, lines, where, tokens, error)
        self._diagnostics.append(found)
        lines[where] = mended or replace(lines[where], sound=False)
        return None

    def _without_header(self, lines: list[LogicalLine], header: int) -> None:
        """Parses what stands under a wrong header, only to find its mistakes."""
        if lines[header].tokens[0].kind != "GUIDE":
            floor = lines[header].level + 1
            inner = [line for line in lines[header + 1 :] if line.level >= floor]
            for chunk in chunks([replace(line, level=line.level - floor) for line in inner]):
                self._chunk(chunk)


def chunks(lines: list[LogicalLine]) -> Iterator[list[LogicalLine]]:
    """Groups of lines, each begun by one at level 0."""
    chunk: list[LogicalLine] = []
    for line in lines:
        if line.level == 0 and chunk:
            yield chunk
            chunk = []
        chunk.append(line)
    if chunk:
        yield chunk


def assemble(lines: list[LogicalLine]) -> tuple[list[Token], list[int]]:
    """Tokens with line ends and indents, closed by ``$END``, and the line that owns each."""
    tokens: list[Token] = []
    owners: list[int] = []
    level = 0
    for number, line in enumerate(lines):
        start, end = line.tokens[0].start, line.tokens[-1].end
        if line.level > level:
            tokens.append(Token("_INDENT", start, start))
        elif line.level < level:
            tokens += [Token("_DEDENT", tokens[-1].end, tokens[-1].end)] * (level - line.level)
        level = line.level
        tokens += line.tokens
        tokens.append(Token("_NL", end, end))
        owners += [number] * (len(tokens) - len(owners))
    last = tokens[-1].end
    tokens += [Token("_DEDENT", last, last)] * level
    tokens.append(Token("$END", last, last))
    return tokens, owners + [len(lines) - 1] * (level + 1)


def _opens_block(lines: list[LogicalLine], k: int) -> bool:
    return k + 1 < len(lines) and lines[k + 1].level > lines[k].level


def _opens_block_without_lines(lines: list[LogicalLine], k: int) -> bool:
    return lines[k].tokens[-1].kind == "COLON" and not _opens_block(lines, k)
