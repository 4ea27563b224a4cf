"""Which latents q keeps together, in which family, and which statement is the reason where one is not exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

from ppl.energy.blocks.base import Block
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.family import FamilyBlock
from ppl.energy.blocks.fixed import FixedBlock, endless, fitting
from ppl.energy.blocks.gaussian import GaussianBlock
from ppl.energy.blocks.gaussian_chain import GaussianChain
from ppl.energy.blocks.mirrored import MATRICES, MirroredBlock
from ppl.energy.blocks.point import PointBlock
from ppl.energy.blocks.tabulated import TabulatedBlock
from ppl.energy.chain_steps import chain_steps
from ppl.energy.coincident import apart
from ppl.energy.families import matching
from ppl.energy.families._tilts import TILTS
from ppl.energy.gaussian_groups import Group, groups
from ppl.energy.joining import Joins, join_discrete
from ppl.energy.operands import Size
from ppl.energy.shape import Demand, demands
from ppl.energy.sites import renamed, site_of
from ppl.energy.splitting import Splits, split_coupled
from ppl.energy.statistics import spelled
from ppl.energy.terms import Energy, Latent
from ppl.energy.wishes import AND, Wishes, cannot, disobeyed, root
from ppl.errors import Span
from ppl.supports import REAL, Interval

LARGEST_JOINT = 500  # elements of one dense Gaussian that latents are merged into
LARGEST_DENSE = 3000  # elements of one latent that factors couple: its matrix has as many rows


@dataclass(frozen=True)
class Reason:
    """Why a block is as it is: one sentence, and the place of the statement that decides."""

    text: str
    span: Span | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """The blocks of q in the order of their updates, which block holds each latent, and the reasons."""

    energy: Energy
    blocks: tuple[Block, ...]
    of: Mapping[str, int]
    reasons: tuple[Reason, ...]
    splits: Splits = field(default_factory=Splits)
    joins: Joins = field(default_factory=Joins)


class NoFactor(Exception):
    """A latent for which no family of q is known; ``reason`` says why."""

    def __init__(self, name: str, reason: Reason) -> None:
        super().__init__(reason.text)
        self.name, self.reason = name, reason


class Disobeyed(NoFactor):
    """A wish that no block can fulfil."""


def plan(energy: Energy, wishes: Wishes | None = None) -> Plan:
    """Split the latents into blocks. Raises `NoFactor`."""
    wishes = wishes or Wishes()
    _no_other_residuals(energy)
    energy = apart(energy)
    size = Size(energy.sizes)
    asked = demands(with_squares(energy, size), size)
    energy, splits = split_coupled(energy, {n for n, d in asked.items() if is_gaussian(d)}, wishes)
    energy, joins = join_discrete(energy, wishes)
    shape = with_squares(energy, size)
    asked = demands(shape, size)
    made: list[tuple[Block, Reason]] = []
    gaussian = {n: d for n, d in asked.items() if is_gaussian(d)}
    for group in groups(shape, gaussian, size, LARGEST_JOINT if wishes.merge else 0, wishes):
        made.append(_gaussian_block(group, energy, wishes))
    for name, demand in asked.items():
        if name not in gaussian:
            made.append(_block(shape, demand, wishes, size))
    made += [(b, Reason(b.component.reason, b.component.span)) for b in energy.drawn]
    made.sort(key=lambda pair: _rank(pair[0]))
    made += [(site_of(r, size), Reason(r.reason, r.span)) for r in energy.residuals]
    _obeyed(energy, [block for block, _ in made], wishes)
    of = {name: i for i, (block, _) in enumerate(made) for name in block.holds}
    return Plan(energy, tuple(b for b, _ in made), of, tuple(r for _, r in made), splits, joins)


def _obeyed(energy: Energy, blocks: list[Block], wishes: Wishes) -> None:
    found = disobeyed(blocks, energy, wishes)
    if found is not None:
        name, why = found
        raise Disobeyed(name, Reason(why, wishes.spans.get(name)))


def _no_other_residuals(energy: Energy) -> None:
    for r in energy.residuals:
        if r.predictor is None:
            raise NoFactor(next(iter(sorted(r.names)), r.statement.name), Reason(r.reason, r.span))


def with_squares(energy: Energy, size: Size) -> Energy:
    """The energy with the squares of residuals' predictors: what their latents' second moments are needed for."""
    more = [
        replace(a, atoms=(*a.atoms, *renamed(b, frozenset(r.dims), size).atoms), span=r.span)
        for r in energy.residuals
        for i, a in enumerate(r.predictor or ())
        for b in (r.predictor or ())[i:]
    ]
    return replace(energy, terms=(*energy.terms, *more))


def _rank(block: Block) -> tuple[int, int]:
    """Locals first, then chains and Gaussians, then scales and weights, then points."""
    kind = (
        DiscreteBlock,
        DiscreteChain,
        GaussianChain,
        GaussianBlock,
        FamilyBlock,
        TabulatedBlock | FixedBlock | MirroredBlock,
    )
    first = next((i for i, k in enumerate(kind) if isinstance(block, k)), len(kind))
    return first, -max((prod(s) for s in block.shapes().values()), default=0)


def is_gaussian(demand: Demand) -> bool:
    """Whether a latent on the real line enters by x and by products of two of its elements only."""
    latent = demand.latent
    if latent.states is not None or latent.support != REAL or latent.multiplicity is not None:
        return False
    worst = max(demand.degree.values(), default=0)
    return set(demand.statistics) <= {"x", "power:2"} and worst <= 2


def _gaussian_block(group: Group, energy: Energy, wishes: Wishes) -> tuple[Block, Reason]:
    point = any(wishes.is_point(m.latent.name) or m.latent.kind == "param" for m in group.members)
    names = ", ".join(m.latent.name for m in group.members)
    if group.chain is not None:
        apart = all(wishes.apart(m.latent.name) for m in group.members)
        chain = GaussianChain(group.members, point, group.chain, factorised=apart)
        how = "each step by itself, as the guide asks" if apart else "one chain"
        return chain, Reason(f"{names}: linear and Gaussian in its neighbours, {how}")
    block = GaussianBlock(group.members, point)
    if block.width > LARGEST_DENSE:
        why = f"factors couple all {block.width} elements of `{names}`, too many for one matrix"
        raise NoFactor(group.members[0].latent.name, Reason(why))
    width = f", {block.width} elements together" if block.width > 1 else ""
    return block, Reason(f"{names}: every factor is quadratic in it{width}")


def _block(energy: Energy, demand: Demand, wishes: Wishes, size: Size) -> tuple[Block, Reason]:
    latent = demand.latent
    if latent.states is not None:
        return _discrete(energy, demand, size, wishes)
    if demand.coupled:
        term = energy.terms[next(c.term for c in demand.couplings if set(c.axes) - {"same"})]
        raise NoFactor(latent.name, Reason(f"a factor couples elements of `{latent.name}`", term.span))
    if wishes.is_point(latent.name) or latent.kind == "param":
        return PointBlock.of(latent, energy), Reason(f"{latent.name}: a point, the mode of its conditional")
    kind = matching(statistics(demand), latent.support)
    name = wishes.families.get(root(latent.name), "")
    if name in MATRICES and kind is not None and name != kind.name:
        block = MirroredBlock.of(latent, kind, name)
        return block, _asked(latent, name, kind.name, wishes)
    if name in fitting(latent.support) and latent.event == 0 and name != (kind and kind.name):
        return _fixed(energy, demand, name, kind.name if kind else "", wishes)
    if kind is not None:
        return FamilyBlock(latent, kind), Reason(f"{latent.name}: its conditional is {kind.name}")
    if latent.event == 0 and isinstance(latent.support, Interval):
        return TabulatedBlock.of(latent, energy), _tabulated_reason(energy, demand)
    raise NoFactor(latent.name, _no_family(energy, demand))


def _fixed(
    energy: Energy, demand: Demand, name: str, conditional: str, wishes: Wishes
) -> tuple[Block, Reason]:
    """A latent in the family that the guide asks for instead of its conditional."""
    latent = demand.latent
    stats = tuple(statistics(demand))
    stat = endless(name, stats)
    if stat is not None:
        others = [f"`{n}`" for n in fitting(latent.support) if endless(n, stats) is None]
        shown = f"; {' and '.join(others)} have" if others else ""
        why = f"no {name} has a finite expectation of {spelled(stat, latent.name)}{shown}"
        raise Disobeyed(latent.name, Reason(cannot(latent.name, name, why), _wish(wishes, latent.name)))
    block = FixedBlock.of(latent, energy, name, conditional)
    return block, _asked(latent, name, conditional, wishes)


def _asked(latent: Latent, name: str, conditional: str, wishes: Wishes) -> Reason:
    shown = f"is {conditional}" if conditional else "has no named family"
    text = f"{latent.name}: the guide asks for {name}, the conditional {shown}"
    return Reason(text, _wish(wishes, latent.name))


def _wish(wishes: Wishes, name: str) -> Span | None:
    return wishes.spans.get(root(name))


def statistics(demand: Demand) -> set[str]:
    """The statistics of a latent; two reads of one element are its square."""
    squared = {c.term for c in demand.couplings}
    stats = {s for s, terms in demand.statistics.items() if set(terms) - squared}
    return stats | ({"power:2"} if squared else set())


def _discrete(energy: Energy, demand: Demand, size: Size, wishes: Wishes) -> tuple[Block, Reason]:
    latent = demand.latent
    apart = wishes.apart(latent.name)
    axes = demand.axes()
    moving = [i for i, found in enumerate(axes) if found - {"same"}]
    name = wishes.families.get(root(latent.name), "")
    if not moving and name in TILTS and name in fitting(latent.support):
        text = f"{latent.name}: the guide asks for {name}, the conditional is Categorical"
        return DiscreteBlock(latent, form=TILTS[name]), Reason(text, _wish(wishes, latent.name))
    if not moving:
        count = f"{len(latent.states)} joint" if AND in latent.name else "finitely many"  # type: ignore[arg-type]
        return DiscreteBlock(latent), Reason(f"{latent.name}: {count} states, each element by itself")
    if len(moving) > 1 or axes[moving[0]] - {"same", "after", "before"} or latent.multiplicity is not None:
        term = energy.terms[next(c.term for c in demand.couplings if set(c.axes) - {"same"})]
        raise NoFactor(
            latent.name,
            Reason(f"`{latent.name}` is coupled with other elements than its neighbour", term.span),
        )
    numbers = {c.term for c in demand.couplings if c.axes[moving[0]] != "same"}
    steps = chain_steps(latent, moving[0], [(n, energy.terms[n]) for n in sorted(numbers)], size)
    how = "each step by itself, as the guide asks" if apart else "exact by forward-backward"
    chain = DiscreteChain(latent, moving[0], steps, factorised=apart)
    return chain, Reason(f"{latent.name}: a chain, {how}")


def _tabulated_reason(energy: Energy, demand: Demand) -> Reason:
    stats = ", ".join(sorted(statistics(demand)))
    text = f"{demand.latent.name}: no family has all of {stats}; its conditional is tabulated"
    return Reason(text, _span(energy, demand))


def _no_family(energy: Energy, demand: Demand) -> Reason:
    stats = ", ".join(sorted(statistics(demand)))
    return Reason(f"no family of q for `{demand.latent.name}` has all of {stats}", _span(energy, demand))


def _span(energy: Energy, demand: Demand) -> Span | None:
    for latent_terms in demand.statistics.values():
        for number in latent_terms:
            if energy.terms[number].span is not None:
                return energy.terms[number].span
    return None
