"""An update of a block whose conditional is not in its family: natural-gradient steps that never lower the ELBO.

    eta <- (1 - rho) eta + rho (dE/dmu + sum of the sites' stand-ins),   rho = 1, 1/2, 1/4, ...

Undamped steps diverge on ordinary logistic regressions; each is tried on the ELBO itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from ppl.energy.blocks.base import Array, Block, Factor, Gradients, inner, size_of
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.blocks.site import SiteBlock
from ppl.energy.operands import Key
from ppl.energy.polynomial import Polynomial

HALVINGS = 12
Factors = tuple[Factor, ...]


def damped(
    polynomial: Polynomial,
    block: Block,
    i: int,
    touches: tuple[int, ...],
    sites: Mapping[int, SiteBlock],
    factors: Factors,
) -> tuple[Factors, float, float]:
    """The factors after the longest step that does not lower the ELBO, its gain, and the rounding's scale."""
    factors = refreshed(polynomial, touches, sites, factors)
    conjugate = polynomial.gradient(i, factors, frozenset(touches))
    old, before = factors[i], _objective(conjugate, factors, i, touches, polynomial)
    aim = polynomial.gradient(i, factors)
    if old.made_from is None:  # nothing proper to stay near: densities that are not log-concave might leave none
        aim = polynomial.gradient(i, refreshed(polynomial, touches, sites, factors, concave=True))
    origin = old.made_from or conjugate
    scale = size_of(aim, old.means) + abs(before)
    rho = 1.0
    for _ in range(HALVINGS):
        eta = blended(origin, aim, rho)
        try:
            new = block.best(eta, old)
        except NotProper:
            rho *= 0.5
            continue
        new = Factor(new.means, new.entropy, new.natural, new.notes, eta)
        tried = refreshed(polynomial, touches, sites, (*factors[:i], new, *factors[i + 1 :]))
        after = _objective(conjugate, tried, i, touches, polynomial)
        if after >= before - 1e-12 * scale or (old.made_from is None and rho < 0.01):
            return tried, max(after - before, 0.0), scale
        rho *= 0.5
    return factors, 0.0, scale


def refreshed(
    polynomial: Polynomial,
    touches: tuple[int, ...],
    sites: Mapping[int, SiteBlock],
    factors: Factors,
    concave: bool = False,
) -> Factors:
    """The factors with the sites' stand-ins made at the present predictor."""
    out = list(factors)
    for s in touches:
        out[s] = sites[s].stand_in(polynomial.gradient(s, factors), concave)
    return tuple(out)


def _objective(
    conjugate: Gradients, factors: Factors, i: int, touches: tuple[int, ...], polynomial: Polynomial
) -> float:
    """The part of the ELBO that moves with block i."""
    total = inner(conjugate, factors[i].means) + factors[i].entropy
    for s in touches:
        gradients = polynomial.gradient(s, factors)
        total += factors[s].entropy + inner(gradients, factors[s].means)
    return total


def blended(a: Gradients, b: Gradients, rho: float) -> dict[Key, Array]:
    """(1 - rho) a + rho b, a missing array being zero."""
    if rho == 1.0:
        return dict(b)
    out: dict[Key, Array] = {}
    for key in {**a, **b}:
        out[key] = (1.0 - rho) * a.get(key, 0.0) + rho * b.get(key, 0.0)
    return out
