"""The tree a model text parses to: frozen nodes with source spans.

The tree keeps what was written (sums and products stay flat, in order), knows no distribution
and no function, and prints back to the same tree (`ppl.language.format`). Spans do not take part
in comparison: two trees are equal when the texts mean the same nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ppl.errors import Span

NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Node:
    """Anything with a place in the text."""

    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True)
class Expr(Node):
    """An expression."""


@dataclass(frozen=True)
class Name(Expr):
    """A bare name; primes are part of it only as an axis (``feats'``)."""

    id: str


@dataclass(frozen=True)
class Number(Expr):
    """A literal; ``text`` is as written, so that printing loses no digit. ``inf`` is a Name."""

    text: str


@dataclass(frozen=True)
class String(Expr):
    """A quoted text, unescaped."""

    value: str


@dataclass(frozen=True)
class Bool(Expr):
    value: bool


@dataclass(frozen=True)
class Negative(Expr):
    """``-x``."""

    operand: Expr


@dataclass(frozen=True)
class Sum(Expr):
    """``a + b - c``: first term, then (operator, term) pairs; at least one pair."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Product(Expr):
    """``a * b / c @ d``: first factor, then (operator, factor) pairs; left to right."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Power(Expr):
    base: Expr
    exponent: Expr


@dataclass(frozen=True)
class Compare(Expr):
    """``a <= t < b``: chains as in mathematics."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Not(Expr):
    operand: Expr


@dataclass(frozen=True)
class And(Expr):
    operands: tuple[Expr, ...]


@dataclass(frozen=True)
class Or(Expr):
    operands: tuple[Expr, ...]


@dataclass(frozen=True)
class Conditional(Expr):
    """``then if test else other``."""

    then: Expr
    test: Expr
    other: Expr


@dataclass(frozen=True)
class Subscript(Expr):
    value: Expr
    indices: tuple[Expr, ...]


@dataclass(frozen=True)
class Argument(Node):
    """One argument of a call; ``name`` is None for a positional one."""

    name: str | None
    value: Expr


@dataclass(frozen=True)
class Call(Expr):
    """``f(a, key = b)``."""

    function: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Attribute(Expr):
    """``value.name``: a network's part, or a table's column."""

    value: Expr
    name: str


@dataclass(frozen=True)
class ListLiteral(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Range(Expr):
    """``low..high``, both ends included; only in an index set's size."""

    low: Expr
    high: Expr


# ---------------------------------------------------------------- bindings and targets


@dataclass(frozen=True)
class Binding(Node):
    """``name in set [of parent [by column]] [if test]``."""

    name: str
    set: str
    of: str | None = None
    by: str | None = None
    test: Expr | None = None


@dataclass(frozen=True)
class Comprehension(Expr):
    """``f(body for bindings)``; ``function`` is None for a list ``[body for bindings]``."""

    function: Expr | None
    body: Expr
    bindings: tuple[Binding, ...]


@dataclass(frozen=True)
class Target(Node):
    """``name[sub, sub]`` on the left: index variables are plates, set names event axes."""

    name: str
    subscripts: tuple[Name, ...] = ()


# ---------------------------------------------------------------- declarations


@dataclass(frozen=True)
class TypeRef(Node):
    """A written type: ``real``, ``real(0, 10)``, ``Flat``-style supports, or an index set.

    ``axes`` are those after it, as in a formal's ``real[feats]``.
    """

    name: str
    arguments: tuple[Expr, ...] = ()
    axes: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Column(Node):
    """``name[axes]: type? = "header"``.

    ``role`` is ``value``, ``key``, ``weight`` or ``order``; ``type`` is None unless ``value``.
    ``within`` is the grouping column of ``order within``.
    """

    name: str
    axes: tuple[Name, ...] = ()
    role: str = "value"
    type: TypeRef | None = None
    within: str | None = None
    optional: bool = False
    header: str | None = None


@dataclass(frozen=True)
class Statement(Node):
    """One logical line or block of a model."""


@dataclass(frozen=True)
class Table(Statement):
    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class IndexDef(Node):
    name: str
    size: Expr | None = None


@dataclass(frozen=True)
class Index(Statement):
    sets: tuple[IndexDef, ...]


@dataclass(frozen=True)
class Given(Statement):
    """``given a, b[S]: type? = default from "header"``; several targets share the type."""

    targets: tuple[Target, ...]
    type: TypeRef
    optional: bool = False
    value: Expr | None = None
    header: str | None = None


@dataclass(frozen=True)
class Param(Statement):
    targets: tuple[Target, ...]
    type: TypeRef | None = None
    value: Expr | None = None
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True)
class NetworkPart(Node):
    name: str
    axes: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Network(Statement):
    name: str
    inputs: tuple[Name, ...]
    outputs: tuple[NetworkPart, ...]
    value: Expr


@dataclass(frozen=True)
class Formal(Node):
    name: str
    type: TypeRef | None = None


@dataclass(frozen=True)
class Def(Statement):
    name: str
    formals: tuple[Formal, ...]
    result: TypeRef | None
    body: Expr


@dataclass(frozen=True)
class Extern(Statement):
    name: str
    formals: tuple[Formal, ...]
    result: TypeRef


# ---------------------------------------------------------------- statements


@dataclass(frozen=True)
class Sample(Statement):
    """``left[, left] ~ distribution for bindings``.

    Each left side is a Target where it is a plain name with plain-name subscripts, otherwise an
    expression of data (``log(weight[i])``, ``0``).
    """

    left: tuple[Target | Expr, ...]
    distribution: Expr
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True)
class Assign(Statement):
    """``target = value for bindings``."""

    targets: tuple[Target, ...]
    value: Expr
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True)
class Factor(Statement):
    """``factor log_density for bindings``."""

    value: Expr
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True)
class For(Statement):
    """``for bindings:`` and an indented block."""

    bindings: tuple[Binding, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class QStatement(Statement):
    """``q(targets | given) ~ family for bindings`` inside ``guide:``."""

    targets: tuple[Target, ...]
    given: tuple[Expr, ...]
    family: Expr
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True)
class Guide(Statement):
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Report(Statement):
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Model(Node):
    """A whole text, statements in order of writing."""

    statements: tuple[Statement, ...]
