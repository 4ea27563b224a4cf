"""The tree as an indented outline, for ``ppl show --tree``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from ppl.language import tree as t


def dump_tree(tree: t.Node) -> str:
    """One node or value a line, children indented; empty fields are left out.

    >>> print(dump_tree(t.Negative(t.Name("x"))), end="")
    Negative
      operand: Name
        id: 'x'
    """
    lines = []
    stack: list[tuple[int, str, Any]] = [(0, "", tree)]
    while stack:
        depth, label, value = stack.pop()
        head = f"{'  ' * depth}{label}{': ' if label else ''}"
        if isinstance(value, t.Node):
            lines.append(f"{head}{type(value).__name__}")
            stack += [(depth + 1, name, inner) for name, inner in _parts(value)][::-1]
        elif isinstance(value, tuple):
            lines.append(head.removesuffix(" "))
            stack += [(depth + 1, "-" if not isinstance(v, tuple) else "pair", v) for v in value][::-1]
        else:
            lines.append(f"{head}{value!r}")
    return "\n".join(lines) + "\n"


def _parts(node: t.Node) -> Iterator[tuple[str, Any]]:
    for field in fields(node):
        value = getattr(node, field.name)
        empty = value is None or value == () or (value is False and not isinstance(node, t.Bool))
        if field.name != "span" and not empty:
            yield field.name, value
