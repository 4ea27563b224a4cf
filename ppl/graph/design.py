"""The design of an affine predictor: dense columns and group terms, evaluated as one product and gathers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph.affine import Affine, AffineReader, NotAffine
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named
from ppl.graph.nodes import Dim, Node
from ppl.graph.reductions import concatenated

Array = Any
BLOCK = 1 << 18  # elements of a matrix that is filled at once


@dataclass(frozen=True, eq=False)
class Column:
    """``weight * beta[start + codes]``: a number or one for each row; one position or one for each row."""

    weight: float | np.ndarray
    codes: int | np.ndarray
    start: int = 0

    @property
    def by_row(self) -> bool:
        """Whether rows read different elements."""
        return isinstance(self.codes, np.ndarray)

    @property
    def places(self) -> int | np.ndarray:
        """The positions in beta."""
        return self.codes if self.start == 0 else self.codes + self.start


@dataclass(frozen=True, eq=False)
class Design:
    """``eta = offset + sum of columns``; ``beta`` (draw, P) joins the pools of latents."""

    rows: int
    offset: float | np.ndarray
    columns: tuple[Column, ...]
    beta: Array

    @property
    def elements(self) -> int:
        """Elements touched when eta is evaluated row by row."""
        return self.rows * max(len(self.columns), 1)


def read_design(at: Evaluator, node: Node, dim: Dim) -> Design | None:
    """The design of a location node over the rows of ``dim``; None where it is not affine."""
    try:
        found = AffineReader(at, dim).read(node)
        return _design(at, found, dim)
    except NotAffine:
        return None


def _design(at: Evaluator, found: Affine, dim: Dim) -> Design:
    starts: dict[int, int] = {}
    pools: list[Array] = []
    size = 0
    columns = []
    for t in found.terms:
        if id(t.pool) not in starts:
            starts[id(t.pool)] = size
            pools.append(t.pool)
            size += t.pool.shape[-1]
        codes = _over_rows(t.codes, dim)
        start = starts[id(t.pool)]
        columns.append(Column(_weight(t.weight, dim), codes if codes.ndim else int(codes), start))
    if not pools:
        raise NotAffine
    offset = 0.0 if found.offset is None else _weight(found.offset, dim)
    return Design(at.size(dim), offset, tuple(columns), concatenated(pools, -1))


def _over_rows(x: Named, dim: Dim) -> np.ndarray:
    if set(x.dims) - {dim}:
        raise NotAffine
    return np.asarray(x.numpy[0])


def _weight(x: Named, dim: Dim) -> float | np.ndarray:
    array = _over_rows(x, dim)
    return array if array.ndim else float(array)


def keys(design: Design) -> list[np.ndarray]:
    """The different codes by which rows read group terms."""
    found = {}
    for c in design.columns:
        if isinstance(c.codes, np.ndarray):
            about = c.codes.__array_interface__
            found[about["data"], c.codes.shape, c.codes.strides] = c.codes
    return list(found.values())


def predictor(rows: int, columns: Sequence[Column], beta: Array, offset: Any = 0.0) -> Array:
    """eta (draw, rows): one product of the dense columns, then a gather for each group term."""
    parts: list[Array] = []
    dense = [c for c in columns if not c.by_row]
    if dense:
        picked = xp.take(beta, np.array([c.places for c in dense]), axis=-1)
        parts.append(xp.design(dense_block(rows, dense), picked))
    for c in columns:
        if c.by_row:
            read = xp.take(beta, c.places, axis=-1)
            plain = not isinstance(c.weight, np.ndarray) and c.weight == 1.0
            parts.append(read if plain else read * np.asarray(c.weight)[None])
    if isinstance(offset, np.ndarray) or offset:
        parts.append(np.asarray(offset)[None])
    return xp.total(*parts) if len(parts) > 1 else parts[0]


def dense_block(rows: int, dense: Sequence[Column]) -> np.ndarray:
    """The weights of dense columns as one matrix (rows, K), filled block by block."""
    out = np.empty((rows, len(dense)))
    step = max(1, BLOCK // len(dense))
    for start in range(0, rows, step):
        where = slice(start, start + step)
        for k, c in enumerate(dense):
            out[where, k] = c.weight[where] if isinstance(c.weight, np.ndarray) else c.weight
    return out
