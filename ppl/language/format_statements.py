"""Statements as text: the one line each takes, and the blocks they open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ppl.language import tree as t
from ppl.language.format_expressions import ANY, Piece, axes, for_clause, joined, quote, unfold

BLOCKS = (t.For, t.Guide, t.Report)


def statement(node: t.Statement) -> str:
    """The statement on one line; of a block, its header.

    >>> statement(t.Sample((t.Target("mu"),), t.Call(t.Name("Flat"), ())))
    'mu ~ Flat()'
    """
    return unfold(_STATEMENTS[type(node)](node))


def column(node: t.Column) -> str:
    """One column of a table."""
    return unfold(_column(node))


def body(node: t.Statement) -> tuple[t.Statement, ...]:
    """The statements of a block; none for a plain statement."""
    return node.body if isinstance(node, BLOCKS) else ()


def _column(node: t.Column) -> Iterator[Piece]:
    yield node.name
    yield from axes(node.axes)
    yield ": "
    if node.type is not None:
        yield (node.type, ANY)
    else:
        yield node.role + (f" within {node.within}" if node.within is not None else "")
    yield "?" if node.optional else ""
    yield f" = {quote(node.header)}" if node.header is not None else ""


def _table(node: t.Table) -> Iterator[Piece]:
    yield f"table {node.name}({', '.join(map(column, node.columns))})"


def _index(node: t.Index) -> Iterator[Piece]:
    yield "index "
    for number, definition in enumerate(node.sets):
        yield (", " if number else "") + definition.name
        yield from _value(definition.size)


def _value(value: t.Expr | None) -> Iterator[Piece]:
    if value is not None:
        yield from (" = ", (value, ANY))


def _given(node: t.Given) -> Iterator[Piece]:
    yield from ("given ", *joined(node.targets), ": ", (node.type, ANY), "?" if node.optional else "")
    yield from _value(node.value)
    yield f" from {quote(node.header)}" if node.header is not None else ""


def _param(node: t.Param) -> Iterator[Piece]:
    yield from ("param ", *joined(node.targets))
    if node.type is not None:
        yield from (": ", (node.type, ANY))
    yield from _value(node.value)
    yield from for_clause(node.bindings)


def _network(node: t.Network) -> Iterator[Piece]:
    yield from (f"network {node.name}(", *joined(node.inputs), " -> ", *joined(node.outputs), ")")
    yield from _value(node.value)


def _def(node: t.Def) -> Iterator[Piece]:
    yield from (f"def {node.name}(", *joined(node.formals), ")")
    if node.result is not None:
        yield from (" -> ", (node.result, ANY))
    yield from _value(node.body)


def _extern(node: t.Extern) -> Iterator[Piece]:
    yield from (f"extern {node.name}(", *joined(node.formals), ") -> ", (node.result, ANY))


def _sample(node: t.Sample) -> Iterator[Piece]:
    yield from (*joined(node.left), " ~ ", (node.distribution, ANY), *for_clause(node.bindings))


def _assign(node: t.Assign) -> Iterator[Piece]:
    yield from (*joined(node.targets), " = ", (node.value, ANY), *for_clause(node.bindings))


def _factor(node: t.Factor) -> Iterator[Piece]:
    yield from ("factor ", (node.value, ANY), *for_clause(node.bindings))


def _for(node: t.For) -> Iterator[Piece]:
    yield from ("for ", *joined(node.bindings), ":")


def _q(node: t.QStatement) -> Iterator[Piece]:
    yield from ("q(", *joined(node.targets))
    if node.given:
        yield from (" | ", *joined(node.given))
    yield from (") ~ ", (node.family, ANY), *for_clause(node.bindings))


_STATEMENTS: dict[type[t.Statement], Callable[[Any], Iterator[Piece]]] = {
    t.Table: _table,
    t.Index: _index,
    t.Given: _given,
    t.Param: _param,
    t.Network: _network,
    t.Def: _def,
    t.Extern: _extern,
    t.Sample: _sample,
    t.Assign: _assign,
    t.Factor: _factor,
    t.For: _for,
    t.QStatement: _q,
    t.Guide: lambda node: iter(["guide:"]),
    t.Report: lambda node: iter(["report:"]),
}
