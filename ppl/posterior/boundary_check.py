"""Point estimates that ran into the edge of their support, as a component of a mixture that dies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.posterior.approximation import Approximation
from ppl.posterior.record import FitWarning
from ppl.posterior.target import Array
from ppl.supports import Interval, Structured, Support

PROBABILITY_EDGE = 9.0  # on the real line: a probability within e^-9, about 1e-4, of 0 or 1
SCALE_EDGE = 20.0  # a scale below e^-20, about 2e-9


def boundary_collapses(problem: Any, target: Any, q: Approximation) -> tuple[FitWarning, ...]:
    """A warning for each bounded `param` that maximum likelihood has pushed to its bound.

    The likelihood then has no maximum inside the support (Kiefer and Wolfowitz 1956): a prior mends it.
    """
    supports = {d.name: d.type.support for d in problem.program.definitions if d.kind == "param"}
    bounded = [b for b in target.groups if b.name in supports]
    if not bounded:
        return ()
    values = problem.constrain(q.mean[None])
    return tuple(
        _warning(b.name)
        for b in bounded
        if _at_edge(supports[b.name], q.mean[b.where], values.get(b.name, np.ones(1)))
    )


def _at_edge(support: Support, place: Array, value: Array) -> bool:
    """``place`` on the real line; a simplex is judged by its probabilities (its coordinates are ratios)."""
    if isinstance(support, Structured):
        probable = support.kind in ("simplex", "row_stochastic")
        return probable and value.shape[-1] > 1 and bool((value < math.exp(-PROBABILITY_EDGE)).any())
    return _interval_edge(support, place)


def _interval_edge(support: Interval, place: Array) -> bool:
    below, above = math.isfinite(support.lower), math.isfinite(support.upper)
    if below and above:
        return bool((np.abs(place) > PROBABILITY_EDGE).any())
    return (below or above) and bool((place < -SCALE_EDGE).any())


def at_edge(support: Interval, value: Array) -> Array:
    """Where a value of an interval support lies on its bound: booleans of the value's shape.

    >>> from ppl.supports import POSITIVE
    >>> at_edge(POSITIVE, np.array([1.0, 1e-12, 0.0])).tolist()
    [False, True, True]
    """
    below, above = math.isfinite(support.lower), math.isfinite(support.upper)
    out = np.zeros(np.shape(value), bool)
    span = support.upper - support.lower if below and above else 1.0
    edge = span * math.exp(-PROBABILITY_EDGE if below and above else -SCALE_EDGE)
    if below:
        out |= value - support.lower <= edge
    if above:
        out |= support.upper - value <= edge
    return out


def _warning(name: str) -> FitWarning:
    text = (
        f"`{name}` has run to the edge of its support, where the likelihood has no maximum: "
        "give it a prior with `~`"
    )
    return FitWarning("W716", text, (name,))
