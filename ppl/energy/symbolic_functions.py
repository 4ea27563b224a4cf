"""Functions of the registry applied to polynomials."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.energy import poly_functions as f
from ppl.energy.poly import NotPolynomial, Poly
from ppl.functions import find
from ppl.graph import nodes as g
from ppl.graph.nodes import Dim

if TYPE_CHECKING:
    from ppl.energy.symbolic import Symbolic

Array = Any
MOST_FACTORS = 8


def apply(s: Symbolic, node: g.Apply) -> Poly:
    """A function of polynomials. Raises `NotPolynomial`."""
    if node.function == "logp":
        from ppl.energy.densities import density

        return density(s, node.arguments[0], s.read(node.arguments[1]), node.arguments[1].event)
    function = find(node.function)
    if function is None or function.evaluate is None or node.function in ("Prob", "quantile"):
        raise NotPolynomial(f"`{node.function}` of latents", node.span)
    if function.check is not None and len(node.arguments) == 1:
        return s.read(node.arguments[0])
    if function.kind == "elementwise":
        return _elementwise(s, node)
    if node.function in ("sum", "mean") and not node.keywords:
        return _total(s, node)
    if node.function in ("dot", "matmul"):
        return _matmul(s, node)
    if node.function == "outer":
        return _outer(s, node)
    if node.function == "transpose":
        (x,) = node.arguments
        return s.algebra.renamed(s.read(x), dict(zip(x.event, reversed(node.event), strict=True)))
    raise NotPolynomial(f"`{node.function}` of latents", node.span)


def _elementwise(s: Symbolic, node: g.Apply) -> Poly:
    if node.keywords:
        raise NotPolynomial(f"`{node.function}` of latents", node.span)
    parts = [s.matched(s.read(a), a.event, node.event) for a in node.arguments]
    name = node.function
    if name == "add":
        return s.algebra.add(*parts)
    if name == "subtract":
        return parts[0] - parts[1]
    if name == "negative":
        return -parts[0]
    if name == "multiply":
        return reduce(s.algebra.multiply, parts)
    if name == "divide":
        return parts[0] * f.power(parts[1], -1.0)
    return _single(s, node, name, parts)


def _single(s: Symbolic, node: g.Apply, name: str, parts: list[Poly]) -> Poly:
    if name in ("inv", "square", "sqrt"):
        return f.power(parts[0], {"inv": -1.0, "square": 2.0, "sqrt": 0.5}[name])
    if name == "power" and parts[1].data:
        exponent = f.values(parts[1]).numpy
        if exponent.size and (exponent == exponent.ravel()[0]).all():
            return f.power(parts[0], float(exponent.ravel()[0]))
    if name == "log":
        return f.log(parts[0])
    if name == "exp":
        return f.exp(parts[0])
    if name == "log1m":
        return f.log1m(parts[0])
    if name == "xlogy":
        return parts[0] * f.log(parts[1])
    function = find(name)
    assert function is not None and function.evaluate is not None
    evaluate = function.evaluate
    text = f"{name}({', '.join(['{}'] * len(parts))})"
    found = f.several(parts, lambda values: evaluate(*values), text)
    if found is None:
        raise NotPolynomial(f"`{name}` of several latents, or of data times one", node.span)
    return found


def _total(s: Symbolic, node: g.Apply) -> Poly:
    (x,) = node.arguments
    out = s.algebra.bind(s.read(x), x.event)
    if node.function == "mean":
        out = out * (1.0 / float(np.prod([s.at.size(d) for d in x.event])))
    return out


def _fresh(s: Symbolic, x: g.Node) -> tuple[Poly, list[Dim]]:
    """A value with event dims of its own."""
    new = [s.algebra.fresh(d) for d in x.event]
    return s.algebra.renamed(s.read(x), dict(zip(x.event, new, strict=True))), new


def _matmul(s: Symbolic, node: g.Apply) -> Poly:
    """The last axis of the left with the first of the right."""
    x, y = node.arguments
    (a, left), (b, right) = _fresh(s, x), _fresh(s, y)
    if not left or not right or s.at.size(left[-1]) != s.at.size(right[0]):
        raise NotPolynomial(f"`{node.function}` of these shapes", node.span)
    b = s.algebra.renamed(b, {right[0]: left[-1]})
    out = s.algebra.bind(s.algebra.multiply(a, b), (left[-1],))
    kept = [*left[:-1], *right[1:]]
    return s.algebra.renamed(out, dict(zip(kept, node.event, strict=True)))


def _outer(s: Symbolic, node: g.Apply) -> Poly:
    x, y = node.arguments
    (a, left), (b, right) = _fresh(s, x), _fresh(s, y)
    return s.algebra.renamed(s.algebra.multiply(a, b), dict(zip([*left, *right], node.event, strict=True)))


def product_over(s: Symbolic, node: g.Reduce, count: int) -> Poly:
    """A product over few places, multiplied out."""
    if count == 0:
        return s.algebra.of(1.0)
    if count > MOST_FACTORS:
        raise NotPolynomial(f"a product of {count} factors with latents", node.span)
    return reduce(s.algebra.multiply, [s.read(p) for p in s.places(node)])
