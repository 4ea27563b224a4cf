"""Which Gaussian latents form one block, and along which axes its cells are independent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import prod

from ppl.energy.blocks.gaussian import Member
from ppl.energy.operands import Size
from ppl.energy.relations import relation
from ppl.energy.shape import Demand
from ppl.energy.terms import Energy, Latent, Term
from ppl.energy.wishes import LARGEST_ASKED, Wishes


@dataclass(frozen=True, eq=False)
class Group:
    """Members with their batch axes; ``chain`` is the place of the time axis among the batch axes."""

    members: tuple[Member, ...]
    chain: int | None = None


def groups(
    energy: Energy, gaussian: Mapping[str, Demand], size: Size, largest: int, wishes: Wishes
) -> list[Group]:
    """Merge latents that meet in one predictor while the joint stays small and every term quadratic.

    Points merge with points only; what is asked for as one block is merged whether it meets or not.
    """
    together = [{n} for n in gaussian]
    labels = {n: wishes.label(n, d.latent.kind) for n, d in gaussian.items()}
    asked = [pair for pair in combinations(gaussian, 2) if isinstance(labels[pair[0]], int)]
    for a, b in (*asked, *_meetings(energy, gaussian)):
        p = next(g for g in together if a in g)
        q = next(g for g in together if b in g)
        limit = LARGEST_ASKED if isinstance(labels[a], int) else largest
        if p is q or labels[a] != labels[b]:
            continue
        if _may_merge(energy, gaussian, p | q, size, limit, wishes):
            together.remove(q)
            p |= q
    return [_group(energy, gaussian, tuple(n for n in gaussian if n in g), size, wishes) for g in together]


def _meetings(energy: Energy, gaussian: Mapping[str, Demand]) -> list[tuple[str, str]]:
    """Pairs of latents that one term multiplies, those of the fewest atoms first, then the largest."""
    found: dict[tuple[str, str], int] = {}
    for term in energy.terms:
        names = sorted({a.name for a in term.atoms if a.name in gaussian}, key=list(gaussian).index)
        count = sum(a.name in gaussian for a in term.atoms)
        for pair in combinations(names, 2):
            found[pair] = min(found.get(pair, count), count)
    size = {n: prod(d.latent.shape) for n, d in gaussian.items()}
    return sorted(found, key=lambda pair: (found[pair], -sum(size[n] for n in pair)))


def _may_merge(
    energy: Energy,
    gaussian: Mapping[str, Demand],
    names: set[str],
    size: Size,
    largest: int,
    wishes: Wishes,
) -> bool:
    for term in energy.terms:
        if sum(a.name in names for a in term.atoms) > 2:
            return False
    group = _group(energy, gaussian, tuple(n for n in gaussian if n in names), size, wishes)
    if any(m.latent.dims[i].set in wishes.torn for m in group.members for i in m.joint):
        return False
    if group.chain is not None:
        return sum(m.width for m in group.members) <= 16
    cells = prod(group.members[0].latent.shape[i] for i in group.members[0].batch)
    width = sum(m.width for m in group.members)
    return width <= largest and cells * width * width <= 20_000_000


def _group(
    energy: Energy, gaussian: Mapping[str, Demand], names: tuple[str, ...], size: Size, wishes: Wishes
) -> Group:
    """Match the axes of the members: what every term reads at the same place is a batch axis."""
    first = gaussian[names[0]].latent
    pairs = [(t, pq) for t in energy.terms for pq in _pairs(t, set(names))]
    columns = [_column(axis, first, names, gaussian) for axis in range(len(first.shape))]
    batch: list[dict[str, int]] = []
    chain: int | None = None
    for column in columns:
        if column is None:
            continue
        found = {r for term, (i, j) in pairs for r in [_relation(term, i, j, column, size)]}
        if found <= {"same"}:
            batch.append(column)
        elif found <= {"same", "after", "before"} and chain is None:
            chain = len(batch)
            batch.append(column)
    members = tuple(Member(gaussian[n].latent, tuple(c[n] for c in batch)) for n in names)
    if chain is not None and (sum(m.width for m in members) > 16 or any(map(wishes.dense, names))):
        batch = [c for k, c in enumerate(batch) if k != chain]
        return Group(tuple(Member(gaussian[n].latent, tuple(c[n] for c in batch)) for n in names))
    return Group(members, chain)


def _column(
    axis: int, first: Latent, names: tuple[str, ...], gaussian: Mapping[str, Demand]
) -> dict[str, int] | None:
    """The axis over the same index set in every member, or None."""
    out = {}
    which = [d.set for d in first.dims[: axis + 1]].count(first.dims[axis].set) - 1
    for n in names:
        dims = gaussian[n].latent.dims
        places = [i for i, d in enumerate(dims) if d.set == first.dims[axis].set]
        if len(places) <= which:
            return None
        out[n] = places[which]
    return out


def _pairs(term: Term, names: set[str]) -> list[tuple[int, int]]:
    found = [i for i, a in enumerate(term.atoms) if a.name in names and a.stat == "x"]
    return list(combinations(found, 2))


def _relation(term: Term, i: int, j: int, column: Mapping[str, int], size: Size) -> str:
    a, b = term.atoms[i], term.atoms[j]
    return relation(a.index[column[a.name]], b.index[column[b.name]], term.coefficient, size)
