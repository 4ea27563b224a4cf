"""Where a term reads a mean parameter: gathers by data, their transposes, and nothing of size rows x groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim

Array = Any
Key = tuple[str, ...]
MOST_COLUMNS = 12  # up to here a column at a time by bincount is the faster transpose


@dataclass
class Size:
    """The lengths of dims; `fresh` makes a new one."""

    lengths: dict[Dim, int]

    def __call__(self, dim: Dim) -> int:
        return self.lengths[dim]

    def fresh(self, length: int) -> Dim:
        """A dim of its own."""
        dim = Dim("#rows", f"{len(self.lengths)}")
        self.lengths[dim] = length
        return dim


@dataclass(frozen=True, eq=False)
class Operand:
    """One mean-parameter array of one block, read at elements that ``index`` names, axis by axis.

    key: which array of the block, for example ``("x", "mu")`` or ``("pair", "mu", "beta")``. ``index`` has a
    `Dim` where the axis runs along that dim, else constant codes. ``dims`` are those of the value read.
    """

    block: int
    key: Key
    index: tuple[Dim | Named, ...]
    shape: tuple[int, ...]
    size: Size

    @cached_property
    def _split(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Dim, ...]]:
        """Axes read by codes, axes that run along, and the dims of the codes."""
        coded: dict[Dim, None] = {}
        seen: set[Dim] = set()
        twice: set[Dim] = set()
        for entry in self.index:
            for d in (entry,) if isinstance(entry, Dim) else ():
                (twice if d in seen else seen).add(d)
            for d in () if isinstance(entry, Dim) else entry.dims:
                coded[d] = None
        for d in twice:
            coded[d] = None
        by_codes = tuple(i for i, e in enumerate(self.index) if not isinstance(e, Dim) or e in coded)
        along = tuple(i for i in range(len(self.index)) if i not in by_codes)
        return by_codes, along, tuple(coded)

    @cached_property
    def dims(self) -> tuple[Dim, ...]:
        """Dims of the gathered value: those of the codes, then the axes that run along."""
        _, along, coded = self._split
        return (*coded, *(e for i, e in enumerate(self.index) if i in along and isinstance(e, Dim)))

    @cached_property
    def plain(self) -> bool:
        """Whether the value is the array itself, its axes perhaps in another order."""
        return not self._split[0]

    @cached_property
    def _flat(self) -> np.ndarray:
        """Flat position, among the axes read by codes, of each cell of the codes' dims."""
        by_codes, _, coded = self._split
        flat: Array = np.zeros((1,) * len(coded), dtype=np.intp)
        for i in by_codes:
            entry = self.index[i]
            own = Named(np.arange(self.size(entry))[None], (entry,)) if isinstance(entry, Dim) else entry
            codes = aligned(own, coded)[0].astype(np.intp)
            flat = flat * self.shape[i] + codes
        return np.ascontiguousarray(np.broadcast_to(flat, tuple(self.size(d) for d in coded))).ravel()

    def gather(self, array: Array) -> tuple[Array, tuple[Dim, ...]]:
        """The value read: an array over ``dims``."""
        by_codes, along, coded = self._split
        if not by_codes:
            return array, self.dims
        rest = [self.shape[i] for i in along]
        rows = array.transpose(by_codes + along).reshape(-1, *rest)
        out = rows.take(self._flat, axis=0)
        return out.reshape((*(self.size(d) for d in coded), *rest)), self.dims

    @cached_property
    def _groups(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For sums over equal positions: an order, where each run starts, and which position it is."""
        order = np.argsort(self._flat, kind="stable")
        ordered = self._flat[order]
        first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if ordered.size else ordered
        return order, first, ordered[first]

    def scatter(self, value: Array) -> Array:
        """The transpose of `gather`: values over ``dims`` summed into an array of the operand's shape."""
        by_codes, along, _ = self._split
        if not by_codes:
            return np.asarray(value)
        rest = tuple(self.shape[i] for i in along)
        places = prod(self.shape[i] for i in by_codes)
        rows = np.reshape(value, (len(self._flat), prod(rest)))
        out = self._summed(rows, places).reshape(*(self.shape[i] for i in by_codes), *rest)
        return out.transpose(np.argsort(by_codes + along))

    def _summed(self, rows: Array, places: int) -> Array:
        if rows.shape[1] <= MOST_COLUMNS:
            columns = [np.bincount(self._flat, rows[:, j], places) for j in range(rows.shape[1])]
            return np.stack(columns, 1) if columns else np.zeros((places, 0))
        out = np.zeros((places, rows.shape[1]))
        order, first, which = self._groups
        if len(first):
            out[which] = np.add.reduceat(rows[order], first, axis=0)
        return out
