"""The sentences for what the parser meets and cannot take (E100 to E110)."""

from __future__ import annotations

from collections.abc import Sequence

from ppl.errors import Diagnostic, Note, Source, Span
from ppl.language.lexer import Token
from ppl.language.tables import load

BLOCK_WORDS = ("TABLE", "INDEX", "GIVEN", "PARAM", "NETWORK", "DEF", "EXTERN", "GUIDE", "REPORT", "FACTOR")
_STAN_WORDS = (
    "int real vector row_vector matrix array complex simplex ordered positive_ordered unit_vector cov_matrix"
    " corr_matrix cholesky_factor_cov cholesky_factor_corr"
)
STAN_TYPES = frozenset(_STAN_WORDS.split())
_VALUE = frozenset(("NAME", "NUMBER", "STRING", "LPAR", "LSQB"))
_VALUE_EXTRAS = _VALUE | {"PRIMED", "MINUS", "NOT", "TRUE", "FALSE"}
_OPERATORS = frozenset(("PLUS", "MINUS", "STAR", "SLASH"))
_OPERATOR_EXTRAS = _OPERATORS | {
    "AT", "CIRCUMFLEX", "COMPARISON", "AND", "OR", "DOT", "LPAR", "LSQB",
}  # fmt: skip
_PLAIN = {
    "NAME": "a name",
    "PRIMED": "a name with a prime",
    "NUMBER": "a number",
    "STRING": "a text in double quotes",
    "_NL": "the end of the line",
    "$END": "the end of the text",
    "_INDENT": "an indented line",
    "_DEDENT": "the end of the block",
    "COMPARISON": "a comparison",
}


def expected_words(terminals: frozenset[str]) -> list[str]:
    """What could stand there, in words, the most telling first.

    >>> expected_words(frozenset({"NAME"}))
    ['a name']
    """
    left, words = set(terminals), []
    if left.issuperset(BLOCK_WORDS[:5]):
        return ["a statement"]
    if left >= _VALUE:
        words.append("a value")
        left -= _VALUE_EXTRAS
    if left >= _OPERATORS:
        words.append("an operator")
        left -= _OPERATOR_EXTRAS
    named = sorted(left, key=lambda s: (s not in ("COMMA", "RPAR", "RSQB"), s == "_NL", s))
    return words + [describe_terminal(s) for s in named]


def describe_terminal(terminal: str) -> str:
    """A terminal in words or as it is written."""
    return _PLAIN.get(terminal) or f"`{load().spelling(terminal) or terminal}`"


def describe_token(kind: str, text: str) -> str:
    """A token as met.

    >>> describe_token("NAME", "mu")
    'the name `mu`'
    """
    if kind in ("_NL", "$END", "_INDENT", "_DEDENT"):
        return _PLAIN[kind]
    if kind in ("NAME", "PRIMED"):
        return f"the name `{text}`"
    if kind == "NUMBER":
        return f"the number {text}"
    return f"the text {shorten(text)}" if kind == "STRING" else f"`{shorten(text)}`"


