"""Makes tree nodes while the parser reduces: one method a rule of the grammar.

Every method takes the rule's children (tokens as their text, absent optionals as None) and the
span of the whole. What the grammar cannot say is checked here and noted in ``mistakes``.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from typing import Any

from ppl.errors import Diagnostic, Span
from ppl.language import tree as t
from ppl.language.syntax_errors import STAN_TYPES, misplaced_prime, not_a_target, stan_declaration

_ESCAPE = re.compile(r"\\([\\\"nt])")
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}
_GATHERED = frozenset(
    (
        "exprs",
        "axes",
        "args",
        "targets",
        "inputs",
        "outputs",
        "formals",
        "bindings",
        "lefts",
        "block",
        "guide_block",
    )
)

Action = Callable[[list[Any], Span], Any]


def pairs(items: list[Any]) -> tuple[tuple[str, Any], ...]:
    """Operator and operand, alternating, as pairs."""
    return tuple(zip(items[0::2], items[1::2], strict=True))


class TreeBuilder:
    """The actions of the grammar's rules, for one parse."""

    def __init__(self) -> None:
        self.mistakes: list[Diagnostic] = []
        self.distributions: list[t.Expr] = []
        self._primed: dict[int, Span] = {}

    def finish(self) -> list[Diagnostic]:
        """The mistakes noted, with those primes that stood where no axis is named."""
        return [*self.mistakes, *map(misplaced_prime, self._primed.values())]

    def action(self, name: str) -> Action:
        """The method for a rule; rules that only gather children give a tuple."""
        if name in _GATHERED:
            return gather
        found: Action = getattr(self, f"{name}_" if keyword.iskeyword(name) else name)
        return found

    # ------------------------------------------------------------ declarations

    def model(self, c: list[Any], span: Span) -> t.Model:
        return t.Model(tuple(c), span=span)

    def table(self, c: list[Any], span: Span) -> t.Table:
        return t.Table(c[0], tuple(c[1:]), span=span)

    def column(self, c: list[Any], span: Span) -> t.Column:
        name, axes, kind, optional, header = c
        written = kind if isinstance(kind, t.TypeRef) else None
        role, within = ("value", None) if written else kind
        header = None if header is None else unquote(header)
        return t.Column(name, axes or (), role, written, within, optional is not None, header, span=span)

    def role(self, c: list[Any], span: Span) -> tuple[str, str | None]:
        return c[0], (c[1] if len(c) > 1 else None)

    def type(self, c: list[Any], span: Span) -> t.TypeRef:
        return t.TypeRef(c[0], c[1] or (), span=span)

    def shape(self, c: list[Any], span: Span) -> t.TypeRef:
        kind, axes = c
        return t.TypeRef(kind.name, kind.arguments, axes or (), span=span)

    def axis(self, c: list[Any], span: Span) -> t.Name:
        return t.Name(c[0], span=span)

    def index(self, c: list[Any], span: Span) -> t.Index:
        return t.Index(tuple(c), span=span)

    def index_def(self, c: list[Any], span: Span) -> t.IndexDef:
        return t.IndexDef(c[0], c[1], span=span)

    def range(self, c: list[Any], span: Span) -> t.Range:
        return t.Range(c[0], c[1], span=span)

    def given(self, c: list[Any], span: Span) -> t.Given:
        targets, kind, value, header = c
        written, optional = kind or (t.TypeRef("real", span=targets[-1].span), False)
        header = None if header is None else unquote(header)
        return t.Given(targets, written, optional, value, header, span=span)

    def given_type(self, c: list[Any], span: Span) -> tuple[t.TypeRef, bool]:
        return c[0], c[1] is not None

    def param(self, c: list[Any], span: Span) -> t.Param:
        targets, kind, value, bindings = c
        return t.Param(targets, kind, value, bindings or (), span=span)

    def target(self, c: list[Any], span: Span) -> t.Target:
        return t.Target(c[0], c[1] or (), span=span)

    def network(self, c: list[Any], span: Span) -> t.Network:
        return t.Network(*c, span=span)

    def part(self, c: list[Any], span: Span) -> t.NetworkPart:
        return t.NetworkPart(c[0], c[1] or (), span=span)

    def def_(self, c: list[Any], span: Span) -> t.Def:
        name, formals, result, body = c
        return t.Def(name, formals or (), result, body, span=span)

    def extern(self, c: list[Any], span: Span) -> t.Extern:
        return t.Extern(c[0], c[1] or (), c[2], span=span)

    def formal(self, c: list[Any], span: Span) -> t.Formal:
        return t.Formal(c[0], c[1], span=span)

    # ------------------------------------------------------------ statements

    def sample(self, c: list[Any], span: Span) -> t.Sample:
        lefts, distribution, bindings = c
        self.distributions.append(distribution)
        return t.Sample(tuple(as_target(e) or e for e in lefts), distribution, bindings or (), span=span)

    def assign(self, c: list[Any], span: Span) -> t.Assign:
        lefts, value, bindings = c
        return t.Assign(tuple(self._target(e) for e in lefts), value, bindings or (), span=span)

    def _target(self, e: t.Expr) -> t.Target:
        target = as_target(e)
        if target is None:
            self.mistakes.append(_bad_target(e))
            return t.Target("?", span=e.span)
        return target

    def factor(self, c: list[Any], span: Span) -> t.Factor:
        return t.Factor(c[0], c[1] or (), span=span)

    def for_block(self, c: list[Any], span: Span) -> t.For:
        return t.For(c[0], c[1], span=span)

    def binding(self, c: list[Any], span: Span) -> t.Binding:
        name, over, of, test = c
        parent, by = of or (None, None)
        return t.Binding(name, over, parent, by, test, span=span)

    def of(self, c: list[Any], span: Span) -> tuple[str, str | None]:
        return c[0], c[1]

    def guide(self, c: list[Any], span: Span) -> t.Guide:
        return t.Guide(c[0], span=span)

    def q_statement(self, c: list[Any], span: Span) -> t.QStatement:
        targets, given, family, bindings = c
        return t.QStatement(targets, given or (), family, bindings or (), span=span)

    def report(self, c: list[Any], span: Span) -> t.Report:
        return t.Report(c[0], span=span)

    # ------------------------------------------------------------ expressions

    def conditional(self, c: list[Any], span: Span) -> t.Conditional:
        return t.Conditional(*c, span=span)

    def disjunction(self, c: list[Any], span: Span) -> t.Or:
        return t.Or(tuple(c), span=span)

    def conjunction(self, c: list[Any], span: Span) -> t.And:
        return t.And(tuple(c), span=span)

    def not_(self, c: list[Any], span: Span) -> t.Not:
        return t.Not(c[0], span=span)

    def compare(self, c: list[Any], span: Span) -> t.Compare:
        return t.Compare(c[0], pairs(c[1:]), span=span)

    def sum(self, c: list[Any], span: Span) -> t.Sum:
        return t.Sum(c[0], pairs(c[1:]), span=span)

    def product(self, c: list[Any], span: Span) -> t.Product:
        return t.Product(c[0], pairs(c[1:]), span=span)

    def negative(self, c: list[Any], span: Span) -> t.Negative:
        return t.Negative(c[1], span=span)

    def power(self, c: list[Any], span: Span) -> t.Power:
        return t.Power(c[0], c[1], span=span)

    def subscript(self, c: list[Any], span: Span) -> t.Subscript:
        if self._primed:
            for index in c[1]:
                self._primed.pop(index.span.start, None)
        return t.Subscript(c[0], c[1], span=span)

    def call(self, c: list[Any], span: Span) -> t.Call:
        return t.Call(c[0], c[1] or (), span=span)

    def reduction(self, c: list[Any], span: Span) -> t.Comprehension:
        return t.Comprehension(*c, span=span)

    def attribute(self, c: list[Any], span: Span) -> t.Attribute:
        return t.Attribute(c[0], c[1], span=span)

    def positional(self, c: list[Any], span: Span) -> t.Argument:
        return t.Argument(None, c[0], span=span)

    def keyword(self, c: list[Any], span: Span) -> t.Argument:
        return t.Argument(c[0], c[1], span=span)

    def name(self, c: list[Any], span: Span) -> t.Name:
        if c[0].endswith("'"):
            self._primed[span.start] = span
        return t.Name(c[0], span=span)

    def number(self, c: list[Any], span: Span) -> t.Number:
        return t.Number(c[0], span=span)

    def string(self, c: list[Any], span: Span) -> t.String:
        return t.String(unquote(c[0]), span=span)

    def true(self, c: list[Any], span: Span) -> t.Bool:
        return t.Bool(True, span=span)

    def false(self, c: list[Any], span: Span) -> t.Bool:
        return t.Bool(False, span=span)

    def list_literal(self, c: list[Any], span: Span) -> t.ListLiteral:
        return t.ListLiteral(c[0] or (), span=span)

    def list_comprehension(self, c: list[Any], span: Span) -> t.Comprehension:
        return t.Comprehension(None, c[0], c[1], span=span)


