"""Fold the rows of an observation: rows with equal predictors are one row with a multiplicity.

Rows of a plate whose covariates and group codes all agree have the same parameters for every value
of the latents. Their log densities are taken once for each class of equal rows: for a Gaussian
likelihood through the class's count, mean and centred sum of squares; for any other through the
multiplicity of each distinct (row, observation).

    sum_n log N(y_n | m_g, s_g) = -n_g (log s_g + log(2 pi)/2) - (n_g (ybar_g - m_g)^2 + S_g) / (2 s_g^2)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, pi
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.functions import find
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.inline import expand
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim

Array = Any
FEWEST_ROWS = 200
LARGEST_SHARE = 0.6  # of the rows that may remain for folding to pay


@dataclass(frozen=True, eq=False)
class Classes:
    """Rows grouped by equality: the class of each row, and a representative row of each class."""

    of_row: np.ndarray
    rows: np.ndarray


class CannotFold(Exception):
    """A row's parameters depend on more than its own covariates."""


def folded_density(
    at: Evaluator,
    s: g.Statement,
    value: Named,
    values: dict[str, g.Statement],
    weights: np.ndarray | None,
) -> Named | None:
    """The summed log density over classes of equal rows, or None where folding does not apply.

    ``values`` are the deterministic statements that may be written out; ``weights`` the rows' own.
    """
    dim = _single_plate(at, s, value)
    if dim is None or not isinstance(s.body, g.Distribution):
        return None
    body = expand(s.body, {n: v for n, v in values.items() if _along(v, dim)})
    if not isinstance(body, g.Distribution):
        return None
    y = value.numpy[0]
    gaussian = body.name == "Normal"
    try:
        leaves = _leaves(at, body, dim)
    except CannotFold:
        return None
    classes = group_rows([*leaves, *([] if gaussian else [y])], len(y))
    if classes is None:
        return None
    inner = _restricted(at, dim, classes.rows)
    count = np.bincount(classes.of_row, weights, minlength=len(classes.rows))
    if gaussian:
        return _gaussian(inner, body, dim, classes, y, count, weights)
    term = inner.log_density(body, Named(y[classes.rows][None], (dim,)), ())
    return _summed(inner, term, dim, count)


def _single_plate(at: Evaluator, s: g.Statement, value: Named) -> Dim | None:
    if len(s.place.plates) != 1 or s.event or not value.constant or value.invalid is not None:
        return None
    dim = s.place.plates[0]
    usable = dim not in at.domains and value.dims == (dim,) and at.size(dim) >= FEWEST_ROWS
    return dim if usable else None


def _along(s: g.Statement, dim: Dim) -> bool:
    """Whether a value is stored row by row along the plate's own set, so that it can be written out."""
    rows = [a for a in s.place.axes if isinstance(a, g.Position) and a.dim.set == dim.set]
    return not s.recurrent and len(rows) == 1 == len(s.place.axes)


# ---------------------------------------------------------------- what a row depends on


def _leaves(at: Evaluator, body: g.Node, dim: Dim) -> list[np.ndarray]:
    """Every data quantity along ``dim`` that the node depends on, as columns."""
    columns: list[np.ndarray] = []
    seen: set[int] = set()
    stack = [body]
    while stack:
        node = stack.pop()
        if id(node) in seen or dim not in node.loops:
            continue
        seen.add(id(node))
        if _is_data(at, node):
            columns.append(_columns(at.named(node), dim, at))
        else:
            stack += _inside(node, dim)
    return columns


def _is_data(at: Evaluator, node: g.Node) -> bool:
    if isinstance(node, g.Distribution):
        return False
    for below in g.walk([node]):
        if isinstance(below, g.Variable | g.NetworkCall):
            return False
        if isinstance(below, g.Input) and f"{below.table}.{below.name}" in {**at.values, **at.states}:
            return False
    return True


