"""Whether q is the posterior: the log evidence by log-normalisers against energy plus entropy.

    log p(x | theta) = sum over factors of points alone + sum_b A_b(dE/dmu_b)
                     = E_q[log p(x, z | theta)] + sum_b H_b                       if every q_b is exact

A_b is taken anew at the gradient as it is now, for discrete blocks from the scores of every element, their entropy
from their probabilities: a q that is stale, tied to another block or not normalised tells the two sides apart.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ppl.energy.ascent import Ascent
from ppl.energy.blocks.base import Factor, inner

ROUNDING = 1e-9  # of the sum of |terms|


class Inexact(ArithmeticError):
    """An E-step that is exact on paper did not find the posterior: a mistake of this program."""


def check(ascent: Ascent, factors: Sequence[Factor], free: Collection[int]) -> float:
    """The log evidence given the points, from the blocks ``free``, of which no term reads two.

    Raises `Inexact`, naming the block with the largest gap, where energy and entropy do not add up to it.
    """
    whole = ascent.completed(tuple(factors))
    shares, gaps = 0.0, {}
    for b in free:
        block, gradients = ascent.blocks[b], ascent.polynomial.gradient(b, whole)
        normaliser, carried = block.log_normaliser(gradients, whole[b]), inner(gradients, whole[b].means)
        entropies = (whole[b].entropy, block.entropy_of(whole[b]))
        gaps[b] = max(abs(carried + h - normaliser) for h in entropies)
        shares += normaliser
    evidence = shares + _without(ascent, whole, free)
    elbo, scale = ascent.elbo(whole)
    gap = max(abs(evidence - elbo), *gaps.values()) if gaps else abs(evidence - elbo)
    if not gap <= ROUNDING * scale + 1e-9:
        worst = max(gaps, key=lambda b: gaps[b]) if gaps else None
        names = "nothing" if worst is None else ", ".join(ascent.blocks[worst].names)
        raise Inexact(f"the E-step of {names} left the ELBO {gap:.3g} nats from the log evidence")
    return evidence


def _without(ascent: Ascent, factors: Sequence[Factor], free: Collection[int]) -> float:
    """What no free block enters."""
    products = ascent.polynomial.products
    alone = [p for p, product in enumerate(products) if not any(op.block in free for op in product.operands)]
    rest = sum(f.entropy for b, f in enumerate(factors) if b not in free) + ascent.plan.energy.constant
    return float(sum(ascent.polynomial.value(p, factors) for p in alone) + rest)
