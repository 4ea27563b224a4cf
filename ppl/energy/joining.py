"""Discrete latents that meet in a factor as one latent of their joint states: exact where that is small.

    [a = k][b = l]  =  [(a, b) = (k, l)],      [a = k]  =  sum_l [(a, b) = (k, l)]

The joint latent is an ordinary one: elements by themselves are enumerated, chains go by forward-backward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import prod

import numpy as np

from ppl.energy.operands import Size
from ppl.energy.relations import relation
from ppl.energy.shape import Demand, demands
from ppl.energy.terms import Atom, Energy, Latent, Term
from ppl.energy.wishes import AND, Wishes, root
from ppl.graph.named import Named
from ppl.graph.nodes import Dim

MOST_STATES = 4096  # of one element
MOST_CHAIN_STATES = 64
MOST_CELLS = 20_000_000  # states of all elements


@dataclass(frozen=True)
class Joins:
    """The joint latents made, by name: what is in each, with the number of its states."""

    made: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)

    def marginals(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Probabilities of each latent (*shape, K) from those of the joint states (*shape, prod K)."""
        out = dict(arrays)
        for name, parts in self.made.items():
            if name not in out:
                continue
            joint = out.pop(name)
            table = joint.reshape(*joint.shape[:-1], *(k for _, k in parts))
            first = joint.ndim - 1
            for j, (part, _) in enumerate(parts):
                others = tuple(first + i for i in range(len(parts)) if i != j)
                out[part] = table.sum(others)
        return out


def join_discrete(energy: Energy, wishes: Wishes) -> tuple[Energy, Joins]:
    """Join the discrete latents that meet at the same elements, while their joint states are few."""
    size = Size(energy.sizes)
    found = [g for g in _groups(energy, wishes, size) if len(g) > 1]
    made: dict[str, tuple[tuple[str, int], ...]] = {}
    for names in found:
        parts = tuple((n, _states(energy.latents[n])) for n in names)
        energy = _joined(energy, parts, size)
        made[AND.join(names)] = parts
    return energy, Joins(made)


def _states(latent: Latent) -> int:
    assert latent.states is not None
    return len(latent.states)


def _groups(energy: Energy, wishes: Wishes, size: Size) -> list[tuple[str, ...]]:
    discrete = {n: d for n, d in demands(energy, size).items() if d.latent.states is not None}
    meetings = _meetings(energy, discrete, size)
    together = [{n} for n in discrete]
    asked = [p for p in combinations(discrete, 2) if _asked(p, wishes)]
    for a, b in (*asked, *meetings):
        p, q = (next(g for g in together if n in g) for n in (a, b))
        if p is not q and _may_join(energy, discrete, p | q, meetings, wishes):
            together.remove(q)
            p |= q
    return [tuple(n for n in discrete if n in g) for g in together]


def _asked(pair: tuple[str, str], wishes: Wishes) -> bool:
    return any(root(pair[0]) in names and root(pair[1]) in names for names in wishes.joint)


