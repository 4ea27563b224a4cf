"""What a plan knows of each block: its full conditional, the q chosen, whether that is exact, and who is to blame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from ppl.energy.blocks.base import Block
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.fixed import FixedBlock, is_fixed
from ppl.energy.blocks.gaussian import GaussianMembers
from ppl.energy.blocks.gaussian_chain import GaussianChain
from ppl.energy.blocks.mirrored import MirroredBlock
from ppl.energy.blocks.point import PointBlock
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.blocks.site import SiteBlock
from ppl.energy.blocks.tabulated import TabulatedBlock
from ppl.energy.families import matching
from ppl.energy.operands import Size
from ppl.energy.plan import Plan, Reason, statistics, with_squares
from ppl.energy.shape import Demand, demands
from ppl.energy.terms import Latent, Residual
from ppl.energy.wishes import members
from ppl.graph.nodes import Statement


@dataclass(frozen=True)
class Conditional:
    """One block of q.

    ``conditional``: the family of p(block | rest), empty where it has no name. ``statistics`` of each latent with
    the statements that ask for them. ``exact``: whether the update gives the best q of all; ``blame``: the
    statement for which it does not, or for which there is no named family. ``ties``: other blocks that one
    factor ties to this one, each with that factor.
    """

    names: tuple[str, ...]
    kind: str
    conditional: str
    q: str
    exact: bool
    point: bool
    elements: int
    statistics: Mapping[str, Mapping[str, tuple[Statement, ...]]]
    reason: str
    blame: Statement | None = None
    ties: tuple[tuple[tuple[str, ...], Statement], ...] = ()
    latents: tuple[Latent, ...] = field(default=(), repr=False)


def conditionals(plan: Plan) -> tuple[Conditional, ...]:
    """One for each block that holds latents, in the order of their updates."""
    size = Size(plan.energy.sizes)
    asked = demands(with_squares(plan.energy, size), size)
    return tuple(
        _conditional(plan, i, block, reason, asked)
        for i, (block, reason) in enumerate(zip(plan.blocks, plan.reasons, strict=True))
        if not isinstance(block, SiteBlock) and not is_auxiliary(block)
    )


def is_auxiliary(block: Block) -> bool:
    """Whether a block holds labels of summands, which no statement of the model draws."""
    return isinstance(block, DiscreteBlock) and block.latent.kind == "auxiliary"


def is_point(block: Block) -> bool:
    """Whether a block is a point estimate."""
    if isinstance(block, SampledBlock):
        return block.exact
    return isinstance(block, PointBlock) or (isinstance(block, GaussianMembers) and block.point)


def _conditional(
    plan: Plan, i: int, block: Block, reason: Reason, asked: Mapping[str, Demand]
) -> Conditional:
    if isinstance(block, SampledBlock):
        return _drawn(plan, i, block, reason)
    latents = tuple(plan.energy.latents[n] for n in block.names)
    sites = [r for r in plan.energy.residuals if r.names & set(block.names)]
    point = is_point(block)
    named = "" if sites else _conditional_family(block, asked)
    blame = sites[0].statement if sites else None if named else _blame(block, asked)
    return Conditional(
        members(block.names),
        _kind(block),
        named,
        "point" if point else family_of(block),
        not sites and block.exact,
        point,
        sum(prod(x.shape) * len(members((x.name,))) for x in latents),
        {n: _statistics(plan, asked[n], sites) for n in block.names},
        reason.text,
        blame,
        tuple(_ties(plan, i)),
        latents,
    )


def _drawn(plan: Plan, i: int, block: SampledBlock, reason: Reason) -> Conditional:
    """A block that is evaluated at draws: no statistics to list, and the statement that made it so."""
    c = block.component
    names: dict[str, Mapping[str, tuple[Statement, ...]]] = {n: {} for n in c.names}
    return Conditional(
        c.names,
        "drawn",
        "",
        "point" if block.exact else "independent Gaussians" if block.apart else "Gaussian",
        block.exact,
        block.exact,
        sum(prod(x.shape) for x in c.latents),
        names,
        reason.text,
        c.blame,
        tuple(_ties(plan, i)),
        c.latents,
    )


def _kind(block: Block) -> str:
    if isinstance(block, DiscreteChain):
        return "chain, apart" if block.factorised else "chain"
    if is_fixed(block):
        return "fixed"
    if isinstance(block, DiscreteBlock):
        return "discrete"
    if isinstance(block, GaussianMembers):
        apart = isinstance(block, GaussianChain) and block.factorised
        return (
            "gaussian chain, apart" if apart else "gaussian" if block.chain_axis is None else "gaussian chain"
        )
    return "tabulated" if isinstance(block, TabulatedBlock) else "family"


def family_of(block: Block) -> str:
    """The family of a block's q, as a guide would name it where it has a name there."""
    if isinstance(block, DiscreteBlock):
        return _discrete_family(block.latent) if block.form is None else block.family
    if isinstance(block, DiscreteChain) and block.factorised:
        return _discrete_family(block.latent)
    if isinstance(block, GaussianMembers) and block.chain_axis is None:
        return "Normal" if block.width == 1 else "MultivariateNormal"
    return block.family


def _discrete_family(latent: Latent) -> str:
    states = latent.states
    return "Bernoulli" if states is not None and list(states) == [0, 1] else "Categorical"


def _conditional_family(block: Block, asked: Mapping[str, Demand]) -> str:
    if isinstance(block, PointBlock):
        found = matching(statistics(asked[block.latent.name]), block.latent.support)
        return "" if found is None else found.name
    if isinstance(block, FixedBlock | MirroredBlock):
        return block.conditional
    if isinstance(block, DiscreteBlock):
        return _discrete_family(block.latent)
    return "" if isinstance(block, TabulatedBlock) else family_of(block)


def _statistics(plan: Plan, demand: Demand, sites: list[Residual]) -> dict[str, tuple[Statement, ...]]:
    """Each statistic of a latent with the statements of its terms, without repetition."""
    count = len(plan.energy.terms)
    out: dict[str, tuple[Statement, ...]] = {}
    squared = {c.term for c in demand.couplings}
    for stat, numbers in demand.statistics.items():
        for n in numbers:
            if n >= count:  # squares of predictors, which only their sites read
                continue
            key = "power:2" if n in squared and stat == "x" else stat
            origin = plan.energy.terms[n].origin
            if origin is not None and origin not in out.get(key, ()):
                out[key] = (*out.get(key, ()), origin)
            out.setdefault(key, ())
    return out


def _blame(block: Block, asked: Mapping[str, Demand]) -> Statement | None:
    """The statement that asks for what no family has: a latent's own, where the others alone fit one."""
    if not isinstance(block, TabulatedBlock | PointBlock):
        return None
    return block.latent.statement


def _ties(plan: Plan, i: int) -> Iterator[tuple[tuple[str, ...], Statement]]:
    """Other free blocks that a factor holds together with block i, once each."""
    seen: set[int] = set()
    if is_point(plan.blocks[i]):
        return
    for names, origin in _factors(plan):
        held = {plan.of[n] for n in names}
        for j in sorted(held - {i} - seen):
            free = not is_point(plan.blocks[j]) and not is_auxiliary(plan.blocks[j])
            if i in held and origin is not None and free:
                seen.add(j)
                yield members(plan.blocks[j].names), origin


def _factors(plan: Plan) -> Iterator[tuple[set[str], Statement | None]]:
    for term in plan.energy.terms:
        yield {a.name for a in term.atoms}, term.origin
    for residual in plan.energy.residuals:
        yield set(residual.names), residual.statement
