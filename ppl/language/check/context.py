"""Expressions that take their axis from what stands beside them."""

from __future__ import annotations

from ppl.language import tree


def wants_axes(node: tree.Expr) -> bool:
    """Whether a node is a list, or `diag`, perhaps scaled: its axis may come from its neighbours."""
    for _ in range(50):
        match node:
            case tree.ListLiteral():
                return True
            case tree.Call(function=tree.Name(id="diag")):
                return True
            case tree.Negative(operand=inner):
                node = inner
            case tree.Product(rest=rest):
                node = rest[-1][1]
            case _:
                return False
    return False
