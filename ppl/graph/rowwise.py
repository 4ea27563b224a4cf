"""What the parameters of one row depend on, and evaluation at some rows only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ppl.functions import find
from ppl.graph import nodes as g
from ppl.graph.affine import is_data
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim


class CannotFold(Exception):
    """A row's parameters depend on more than its own covariates."""


def columns_of_rows(at: Evaluator, body: g.Node, dim: Dim) -> list[np.ndarray]:
    """Every data quantity along ``dim`` that a node depends on, as columns (n,) or blocks (n, K)."""
    columns: list[np.ndarray] = []
    seen: set[int] = set()
    stack = [body]
    while stack:
        node = stack.pop()
        if id(node) in seen or dim not in node.loops:
            continue
        seen.add(id(node))
        if is_data(at, node):
            columns.append(_columns(at.named(node), dim, at))
        else:
            stack += _inside(node, dim)
    return columns


def _inside(node: g.Node, dim: Dim) -> list[g.Node]:
    """The children through which a node depends on its own row only."""
    if isinstance(node, g.Apply):
        function = find(node.function)
        if function is None or function.kind not in ("elementwise", "reduction", "array"):
            raise CannotFold
        return list(g.children(node))
    if isinstance(node, g.Gather | g.Choose | g.Distribution | g.Items):
        return list(g.children(node))
    if isinstance(node, g.Reduce) and dim not in node.over:
        return [node.body]
    raise CannotFold


def _columns(x: Named, dim: Dim, at: Evaluator) -> np.ndarray:
    if not x.constant or x.invalid is not None:
        raise CannotFold
    rest = tuple(d for d in x.dims if d != dim)
    array = np.broadcast_to(aligned(x, (dim, *rest))[0], tuple(at.size(d) for d in (dim, *rest)))
    return array if not rest else array.reshape(at.size(dim), -1)


def restricted(at: Evaluator, dim: Dim, rows: np.ndarray) -> Evaluator:
    """An evaluator for which ``dim`` (plain or flat) runs over some rows only."""
    plain = g.Domain(dim, (Dim(dim.set, "row"),), ("",), ())
    domain = at.domains.get(dim, plain)
    places = tuple(p[rows] for p in at.positions(dim)) if dim in at.domains else (rows,)
    sizes = {d: n for d, n in at._sizes.items() if d != dim}
    flat = {**at._flat, dim: places}
    return replace(at, domains={**at.domains, dim: domain}, _memo={}, _flat=flat, _sizes=sizes)
