"""Terms over atoms to products of arrays: which block holds each atom, and which of its arrays is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy.blocks.base import Block
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.gaussian import GaussianMembers
from ppl.energy.contraction import Part
from ppl.energy.operands import Operand, Size
from ppl.energy.outer import Outer
from ppl.energy.shape import couplings
from ppl.energy.terms import Atom, Term
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim, Statement

Array = Any


class NotMultilinear(Exception):
    """A term that is not affine in one block's mean parameters; the text says in which."""

    def __init__(self, names: Sequence[str], why: str, term: Term) -> None:
        super().__init__(why)
        self.names, self.why, self.term = tuple(names), why, term


@dataclass(frozen=True, eq=False)
class Product:
    """``sum over dims of coefficient * prod operands``: data over ``dims``, then reads of mean parameters."""

    coefficient: Array
    dims: tuple[Dim, ...]
    operands: tuple[Operand, ...]
    origin: Statement | None = None
    more: tuple[Part, ...] = ()

    @property
    def data(self) -> list[Part]:
        """The coefficient, and further data that multiply it."""
        return [(self.coefficient, self.dims), *self.more]

    @property
    def data_dims(self) -> tuple[Dim, ...]:
        """The dims of all data."""
        return tuple(dict.fromkeys((*self.dims, *(d for _, dims in self.more for d in dims))))


def lower(term: Term, number: int, blocks: Sequence[Block], of: Mapping[str, int], size: Size) -> Product:
    """One term, its atoms grouped by block. Raises `NotMultilinear`."""
    grouped = _by_block(term, of)
    for block, places in grouped.items():
        chain = blocks[block]
        if isinstance(chain, DiscreteChain) and number in chain.steps.terms and len(places) == 2:
            return _step_product(chain, block, term, number, blocks, of, size)
    operands = [operand_of(blocks[b], b, term, number, places, size) for b, places in grouped.items()]
    if isinstance(term.coefficient.array, Outer):
        (first, dims), *more = (plain(x, size) for x in term.coefficient.array.over(term.coefficient.dims))
        return Product(first, dims, tuple(operands), term.origin, tuple(more))
    coefficient, dims = plain(term.coefficient, size)
    return folded(Product(coefficient, dims, tuple(operands), term.origin), size)


def plain(value: Named, size: Size) -> Part:
    """Data over its full dims."""
    shape = tuple(size(d) for d in value.dims)
    return np.broadcast_to(np.asarray(value.array, float)[0], shape), value.dims


def _step_product(
    chain: DiscreteChain,
    block: int,
    term: Term,
    number: int,
    blocks: Sequence[Block],
    of: Mapping[str, int],
    size: Size,
) -> Product:
    """A term with two neighbours of a chain: one row for each class of steps."""
    steps = chain.steps
    pair = steps.terms[number]
    coefficient, dims = steps.coefficient(number, size)
    rest = [a for i, a in enumerate(term.atoms) if i not in (pair.earlier, pair.later)]
    moved = [replace(a, index=tuple(steps.entry(number, e, size) for e in a.index)) for a in rest]
    other = Term(Named(coefficient[None], dims), tuple(moved), term.origin, term.span)
    lowered = [
        operand_of(blocks[b], b, other, number, places, size) for b, places in _by_block(other, of).items()
    ]
    return Product(coefficient, dims, (steps.operand(block, number, size), *lowered), term.origin)


def _by_block(term: Term, of: Mapping[str, int]) -> dict[int, list[int]]:
    grouped: dict[int, list[int]] = {}
    for i, atom in enumerate(term.atoms):
        grouped.setdefault(of[atom.name], []).append(i)
    return grouped


def operand_of(
    block: Block, number: int, term: Term, place: int, atoms: Sequence[int], size: Size
) -> Operand:
    chosen = [term.atoms[i] for i in atoms]
    if len(chosen) == 1:
        return _single(block, number, chosen[0], size)
    if len(chosen) == 2:
        relation = {(c.first, c.second): c.axes for c in couplings(place, term, size)}
        a, b = chosen
        axes = relation.get((atoms[0], atoms[1]))
        if isinstance(block, GaussianMembers) and a.stat == b.stat == "x":
            return _pair(block, number, a, b, axes, term, size)
        if axes is not None and all(r == "same" for r in axes):
            return _merged(block, number, a, b, term, size)
    names = sorted({a.name for a in chosen})
    raise NotMultilinear(names, f"it holds {len(chosen)} elements of {', '.join(names)} together", term)


def _single(block: Block, number: int, atom: Atom, size: Size) -> Operand:
    key = (atom.stat, atom.name)
    index = atom.index if atom.state is None else (*atom.index, atom.state)
    return Operand(number, key, index, block.shapes()[key], size)


def _merged(block: Block, number: int, a: Atom, b: Atom, term: Term, size: Size) -> Operand:
    """Two statistics of the same elements."""
    if a.stat == b.stat == "is" and a.state == b.state:
        return _single(block, number, a, size)
    powers = [_power(s.stat) for s in (a, b)]
    if None in powers:
        raise NotMultilinear((a.name,), f"it holds `{a.stat}` times `{b.stat}` of {a.name}", term)
    total = sum(p for p in powers if p is not None)
    stat = "x" if total == 1 else f"power:{total:g}"
    return _single(block, number, Atom(a.name, stat, a.index), size)


