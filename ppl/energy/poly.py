"""Polynomials in statistics of latents: sums of data times products of atoms, over named dims.

    value over the free dims = sum over monomials, sum over bound dims of coefficient * prod_j atom_j

A dim that a sum in the model runs over is *bound*: it stays a dim of the monomial, under a fresh name, and
is summed only when everything is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from ppl.energy.factors import apart, finite, grows, summed, widest
from ppl.energy.statistics import same_atom
from ppl.energy.terms import Atom
from ppl.errors import Span
from ppl.graph.evaluate import Evaluator
from ppl.graph.gathers import Index, gather
from ppl.graph.named import Named, aligned, constant, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.supports import Support

Array = Any
Entry = Dim | Named
MOST_MONOMIALS = 2048
MOST_CELLS = 20_000_000


class NotPolynomial(Exception):
    """A value that is no polynomial in statistics of latents; the text says why."""

    def __init__(self, why: str, span: Span | None = None) -> None:
        super().__init__(why)
        self.why, self.span = why, span


@dataclass(frozen=True, eq=False)
class Monomial:
    """``sum over bound of coefficient * prod more * prod atoms``; coefficients are data, all cells valid.

    ``more`` are further factors of the coefficient, kept apart where their product would be large.
    """

    coefficient: Named
    atoms: tuple[Atom, ...] = ()
    bound: frozenset[Dim] = frozenset()
    more: tuple[Named, ...] = ()

    @property
    def dims(self) -> frozenset[Dim]:
        """Every dim, bound or free."""
        data = frozenset(self.coefficient.dims).union(*(x.dims for x in self.more))
        return data.union(*(a.dims for a in self.atoms))

    @property
    def free(self) -> frozenset[Dim]:
        """The dims of its value."""
        return self.dims - self.bound


@dataclass(frozen=True, eq=False)
class Poly:
    """A sum of monomials; ``invalid`` marks cells that no value stands for, as in `Named`."""

    algebra: Algebra
    monomials: tuple[Monomial, ...]
    invalid: Named | None = None

    @property
    def free(self) -> frozenset[Dim]:
        """The dims of its value."""
        return frozenset[Dim]().union(*(m.free for m in self.monomials))

    @property
    def data(self) -> bool:
        """Whether no latent is in it."""
        return not any(m.atoms for m in self.monomials)

    def __add__(self, other: Poly | float) -> Poly:
        return self.algebra.add(self, self.algebra.of(other))

    def __sub__(self, other: Poly | float) -> Poly:
        return self + self.algebra.of(other) * -1.0

    def __rsub__(self, other: float) -> Poly:
        return self * -1.0 + other

    def __mul__(self, other: Poly | float) -> Poly:
        if not isinstance(other, Poly):
            return self.algebra.scaled(self, constant(np.float64(other)))
        return self.algebra.multiply(self, other)

    def __neg__(self) -> Poly:
        return self * -1.0

    __radd__ = __add__
    __rmul__ = __mul__


@dataclass
class Algebra:
    """Sums, products and re-indexing of polynomials, against one evaluator of data."""

    at: Evaluator
    supports: dict[str, Support]
    axes: dict[str, tuple[Dim, ...]]
    orders: dict[str, tuple[int, ...]] = field(default_factory=dict)
    centres: Mapping[str, Array] = field(default_factory=dict)
    _fresh: int = 0

    # ---------------------------------------------------------------- making

    def of(self, value: Poly | Named | float) -> Poly:
        """A polynomial from a number or from data."""
        if isinstance(value, Poly):
            return value
        if hasattr(value, "why"):
            raise value.why  # only its logarithm is a polynomial
        if not isinstance(value, Named):
            value = constant(np.float64(value))
        return Poly(self, (Monomial(finite(value)),), value.invalid)

    def atom(self, name: str, entries: Sequence[Entry], invalid: Named | None = None) -> Poly:
        """The elements of a latent at entries of its stored axes: its centre, and what it differs by."""
        order = self.orders.get(name, range(len(entries)))
        entries = [entries[i] for i in order]
        one = constant(np.float64(1.0))
        own = Monomial(one, (Atom(name, "x", tuple(entries)),))
        if name not in self.centres:
            return Poly(self, (own,), invalid)
        return Poly(self, (Monomial(self._centre(name, entries)), own), invalid)

    def _centre(self, name: str, entries: Sequence[Entry]) -> Named:
        """The centres of elements: one number, or those at the entries."""
        array = np.asarray(self.centres[name], dtype=float)
        if not array.ndim:
            return constant(array)
        found = [constant(np.arange(self.at.size(e)), (e,)) if isinstance(e, Dim) else e for e in entries]
        dims = union((x.dims for x in found), self.at.size)
        return Named(array[tuple(aligned(x, dims)[0].astype(np.intp) for x in found)][None], dims)

    def fresh(self, dim: Dim) -> Dim:
        """A new dim of equal length."""
        self._fresh += 1
        new = Dim(dim.set, f"{dim.tag}~{self._fresh}")
        self.at.define_dim(new, self.at.size(dim))
        return new

    def entry(self, index: Index, axis: Dim) -> tuple[Entry, Named | None]:
        """An index as an entry of an atom, and the cells where it names no element."""
        n = self.at.size(axis)
        if index.along is not None:
            return index.along, None
        codes = index.codes.numpy
        if codes.dtype.kind not in "iu":  # columns of codes are not copied
            small = n < 2**31 and -(2**31) < codes.min(initial=0) <= codes.max(initial=0) < 2**31
            codes = codes.astype(np.int32 if small else np.int64)
        bad = (codes < 0) | (codes >= n)
        outside = Named(None, (), Named(bad, index.codes.dims)) if bad.any() else Named(None)
        dims = index.codes.dims
        if len(dims) == 1 and self.at.size(dims[0]) == n and np.array_equal(codes[0], np.arange(n)):
            return dims[0], index.codes.invalid
        invalid = merge_invalid([index.codes, outside], self.at.size)
        return Named(np.clip(codes, 0, max(n - 1, 0)) if bad.any() else codes, dims), invalid

    # ---------------------------------------------------------------- sums and products

    def add(self, *parts: Poly) -> Poly:
        """The sum."""
        found: list[Monomial] = []
        for m in (m for p in parts for m in p.monomials):
            same = next((i for i, n in enumerate(found) if _alike(m, n)), None)
            if same is None:
                found.append(m)
            else:
                x, y = self.whole(found[same]).coefficient, self.whole(m).coefficient
                found[same] = replace(m, coefficient=self.plus(x, y), more=())
        return Poly(self, _limited(found), self.merged(parts))

    def merged(self, parts: Iterable[Poly]) -> Named | None:
        """Cells invalid in any part."""
        return merge_invalid([Named(None, (), p.invalid) for p in parts], self.at.size)

    def scaled(self, x: Poly, by: Named) -> Poly:
        """A polynomial times data."""
        invalid = merge_invalid([Named(None, (), x.invalid), by], self.at.size)
        factor = Monomial(finite(by))
        found = (self.product(m, factor) for m in x.monomials)
        return Poly(self, tuple(found), invalid)

    def multiply(self, x: Poly, y: Poly) -> Poly:
        """The product, every monomial of one with every one of the other."""
        if x is y:
            return self.square(x)
        if len(x.monomials) * len(y.monomials) > MOST_MONOMIALS:
            raise NotPolynomial("a product expands into too many terms")
        found = [self.product(m, n) for m in x.monomials for n in y.monomials]
        return Poly(self, tuple(found), self.merged([x, y]))

    def square(self, x: Poly) -> Poly:
        """x times x: squares, and twice each pair."""
        if len(x.monomials) ** 2 > 2 * MOST_MONOMIALS:
            raise NotPolynomial("a square expands into too many terms")
        two = Monomial(constant(np.float64(2.0)))
        found = []
        for i, m in enumerate(x.monomials):
            found.append(self.product(m, m))
            double = self.product(m, two)
            found += [self.product(double, n) for n in x.monomials[i + 1 :]]
        return Poly(self, tuple(found), x.invalid)

    def product(self, m: Monomial, n: Monomial) -> Monomial:
        """Two monomials multiplied; bound dims that they share get fresh names in one."""
        clash = m.bound & n.bound
        if clash:
            n = self.renamed_monomial(n, {d: self.fresh(d) for d in sorted(clash, key=str)})
        factors = (m.coefficient, *m.more, n.coefficient, *n.more)
        first, more = apart(factors, self.at.size)
        return Monomial(first, (*m.atoms, *n.atoms), m.bound | n.bound, more)

    def cells(self, dims: Iterable[Dim]) -> float:
        """How many cells dims span."""
        return float(np.prod([float(self.at.size(d)) for d in dims]))

    def whole(self, m: Monomial) -> Monomial:
        """With its coefficient multiplied out. Raises `NotPolynomial` where that does not fit in memory."""
        return replace(m, coefficient=reduce(self.times, m.more, m.coefficient), more=()) if m.more else m

    def settled(self, m: Monomial) -> Monomial:
        """With its coefficient multiplied out unless that is larger than every factor."""
        return m if grows((m.coefficient, *m.more), self.at.size) else self.whole(m)

    def times(self, x: Named, y: Named) -> Named:
        """A product of data."""
        for one, other in ((x, y), (y, x)):
            if not one.dims and float(one.numpy[0]) == 1.0:
                return other
        dims = union((x.dims, y.dims), self.at.size)
        if self.cells(dims) > MOST_CELLS:
            raise NotPolynomial("a product of data would not fit in memory")
        with np.errstate(invalid="ignore"):
            return Named(aligned(x, dims) * aligned(y, dims), dims)

    def plus(self, x: Named, y: Named) -> Named:
        """A sum of data."""
        dims = union((x.dims, y.dims), self.at.size)
        with np.errstate(invalid="ignore"):
            return Named(aligned(x, dims) + aligned(y, dims), dims)

    # ---------------------------------------------------------------- sums over dims

    def bind(self, x: Poly, over: Sequence[Dim]) -> Poly:
        """The sum over whole dims."""
        from ppl.graph.reductions import dropped

        found = tuple(self._bound(m, over) for m in x.monomials)
        return Poly(self, found, dropped(x.invalid, tuple(over)))

    def _bound(self, m: Monomial, over: Sequence[Dim]) -> Monomial:
        m, over = self._without(m, over)
        in_atoms = frozenset[Dim]().union(*(a.dims for a in m.atoms), *(x.dims for x in m.more))
        coefficient = m.coefficient
        absent = [self.at.size(d) for d in over if d not in m.dims]
        if absent:
            coefficient = self.times(coefficient, constant(np.float64(np.prod(absent))))
        summed = [d for d in over if d in coefficient.dims and d not in in_atoms]
        if summed:
            axes = tuple(1 + coefficient.dims.index(d) for d in summed)
            left = tuple(d for d in coefficient.dims if d not in summed)
            coefficient = Named(coefficient.numpy.sum(axis=axes), left)
        new = {d: self.fresh(d) for d in over if d in in_atoms}
        out = self.renamed_monomial(replace(m, coefficient=coefficient), new)
        return replace(out, bound=m.bound | frozenset(new.values()))

    def _without(self, m: Monomial, over: Sequence[Dim]) -> tuple[Monomial, Sequence[Dim]]:
        """Dims that data alone have summed out of factors that are kept apart, and those that are left."""
        factors = (m.coefficient, *m.more)
        gone = {d for x in factors for d in x.dims if d in over}.difference(*(a.dims for a in m.atoms))
        if not m.more or not gone or grows(factors, self.at.size):
            return m, over
        kept = tuple(d for d in union((x.dims for x in factors), self.at.size) if d not in gone)
        reduced = replace(m, coefficient=summed(factors, kept, self.at.size), more=())
        return reduced, [d for d in over if d not in gone]

    # ---------------------------------------------------------------- names and indices

    def renamed(self, x: Poly, names: Mapping[Dim, Dim]) -> Poly:
        """The same value under other names of its free dims."""
        names = {a: b for a, b in names.items() if a != b}
        if not names:
            return x
        invalid = None if x.invalid is None else x.invalid.renamed(dict(names))
        return Poly(self, tuple(self.renamed_monomial(m, names) for m in x.monomials), invalid)

    def renamed_monomial(self, m: Monomial, names: Mapping[Dim, Dim]) -> Monomial:
        """Other names for dims, bound ones too."""
        if not names or not m.dims & set(names):
            return m
        atoms = tuple(_renamed_atom(a, names) for a in m.atoms)
        bound = frozenset(names.get(d, d) for d in m.bound)
        more = tuple(x.renamed(dict(names)) for x in m.more)
        return Monomial(m.coefficient.renamed(dict(names)), atoms, bound, more)

    def reindexed(self, x: Poly, where: Mapping[Dim, Index]) -> Poly:
        """The value at codes along some of its dims."""
        if all(i.along is not None and i.along not in x.free for i in where.values()):
            along = {d: i.along for d, i in where.items() if i.along is not None}
            if len(set(along.values())) == len(along):
                return self.renamed(x, along)
        invalid = [i.codes for i in where.values()]
        entries: dict[Dim, Entry] = {}
        for d, index in where.items():
            entries[d], bad = self.entry(index, d)
            invalid.append(Named(None, (), bad))
        moved = tuple(self.moved(m, entries) for m in x.monomials)
        own = None if x.invalid is None else self.picked(x.invalid, entries)
        return Poly(self, moved, merge_invalid([*invalid, Named(None, (), own)], self.at.size))

    def moved(self, m: Monomial, where: Mapping[Dim, Entry]) -> Monomial:
        """A monomial at valid codes along some of its dims."""
        atoms = tuple(replace(a, index=tuple(self._entry_at(e, where) for e in a.index)) for a in m.atoms)
        more = tuple(self.picked(x, where) for x in m.more)
        return Monomial(self.picked(m.coefficient, where), atoms, m.bound, more)

    def _entry_at(self, entry: Entry, where: Mapping[Dim, Entry]) -> Entry:
        if isinstance(entry, Dim):
            return where.get(entry, entry)
        return self.picked(entry, where)

    def picked(self, x: Named, where: Mapping[Dim, Entry]) -> Named:
        """Data at valid codes along some of its dims."""
        own = tuple(d for d in x.dims if d in where)
        if not own:
            return x
        indices = []
        for d in own:
            entry = where[d]
            if isinstance(entry, Dim):
                codes = constant(np.arange(self.at.size(entry)), (entry,))
                indices.append(Index(codes, entry))
            else:
                indices.append(Index(entry))
        out = gather(x, own, tuple(indices), self.at.size)
        return Named(out.array, out.dims)

    # ---------------------------------------------------------------- choices

    def where(self, mask: Named, then: Poly, other: Poly) -> Poly:
        """``then`` where data says so, else ``other``; what is not taken does not count, whatever it holds."""
        yes = Named(mask.numpy.astype(bool), mask.dims)
        no = Named(~yes.numpy, yes.dims)
        parts = [self.masked(then, yes), self.masked(other, no)]
        monomials = [m for p in parts for m in p.monomials if m.coefficient.numpy.any()]
        x, y = Named(None, (), then.invalid), Named(None, (), other.invalid)
        invalid = self.at.chosen_invalid(mask, x, y)
        return Poly(self, tuple(monomials) or self.of(0.0).monomials, invalid)

    def masked(self, x: Poly, mask: Named) -> Poly:
        """The value where the mask holds, else 0."""
        return Poly(self, tuple(self._masked(m, mask) for m in x.monomials), x.invalid)

    def _masked(self, m: Monomial, mask: Named) -> Monomial:
        if not all(np.isfinite(x.numpy).all() for x in m.more):
            m = self.whole(m)
        dims = union((m.coefficient.dims, mask.dims), self.at.size)
        array = np.where(aligned(mask, dims), aligned(m.coefficient, dims), 0.0)
        return replace(m, coefficient=Named(array, dims))


def _alike(m: Monomial, n: Monomial) -> bool:
    """Whether two monomials differ in their coefficients only, and these add up without growing."""
    if m.bound or n.bound or len(m.atoms) != len(n.atoms) or ((m.more or n.more) and not m.atoms):
        return False
    x, y = widest((m.coefficient, *m.more)), widest((n.coefficient, *n.more))
    return bool(x is not None and y is not None and (x <= y or y <= x)) and all(
        same_atom(a, b) for a, b in zip(m.atoms, n.atoms, strict=True)
    )


def _limited(found: list[Monomial]) -> tuple[Monomial, ...]:
    if len(found) > MOST_MONOMIALS:
        raise NotPolynomial("a sum expands into too many terms")
    return tuple(found)


def _renamed_atom(a: Atom, names: Mapping[Dim, Dim]) -> Atom:
    index = tuple(names.get(e, e) if isinstance(e, Dim) else e.renamed(dict(names)) for e in a.index)
    return replace(a, index=index, state=None if a.state is None else names.get(a.state, a.state))
