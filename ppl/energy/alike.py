"""Polynomials that differ in numbers and in which elements they read only, as one with an axis of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.energy.poly import Algebra, Entry, Monomial, Poly
from ppl.energy.terms import Atom
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim

Array = Any


def together(algebra: Algebra, parts: Sequence[Poly]) -> tuple[Dim, list[Monomial]] | None:
    """A dim over the polynomials and the monomials of all along it; None where their forms differ."""
    if len({len(p.monomials) for p in parts}) != 1 or len(parts) < 2:
        return None
    dim = algebra.fresh(Dim("bool", "alike"))
    algebra.at.define_dim(dim, len(parts))
    out = []
    for same in zip(*(p.monomials for p in parts), strict=True):
        found = _monomial(algebra, [algebra.whole(m) for m in same], dim)
        if found is None:
            return None
        out.append(found)
    return dim, out


def _monomial(algebra: Algebra, same: Sequence[Monomial], dim: Dim) -> Monomial | None:
    if len({len(m.atoms) for m in same}) != 1 or any(m.bound for m in same):
        return None
    atoms = [_atom(a, dim) for a in zip(*(m.atoms for m in same), strict=True)]
    if any(a is None for a in atoms):
        return None
    coefficient = _coefficient(algebra, [m.coefficient for m in same], dim)
    return Monomial(coefficient, tuple(a for a in atoms if a is not None))


def _coefficient(algebra: Algebra, given: Sequence[Named], dim: Dim) -> Named:
    dims = union((x.dims for x in given), algebra.at.size)
    arrays = [aligned(x, dims) for x in given]
    if all(a.shape == arrays[0].shape and np.array_equal(a, arrays[0]) for a in arrays):
        return Named(arrays[0], dims)
    return Named(np.stack(np.broadcast_arrays(*arrays), axis=-1), (*dims, dim))


def _atom(same: Sequence[Atom], dim: Dim) -> Atom | None:
    """One atom that reads, along the dim, what each of these reads; functions are known by their texts."""
    first = same[0]
    if any((a.name, a.stat, a.state, len(a.index)) != _form(first) for a in same):
        return None
    index = [_entry(entries, dim) for entries in zip(*(a.index for a in same), strict=True)]
    return (
        None
        if any(e is None for e in index)
        else replace(first, index=tuple(e for e in index if e is not None))
    )


def _form(a: Atom) -> tuple[str, str, Dim | None, int]:
    return a.name, a.stat, a.state, len(a.index)


def _entry(same: Sequence[Entry], dim: Dim) -> Entry | None:
    first = same[0]
    if isinstance(first, Dim):
        return first if all(e == first for e in same) else None
    codes = [e for e in same if isinstance(e, Named) and e.dims == first.dims]
    if len(codes) < len(same):
        return None
    if all(np.array_equal(e.numpy, first.numpy) for e in codes):
        return first
    return None if first.dims else Named(np.array([[int(e.numpy.ravel()[0]) for e in codes]]), (dim,))