def _inside(node: g.Node, dim: Dim) -> list[g.Node]:
    """The children through which a node depends on its own row only."""
    if isinstance(node, g.Gather):
        return list(g.children(node))
    if isinstance(node, g.Apply):
        function = find(node.function)
        if function is None or function.kind not in ("elementwise", "reduction", "array"):
            raise CannotFold
        return list(g.children(node))
    if isinstance(node, g.Choose | g.Distribution | g.Items):
        return list(g.children(node))
    if isinstance(node, g.Reduce) and dim not in node.over:
        return [node.body]
    raise CannotFold


def _columns(x: Named, dim: Dim, at: Evaluator) -> np.ndarray:
    if not x.constant or x.invalid is not None:
        raise CannotFold
    rest = tuple(d for d in x.dims if d != dim)
    array = np.broadcast_to(aligned(x, (dim, *rest))[0], tuple(at.size(d) for d in (dim, *rest)))
    return array.reshape(at.size(dim), -1)


def group_rows(columns: list[np.ndarray], n: int) -> Classes | None:
    """Classes of rows that agree in every column; None when too few rows would be saved.

    >>> group_rows([np.array([1.0, 2.0, 1.0, 1.0])], 4).of_row.tolist()
    [0, 1, 0, 0]
    """
    codes = np.zeros(n, dtype=np.int64)
    count = 1
    for block in columns:
        for column in np.atleast_2d(block.T if block.ndim > 1 else block):
            kinds, own = np.unique(column, return_inverse=True)
            if len(kinds) > LARGEST_SHARE * n:
                return None
            kept, codes = np.unique(codes * len(kinds) + own.ravel(), return_inverse=True)
            count = len(kept)
            if count > LARGEST_SHARE * n:
                return None
    _, rows = np.unique(codes, return_index=True)
    return Classes(codes, rows)


# ---------------------------------------------------------------- densities of classes


def _restricted(at: Evaluator, dim: Dim, rows: np.ndarray) -> Evaluator:
    """An evaluator for which ``dim`` runs over some rows only."""
    domain = g.Domain(dim, (Dim(dim.set, "row"),), ("",), ())
    sizes = {d: n for d, n in at._sizes.items() if d != dim}
    flat = {**at._flat, dim: (rows,)}
    return replace(at, domains={**at.domains, dim: domain}, _memo={}, _flat=flat, _sizes=sizes)


def _gaussian(
    at: Evaluator,
    body: g.Distribution,
    dim: Dim,
    classes: Classes,
    y: np.ndarray,
    count: np.ndarray,
    weights: np.ndarray | None,
) -> Named:
    w = np.ones(len(y)) if weights is None else weights
    safe = np.maximum(count, 1e-300)
    mean = np.bincount(classes.of_row, w * y, minlength=len(count)) / safe
    spread = np.bincount(classes.of_row, w * np.square(y - mean[classes.of_row]), minlength=len(count))
    ready = densities.prepare(at, body, (), Named(mean[None], (dim,)))
    given = ready.applied.given
    place = ready.batch.index(dim) - len(ready.batch)
    shape = [1] * (1 + len(ready.batch))
    shape[place] = len(count)
    n, ybar, squares = (a.reshape(shape) for a in (count, mean, spread))
    sd = _sd(given)
    gap = n * xp.square(ybar - given["mean"]) + squares
    out = -0.5 * gap / xp.square(sd) - n * (xp.log(sd) + 0.5 * log(2.0 * pi))
    return Named(out, ready.batch).renamed({dim: Dim("classes", dim.tag)})


def _sd(given: Any) -> Array:
    if "var" in given:
        return xp.sqrt(given["var"])
    if "precision" in given:
        return 1.0 / xp.sqrt(given["precision"])
    return given["sd"]


def _summed(at: Evaluator, term: Named, dim: Dim, count: np.ndarray) -> Named:
    weights = aligned(Named(count[None], (dim,)), term.dims)
    return Named(term.array * weights, term.dims).renamed({dim: Dim("classes", dim.tag)})
