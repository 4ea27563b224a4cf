"""The reference of functions as Markdown, made from what is registered."""

from __future__ import annotations

import re

from ppl.functions import find, names
from ppl.functions.base import Function

_TITLES = {
    "elementwise": "Element by element",
    "reduction": "Over a vector, or over the members of a set",
    "array": "Vectors and matrices",
    "data": "Whole data columns",
    "index": "Index variables and index sets",
    "special": "Densities, summaries and layers",
}
_OPERATORS = {
    "add": "x + y",
    "subtract": "x - y",
    "multiply": "x * y",
    "divide": "x / y",
    "negative": "-x",
    "power": "x ^ y",
    "matmul": "x @ y",
    "eq": "x == y",
    "ne": "x != y",
    "lt": "x < y",
    "le": "x <= y",
    "gt": "x > y",
    "ge": "x >= y",
    "and": "x and y",
    "or": "x or y",
    "not": "not x",
    "minimum": "min(x, y)",
    "maximum": "max(x, y)",
}


def call(function: Function) -> str:
    """How a model writes the function.

    >>> call(find("RBF"))
    'RBF(x, sd =, length =)'
    """
    if function.name in _OPERATORS:
        return _OPERATORS[function.name]
    words = ", ".join(f"{p.name} =" if p.keyword else p.name for p in function.parameters)
    return f"{function.name}({words or '..'})"


def summary(function: Function) -> tuple[str, str]:
    """What a function is, in a sentence or two, and its example.

    >>> summary(find("exp"))
    ('e to the power x, always positive', 'exp(eta[i])')
    """
    text = " ".join(function.doc.split(">>>")[0].split())
    example = re.findall(r"`([^`]+)`", text)[-1]
    said = text[: text.rindex(f"`{example}`")].rstrip(" :.")
    return said, example


def markdown() -> str:
    """All functions in tables, one table a kind.

    >>> "| `exp(x)` | e to the power x, always positive | `exp(eta[i])` |" in markdown()
    True
    """
    every = [f for n in names() if (f := find(n)) is not None]
    parts = []
    for kind, title in _TITLES.items():
        rows = [_row(f) for f in every if f.kind == kind]
        parts += [f"### {title}", "", "| call | what it gives | example |", "|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _row(function: Function) -> str:
    said, example = summary(function)
    said = said.replace("|", "\\|")
    return f"| `{call(function)}` | {said} | `{example}` |"