def shorten(text: str, limit: int = 40) -> str:
    """The beginning of a long text."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def listed(words: Sequence[str], most: int = 5) -> str:
    """``a, b or c``; a long list is cut.

    >>> listed(["a value", "`)`"])
    'a value or `)`'
    """
    shown = list(words[:most])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def unexpected(text: str, token: Token, expected: frozenset[str], *, help: str = "") -> Diagnostic:
    """E100: something stands where something else must."""
    found = describe_token(token.kind, text[token.start : token.end])
    words = expected_words(expected)
    wanted = listed(words) if words else "nothing more"
    place = "the line ends" if token.kind == "_NL" else f"{found} stands"
    return Diagnostic(
        "E100",
        f"{place} where {wanted} was expected",
        Span(token.start, max(token.end, token.start)),
        label=f"expected {wanted}",
        help=help,
    )


def unclosed(token: Token, source: Source) -> Diagnostic:
    """E101 at the bracket that was opened, not where the parser noticed."""
    bracket = source.text[token.start]
    return Diagnostic(
        "E101",
        f"the `{bracket}` opened on line {source.position(token.start)[0]} is never closed",
        Span(token.start, token.end),
        label="opened here",
        help=f"close it with `{CLOSING[bracket]}`",
    )


CLOSING = {"(": ")", "[": "]"}


def mismatched(opening: Token, closing: Token, source: Source) -> Diagnostic:
    """E101 where the bracket that closes is of the other kind."""
    bracket, met = source.text[opening.start], source.text[closing.start]
    return Diagnostic(
        "E101",
        f"the `{bracket}` opened on line {source.position(opening.start)[0]} is closed by `{met}`",
        Span(opening.start, opening.end),
        label="opened here",
        notes=(Note(Span(closing.start, closing.end), f"`{met}` cannot close it"),),
        help=f"close it with `{CLOSING[bracket]}` first",
    )


def nothing_to_close(closing: Token, text: str) -> Diagnostic:
    """E101 for a closing bracket without its opening one."""
    met = text[closing.start]
    return Diagnostic(
        "E101",
        f"this `{met}` closes nothing",
        Span(closing.start, closing.end),
        label="no bracket is open here",
        help="remove it, or open the bracket it should close",
    )


def too_deep(span: Span, limit: int) -> Diagnostic:
    """E108: a limit that keeps every later stage safe."""
    return Diagnostic(
        "E108",
        f"nested deeper than {limit} levels",
        span,
        label=f"level {limit + 1}",
        help="name the inner part with `=` on a line of its own and use the name",
    )


def empty_text() -> Diagnostic:
    """E110."""
    return Diagnostic(
        "E110",
        "the model is empty",
        Span(0, 0),
        label="no statement follows",
        help="a model needs data and a distribution for them, such as\n"
        "  table people(height: real)\n"
        "  mu ~ Normal(170, 20)\n"
        "  height[i] ~ Normal(mu, 10) for i in people",
    )


def uneven(span: Span, columns: int, block: int) -> Diagnostic:
    """E102: the indent matches no block."""
    return Diagnostic(
        "E102",
        f"this line is indented {counted(columns)}; its block started at {block}",
        span,
        label=f"indented {counted(columns)}",
        help=f"indent it by {counted(block)}, as the lines before it",
    )


def counted(columns: int) -> str:
    """``1 column``, ``3 columns``."""
    return f"{columns} column{'' if columns == 1 else 's'}"


def stray_indent(span: Span, columns: int) -> Diagnostic:
    """E102: an indented line that no block opens."""
    return Diagnostic(
        "E102",
        f"this line is indented {counted(columns)}, but no block begins above it",
        span,
        label=f"indented {counted(columns)}",
        help="remove the spaces, or open a block above with `for j in ...:`",
    )


def empty_block(header: Span, word: str) -> Diagnostic:
    """E102: a header without lines."""
    return Diagnostic(
        "E102",
        f"the block of `{word}` has no lines",
        header,
        label="a block begins here",
        help="indent the lines that belong to it",
    )


def missing_colon(span: Span, header: Span, word: str, line: str) -> Diagnostic:
    """E103."""
    once = "; for one statement put the `for` at its end" if word == "for" else ""
    return Diagnostic(
        "E103",
        f"a block needs `:` after `{word} ...`" if word == "for" else f"a block needs `:` after `{word}`",
        span,
        label="`:` is missing",
        notes=(Note(header, "the block begins here"),),
        help=f"end the line with `:`{once}",
        suggestion=f"{line}:",
    )


def block_on_one_line(span: Span, word: str) -> Diagnostic:
    """E103: a statement directly after the colon."""
    help = "for one statement put the `for` at its end, without `:`" if word == "for" else "start a new line"
    return Diagnostic(
        "E103",
        f"the block of `{word}` starts on the next line",
        span,
        label="this belongs on a line of its own, indented",
        help=help,
    )


def reserved(span: Span, word: str) -> Diagnostic:
    """E107."""
    uses = "starts a declaration" if word.upper() in BLOCK_WORDS else "is a word of the language"
    return Diagnostic(
        "E107",
        f"`{word}` {uses} and cannot be a name",
        span,
        label="a reserved word",
        help=f"pick another name, such as `{word}_`",
    )


def stan_declaration(span: Span) -> Diagnostic:
    """E104: ``real<lower=0> sigma``, ``int N``, ``vector[N] x``."""
    return Diagnostic(
        "E104",
        "that is Stan: a type does not come first here",
        span,
        label="a declaration of Stan",
        help="data: `given N: count`, or a column of a `table`, such as `x: positive`; a parameter needs no"
        " declaration, its prior says it: `sigma ~ HalfNormal(1)`",
    )


def not_a_target(span: Span, call: bool) -> Diagnostic:
    """E100: an expression left of ``=``."""
    function = "define a function with `def f(x) = ...`; " if call else ""
    return Diagnostic(
        "E100",
        "the left of `=` must be a name, or a name with index variables in `[ ]`",
        span,
        label="not a name",
        help=f"{function}compare with `==`; condition on a value with `~`",
    )


def misplaced_prime(span: Span) -> Diagnostic:
    """E100: a primed name outside subscripts."""
    return Diagnostic(
        "E100",
        "a prime only marks a second axis over one set, inside `[ ]`",
        span,
        label="no axis is named here",
        help="write `transpose(A)` for a transpose, and another name for another quantity",
    )
