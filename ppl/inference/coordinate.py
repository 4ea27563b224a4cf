"""What coordinate ascent found, as a factored approximation: draws, probabilities, figures and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.base import Block, Factor
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.family import FamilyBlock
from ppl.energy.blocks.fixed import is_fixed
from ppl.energy.blocks.gaussian import GaussianMembers
from ppl.energy.blocks.point import PointBlock
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.blocks.site import SiteBlock
from ppl.energy.conditionals import is_auxiliary
from ppl.energy.declare import orders_of
from ppl.energy.origin import shifted
from ppl.energy.plan import Reason
from ppl.energy.wishes import members
from ppl.errors import Span
from ppl.posterior.factored import POINT, BlockReport, Factored, Probabilities
from ppl.posterior.record import FitWarning
from ppl.posterior.redrawn import Draws, Redrawn, redrawn

Array = Any


class Coordinates(Factored):
    """A product of the blocks' factors."""

    def __init__(self, ascent: Ascent, state: State, restarts: tuple[float, ...] = ()) -> None:
        self.ascent, self.state = ascent, state
        self.restarts = restarts
        gain, error = anew(ascent, state.factors)
        self.elbo, self.elbo_se, self.redrawn = state.elbo + gain, error, gain
        self.log_evidence = self.elbo if exact(ascent) else None
        self.evidence_reason = evidence_reason(ascent)

    @cached_property
    def blocks(self) -> tuple[BlockReport, ...]:  # type: ignore[override]
        return tuple(
            BlockReport(names, kind, b.exact or kind == POINT, r.text, self._printed(b, f))
            for b, r, f in zip(self.ascent.blocks, self.ascent.plan.reasons, self.state.factors, strict=True)
            if b.names and not is_auxiliary(b)
            for names, kind in _kinds(b)
        )

    def _printed(self, block: Block, factor: Factor) -> dict[str, Array]:
        """What to print of a factor, means in the model's own coordinates."""
        names = {n: n.removesuffix(".mean") for n in block.parameters(factor) if n.endswith(".mean")}
        centres = {n: self.ascent.plan.energy.centres.get(own) for n, own in names.items()}
        known = {n: c for n, c in centres.items() if c is not None}
        return shifted(block.parameters(factor), known)

    @property
    def loose(self) -> bool:
        return any(is_auxiliary(b) for b in self.ascent.blocks)

    @cached_property
    def elbo_terms(self) -> Mapping[str, float]:  # type: ignore[override]
        out: dict[str, float] = {}
        values = self.ascent.polynomial.values(self.state.factors)
        for product, value in zip(self.ascent.polynomial.products, values, strict=True):
            name = product.origin.name if product.origin is not None else "constant"
            out[name] = out.get(name, 0.0) + float(value)
        if self.ascent.plan.energy.constant:
            out["constant"] = out.get("constant", 0.0) + self.ascent.plan.energy.constant
        for block, factor in zip(self.ascent.blocks, self.state.factors, strict=True):
            if isinstance(block, SiteBlock):
                out[block.statement] = out.get(block.statement, 0.0) + factor.entropy
            elif isinstance(block, DiscreteBlock) and is_auxiliary(block):
                name = block.latent.statement.name if block.latent.statement is not None else "constant"
                out[name] = out.get(name, 0.0) + factor.entropy
            elif isinstance(block, SampledBlock):
                parts, entropy = block.parts(factor)
                for name, value in parts.items():
                    out[name] = out.get(name, 0.0) + value
                if not is_point(block):
                    out[f"entropy({', '.join(block.names)})"] = entropy
            elif not is_point(block):
                out[f"entropy({', '.join(block.names)})"] = factor.entropy
        return out

    @cached_property
    def _moments(self) -> dict[str, tuple[Array, Array]]:
        out: dict[str, tuple[Array, Array]] = {}
        for block, factor in zip(self.ascent.blocks, self.state.factors, strict=True):
            out |= block.moments(factor)
        return out

    @property
    def means(self) -> Mapping[str, Array]:  # type: ignore[override]
        found = self._whole({n: self._cells(n, m[0]) for n, m in self._moments.items()})
        return self._written(shifted(found, self.ascent.plan.energy.centres))

    @property
    def sds(self) -> Mapping[str, Array]:  # type: ignore[override]
        return self._written(self._whole({n: self._cells(n, m[1]) for n, m in self._moments.items()}))

    @cached_property
    def _orders(self) -> dict[str, tuple[int, ...]]:
        """Of latents whose axes the model writes in another order than the energy keeps them in."""
        lay = self.ascent.plan.energy.layout
        return {} if lay is None else orders_of(lay)

    def _written(self, arrays: Mapping[str, Array], lead: int = 0) -> dict[str, Array]:
        """Arrays with the axes as the model writes them, after ``lead`` axes of draws."""
        backward = {n: tuple(int(i) for i in np.argsort(o)) for n, o in self._orders.items()}
        return reordered(arrays, backward, lead)

    def _whole(self, arrays: Mapping[str, Array], lead: int = 0) -> dict[str, Array]:
        """Parts of latents that were cut along an axis, put together."""
        return self.ascent.plan.splits.joined(arrays, lead)

    def _cells(self, name: str, array: Array) -> Array:
        """Imputed columns keep their blank cells only."""
        latent = self.ascent.plan.energy.latents.get(name)
        if latent is None:
            return array
        if latent.kind != "imputed" or latent.defined is None:
            return array
        return array[..., latent.defined]

    def _filled(self, name: str, array: Array) -> Array:
        """Blank cells of an imputed column in their places in the whole column, 0 elsewhere."""
        latent = self.ascent.plan.energy.latents.get(name)
        if latent is None or latent.kind != "imputed" or latent.defined is None:
            return array
        out = np.zeros((len(array), *latent.shape))
        out[:, latent.defined] = array
        return out

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        return self._sampled(rng, n, frozenset())

    def _sampled(self, rng: np.random.Generator, n: int, without: frozenset[str]) -> dict[str, Array]:
        out: dict[str, Array] = {}
        for block, factor in zip(self.ascent.blocks, self.state.factors, strict=True):
            if not isinstance(block, DiscreteBlock | DiscreteChain) and not without & set(block.names):
                out |= block.sample(factor, rng, n)
        found = self._whole({name: self._cells(name, a) for name, a in out.items()}, 1)
        return self._written(shifted(found, self.ascent.plan.energy.centres), 1)

    def draws(self, seed: tuple[int, ...], n: int) -> Mapping[str, Array]:
        """Those of `sample`; of large latents by themselves made anew whenever they are read."""
        made = self._redrawn(seed, n)
        if not made:
            return self.sample(np.random.default_rng(seed), n)
        kept = self._sampled(np.random.default_rng(seed), n, frozenset(made))
        names = tuple(n for b in self.ascent.blocks for n in b.names if n in made or n in kept)
        return Draws((*names, *(k for k in kept if k not in names)), kept, made)

    def _redrawn(self, seed: tuple[int, ...], n: int) -> dict[str, Redrawn]:
        plan, reports = self.ascent.plan, {r.names: r for r in self.blocks}
        out: dict[str, Redrawn] = {}
        for k, block in enumerate(self.ascent.blocks):
            if type(block) is not FamilyBlock or plan.splits.made or block.latent.name in self._orders:
                continue
            latent = block.latent
            plain = latent.kind == "latent" and latent.defined is None
            if plain and block.batch and plan.energy.centres.get(latent.name) is None:
                kept = reports[(latent.name,)].parameters
                found = redrawn(block.family, kept, n, latent.shape, (*seed, k))
                out |= {} if found is None else {latent.name: found}
        return out

    def log_density(self, draws: Mapping[str, Array]) -> Array | None:
        total: Array = 0.0
        draws = reordered({n: np.asarray(a) for n, a in draws.items()}, self._orders, 1)
        draws = shifted(draws, self.ascent.plan.energy.centres, -1.0)
        draws = {
            n: self._filled(n, np.asarray(a)) for n, a in self.ascent.plan.splits.parts(draws, 1).items()
        }
        for block, factor in zip(self.ascent.blocks, self.state.factors, strict=True):
            if isinstance(block, DiscreteBlock | DiscreteChain | SiteBlock):
                continue
            part = block.log_density(factor, draws)
            if part is None:
                return None
            total = total + part
        return total

    def probabilities(self) -> Mapping[str, Array]:
        """Of latents by themselves one array at a time, as each is asked for; of joined or cut ones together."""
        plan = self.ascent.plan
        found = [
            (b, f)
            for b, f in zip(self.ascent.blocks, self.state.factors, strict=True)
            if isinstance(b, DiscreteBlock | DiscreteChain) and not is_auxiliary(b)
        ]
        plain = {b.latent.name for b, _ in found} <= set(plan.energy.latents)
        if plan.splits.made or plan.joins.made or not plain:
            out = {b.latent.name: f.means[("is", b.latent.name)] for b, f in found}
            return self._written(self._whole(plan.joins.marginals(out)))
        made = {b.latent.name: partial(self._probabilities_of, b, f) for b, f in found}
        return Probabilities(made, {b.latent.name: prod(b.shapes()[("is", b.latent.name)]) for b, _ in found})

    def _probabilities_of(self, block: DiscreteBlock | DiscreteChain, factor: Factor) -> Array:
        name = block.latent.name
        return self._written({name: factor.means[("is", name)]})[name]

    def findings(self) -> tuple[FitWarning, ...]:
        """Scales of components that the floor alone keeps from collapsing."""
        out = []
        for block, factor in zip(self.ascent.blocks, self.state.factors, strict=True):
            floored = np.asarray(factor.notes.get("floored", False))
            if floored.any():
                event = block.latent.event if isinstance(block, PointBlock) else 0
                where = np.unique(np.argwhere(floored)[:, : floored.ndim - event], axis=0) + 1
                labels = tuple(f"{block.names[0]}[{','.join(map(str, place))}]" for place in where)
                text = ", ".join(f"`{n}`" for n in labels)
                text += " collapsed to next to nothing: a component on too few data; give it a prior"
                out.append(FitWarning("W719", text, labels))
        return tuple(out)

    def arrays(self) -> dict[str, Array]:
        return {}


