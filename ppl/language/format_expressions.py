"""Expressions as text: as few brackets as the grammar allows, no recursion.

`pieces` says what a node is made of: texts, and nodes with the binding strength they need at least;
`expression` unfolds these with a stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ppl.language import tree as t

ANY, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, POSTFIX = range(10)

STRENGTH: dict[type[t.Node], int] = {
    t.Conditional: ANY,
    t.Or: OR,
    t.And: AND,
    t.Not: NOT,
    t.Compare: COMPARE,
    t.Sum: SUM,
    t.Product: PRODUCT,
    t.Negative: UNARY,
    t.Power: POWER,
}

# A piece is a text, or a node with the least strength that needs no brackets.
Piece = str | tuple[t.Node, int]


def expression(node: t.Node, least: int = ANY) -> str:
    """An expression as canonical text.

    >>> expression(t.Product(t.Sum(t.Name("a"), (("+", t.Name("b")),)), (("*", t.Number("2")),)))
    '(a + b) * 2'
    """
    return unfold([(node, least)])


def unfold(parts: Iterable[Piece]) -> str:
    """Texts and nodes as one text."""
    stack: list[Piece] = list(parts)[::-1]
    written: list[str] = []
    while stack:
        piece = stack.pop()
        if isinstance(piece, str):
            written.append(piece)
            continue
        node, least = piece
        bare = STRENGTH.get(type(node), POSTFIX) >= least
        inner = list(pieces(node))
        stack.extend((inner if bare else ["(", *inner, ")"])[::-1])
    return "".join(written)


def pieces(node: t.Node) -> Iterator[Piece]:
    """What one node is made of."""
    return _PIECES[type(node)](node)


def joined(nodes: Iterable[t.Node], least: int = ANY, sign: str = ", ") -> Iterator[Piece]:
    """Nodes with a sign between."""
    for number, node in enumerate(nodes):
        if number:
            yield sign
        yield (node, least)


def quote(value: str) -> str:
    """A text as it is written.

    >>> print(quote('a "b"'))
    "a \\"b\\""
    """
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        value = value.replace(plain, escaped)
    return f'"{value}"'


def _chain(least: int) -> Callable[[Any], Iterator[Piece]]:
    """``first`` and then pairs of operator and operand."""

    def write(node: t.Sum | t.Product | t.Compare) -> Iterator[Piece]:
        yield (node.first, least)
        for operator, operand in node.rest:
            yield f" {operator} "
            yield (operand, least)

    return write


def _conditional(node: t.Conditional) -> Iterator[Piece]:
    yield from ((node.then, OR), " if ", (node.test, OR), " else ", (node.other, ANY))


def _power(node: t.Power) -> Iterator[Piece]:
    yield from ((node.base, POSTFIX), "^", (node.exponent, UNARY))


def _subscript(node: t.Subscript) -> Iterator[Piece]:
    yield from ((node.value, POSTFIX), "[", *joined(node.indices), "]")


def _call(node: t.Call) -> Iterator[Piece]:
    yield from ((node.function, POSTFIX), "(", *joined(node.arguments), ")")


def _argument(node: t.Argument) -> Iterator[Piece]:
    if node.name is not None:
        yield f"{node.name} = "
    yield (node.value, ANY)


def _attribute(node: t.Attribute) -> Iterator[Piece]:
    if isinstance(node.value, t.Number):  # its dot would become the number's own
        yield from ("(", (node.value, ANY), ")")
    else:
        yield (node.value, POSTFIX)
    yield f".{node.name}"


def _comprehension(node: t.Comprehension) -> Iterator[Piece]:
    if node.function is not None:
        yield (node.function, POSTFIX)
    yield "[" if node.function is None else "("
    yield from ((node.body, ANY), *for_clause(node.bindings))
    yield "]" if node.function is None else ")"


def _range(node: t.Range) -> Iterator[Piece]:
    yield from ((node.low, ANY), ".." if _tight(node.low) and _tight(node.high) else " .. ", (node.high, ANY))


def _tight(bound: t.Expr) -> bool:
    """Whether two dots may touch it: a number's own dot would join them."""
    return isinstance(bound, (t.Name, t.Call)) or (isinstance(bound, t.Number) and "." not in bound.text)


def _binding(node: t.Binding) -> Iterator[Piece]:
    yield f"{node.name} in {node.set}"
    if node.of is not None:
        yield f" of {node.of}" + (f" by {node.by}" if node.by is not None else "")
    if node.test is not None:
        yield from (" if ", (node.test, OR))


def for_clause(bindings: tuple[t.Binding, ...]) -> Iterator[Piece]:
    """`` for i in s, j in t``, or nothing."""
    if bindings:
        yield from (" for ", *joined(bindings))


def _target(node: t.Target) -> Iterator[Piece]:
    yield node.name
    yield from axes(node.subscripts)


def _part(node: t.NetworkPart) -> Iterator[Piece]:
    yield node.name
    yield from axes(node.axes)


def axes(names: tuple[t.Name, ...]) -> Iterator[Piece]:
    """``[a, b]``, or nothing."""
    if names:
        yield from ("[", *joined(names), "]")


def _type(node: t.TypeRef) -> Iterator[Piece]:
    yield node.name
    if node.arguments:
        yield from ("(", *joined(node.arguments), ")")
    yield from axes(node.axes)


def _formal(node: t.Formal) -> Iterator[Piece]:
    yield node.name
    if node.type is not None:
        yield from (": ", (node.type, ANY))


_PIECES: dict[type[t.Node], Callable[[Any], Iterator[Piece]]] = {
    t.Name: lambda node: iter([node.id]),
    t.Number: lambda node: iter([node.text]),
    t.String: lambda node: iter([quote(node.value)]),
    t.Bool: lambda node: iter(["true" if node.value else "false"]),
    t.Negative: lambda node: iter(["-", (node.operand, UNARY)]),
    t.Not: lambda node: iter(["not ", (node.operand, NOT)]),
    t.Sum: _chain(PRODUCT),
    t.Product: _chain(UNARY),
    t.Compare: _chain(SUM),
    t.And: lambda node: joined(node.operands, NOT, " and "),
    t.Or: lambda node: joined(node.operands, AND, " or "),
    t.Power: _power,
    t.Conditional: _conditional,
    t.Subscript: _subscript,
    t.Call: _call,
    t.Argument: _argument,
    t.Attribute: _attribute,
    t.ListLiteral: lambda node: iter(["[", *joined(node.items), "]"]),
    t.Comprehension: _comprehension,
    t.Range: _range,
    t.Binding: _binding,
    t.Target: _target,
    t.NetworkPart: _part,
    t.TypeRef: _type,
    t.Formal: _formal,
}
