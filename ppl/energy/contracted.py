"""Coefficients as small as they can be: rows that no atom tells apart are summed, dead rows dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ppl.energy.factors import einsum, grows, summed
from ppl.energy.outer import lasting
from ppl.energy.poly import MOST_CELLS, Algebra, Monomial, NotPolynomial
from ppl.graph.named import Named, constant, union
from ppl.graph.nodes import Dim

Array = Any


def contracted(algebra: Algebra, m: Monomial) -> Monomial:
    """The dims that no atom has summed out of the coefficient, whose factors meet here."""
    m = _grouped(algebra, m)
    keep = frozenset[Dim]().union(*(a.dims for a in m.atoms))
    factors = (m.coefficient, *m.more)
    dims = union((x.dims for x in factors), algebra.at.size)
    kept = tuple(d for d in dims if d in keep)
    if len(kept) == len(dims):
        return m if lasting(factors, m.atoms, algebra.at.size) else algebra.whole(m)
    if algebra.cells(kept) > MOST_CELLS:
        raise NotPolynomial("a product of data would not fit in memory")
    return replace(m, coefficient=summed(factors, kept, algebra.at.size), more=())


def _grouped(algebra: Algebra, m: Monomial) -> Monomial:
    """Rows that atoms read at equal codes as one row, where the factors' product would be large.

    sum_n (prod_j x_jn) f(g(n)) = sum_u (sum_{n: g(n) = u} prod_j x_jn) f(u).
    """
    factors = (m.coefficient, *m.more)
    rows = _code_dim(m)
    if not m.more or rows is None or not grows(factors, algebra.at.size):
        return m
    entries = [e for a in m.atoms for e in a.index if isinstance(e, Named) and rows in e.dims]
    _, first, which = np.unique(
        np.stack([e.numpy[0] for e in entries], 1), axis=0, return_index=True, return_inverse=True
    )
    rest = tuple(d for d in union((x.dims for x in factors), algebra.at.size) if d != rows)
    if algebra.cells(rest) * len(first) > MOST_CELLS:
        return m
    order = np.argsort(which.ravel(), kind="stable")
    starts = np.searchsorted(which.ravel()[order], np.arange(1, len(first)))
    parts = [_at_rows(factors, rows, part, rest) for part in np.split(order, starts)]
    new = algebra.fresh(rows)
    algebra.at.define_dim(new, len(first))
    bare = replace(m, coefficient=constant(np.float64(1.0)), more=())
    moved = algebra.moved(bare, {rows: constant(first, (new,))})
    return replace(moved, coefficient=Named(np.stack(parts)[None], (new, *rest)))


def _code_dim(m: Monomial) -> Dim | None:
    """The one dim that atoms know through codes over it alone."""
    named = [set(e.dims) for a in m.atoms for e in a.index if isinstance(e, Named)]
    along = {e for a in m.atoms for e in (*a.index, a.state) if isinstance(e, Dim)}
    found = set[Dim]().union(*named) - along
    alone = [d for d in found if all(own == {d} or d not in own for own in named)]
    return alone[0] if len(alone) == 1 else None


def _at_rows(factors: tuple[Named, ...], rows: Dim, chosen: np.ndarray, rest: tuple[Dim, ...]) -> np.ndarray:
    """The sum over some rows of the product of factors."""
    arrays = [
        x.numpy[0].take(chosen, axis=x.dims.index(rows)) if rows in x.dims else x.numpy[0] for x in factors
    ]
    return einsum(arrays, [x.dims for x in factors], rest)


def live(algebra: Algebra, m: Monomial) -> Monomial:
    """Without the places along dims at which the coefficient is 0, where these are the most."""
    states = {a.state for a in m.atoms}
    for d in m.coefficient.dims:
        c = m.coefficient
        others = tuple(i for i in range(c.numpy.ndim) if i != 1 + c.dims.index(d))
        places = np.flatnonzero((c.numpy != 0).any(axis=others))
        if d in states or not 0 < 2 * len(places) <= algebra.at.size(d):
            continue
        new = algebra.fresh(d)
        algebra.at.define_dim(new, len(places))
        m = algebra.moved(m, {d: constant(places, (new,))})
    return m
