"""States of discrete latents in polynomials: which cells they belong to, and their indicator atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ppl.energy.poly import Algebra, Monomial, Poly
from ppl.energy.terms import Atom
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, constant
from ppl.graph.nodes import Dim


def states_along(at: Evaluator, x: Poly, over: Sequence[Dim]) -> bool:
    """Whether states of cells that vary along some dims are free in a polynomial."""
    return any(_varies(at, d, over) for d in x.free)


def _varies(at: Evaluator, state: Dim, over: Sequence[Dim]) -> bool:
    read = at.reads.get(state)
    return read is not None and any(set(c.codes.dims) & set(over) for c in read.cells)


def attached(algebra: Algebra, x: Poly, along: Sequence[Dim] | None = None) -> Poly:
    """The polynomial with the indicator of each free state that varies ``along`` dims (None: of every one).

    Such a state dim is then bound.
    """
    return Poly(algebra, tuple(_attached(algebra, m, along) for m in x.monomials), x.invalid)


def _attached(algebra: Algebra, m: Monomial, along: Sequence[Dim] | None) -> Monomial:
    at = algebra.at
    states = [d for d in m.free if d in at.reads and (along is None or _varies(at, d, along))]
    for d in sorted(states, key=str):
        new = algebra.fresh(d) if along is not None else d
        m = algebra.renamed_monomial(m, {d: new})
        m = replace(m, atoms=(*m.atoms, indicator(algebra, d, new)), bound=m.bound | {new})
    return m


def indicator(algebra: Algebra, read: Dim, state: Dim) -> Atom:
    """The atom that is 1 where the cells that a state dim was read at are in the state."""
    found = algebra.at.reads[read]
    entries = []
    for cell, axis in zip(found.cells, algebra.axes[found.name], strict=True):
        entry, _ = algebra.entry(cell, axis)
        entries.append(entry)
    return Atom(found.name, "is", tuple(entries), state)


def one_state_each(algebra: Algebra, x: Poly) -> Poly:
    """Two reads of one cell become one: the diagonal of their state dims."""
    return Poly(algebra, tuple(_merged(algebra, m) for m in x.monomials), x.invalid)


def _merged(algebra: Algebra, m: Monomial) -> Monomial:
    at = algebra.at
    states = sorted((d for d in m.free if d in at.reads), key=str)
    for i, d in enumerate(states):
        for e in states[:i]:
            if at.reads[d].name == at.reads[e].name and _same_cells(algebra, d, e):
                m = algebra.whole(m)
                size = at.size(d)
                same = constant(np.eye(size), (d, e))
                fresh = algebra.renamed_monomial(
                    replace(m, coefficient=algebra.times(m.coefficient, same)), {}
                )
                moved = _diagonal(algebra, fresh, d, e)
                return _merged(algebra, moved)
    return m


def _diagonal(algebra: Algebra, m: Monomial, d: Dim, e: Dim) -> Monomial:
    """The monomial with state dim ``d`` read at ``e``."""
    atoms = algebra.renamed_monomial(Monomial(constant(np.float64(1.0)), m.atoms, m.bound), {d: e}).atoms
    c = m.coefficient
    order = [1 + c.dims.index(d), 1 + c.dims.index(e)]
    array = np.moveaxis(np.diagonal(c.numpy, axis1=order[0], axis2=order[1]), -1, -1)
    rest = tuple(x for x in c.dims if x not in (d, e))
    return Monomial(Named(array, (*rest, e)), atoms, m.bound)


def _same_cells(algebra: Algebra, d: Dim, e: Dim) -> bool:
    from ppl.graph.potentials import same_cell

    a, b = algebra.at.reads[d].cells, algebra.at.reads[e].cells
    return all(same_cell(algebra.at, x, y) for x, y in zip(a, b, strict=True))
