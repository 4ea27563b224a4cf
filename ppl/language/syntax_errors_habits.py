"""Recognises what was meant: habits of Stan, BUGS, C and Python, and the commonest slips.

`diagnose` asks one recogniser after another; the first that answers words the message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from ppl.errors import Diagnostic, Source, Span
from ppl.language import syntax_errors as say
from ppl.language.layout import LogicalLine
from ppl.language.lexer import Token
from ppl.language.parse_driver import Unexpected
from ppl.language.tables import load

_HEADERS = {"FOR": "for", "GUIDE": "guide", "REPORT": "report"}


@dataclass(frozen=True)
class Slip:
    """A token that cannot stand where it stands, with its surroundings."""

    source: Source
    line: LogicalLine
    tokens: list[Token]
    position: int
    expected: frozenset[str]
    has_block: bool

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    @property
    def previous(self) -> Token:
        return self.tokens[max(self.position - 1, 0)]

    @property
    def first(self) -> Token:
        return self.line.tokens[0]

    def text(self, token: Token) -> str:
        return self.source.text[token.start : token.end]

    def written(self) -> str:
        """The physical line the slip is on."""
        return self.source.line(self.source.position(self.first.start)[0])


def diagnose(
    source: Source, lines: list[LogicalLine], where: int, tokens: list[Token], error: Unexpected
) -> tuple[Diagnostic, LogicalLine | None]:
    """The message for a token that cannot stand there, and the line mended where one sign is missing."""
    has_block = where + 1 < len(lines) and lines[where + 1].level > lines[where].level
    slip = Slip(source, lines[where], tokens, error.position, error.expected, has_block)
    for recognise in RECOGNISERS:
        found = recognise(slip)
        if found:
            mended = _with_colon(slip) if recognise is missing_colon and has_block else None
            return found, mended
    return say.unexpected(source.text, slip.token, slip.expected, help=hint(slip)), None


def _with_colon(slip: Slip) -> LogicalLine:
    end = slip.line.tokens[-1].end
    return replace(slip.line, tokens=[*slip.line.tokens, Token("COLON", end, end)])


def _at(token: Token) -> Span:
    return Span(token.start, token.end)


# ---------------------------------------------------------------- blocks


def missing_colon(slip: Slip) -> Diagnostic | None:
    """``for j in schools`` with its block below."""
    word = _HEADERS.get(slip.first.kind)
    if word is None or slip.token.kind != "_NL" or "COLON" not in slip.expected:
        return None
    end = slip.token.end
    return say.missing_colon(Span(end, end), slip.line.span, word, slip.written().rstrip())


def same_line_block(slip: Slip) -> Diagnostic | None:
    """``for j in schools: theta[j] ~ ...``."""
    word = _HEADERS.get(slip.first.kind)
    if word is None or slip.previous.kind != "COLON" or slip.expected != {"_NL"}:
        return None
    return say.block_on_one_line(_at(slip.token), word)


def block_without_lines(slip: Slip) -> Diagnostic | None:
    """``for j in schools:`` and nothing indented below."""
    if "_INDENT" not in slip.expected:
        return None
    return say.empty_block(slip.line.span, _HEADERS.get(slip.first.kind, "for"))


# ---------------------------------------------------------------- other languages


def range_loop(slip: Slip) -> Diagnostic | None:
    """``for j in 1:J``, ``for j in range(J)``, ``for (j in 1:J)``."""
    kinds = [t.kind for t in slip.tokens[max(slip.position - 3, 0) : slip.position]]
    if kinds[-1:] == ["FOR"] and slip.token.kind == "LPAR":
        return bracketed_loop(slip)
    over_number = kinds[-1:] == ["IN"] and slip.token.kind in ("NUMBER", "LPAR", "MINUS")
    over_range = kinds[-2:] == ["IN", "NAME"] and slip.token.kind == "LPAR"
    over_colon = kinds[-2:] == ["IN", "NAME"] and slip.token.kind == "__ANON_0"
    if not (over_number or over_range or over_colon):
        return None
    variable = slip.text(slip.tokens[slip.position - 2 - (not over_number)])
    return Diagnostic(
        "E106",
        "loops run over named index sets, so that axes can be checked",
        _at(slip.token) if over_number else _at(slip.previous),
        label="not an index set",
        help=f"declare the set, `index groups = J`, then write `for {variable} in groups`",
    )


def bracketed_loop(slip: Slip) -> Diagnostic:
    """``for (j in 1:J)``."""
    return Diagnostic(
        "E105",
        "that is BUGS or Stan: loops run over named index sets, without brackets",
        _at(slip.token),
        label="no bracket here",
        help="declare the set, `index groups = J`, then write `for j in groups:`",
    )


def arrow(slip: Slip) -> Diagnostic | None:
    """``x <- y``."""
    tokens = slip.line.tokens
    for token, after in pairwise(tokens):
        if after.kind == "MINUS" and after.start == token.end and slip.text(token) == "<":
            line = slip.written()
            return Diagnostic(
                "E105",
                "`<-` is BUGS or R; a value is defined with `=`",
                Span(token.start, after.end),
                label="write `=`",
                help="write",
                suggestion=line.replace("<-", "=", 1).rstrip("; \t\r"),
            )
    return None


def update(slip: Slip) -> Diagnostic | None:
    """``target += x`` and other updates."""
    if slip.token.kind != "EQUAL" or slip.previous.kind not in ("PLUS", "MINUS", "STAR", "SLASH"):
        return None
    if slip.previous.end != slip.token.start:
        return None
    span = Span(slip.previous.start, slip.token.end)
    sign = slip.text(slip.previous)
    if slip.text(slip.first) == "target":
        added = slip.source.text[slip.token.end : slip.line.span.end].strip()
        message, help = (
            "`target +=` is Stan; a term of the log density is a `factor`",
            f"write `factor {added}`",
        )
    else:
        message = f"`{sign}=` is not used here: every name is defined once"
        help = "define a new name with `=`; add up over an index set with `sum(... for i in ...)`"
    return Diagnostic("E104", message, span, label="an update", help=help)


def stan_declaration(slip: Slip) -> Diagnostic | None:
    """``real<lower=0> sigma``, ``int N``, ``vector[N] x``."""
    word = slip.text(slip.first)
    if word not in say.STAN_TYPES or slip.position == 0 or slip.first.kind != "NAME":
        return None
    if slip.token.kind not in ("NAME", "EQUAL", "_NL", "COMMA", "RSQB") and slip.text(slip.token) != "<":
        return None
    return say.stan_declaration(_at(slip.first))


def slashes(slip: Slip) -> Diagnostic | None:
    """``// comment`` and ``/* comment */``."""
    met = slip.source.text[slip.token.start - 1 : slip.token.start + 1]
    if met not in ("//", "/*") and slip.source.text[slip.token.start : slip.token.start + 2] not in (
        "//",
        "/*",
    ):
        return None
    return Diagnostic(
        "E104", "comments begin with `#` here", _at(slip.token), label="not a comment", help="write `# ...`"
    )


