"""Products that read a discrete latent element by element, rewritten to read sums over its elements.

    sum_n c[n, f] r[n, k] T[k, f] = sum_{k, f} S[k, f] T[k, f],          S = sum_n r[n, k] c[n, f]
    sum_n c[n] r[n, k] T[u[n], k] = sum_{u, k} S[u, k] T[u, k],          S = sum over n with u[n] = u of c r

Data are stacked once into columns, equal ones (up to a factor) stored once. A product that fits neither form
stays as it is and reads r.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.contraction import Part
from ppl.energy.lowering import Product, distinct
from ppl.energy.operands import Key, Operand, Size
from ppl.energy.outer import MOST_STORED, columns
from ppl.energy.row_pairs import Pairs
from ppl.energy.row_sums import Codes, Columns, RowPart, Runs
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim

Array = Any
STACKED = 64  # columns of one product beyond which they are not compared with others
LOOKED_AT = 64  # elements of a column that are compared first

Discrete = DiscreteBlock | DiscreteChain


@dataclass(frozen=True, eq=False)
class Rows:
    """One product seen from a latent: the dims of its rows, each row's element, and the other operands.

    ``own`` is the operand that reads the latent; ``moving`` the others that change from row to row.
    """

    product: Product
    own: Operand
    state: Dim
    dims: tuple[Dim, ...]
    elements: np.ndarray | None
    others: tuple[Operand, ...]
    moving: tuple[Operand, ...]


def rewritten(
    products: Sequence[Product], blocks: Sequence[Discrete | Any], size: Size, left: frozenset[int]
) -> tuple[tuple[Product, ...], dict[int, tuple[RowPart, ...]]]:
    """The products, and what each discrete block has to sum; blocks in ``left`` are left alone."""
    out = list(products)
    parts: dict[int, tuple[RowPart, ...]] = {}
    for number, block in enumerate(blocks):
        if isinstance(block, DiscreteBlock | DiscreteChain) and number not in left:
            maker = Maker(block, number, size)
            out = [maker.fitted(p) for p in [maker.rewrite(p) for p in out]]
            if maker.parts:
                parts[number] = maker.parts
    return tuple(out), parts


@dataclass
class Maker:
    """Collects the columns and codes of one block while its products are rewritten."""

    block: Discrete
    number: int
    size: Size
    columns: list[Array] = field(default_factory=list)
    own: list[RowPart] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.block.latent.name

    @property
    def stacked(self) -> Key:
        return ("sums", self.name)

    @property
    def parts(self) -> tuple[RowPart, ...]:
        stacked = (Columns(self.stacked, np.stack(self.columns)),) if self.columns else ()
        return (*stacked, *self.own)

    def rewrite(self, p: Product) -> Product:
        """The product in terms of sums, or as it is."""
        rows = self._rows(p)
        if rows is None:
            return p
        found = self._with_codes(rows) if rows.moving else self._with_columns(rows)
        return p if found is None else found

    def fitted(self, p: Product) -> Product:
        """The product with its read of the stacked columns as wide as these have become."""
        if all(op.key != self.stacked for op in p.operands):
            return p
        wide = len(self.columns)
        operands = tuple(
            op
            if op.key != self.stacked
            else Operand(op.block, op.key, op.index, (op.shape[0], wide), op.size)
            for op in p.operands
        )
        return replace(p, operands=operands)

    def _rows(self, p: Product) -> Rows | None:
        reads = [op for op in p.operands if op.block == self.number]
        if len(reads) != 1 or reads[0].key != ("is", self.name):
            return None
        *cells, state = reads[0].index
        dims = tuple(dict.fromkeys(chain(*((e,) if isinstance(e, Dim) else e.dims for e in cells))))
        if not isinstance(state, Dim) or state in dims:
            return None
        if any(state in d and set(dims) & set(d) for _, d in p.data):
            return None
        others = tuple(op for op in p.operands if op is not reads[0])
        moving = tuple(op for op in others if _touches(op, dims))
        elements = self._elements(cells, dims)
        if any(not _wholly(op, dims) for op in moving):
            return None
        return Rows(p, reads[0], state, dims, elements, others, moving)

    def _elements(self, cells: Sequence[Dim | Named], dims: tuple[Dim, ...]) -> np.ndarray | None:
        """Which element each row reads; nothing where rows in order are elements in order."""
        strides = self.block.strides
        if dims == tuple(cells) and list(strides) == sorted(strides, reverse=True):
            return None
        shape = tuple(self.size(d) for d in dims)
        flat: Array = np.zeros(shape, dtype=np.int64)
        for entry, stride in zip(cells, strides, strict=True):
            own = Named(np.arange(self.size(entry))[None], (entry,)) if isinstance(entry, Dim) else entry
            flat = flat + aligned(own, dims)[0].astype(np.int64) * stride
        out: np.ndarray = flat.ravel()
        return out

    def _with_columns(self, rows: Rows) -> Product | None:
        """No other operand changes from row to row."""
        inner: list[Part] = []
        small: list[Part] = []
        for array, dims in rows.product.data:
            (inner if set(dims) & set(rows.dims) else small).append((array, dims))
        free = tuple(dict.fromkeys(d for _, dims in inner for d in dims if d not in rows.dims))
        pairs = self._pairs(inner, free, rows)
        phi = np.empty((prod(self.size(d) for d in free), 0)) if pairs else self._phi(inner, free, rows)
        if pairs is not None:
            key = pairs.key
            self.own.append(pairs)
            which, factor, total = np.arange(len(phi)), np.ones(len(phi)), len(phi)
        elif len(phi) > STACKED:
            key = (*self.stacked, str(len(self.own)))
            self.own.append(Columns(key, phi if phi.flags.forc else np.ascontiguousarray(phi)))
            which, factor, total = np.arange(len(phi)), np.ones(len(phi)), len(phi)
        else:
            key = self.stacked
            which, factor, total = *self._placed(phi), 0
        shape = tuple(self.size(d) for d in free)
        states = rows.own.shape[-1]
        read = Operand(
            self.number,
            key,
            (rows.state, Named(which.reshape((1, *shape)), free)),
            (states, total),
            self.size,
        )
        first = (factor.reshape(shape), free)
        return replace(
            rows.product, coefficient=first[0], dims=free, operands=(read, *rows.others), more=tuple(small)
        )

    def _pairs(self, data: Sequence[Part], free: tuple[Dim, ...], rows: Rows) -> Pairs | None:
        """Many products of two columns each, as the columns."""
        if rows.elements is not None or prod(self.size(d) for d in free) <= MOST_STORED:
            return None
        found = columns([Named(np.asarray(a)[None], own) for a, own in data], free, rows.dims, self.size)
        return None if found is None else Pairs((*self.stacked, str(len(self.own))), *found)

    def _phi(self, data: Sequence[Part], free: tuple[Dim, ...], rows: Rows) -> Array:
        """The data of a product as columns over the elements: (F, N)."""
        dims = (*free, *rows.dims)
        shape = tuple(self.size(d) for d in dims)
        parts = [aligned(Named(np.asarray(array)[None], own), dims)[0] for array, own in data]
        value: Array = reduce(np.multiply, parts) if parts else np.ones((1,) * len(dims))
        wide = prod(shape[: len(free)])
        columns = np.broadcast_to(value, shape).reshape(wide, -1)
        if rows.elements is None:
            return columns
        n = prod(self.block.latent.shape)
        return np.stack([np.bincount(rows.elements, c, n) for c in columns])

    def _placed(self, phi: Array) -> tuple[np.ndarray, np.ndarray]:
        """Each column's place among those kept, and its factor."""
        which, factor = np.zeros(len(phi), dtype=np.int64), np.ones(len(phi))
        for i, column in enumerate(phi):
            for j, known in enumerate(self.columns):
                scale = _multiple(column, known)
                if scale is not None:
                    which[i], factor[i] = j, scale
                    break
            else:
                which[i] = len(self.columns)
                self.columns.append(np.array(column, dtype=float))
        return which, factor

    def _with_codes(self, rows: Rows) -> Product | None:
        """Other operands are picked by codes of the row, and there are few combinations of these."""
        data = rows.product.data
        if any(set(dims) & set(rows.dims) and not set(dims) <= set(rows.dims) for _, dims in data):
            return None
        shape = tuple(self.size(d) for d in rows.dims)
        columns = [
            _flat(e, rows.dims, shape, self.size) for op in rows.moving for e in op.index if _in(e, rows.dims)
        ]
        first, which, count = distinct(columns)
        if 2 * count > len(which):
            return None
        weight: Array = np.ones((1,) * len(shape))
        for k, (array, own) in enumerate(part for part in data if set(part[1]) & set(rows.dims)):
            one = aligned(Named(np.asarray(array)[None], own), rows.dims)[0]
            weight = weight * one if k else one  # a column by itself is not copied
        key = (*self.stacked, str(len(self.own)))
        self.own.append(self._coded(key, which, count, rows, self._weights(weight, shape)))
        place, codes = self.size.fresh(count), iter(columns)
        moved = [
            op if op not in rows.moving else self._picked(op, rows.dims, codes, first, place)
            for op in rows.others
        ]
        states = rows.own.shape[-1]
        read = Operand(self.number, key, (place, rows.state), (count, states), self.size)
        small = [part for part in data if not set(part[1]) & set(rows.dims)]
        return replace(
            rows.product, coefficient=np.ones(()), dims=(), operands=(read, *moved), more=tuple(small)
        )

    def _coded(
        self, key: Key, which: np.ndarray, count: int, rows: Rows, weight: Array | None
    ) -> Codes | Runs:
        """The codes of each element's row, or of its rows."""
        if rows.elements is None:
            return Codes(key, which.astype(np.int32, copy=False), count, weight)
        order = np.argsort(rows.elements, kind="stable")
        first = np.searchsorted(rows.elements[order], np.arange(prod(self.block.latent.shape) + 1))
        return Runs(
            key, which[order].astype(np.int32), count, first, None if weight is None else weight[order]
        )

    def _weights(self, weight: Array, shape: tuple[int, ...]) -> Array | None:
        """The weight of each row, nothing where all are one; those of the elements themselves are not copied."""
        if np.all(weight == 1.0):
            return None
        count = self.block.rows.count
        whole: Array = np.broadcast_to(weight, shape).ravel()
        return count if count is not None and np.array_equal(whole, count) else whole

    def _picked(
        self, op: Operand, dims: tuple[Dim, ...], codes: Any, first: np.ndarray, place: Dim
    ) -> Operand:
        """An operand at one row of each combination of codes."""
        index: list[Dim | Named] = []
        for axis, e in enumerate(op.index):
            if not _in(e, dims):
                index.append(e)
                continue
            at = next(codes)[first]
            whole = len(at) == op.shape[axis] and np.array_equal(at, np.arange(len(at)))
            index.append(place if whole else Named(at[None], (place,)))
        return Operand(op.block, op.key, tuple(index), op.shape, op.size)


