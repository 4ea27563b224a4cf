"""Latents whose elements a factor couples along a short axis: a block for every place on it.

Without this an update would move coupled elements at once, each as if the others stood still.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ppl.energy.operands import Size
from ppl.energy.shape import Demand, demands
from ppl.energy.terms import Atom, Energy, Latent, Residual, Term
from ppl.energy.wishes import Wishes, root
from ppl.graph.named import Named
from ppl.graph.nodes import Dim

MOST_PARTS = 64


@dataclass(frozen=True)
class Split:
    """A latent cut along a stored axis into latents with these names, in order."""

    axis: int
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Splits:
    """All cuts made, by the name of what was cut; a part may have been cut again."""

    made: Mapping[str, Split] = field(default_factory=dict)

    def joined(self, arrays: Mapping[str, np.ndarray], lead: int = 0) -> dict[str, np.ndarray]:
        """Arrays of parts put together under the latents' own names; ``lead`` leading axes are not the latent's."""
        out = dict(arrays)
        for name, split in reversed(list(self.made.items())):
            if all(p in out for p in split.parts):
                out[name] = np.stack([out.pop(p) for p in split.parts], axis=lead + split.axis)
        return out

    def parts(self, arrays: Mapping[str, np.ndarray], lead: int = 0) -> dict[str, np.ndarray]:
        """The inverse of `joined`."""
        out = dict(arrays)
        for name, split in self.made.items():
            if name in out:
                whole = np.moveaxis(out.pop(name), lead + split.axis, 0)
                out |= dict(zip(split.parts, whole, strict=True))
        return out


def split_coupled(energy: Energy, gaussian: set[str], wishes: Wishes) -> tuple[Energy, Splits]:
    """Cut every latent along the axes on which other than neighbouring elements meet in a term.

    Where the user wants elements apart, also along those on which neighbours meet, and Gaussians too.
    """
    made: dict[str, Split] = {}
    while True:
        size = Size(energy.sizes)
        found = next(
            ((d.latent, a) for d in demands(energy, size).values() for a in _axis(d, gaussian, wishes)), None
        )
        if found is None:
            return energy, Splits(made)
        latent, axis = found
        energy, made[latent.name] = _cut(energy, latent, axis, size)


def _axis(demand: Demand, gaussian: set[str], wishes: Wishes) -> list[int]:
    """The next axis to cut along, if any."""
    latent, name = demand.latent, root(demand.latent.name)
    axes = demand.axes()
    short = [i for i in range(len(latent.shape) - latent.event) if latent.shape[i] <= MOST_PARTS]
    if wishes.apart(name) and _one_chain(axes):
        return []
    if wishes.apart(name):
        return [i for i in short if axes[i] - {"same"}][:1]
    asked = wishes.cut.get(name, frozenset()) if name == latent.name else frozenset()
    free = latent.name not in gaussian
    return [i for i in short if (i in asked and axes[i] - {"same"}) or (free and "other" in axes[i])][:1]


def _one_chain(axes: Sequence[Collection[str]]) -> bool:
    """Whether elements meet with neighbours along one axis only: a chain block keeps these apart by itself."""
    moving = [set(found) - {"same"} for found in axes if set(found) - {"same"}]
    return len(moving) == 1 and moving[0] <= {"after", "before"}


def _cut(energy: Energy, latent: Latent, axis: int, size: Size) -> tuple[Energy, Split]:
    names = tuple(f"{latent.name}[{j + 1}]" for j in range(latent.shape[axis]))
    latents: dict[str, Latent] = {}
    for name, old in energy.latents.items():
        if name != latent.name:
            latents[name] = old
            continue
        for j, part in enumerate(names):
            latents[part] = _part(latent, axis, j, part)
    terms = tuple(new for t in energy.terms for new in _cut_term(t, latent.name, axis, names, size))
    residuals = tuple(_cut_residual(r, latent.name, axis, names, size) for r in energy.residuals)
    return replace(energy, latents=latents, terms=terms, residuals=residuals), Split(axis, names)


def _part(latent: Latent, axis: int, j: int, name: str) -> Latent:
    def cut(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else np.take(array, j, axis=axis)

    return replace(
        latent,
        name=name,
        dims=latent.dims[:axis] + latent.dims[axis + 1 :],
        shape=latent.shape[:axis] + latent.shape[axis + 1 :],
        allowed=cut(latent.allowed),
        multiplicity=cut(latent.multiplicity),
        defined=cut(latent.defined),
    )


def _cut_residual(r: Residual, name: str, axis: int, names: tuple[str, ...], size: Size) -> Residual:
    if name not in r.names:
        return r
    predictor = r.predictor
    if predictor is not None:
        predictor = tuple(new for t in predictor for new in _cut_term(t, name, axis, names, size))
    return replace(r, names=(r.names - {name}) | frozenset(names), predictor=predictor)


def _cut_term(term: Term, name: str, axis: int, names: tuple[str, ...], size: Size) -> list[Term]:
    """The term with every atom of the latent at one place: dims along which the place changes are unrolled."""
    entries = [a.index[axis] for a in term.atoms if a.name == name]
    moving = {d for e in entries for d in ((e,) if isinstance(e, Dim) else e.dims)}
    terms = [term]
    for dim in sorted(moving, key=str):
        terms = [at_place(t, dim, j) for t in terms for j in range(size(dim))]
    return [
        replace(t, atoms=tuple(_named(a, name, axis, names) for a in t.atoms))
        for t in terms
        if np.any(t.coefficient.numpy != 0)
    ]


def _named(atom: Atom, name: str, axis: int, names: tuple[str, ...]) -> Atom:
    if atom.name != name:
        return atom
    entry = atom.index[axis]
    assert isinstance(entry, Named) and not entry.dims
    index = atom.index[:axis] + atom.index[axis + 1 :]
    return replace(atom, name=names[int(entry.numpy[0])], index=index)


def at_place(term: Term, dim: Dim, j: int) -> Term:
    """A term at place j of a dim."""
    return replace(
        term,
        coefficient=_sliced(term.coefficient, dim, j),
        atoms=tuple(
            replace(a, index=tuple(_entry(e, dim, j) for e in a.index)) if dim in a.dims else a
            for a in term.atoms
        ),
    )


def _entry(entry: Dim | Named, dim: Dim, j: int) -> Dim | Named:
    if isinstance(entry, Dim):
        return Named(np.array([j])) if entry == dim else entry
    return _sliced(entry, dim, j)


def _sliced(value: Named, dim: Dim, j: int) -> Named:
    if dim not in value.dims:
        return value
    axis = 1 + value.dims.index(dim)
    return Named(np.take(value.numpy, j, axis=axis), tuple(d for d in value.dims if d != dim))
