"""Coordinate ascent on the ELBO: one block after another to its exact optimum, and what each step gained.

    eta_i = dE/dmu_i,   mu_i = grad A_i(eta_i),   ELBO = E(mu) + sum_i H_i

Bishop, Pattern Recognition and Machine Learning, section 10.1; Winn & Bishop (2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ppl.energy.blocks.base import Block, Factor, inner, size_of
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.site import SiteBlock
from ppl.energy.damped import damped
from ppl.energy.lowering import Product, lower
from ppl.energy.operands import Size
from ppl.energy.plan import Plan
from ppl.energy.polynomial import Polynomial
from ppl.energy.row_products import rewritten
from ppl.energy.sites import site_products, touched

ROUNDING = 1e-12  # of the sum of |terms|: what an update may lose to rounding


class Decrease(ArithmeticError):
    """An update that is exact on paper lowered the ELBO: a mistake of this program."""


@dataclass(frozen=True, eq=False)
class State:
    """The factors after some sweeps. ``scale`` is the sum of |terms| of the ELBO."""

    factors: tuple[Factor, ...]
    elbo: float = -np.inf
    scale: float = 0.0
    sweep: int = 0
    gain: float = np.inf
    change: float = np.inf


@dataclass(frozen=True, eq=False)
class Ascent:
    """A plan with its polynomial: everything that sweeps need.

    ``lowered``: the polynomial's products as they read each element, before sums over elements took their place.
    """

    plan: Plan
    polynomial: Polynomial
    lowered: tuple[Product, ...] = ()

    @property
    def blocks(self) -> Sequence[Block]:
        return self.plan.blocks

    def elbo(self, factors: Sequence[Factor]) -> tuple[float, float]:
        """The bound, and the sum of the absolute values of its terms."""
        factors = self.completed(factors)
        values = self.polynomial.values(factors)
        entropies = np.array([f.entropy for f in factors])
        constant = self.plan.energy.constant
        total = float(np.sum(values) + np.sum(entropies) + constant)
        return total, float(np.sum(np.abs(values)) + np.sum(np.abs(entropies)) + abs(constant))

    def completed(self, factors: Sequence[Factor]) -> tuple[Factor, ...]:
        """The factors with all arrays that the products read."""
        return tuple(
            b.completed(f) if isinstance(b, DiscreteBlock | DiscreteChain) else f
            for b, f in zip(self.blocks, factors, strict=True)
        )

    @cached_property
    def sites(self) -> dict[int, SiteBlock]:
        """The blocks that stand in for factors that are no polynomials."""
        return {i: b for i, b in enumerate(self.blocks) if isinstance(b, SiteBlock)}

    @cached_property
    def _touched(self) -> dict[int, tuple[int, ...]]:
        return touched(self.polynomial.products, self.sites)

    def update(
        self, factors: tuple[Factor, ...], i: int, heat: float = 1.0
    ) -> tuple[tuple[Factor, ...], float, float]:
        """Block i at its optimum: the factors, the gain in the ELBO (nats), the scale of its rounding."""
        factors = self.completed(factors)
        if i in self._touched:
            return damped(self.polynomial, self.blocks[i], i, self._touched[i], self.sites, factors)
        gradients = self.polynomial.gradient(i, factors)
        if heat != 1.0 and isinstance(self.blocks[i], DiscreteBlock | DiscreteChain):
            gradients = {key: heat * g for key, g in gradients.items()}
        old = factors[i]
        new = self.blocks[i].best(gradients, old)
        gain = inner(gradients, new.means) + new.entropy - inner(gradients, old.means) - old.entropy
        scale = size_of(gradients, new.means) + size_of(gradients, old.means) + abs(new.entropy)
        return (*factors[:i], new, *factors[i + 1 :]), gain, scale

    def sweep(self, state: State, only: Sequence[int] | None = None, heat: float = 1.0) -> State:
        """Every block once, in order; ``heat`` < 1 flattens the evidence for discrete states.

        Raises `Decrease` naming the factor that lowered the ELBO.
        """
        factors, change = state.factors, 0.0
        for i in range(len(self.blocks)) if only is None else only:
            if i in self.sites:
                continue
            before = factors[i]
            factors, gain, scale = self.update(factors, i, heat)
            if heat == 1.0 and gain < -ROUNDING * scale - 1e-10:
                names = ", ".join(self.blocks[i].names)
                raise Decrease(f"updating {names} lowered the ELBO by {-gain:.3g} nats")
            change = max(change, moved(before, factors[i]))
        elbo, scale = self.elbo(factors)
        return replace(
            state,
            factors=factors,
            elbo=elbo,
            scale=scale,
            sweep=state.sweep + 1,
            gain=elbo - state.elbo,
            change=change,
        )


def moved(old: Factor, new: Factor) -> float:
    """The largest relative change of the mean parameters."""
    out = 0.0
    for key, array in new.means.items():
        size = float(np.max(np.abs(array), initial=0.0))
        if size > 0 and key[0] not in ("pair", "lag"):
            out = max(out, float(np.max(np.abs(array - old.means[key]))) / size)
    return out


def ascent(plan: Plan, sums: bool = True) -> Ascent:
    """Lower every term of a plan. Raises `NotMultilinear` where a term is not affine in a block.

    Without ``sums`` every product reads every element: slow, and the same to rounding.
    """
    size = Size(plan.energy.sizes)
    products = [lower(t, n, plan.blocks, plan.of, size) for n, t in enumerate(plan.energy.terms)]
    first = len(plan.blocks) - len(plan.energy.residuals)
    for number, residual in enumerate(plan.energy.residuals):
        products += site_products(residual, first + number, plan.blocks, plan.of, size)
    return (
        summed(plan, tuple(products), size)
        if sums
        else Ascent(plan, Polynomial(tuple(products), size), tuple(products))
    )


def summed(plan: Plan, products: tuple[Product, ...], size: Size) -> Ascent:
    """The same with sums over elements in place of reads of discrete latents, wherever these have a form for it."""
    sites = {i: b for i, b in enumerate(plan.blocks) if isinstance(b, SiteBlock)}
    shorter, parts = rewritten(products, plan.blocks, size, frozenset(touched(products, sites)))
    dense = {op.block for p in shorter for op in p.operands if op.key[0] == "is"}
    blocks = list(plan.blocks)
    for i, own in parts.items():
        block = blocks[i]
        if isinstance(block, DiscreteBlock | DiscreteChain):
            blocks[i] = replace(block, parts=own, dense=i in dense)
    return Ascent(replace(plan, blocks=tuple(blocks)), Polynomial(shorter, size), products)
