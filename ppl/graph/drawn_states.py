"""States drawn from rows of a table of probabilities, without a copy of a row for each draw."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ppl.graph import nodes as g
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator


def table_of(body: g.Node) -> g.Gather | None:
    """The subscript in ``Categorical(phi[k])``, where ``phi`` is a stored quantity read by whole vectors."""
    if not isinstance(body, g.Distribution) or body.name != "Categorical" or len(body.arguments) != 1:
        return None
    name, node = body.arguments[0]
    whole = name == "p" and isinstance(node, g.Gather) and isinstance(node.value, g.Variable)
    return node if whole and isinstance(node, g.Gather) and len(node.event) == 1 else None


def draw_states(
    at: Evaluator, body: g.Node, plates: Collection[Dim], draws: int, rng: np.random.Generator
) -> Named | None:
    """One state for each draw and cell, by inversion in the table itself; None where that gains nothing."""
    read = table_of(body)
    if read is None or not isinstance(read.value, g.Variable) or read.value.name in {*at.states, *at.rows}:
        return None
    axes = read.value.event[: len(read.selectors)]
    indices = [at.index(s, a) for s, a in zip(read.selectors, axes, strict=True)]
    value = at.named(read.value)
    sizes = [at.size(a) for a in axes]
    dims = union((*(i.codes.dims for i in indices), plates), at.size)
    shape = tuple(at.size(d) for d in dims)
    plain = value.invalid is None and all(i.codes.invalid is None for i in indices)
    if not plain or prod(sizes) >= prod(shape) or set(value.dims) != set(read.value.event):
        return None
    rows = np.zeros((1,) * (1 + len(dims)), dtype=np.intp)
    for index, size in zip(indices, sizes, strict=True):
        codes = np.asarray(aligned(index.codes, dims)).astype(np.intp)
        if codes.size and not 0 <= codes.min() <= codes.max() < size:
            return None
        rows = rows * size + codes
    table = np.asarray(aligned(value, read.value.event))
    table = table.reshape(len(table), prod(sizes), -1)
    rows = np.broadcast_to(rows, (rows.shape[0], *shape)).reshape(rows.shape[0], -1)
    return Named(draw_rows(rng, draws, table, rows).reshape(draws, *shape), dims)


def draw_rows(rng: np.random.Generator, draws: int, table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Codes (draws, n) drawn with the probabilities table[s, rows[s, i]], by inversion.

    table: (draws or 1, R, K); rows: (draws or 1, n). All rows of a draw's table make one increasing sequence,
    of cumulative probabilities plus the number of the row, that every cell searches.

    >>> draw_rows(np.random.default_rng(0), 1, np.array([[[0.0, 1.0], [1.0, 0.0]]]), np.array([[1, 0, 0]]))
    array([[0, 1, 1]])
    """
    _, count, states = table.shape
    out = np.empty((draws, rows.shape[1]), dtype=np.int64)
    ladder: np.ndarray = np.empty(0)
    for s in range(draws):
        own = rows[s if len(rows) > 1 else 0]
        if s == 0 or len(table) > 1:
            steps = np.cumsum(table[s], axis=-1)
            with np.errstate(all="ignore"):
                steps /= steps[:, -1:]
            ladder = (steps + np.arange(count)[:, None]).ravel()
        found = np.searchsorted(ladder, rng.random(rows.shape[1]) + own, side="right")
        out[s] = np.clip(found - own * states, 0, states - 1)
    return out