def _meetings(
    energy: Energy, discrete: Mapping[str, Demand], size: Size
) -> dict[tuple[str, str], frozenset[str]]:
    """Pairs of discrete latents that one term holds, with how their elements lie to each other."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    order = list(discrete)
    for term in energy.terms:
        for x, y in combinations([a for a in term.atoms if a.name in discrete], 2):
            if x.name == y.name:
                continue
            a, b = (x, y) if order.index(x.name) < order.index(y.name) else (y, x)
            lie = (relation(i, j, term.coefficient, size) for i, j in zip(a.index, b.index, strict=False))
            found[a.name, b.name] = found.get((a.name, b.name), frozenset()) | set(lie)
    return found


def _may_join(
    energy: Energy,
    discrete: Mapping[str, Demand],
    names: set[str],
    meetings: Mapping[tuple[str, str], frozenset[str]],
    wishes: Wishes,
) -> bool:
    latents = [energy.latents[n] for n in names]
    asked = all(_asked(pair, wishes) for pair in combinations(sorted(names), 2))
    if not asked and (not wishes.merge or any(root(n) in wishes.families for n in names)):
        return False
    lie = frozenset().union(*(r for pair, r in meetings.items() if set(pair) <= names))
    chains = any(discrete[n].coupled for n in names) or bool(lie - {"same"})
    if (chains and not (asked or wishes.chains)) or not _alike(latents) or "other" in lie:
        return False
    states = prod(_states(x) for x in latents)
    most = MOST_CHAIN_STATES if chains else MOST_STATES
    return states <= most and states * prod(latents[0].shape) <= MOST_CELLS


def _alike(latents: Sequence[Latent]) -> bool:
    """Whether elements of all correspond: the same axes, each element counted as often."""
    first = latents[0]
    return all(
        [d.set for d in x.dims] == [d.set for d in first.dims]
        and x.shape == first.shape
        and _equal(x.multiplicity, first.multiplicity)
        and _equal(x.defined, first.defined)
        for x in latents
    )


def _equal(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


# ---------------------------------------------------------------- the same energy with the joint latent


def _joined(energy: Energy, parts: tuple[tuple[str, int], ...], size: Size) -> Energy:
    names = tuple(n for n, _ in parts)
    latents: dict[str, Latent] = {}
    for name, latent in energy.latents.items():
        if name == names[0]:
            latents[AND.join(names)] = _joint_latent([energy.latents[n] for n in names])
        elif name not in names:
            latents[name] = latent
    codes = np.unravel_index(np.arange(prod(k for _, k in parts)), tuple(k for _, k in parts))
    by_name = dict(zip(names, codes, strict=True))
    terms = tuple(_term(t, by_name, size) for t in energy.terms)
    return replace(energy, latents=latents, terms=terms)


def _joint_latent(latents: Sequence[Latent]) -> Latent:
    first, counts = latents[0], [_states(x) for x in latents]
    allowed = None
    if any(x.allowed is not None for x in latents):
        allowed = np.ones((*first.shape, 1), dtype=bool)
        for x, k in zip(latents, counts, strict=True):
            own = np.ones((*first.shape, k), dtype=bool) if x.allowed is None else x.allowed
            allowed = (allowed[..., :, None] & own[..., None, :]).reshape(*first.shape, -1)
    name = AND.join(x.name for x in latents)
    return replace(first, name=name, states=np.arange(prod(counts)), allowed=allowed)


def _term(term: Term, codes: Mapping[str, np.ndarray], size: Size) -> Term:
    """Atoms of the parts at one element become one atom of the joint; their states are read off its own."""
    reads = [a for a in term.atoms if a.name in codes]
    if not reads:
        return term
    cells: list[tuple[Atom, Dim]] = []
    moved: dict[Dim, tuple[Dim, np.ndarray]] = {}
    states = len(next(iter(codes.values())))
    for a in reads:
        state = next((d for b, d in cells if _same_cell(a, b, term, size)), None)
        if state is None:
            state = size.fresh(states)
            cells.append((a, state))
        assert a.state is not None
        moved[a.state] = (state, codes[a.name])
    joint = [Atom(AND.join(codes), "is", tuple(_entry(e, moved) for e in a.index), d) for a, d in cells]
    rest = [
        replace(a, index=tuple(_entry(e, moved) for e in a.index)) for a in term.atoms if a.name not in codes
    ]
    return replace(term, coefficient=_read_off(term.coefficient, moved), atoms=(*rest, *joint))


def _same_cell(a: Atom, b: Atom, term: Term, size: Size) -> bool:
    return all(
        relation(x, y, term.coefficient, size) == "same" for x, y in zip(a.index, b.index, strict=True)
    )


def _entry(entry: Dim | Named, moved: Mapping[Dim, tuple[Dim, np.ndarray]]) -> Dim | Named:
    if isinstance(entry, Dim):
        found = moved.get(entry)
        return entry if found is None else Named(found[1][None], (found[0],))
    return _read_off(entry, moved)


def _read_off(value: Named, moved: Mapping[Dim, tuple[Dim, np.ndarray]]) -> Named:
    """Data over the states of parts as data over joint states."""
    array, dims = value.numpy, list(value.dims)
    for new in dict.fromkeys(moved[d][0] for d in value.dims if d in moved):
        own = [d for d in dims if d in moved and moved[d][0] == new]
        array = np.moveaxis(array, [1 + dims.index(d) for d in own], range(-len(own), 0))
        array = np.asarray(array)[(Ellipsis, *(moved[d][1] for d in own))]  # type: ignore[arg-type]
        dims = [d for d in dims if d not in own] + [new]
    return Named(array, tuple(dims))