def _bad_target(e: t.Expr) -> Diagnostic:
    """``real<lower=0> sigma`` reads as a comparison on the left of ``=``."""
    head = e.first if isinstance(e, t.Compare) else e
    head = head.value if isinstance(head, t.Subscript) else head
    if isinstance(e, t.Compare) and isinstance(head, t.Name) and head.id in STAN_TYPES:
        return stan_declaration(head.span)
    return not_a_target(e.span, isinstance(e, t.Call))


def gather(children: list[Any], span: Span) -> tuple[Any, ...]:
    """Children as they come."""
    return tuple(children)


def as_target(e: t.Expr) -> t.Target | None:
    """A name, or a name with plain names as subscripts, as a target.

    >>> as_target(t.Subscript(t.Name("mu"), (t.Name("j"),))).subscripts[0].id
    'j'
    """
    if isinstance(e, t.Name):
        return t.Target(e.id, span=e.span)
    if isinstance(e, t.Subscript) and isinstance(e.value, t.Name):
        names = tuple(i for i in e.indices if isinstance(i, t.Name))
        if len(names) == len(e.indices):
            return t.Target(e.value.id, names, span=e.span)
    return None


def unquote(text: str) -> str:
    """The value of a string token: its quotes go, and ``\\\\``, ``\\"``, ``\\n``, ``\\t`` are read.

    >>> unquote('"a \\\\"b\\\\""')
    'a "b"'
    """
    return _ESCAPE.sub(lambda match: _ESCAPED[match.group(1)], text[1:-1])