def reordered(
    arrays: Mapping[str, Array], orders: Mapping[str, tuple[int, ...]], lead: int
) -> dict[str, Array]:
    """Arrays with some of their axes permuted: those after ``lead`` ones, any further ones staying last."""
    out = dict(arrays)
    for name, order in orders.items():
        if name in out:
            rest = range(lead + len(order), np.ndim(out[name]))
            out[name] = np.transpose(out[name], (*range(lead), *(lead + i for i in order), *rest))
    return out


def _kinds(block: Block) -> Iterator[tuple[tuple[str, ...], str]]:
    """The latents of a block with their family: points among what is drawn apart from the rest."""
    points: tuple[str, ...] = block.names if is_point(block) else ()
    if isinstance(block, SampledBlock):
        c = block.component
        points = tuple(n for n, point in zip(c.names, c.points, strict=True) if point)
    rest = tuple(n for n in block.names if n not in points)
    for names, kind in ((points, POINT), (rest, block.family)):
        if names:
            yield members(names), kind


def is_point(block: Block) -> bool:
    """Whether a block is a point estimate."""
    if isinstance(block, SampledBlock):
        return block.exact
    return isinstance(block, PointBlock) or (isinstance(block, GaussianMembers) and block.point)


def anew(ascent: Ascent, factors: Sequence[Factor]) -> tuple[float, float]:
    """What the bound gains where drawn blocks are given fresh draws, and the standard error of that."""
    rng, gain, square = np.random.default_rng(1), 0.0, 0.0
    whole = ascent.completed(factors)
    for i, block in enumerate(ascent.blocks):
        if isinstance(block, SampledBlock) and np.isfinite(factors[i].entropy):
            more, error = block.anew(factors[i], ascent.polynomial.gradient(i, whole), rng)
            gain, square = gain + more, square + error**2
    return gain, float(np.sqrt(square))