# ---------------------------------------------------------------- words and signs


def reserved_name(slip: Slip) -> Diagnostic | None:
    """A block word where a name must stand, or a block word that is defined."""
    words, tokens, token = load().words, slip.line.tokens, slip.token
    first, defines = tokens[0], ("TILDE", "EQUAL", "LSQB", "COMMA")
    if (
        len(tokens) > 1
        and words.get(slip.text(first)) == first.kind
        and token in tokens[:2]
        and tokens[1].kind in defines
    ):
        return say.reserved(_at(first), slip.text(first))
    operator = token.kind in ("FOR", "IF", "ELSE", "IN", "AND", "OR", "NOT")
    wanted = "NAME" in slip.expected and not operator
    if (wanted or slip.expected <= {"NAME", "PRIMED"}) and words.get(slip.text(token)) == token.kind:
        return say.reserved(_at(token), slip.text(token))
    return None


def equality(slip: Slip) -> Diagnostic | None:
    """``x == 3`` as a statement, and ``if x = 3`` inside an expression."""
    compares = [t for t in slip.line.tokens if slip.text(t) == "=="]
    if slip.token.kind == "_NL" and {"TILDE", "EQUAL"} <= slip.expected and compares:
        return Diagnostic(
            "E100",
            "`==` compares and defines nothing",
            _at(compares[0]),
            label="a comparison",
            help="define a value with one `=`, a distribution with `~`",
        )
    if slip.token.kind == "EQUAL" and "COMPARISON" in slip.expected:
        return Diagnostic(
            "E100",
            "`=` cannot stand inside an expression",
            _at(slip.token),
            label="here",
            help="compare with `==`",
        )
    return None


def undefined_statement(slip: Slip) -> Diagnostic | None:
    """A line that is only an expression."""
    if slip.token.kind != "_NL" or not {"TILDE", "EQUAL"} <= slip.expected:
        return None
    return Diagnostic(
        "E100",
        "this line is an expression, not a statement",
        slip.line.span,
        label="nothing is said about it",
        help="a statement has `~` (a distribution) or `=` (a value); a term of the log density is a `factor`",
    )


def missing_else(slip: Slip) -> Diagnostic | None:
    """``a if test`` without ``else``."""
    if "ELSE" not in slip.expected:
        return None
    if slip.token.kind not in ("_NL", "RPAR", "RSQB", "COMMA", "FOR"):
        return None
    return Diagnostic(
        "E100",
        "this `if` has no `else`",
        _at(slip.token),
        label="`else` is missing",
        help="a choice needs both values, `a if test else b`; a filter belongs behind `for i in ...`",
    )


def hint(slip: Slip) -> str:
    """A word of help where the general message needs one."""
    met, before = slip.text(slip.token), slip.text(slip.previous)
    touches = slip.previous.end == slip.token.start
    if before in ("include", "import") and slip.previous == slip.first:
        return "a model is one text: nothing is included from other files"
    if met == "*" and before == "*" and touches:
        return "a power is written `^`"
    if met == "|":
        return "write `or`"
    if met == "+":
        return "there is no sign `+` before a value"
    if slip.previous.kind == "NUMBER" and slip.token.kind == "NAME" and touches:
        return f"a product needs `*`: `{before} * {met}`"
    if slip.token.kind == "NAME" and "COLON" in slip.expected:
        return "is a `:` missing before it?"
    if slip.token.kind in ("NAME", "NUMBER", "STRING") and "COMMA" in slip.expected:
        return "is a `,` missing before it?"
    if slip.previous.kind == "COMMA" and slip.expected == {"NAME"}:
        return "a comprehension takes bindings only; beside other arguments it stands in `[ ]`"
    if slip.token.kind == "COLON" and slip.previous.kind in ("NAME", "RSQB") and "TILDE" in slip.expected:
        return "a type belongs to a `given`, a `param` or a column of a `table`"
    return ""


RECOGNISERS: tuple[Callable[[Slip], Diagnostic | None], ...] = (
    arrow,
    update,
    stan_declaration,
    slashes,
    range_loop,
    missing_colon,
    same_line_block,
    block_without_lines,
    reserved_name,
    missing_else,
    equality,
    undefined_statement,
)
