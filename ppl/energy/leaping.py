"""Leaps along the path of slow sweeps, taken only where they raise the bound.

With s_0, s_1, s_2 the gradients that the parameters' factors are made from, at the ends of three sweeps,

    r = s_1 - s_0,   v = (s_2 - s_1) - r,   a = -|r| / |v|,   s = s_0 - 2 a r + a^2 v

Late in a slow climb r shrinks by one factor a sweep, and s is where all further sweeps would lead. Factors are the
best for s, states follow them, and the ELBO of both decides. Leaps are short at first: each that was as long as it
might be, and raised the bound, lets the next be longer. (SQUAREM: Varadhan & Roland 2008, Scandinavian Journal of
Statistics 35, here in the expected statistics in place of the parameters: no bound is overstepped.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.operands import Key
from ppl.energy.sites import touched

Array = Any
Statistics = tuple[Mapping[Key, Array], ...]
TRIES = 2  # shorter leaps after one that failed
LONGEST = 4.0  # -a of the first leaps, and how many times longer the next may be
SLOW = 0.5  # share of a sweep's gain that the next one still makes, from which leaps are worth their cost


def leapers(ascent: Ascent) -> tuple[int, ...]:
    """The blocks whose gradients are extrapolated: parameters in closed form; states follow them.

    None where a block is drawn: its updates search, and cost more than leaps save.
    """
    if any(isinstance(b, SampledBlock) for b in ascent.blocks):
        return ()
    damped = touched(ascent.polynomial.products, ascent.sites)
    return tuple(
        i
        for i, block in enumerate(ascent.blocks)
        if not isinstance(block, DiscreteBlock | DiscreteChain) and i not in ascent.sites and i not in damped
    )


def statistics(ascent: Ascent, state: State, over: Sequence[int]) -> Statistics:
    """What the factors of some blocks would be made from in the next sweep."""
    factors = ascent.completed(state.factors)
    return tuple(ascent.polynomial.gradient(i, factors) for i in over)


def leapt(
    ascent: Ascent, state: State, trail: Sequence[Statistics], over: Sequence[int], longest: float = np.inf
) -> tuple[State | None, float]:
    """The state after the longest leap that raises the bound, or nothing; and how long the next leap may be.

    ``trail``: s_0 and s_1, where ``state`` gives s_2; ``longest``: the most that -a may be.
    """
    path = (*trail, statistics(ascent, state, over))
    wanted = -_length(path)
    length = min(wanted, longest)
    for _ in range(1 + TRIES):
        if not length > 1.0 + 1e-3:
            break
        found = _at(ascent, state, _extrapolated(path, -length), over)
        if found is not None and found.elbo > state.elbo:
            return found, LONGEST * longest if wanted >= longest == length else longest
        length = 0.5 * (length + 1.0)
    return None, max(LONGEST, longest / LONGEST)


def _length(path: Sequence[Statistics]) -> float:
    """a, every array measured in units of its largest entry; -1 where nothing moves or anything is not finite."""
    r2 = v2 = 0.0
    for s0, s1, s2 in zip(*path, strict=True):
        for key in s2:
            with np.errstate(all="ignore"):
                unit = max(float(np.max(np.abs(s2[key]), initial=0.0)), 1e-300)
                r = (s1[key] - s0[key]) / unit
                v = (s2[key] - s1[key]) / unit - r
                r2, v2 = r2 + float(np.sum(r * r)), v2 + float(np.sum(v * v))
    return -float(np.sqrt(r2 / v2)) if np.isfinite(r2) and np.isfinite(v2) and v2 > 0 else -1.0


def _extrapolated(path: Sequence[Statistics], a: float) -> Statistics:
    out = []
    for s0, s1, s2 in zip(*path, strict=True):
        out.append({k: s0[k] * (1.0 + a) ** 2 - 2.0 * a * (1.0 + a) * s1[k] + a * a * s2[k] for k in s2})
    return tuple(out)


def _at(ascent: Ascent, state: State, aim: Statistics, over: Sequence[int]) -> State | None:
    """The state whose parameters are the best for ``aim`` and whose other blocks follow; None where it has no bound."""
    factors = list(state.factors)
    try:
        with np.errstate(all="ignore"):
            for i, s in zip(over, aim, strict=True):
                factors[i] = ascent.blocks[i].best(s, state.factors[i])
            found = tuple(factors)
            for i in range(len(factors)):
                if i not in over and i not in ascent.sites:
                    found = ascent.update(found, i)[0]
            elbo, scale = ascent.elbo(found)
    except (NotProper, ArithmeticError, np.linalg.LinAlgError):
        return None
    if not np.isfinite(elbo):
        return None
    return State(found, elbo, scale, state.sweep, np.inf, state.change)
