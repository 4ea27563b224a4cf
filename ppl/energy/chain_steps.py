"""The steps of a discrete chain: which pair terms touch each, and which steps share their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ppl.energy.operands import Operand, Size
from ppl.energy.relations import Entry, codes_of
from ppl.energy.terms import Latent, Term
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim

Array = Any
Rows = dict[int, np.ndarray]


@dataclass(frozen=True, eq=False)
class PairTerm:
    """A term with two neighbours of a chain: its plate dims, its live places along them, and their cells."""

    term: Term
    earlier: int
    later: int
    plates: tuple[Dim, ...]
    places: tuple[np.ndarray, ...]
    cells: np.ndarray


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps into each cell of a chain, in classes with equal pair tables; class 0 has none.

    codes: (cells,) class of each step; ``terms`` by their number. Cells lie batch by batch, in time within.
    """

    latent: Latent
    axis: int
    codes: np.ndarray
    classes: int
    terms: Mapping[int, PairTerm]

    def operand(self, block: int, number: int, size: Size) -> Operand:
        """The pair marginals that a term reads, summed over the steps of each class."""
        pair, live = self.terms[number], self._representatives(number)
        dim = self._class_dim(number, size)
        earlier, later = pair.term.atoms[pair.earlier].state, pair.term.atoms[pair.later].state
        assert earlier is not None and later is not None and self.latent.states is not None
        k = len(self.latent.states)
        index = (Named(self.codes[pair.cells[live]][None], (dim,)), earlier, later)
        return Operand(block, ("pairs", self.latent.name), index, (self.classes, k, k), size)

    def _representatives(self, number: int) -> np.ndarray:
        """One live place of the term in each class that it touches."""
        return np.unique(self.codes[self.terms[number].cells], return_index=True)[1]

    def _class_dim(self, number: int, size: Size) -> Dim:
        name = Dim(f"#steps {self.latent.name}", str(number))
        size.lengths[name] = len(self._representatives(number))
        return name

    def entry(self, number: int, entry: Entry, size: Size) -> Entry:
        """Another atom's index entry, at the representatives."""
        pair = self.terms[number]
        own = codes_of(entry, size)
        if not set(own.dims) & set(pair.plates):
            return entry
        live = self._representatives(number)
        where = tuple(
            pair.places[pair.plates.index(d)][live] if d in pair.plates else slice(None) for d in own.dims
        )
        rest = tuple(d for d in own.dims if d not in pair.plates)
        order = tuple(i for i, d in enumerate(own.dims) if d in pair.plates)
        moved = np.moveaxis(own.numpy[0], order, range(len(order)))
        picked = moved[tuple(where[i] for i in order)]
        return Named(picked[None], (self._class_dim(number, size), *rest))

    def coefficient(self, number: int, size: Size) -> tuple[Array, tuple[Dim, ...]]:
        """The term's coefficient at the representatives."""
        pair = self.terms[number]
        c = pair.term.coefficient
        rest = tuple(d for d in c.dims if d not in pair.plates)
        live = self._representatives(number)
        full = np.broadcast_to(
            aligned(c, (*pair.plates, *rest))[0], tuple(size(d) for d in (*pair.plates, *rest))
        )
        return full[tuple(p[live] for p in pair.places)], (self._class_dim(number, size), *rest)


def chain_steps(latent: Latent, axis: int, terms: Sequence[tuple[int, Term]], size: Size) -> Steps:
    """Group the steps of a chain along stored axis ``axis`` by what the pair terms say of them."""
    found = {number: _pair_term(latent, axis, term, size) for number, term in terms}
    cells = prod(latent.shape)
    columns: list[np.ndarray] = []
    for pair in found.values():
        for column in _signature(pair, size):
            filled = np.full(cells, -1, dtype=np.int64)
            filled[pair.cells] = column
            columns.append(filled)
    codes, classes = _classes(columns, cells)
    return Steps(latent, axis, codes, classes, found)


def _pair_term(latent: Latent, axis: int, term: Term, size: Size) -> PairTerm:
    both = [i for i, a in enumerate(term.atoms) if a.name == latent.name]
    a, b = (term.atoms[i] for i in both)
    x, y = codes_of(a.index[axis], size), codes_of(b.index[axis], size)
    plates = tuple(dict.fromkeys(d for at in (a, b) for e in at.index for d in codes_of(e, size).dims))
    shape = tuple(size(d) for d in plates)
    c = term.coefficient
    rest = tuple(d for d in c.dims if d not in plates)
    whole = np.broadcast_to(aligned(c, (*plates, *rest))[0] != 0, (*shape, *(size(d) for d in rest)))
    live = whole.any(axis=tuple(range(len(shape), whole.ndim))) if rest else whole
    places = np.nonzero(live)
    gap = np.broadcast_to(aligned(x, plates)[0] - aligned(y, plates)[0], shape)[places]
    later, earlier = (both[0], both[1]) if gap.size == 0 or gap[0] > 0 else (both[1], both[0])
    index = term.atoms[later].index
    order = [*(i for i in range(len(index)) if i != axis), axis]
    cells = np.zeros(len(places[0]), dtype=np.int64)
    for i in order:
        codes = np.broadcast_to(aligned(codes_of(index[i], size), plates)[0], shape)[places]
        cells = cells * latent.shape[i] + codes
    return PairTerm(term, earlier, later, plates, places, cells)


def _signature(pair: PairTerm, size: Size) -> list[np.ndarray]:
    """Integer columns over the live places: equal rows are steps with equal tables."""
    c = pair.term.coefficient
    rest = tuple(d for d in c.dims if d not in pair.plates)
    full = aligned(c, (*pair.plates, *rest))[0]
    full = np.broadcast_to(full, (*(size(d) for d in pair.plates), *full.shape[len(pair.plates) :]))
    values = full[pair.places].reshape(len(pair.places[0]), -1)
    columns = [np.unique(v, return_inverse=True)[1] for v in values.T if len(v) and (v != v[0]).any()]
    for i, atom in enumerate(pair.term.atoms):
        if i in (pair.earlier, pair.later):
            continue
        for entry in atom.index:
            own = codes_of(entry, size)
            if set(own.dims) & set(pair.plates):
                columns.append(_along(own, pair, size))
    return columns or [np.zeros(len(pair.places[0]), dtype=np.int64)]


def _along(own: Named, pair: PairTerm, size: Size) -> np.ndarray:
    rest = [d for d in own.dims if d not in pair.plates]
    assert not rest, "codes over a plate of the chain and another dim"
    shape = tuple(size(d) for d in pair.plates)
    out: np.ndarray = np.broadcast_to(aligned(own, pair.plates)[0], shape)[pair.places]
    return out


def _classes(columns: Sequence[np.ndarray], cells: int) -> tuple[np.ndarray, int]:
    """Class of each cell; a step that no term touches is of class 0."""
    flat = np.zeros(cells, dtype=np.int64)
    for c in columns:
        low = int(c.min()) if len(c) else 0
        span = (int(c.max()) if len(c) else 0) - low + 1
        flat = flat * span + (c - low)
        if span > 1:
            flat = np.unique(flat, return_inverse=True)[1]
    none = np.all([c < 0 for c in columns], axis=0) if columns else np.ones(cells, dtype=bool)
    touched = np.unique(flat[~none], return_inverse=True)[1] + 1
    out = np.zeros(cells, dtype=np.int64)
    out[~none] = touched
    return out, int(touched.max()) + 1 if touched.size else 1
