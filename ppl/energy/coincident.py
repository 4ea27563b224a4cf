"""Tables over two reads of a discrete latent that need only one of them at some places.

    sum_kl c_k r_k r_l = sum_k c_k r_k     where the table does not depend on the second state
    sum_kl c_kl r_k r_l = sum_k c_kk r_k   where both reads are of the same element

At the start of a series the read of the step before is one of any row: the first state's table ignores it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import combinations

import numpy as np

from ppl.energy.operands import Size
from ppl.energy.relations import Entry, codes_of
from ppl.energy.terms import Atom, Energy, Term
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim


def apart(energy: Energy) -> Energy:
    """The same energy, no term of which reads one element of a discrete latent twice."""
    size = Size(energy.sizes)
    done: list[Term] = []
    pending = list(reversed(energy.terms))
    while pending:
        term = pending.pop()
        split = _split(term, size)
        if split is None:
            done.append(term)
        else:
            pending += split
    return replace(energy, terms=tuple(done))


def _split(term: Term, size: Size) -> list[Term] | None:
    """The places where one read will do, and the others; None where there are no such."""
    for i, j in combinations(range(len(term.atoms)), 2):
        a, b = term.atoms[i], term.atoms[j]
        if a.name != b.name or a.stat != "is" or b.stat != "is" or a.state == b.state:
            continue
        for gone in (j, i):
            idle = _idle(term, gone, size)
            if idle is not None:
                return _parts(term, _summed(term, gone), idle, size)
        equal = _coincide(a, b, term, size)
        if equal is not None:
            return _parts(term, _diagonal(term, i, j), equal, size)
    return None


def _parts(term: Term, short: Term, where: Named, size: Size) -> list[Term]:
    """The short form where it holds, the term elsewhere."""
    there = _picked(_masked(short, where.numpy[0], where.dims), where, size)
    parts = [there, _masked(term, ~where.numpy[0], where.dims)]
    return [p for p in parts if np.any(p.coefficient.numpy)]


def _idle(term: Term, gone: int, size: Size) -> Named | None:
    """Where the table does not depend on the state that one atom reads, over the dims of its codes."""
    atom, c = term.atoms[gone], term.coefficient
    state = atom.state
    if state is None or any(state in a.dims for k, a in enumerate(term.atoms) if k != gone):
        return None
    dims = tuple(dict.fromkeys(d for e in atom.index for d in codes_of(e, size).dims))
    flat: np.ndarray = np.ones((1,) * c.numpy.ndim, dtype=bool)
    if state in c.dims:
        axis = 1 + c.dims.index(state)
        flat = np.asarray(c.numpy.max(axis, keepdims=True) == c.numpy.min(axis, keepdims=True))
    rest = tuple(1 + k for k, d in enumerate(c.dims) if d not in dims)
    flat = np.asarray(flat.all(axis=rest))
    kept = tuple(d for d in c.dims if d in dims)
    where = np.broadcast_to(aligned(Named(flat, kept), dims)[0], tuple(size(d) for d in dims))
    counts = _aligned_any(c, dims, size)
    return Named(where[None], dims) if (where & counts).any() else None


def _summed(term: Term, gone: int) -> Term:
    """Without an atom on whose state nothing depends: its probabilities sum to 1."""
    state, c = term.atoms[gone].state, term.coefficient
    if state in c.dims:
        axis = 1 + c.dims.index(state)
        c = Named(np.take(c.numpy, 0, axis=axis), tuple(d for d in c.dims if d != state))
    return replace(term, coefficient=c, atoms=tuple(a for k, a in enumerate(term.atoms) if k != gone))


def _coincide(a: Atom, b: Atom, term: Term, size: Size) -> Named | None:
    """Where both name one element and it counts, over the dims of their codes."""
    pairs = [(codes_of(x, size), codes_of(y, size)) for x, y in zip(a.index, b.index, strict=True)]
    if any(set(x.dims) != set(y.dims) for x, y in pairs):
        return None
    dims = tuple(dict.fromkeys(d for x, _ in pairs for d in x.dims))
    shape = tuple(size(d) for d in dims)
    same = [np.broadcast_to(aligned(x, dims)[0] == aligned(y, dims)[0], shape) for x, y in pairs]
    equal = reduce(np.logical_and, same, np.ones(shape, dtype=bool))
    counts = _aligned_any(term.coefficient, dims, size)
    return Named(equal[None], dims) if (equal & counts).any() else None


def _aligned_any(value: Named, dims: tuple[Dim, ...], size: Size) -> np.ndarray:
    """Where a coefficient is not zero, over ``dims``."""
    gone = tuple(1 + k for k, d in enumerate(value.dims) if d not in dims)
    kept = Named((value.numpy != 0).any(axis=gone), tuple(d for d in value.dims if d in dims))
    return np.broadcast_to(aligned(kept, dims)[0], tuple(size(d) for d in dims))


def _masked(term: Term, mask: np.ndarray, dims: tuple[Dim, ...]) -> Term:
    """The term where a mask over some of its dims holds."""
    c = term.coefficient
    every = (*c.dims, *(d for d in dims if d not in c.dims))
    kept = np.where(aligned(Named(mask[None], dims), every), aligned(c, every), 0.0)
    return replace(term, coefficient=Named(kept, every))


def _diagonal(term: Term, i: int, j: int) -> Term:
    """The states of atom ``j`` set to those of atom ``i``, and atom ``j`` left out."""
    here, gone = term.atoms[i].state, term.atoms[j].state
    assert here is not None and gone is not None
    c = term.coefficient
    if gone in c.dims and here in c.dims:
        axes = 1 + c.dims.index(here), 1 + c.dims.index(gone)
        table = np.moveaxis(np.diagonal(c.numpy, axis1=axes[0], axis2=axes[1]), -1, 1)
        c = Named(table, (here, *(d for d in c.dims if d not in (here, gone))))
    elif gone in c.dims:
        c = c.renamed({gone: here})
    atoms = tuple(_of_state(x, gone, here) for k, x in enumerate(term.atoms) if k != j)
    return replace(term, coefficient=c, atoms=atoms)


def _of_state(atom: Atom, old: Dim, new: Dim) -> Atom:
    """An atom that another dim's states index."""
    index = tuple(
        (new if e == old else e) if isinstance(e, Dim) else e.renamed({old: new}) for e in atom.index
    )
    return replace(atom, index=index, state=new if atom.state == old else atom.state)


def _picked(term: Term, equal: Named, size: Size) -> Term:
    """Only the places along a single dim that count, where they are few."""
    if len(equal.dims) != 1:
        return term
    (d,) = equal.dims
    places = np.flatnonzero(equal.numpy[0])
    if 2 * len(places) > size(d):
        return term
    fresh = size.fresh(len(places))

    def taken(entry: Entry) -> Entry:
        if isinstance(entry, Dim):
            return Named(places[None], (fresh,)) if entry == d else entry
        if d not in entry.dims:
            return entry
        array = np.take(entry.numpy, places, axis=1 + entry.dims.index(d))
        return Named(array, tuple(fresh if e == d else e for e in entry.dims))

    coefficient = taken(term.coefficient)
    assert isinstance(coefficient, Named)
    atoms = tuple(replace(a, index=tuple(taken(e) for e in a.index)) for a in term.atoms)
    return replace(term, coefficient=coefficient, atoms=atoms)
