"""What the terms ask of each latent: its statistics, and which of its elements they couple."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from ppl.energy.operands import Size
from ppl.energy.relations import Relation, relation
from ppl.energy.terms import Atom, Energy, Latent, Term


@dataclass(frozen=True)
class Coupling:
    """Two reads of one latent in one term, and their relation along each stored axis."""

    term: int
    first: int
    second: int
    axes: tuple[Relation, ...]


@dataclass
class Demand:
    """The statistics of one latent that terms use, with the terms; ``couplings`` of two of its elements."""

    latent: Latent
    statistics: dict[str, list[int]] = field(default_factory=dict)
    couplings: list[Coupling] = field(default_factory=list)
    degree: dict[int, int] = field(default_factory=dict)

    def axes(self) -> tuple[frozenset[Relation], ...]:
        """The relations found along each stored axis."""
        found: list[set[Relation]] = [set() for _ in self.latent.dims]
        for c in self.couplings:
            for axis, r in enumerate(c.axes):
                found[axis].add(r)
        return tuple(frozenset(f) for f in found)

    @property
    def coupled(self) -> bool:
        """Whether a term holds two different elements of the latent."""
        return any(r != "same" for c in self.couplings for r in c.axes)


def demands(energy: Energy, size: Size) -> dict[str, Demand]:
    """Every latent's demand."""
    out = {name: Demand(latent) for name, latent in energy.latents.items()}
    for number, term in enumerate(energy.terms):
        for atom in (a for a in term.atoms if a.name in out):
            out[atom.name].statistics.setdefault(atom.stat, []).append(number)
            out[atom.name].degree[number] = out[atom.name].degree.get(number, 0) + 1
        for c in couplings(number, term, size):
            if term.atoms[c.first].name in out:
                out[term.atoms[c.first].name].couplings.append(c)
    return out


def couplings(number: int, term: Term, size: Size) -> Iterator[Coupling]:
    """Pairs of atoms of one latent in a term."""
    for i, j in combinations(range(len(term.atoms)), 2):
        a, b = term.atoms[i], term.atoms[j]
        if a.name == b.name:
            yield Coupling(number, i, j, _relations(a, b, term, size))


def _relations(a: Atom, b: Atom, term: Term, size: Size) -> tuple[Relation, ...]:
    live = term.coefficient
    return tuple(relation(x, y, live, size) for x, y in zip(a.index, b.index, strict=False))