def _power(stat: str) -> float | None:
    if stat == "x":
        return 1.0
    return float(stat.removeprefix("power:")) if stat.startswith("power:") else None


def _pair(
    block: GaussianMembers,
    number: int,
    a: Atom,
    b: Atom,
    axes: tuple[str, ...] | None,
    term: Term,
    size: Size,
) -> Operand:
    """Two elements of a Gaussian block: a square, a coupled pair, or neighbours along a chain."""
    if axes is not None and all(r == "same" for r in axes):
        return Operand(number, ("power:2", a.name), a.index, block.shapes()[("power:2", a.name)], size)
    gap = block.gap(a, b, term.coefficient, size)
    kind = "lag" if gap else "pair"
    if gap < 0:
        a, b = b, a
    if kind == "pair" and block.names.index(a.name) > block.names.index(b.name):
        a, b = b, a
    m, w = block.member(a.name), block.member(b.name)
    index = (*(a.index[i] for i in m.batch), *(a.index[i] for i in m.joint), *(b.index[i] for i in w.joint))
    return Operand(number, (kind, a.name, b.name), index, block.pair_shape(a.name, b.name), size)


def folded(product: Product, size: Size) -> Product:
    """Sum out what only data and codes run over: rows with equal codes become one.

    sum_n c_n f[g(n)] = sum_u (sum_{n: g(n) = u} c_n) f[u]: after this a term costs as many operations as
    there are distinct codes.
    """
    inside = {e for op in product.operands for e in op.index if isinstance(e, Dim)}
    free = tuple(d for d in product.dims if d not in inside)
    coded = {
        d
        for op in product.operands
        for e in op.index
        if not isinstance(e, Dim)
        for d in e.dims
        if d in inside
    }
    if not free or coded:
        return product
    rest = tuple(d for d in product.dims if d in inside)
    order = [product.dims.index(d) for d in (*free, *rest)]
    rows = int(np.prod([size(d) for d in free], dtype=int))
    table = product.coefficient.transpose(order).reshape(rows, *(size(d) for d in rest))
    columns = _columns(product, free, size)
    if columns is None:
        return product
    if not columns:
        return Product(table.sum(0), rest, product.operands, product.origin)
    return _grouped(product, table, rest, columns, size)


def _columns(product: Product, free: tuple[Dim, ...], size: Size) -> list[np.ndarray] | None:
    """The codes of each coded axis for every combination of the free dims."""
    shape = tuple(size(d) for d in free)
    out = []
    for op in product.operands:
        for entry in op.index:
            if not isinstance(entry, Dim):
                if not set(entry.dims) <= set(free):
                    return None
                out.append(np.broadcast_to(aligned(entry, free)[0], shape).ravel())
    return out


def _grouped(
    product: Product, table: Array, rest: tuple[Dim, ...], columns: list[np.ndarray], size: Size
) -> Product:
    first, which, count = distinct(columns)
    if count > len(table) // 2:
        return product
    fresh = size.fresh(count)
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(count))
    sums = np.add.reduceat(table[order], starts, axis=0)
    codes = iter(columns)
    operands = []
    for op in product.operands:
        index = tuple(
            e if isinstance(e, Dim) else Named(next(codes)[first][None], (fresh,)) for e in op.index
        )
        operands.append(Operand(op.block, op.key, index, op.shape, op.size))
    return Product(sums, (fresh, *rest), tuple(operands), product.origin)


def distinct(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, int]:
    """Distinct rows of integer columns: a first place of each, which one each row is, and how many."""
    flat, count = _ranked_column(columns[0])
    for c in columns[1:]:
        own, kinds = _ranked_column(c)
        flat, count = ranked(flat.astype(np.int64, copy=False) * kinds + own)
    return _first_places(flat, count), flat, count


def _ranked_column(c: np.ndarray) -> tuple[np.ndarray, int]:
    low = int(c.min()) if len(c) else 0
    return ranked(c if low == 0 else c - low)


def _first_places(codes: np.ndarray, count: int, block: int = 1 << 16) -> np.ndarray:
    """The first place of each code, from the last block of places to the first."""
    first = np.empty(count, dtype=np.int64)
    for lo in range((len(codes) - 1) // block * block, -1, -block):
        part = codes[lo : lo + block]
        first[part[::-1]] = np.arange(lo + len(part) - 1, lo - 1, -1)
    return first


def ranked(flat: np.ndarray) -> tuple[np.ndarray, int]:
    """Each number's rank among those that occur, and how many do; without a sort where they are small.

    >>> ranked(np.array([7, 3, 7]))
    (array([1, 0, 1]), 2)
    """
    if not len(flat) or flat.max() > 4 * len(flat) + 1000:
        values, which = np.unique(flat, return_inverse=True)
        return which, len(values)
    seen = np.bincount(flat) > 0
    if seen.all():
        return flat, len(seen)
    ranks = np.cumsum(seen) - 1
    return ranks[flat], int(ranks[-1]) + 1
