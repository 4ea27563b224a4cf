"""Centres of latents that explain data far from zero, from which they are measured.

    x = c + delta:    y - x = (y - c) - delta

Data near 1e6 with a spread of 1 lose 12 of their 16 digits where squares are written out; measured from c, none.
The change of variables has unit Jacobian, so that the bound is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.gaussian import GaussianMembers, NotProper
from ppl.energy.starting import first
from ppl.graph import nodes as g
from ppl.graph.problem import Problem

Array = Any
FAR = 1e3  # times the spread of a column: how far from zero its mean may lie
SHARE = 0.01  # of that distance: a latent that lies nearer to zero stays as it is
SWEEPS = 3
ALIKE = 0.1  # elements within this of their mean share one centre


def distance(problem: Problem) -> float:
    """The largest |mean| among observed columns whose mean is far from zero for their spread; 0 without any."""
    found = 0.0
    for s in problem.plain.statements:
        node = s.observed.value if isinstance(s.observed, g.Gather) else s.observed
        if s.kind == "observed" and isinstance(node, g.Input):
            key = (node.table or "", node.name)
            found = max(found, _far(problem.data.arrays.get(key), problem.data.missing.get(key)))
    return found


def _far(column: Array | None, blank: Array | None) -> float:
    """|mean| of a column of reals where that is large for its spread, else 0."""
    if column is None or column.dtype.kind != "f":
        return 0.0
    known = column if blank is None else column[~blank]
    mean = float(abs(known.mean())) if known.size else 0.0
    return mean if mean > FAR * known.std() else 0.0


def origins(ascent: Ascent, far: float, rng: np.random.Generator) -> dict[str, Array]:
    """A centre for each Gaussian latent that lies far from zero; scales stay at their start meanwhile."""
    gaussian = {i for i, b in enumerate(ascent.blocks) if isinstance(b, GaussianMembers)}
    states = [i for i, b in enumerate(ascent.blocks) if isinstance(b, DiscreteBlock | DiscreteChain)]
    factors = [b.start(rng, 1.0) for b in ascent.blocks]
    try:
        state = first(ascent, rng) if states else None
        held = tuple(factors) if state is None else state.factors
        for _ in range(SWEEPS):
            for i in sorted(gaussian):
                held, _, _ = ascent.update(held, i)
    except NotProper:
        return {}
    means = {n: m for i in gaussian for n, (m, _) in ascent.blocks[i].moments(held[i]).items()}
    latents = ascent.plan.energy.latents
    out = {}
    for name, mean in ascent.plan.splits.joined(means).items():
        defined = None if name not in latents else latents[name].defined
        own = mean if defined is None else mean[defined]
        if np.max(np.abs(own), initial=0.0) > SHARE * far:
            out[name] = centre(mean, own, one="." in name)
    return out


def centre(mean: Array, own: Array, one: bool) -> Array:
    """One number where the elements ``own`` are alike (and for columns), else one for each."""
    middle = np.asarray(np.mean(own))
    return middle if one or np.max(np.abs(own - middle), initial=0.0) <= ALIKE * abs(middle) else mean


def shifted(arrays: Mapping[str, Array], centres: Mapping[str, Array], sign: float = 1.0) -> dict[str, Array]:
    """Arrays by name, with the latents' centres added (or taken away)."""
    return {n: a + sign * centres[n] if n in centres else a for n, a in arrays.items()}