def _in(entry: Dim | Named, dims: tuple[Dim, ...]) -> bool:
    return bool(set((entry,) if isinstance(entry, Dim) else entry.dims) & set(dims))


def _touches(op: Operand, dims: tuple[Dim, ...]) -> bool:
    return any(_in(e, dims) for e in op.index)


def _wholly(op: Operand, dims: tuple[Dim, ...]) -> bool:
    """Whether each entry is of the rows alone, or not of them at all."""
    return all(isinstance(e, Dim) or not _in(e, dims) or set(e.dims) <= set(dims) for e in op.index)


def _flat(entry: Dim | Named, dims: tuple[Dim, ...], shape: tuple[int, ...], size: Size) -> np.ndarray:
    own = Named(np.arange(size(entry))[None], (entry,)) if isinstance(entry, Dim) else entry
    return np.broadcast_to(aligned(own, dims)[0], shape).ravel()


def _multiple(column: Array, known: Array) -> float | None:
    """The factor that makes one column exactly the other, if there is one."""
    at = int(np.argmax(np.abs(known[:LOOKED_AT])))
    if known[at] == 0.0:
        return 1.0 if np.array_equal(column, known) else None
    scale = float(column[at] / known[at])
    if not np.array_equal(column[:LOOKED_AT], scale * known[:LOOKED_AT]):
        return None
    return scale if scale and np.array_equal(column, scale * known) else None