def exact(ascent: Ascent) -> bool:
    """Whether q is the posterior itself (given the points): no factor ties two of its blocks."""
    return not tied(ascent)[0] and all(
        b.exact or i in given_points(ascent) for i, b in enumerate(ascent.blocks)
    )


def given_points(ascent: Ascent) -> frozenset[int]:
    """Stand-ins whose predictors hold points only: their factors are evaluated there, not approximated."""
    free: set[int] = set()
    for product in ascent.polynomial.products:
        held = {op.block for op in product.operands}
        if any(i not in ascent.sites and not is_point(ascent.blocks[i]) for i in held):
            free |= held
    return frozenset(set(ascent.sites) - free)


def tied(ascent: Ascent) -> tuple[str, Span | None]:
    """Two blocks of q that one factor ties, by name, and its place; empty where there are none."""
    for product in ascent.polynomial.products:
        free = sorted({op.block for op in product.operands if not is_point(ascent.blocks[op.block])})
        if len(free) > 1:
            names = " and ".join(_called(ascent.blocks[i]) for i in free[:2])
            return names, None if product.origin is None else product.origin.span
    return "", None


def _called(block: Block) -> str:
    """The latents of a block, or the statement that a stand-in or labels of summands are of."""
    if isinstance(block, DiscreteBlock) and is_auxiliary(block):
        return f"the summands of `{block.latent.name[1:].partition('.')[0]}`"
    return f"the stand-in of `{block.statement}`" if isinstance(block, SiteBlock) else ", ".join(block.names)


def _reasoned(ascent: Ascent) -> Iterator[tuple[Block, Reason]]:
    return zip(ascent.blocks, ascent.plan.reasons, strict=True)


def evidence_reason(ascent: Ascent) -> str:
    """Why the bound is the evidence, or is not."""
    names = tied(ascent)[0]
    if names:
        return f"a bound: a factor ties {names}"
    asked = next((r.text for b, r in _reasoned(ascent) if is_fixed(b)), None)
    if asked is not None:
        name, _, why = asked.partition(": ")
        return f"a bound: for {name} {why}"
    drawn = next((b.names for b in ascent.blocks if isinstance(b, SampledBlock) and not b.exact), None)
    if drawn is not None:
        return f"a bound: the conditional of {', '.join(drawn)} is in no family, and q is Gaussian"
    loose = next((b for b in ascent.blocks if getattr(b, "factorised", False)), None)
    if loose is not None:
        return f"a bound: q keeps the steps of {', '.join(loose.names)} apart, as the guide asks"
    given = " given the point estimates" if any(is_point(b) for b in ascent.blocks) else ""
    return f"no factor ties two blocks of q, so that q is the posterior{given}"
