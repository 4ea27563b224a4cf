"""Amortised tables: logits that a guide computes from its params, which take their gradient by the chain rule.

Logits of guided latents stay where free ones would lie in the vector of parameters, but follow from
the coordinates of the params: they are set anew whenever those have moved, and never move themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ppl.graph.discrete_guides import GuidedLogits
from ppl.graph.networks import initial_weights
from ppl.graph.order import needs
from ppl.graph.terms_at_draws import TermsAtDraws
from ppl.inference.base import NotFinite
from ppl.inference.score_ascent import begin, move
from ppl.inference.score_family import Family
from ppl.posterior.target import Array

PACE, DISTILLED = 0.05, 300  # size and number of the steps that fit guides to free tables


@dataclass(frozen=True, eq=False)
class Amortised:
    """``where``: the places of guided logits among the parameters."""

    terms: TermsAtDraws
    family: Family
    guided: GuidedLogits
    where: Array

    def settled(self, theta: Array) -> Array:
        """Parameters whose guided logits are those of their params. Raises `NotFinite`."""
        out = theta.copy()
        out[self.where] = self.guided.logits(self._at(theta))
        if not np.isfinite(out[self.where]).all():
            raise NotFinite("the guide gives logits that are not finite")
        return out

    def chained(self, theta: Array, gradient: Array) -> Array:
        """Slopes in free parameters: those in guided logits are handed on to what the logits follow from."""
        out = gradient.copy()
        size = self.family.size
        out[:size] += self.guided.pulled(self._at(theta), gradient[self.where])[:size]
        out[self.where] = 0.0
        return out

    def started(self, theta: Array, rng: np.random.Generator) -> Array:
        """Fresh weights of the guides' own networks, and the logits that follow."""
        out, lay = theta.copy(), self.terms.layout
        fresh = initial_weights(lay.graph.networks, self.terms.at.size, int(rng.integers(2**31)))
        for name in sorted(self.own & set(fresh)):
            out[lay.blocks[name].where] = fresh[name].ravel()
        return self.settled(out)

    def distilled(self, free: Array, rng: np.random.Generator) -> Array:
        """Guides fitted to free tables: their params climb the cross-entropy sum_k p_k log q_k over elements.

        What the model itself reads stays where it is.
        """
        own = np.zeros(self.family.count, dtype=bool)
        for name in self.own:
            own[self.terms.layout.blocks[name].where] = True
        at, wanted = begin(self.started(free, rng), 1, PACE), self._tables(free)
        block: Any = np.zeros(self.family.count, dtype=np.intp)
        for _ in range(DISTILLED if own.any() else 0):
            slopes = np.zeros(self.family.count)
            slopes[self.where] = wanted - self._tables(at.theta)
            at = move(at, np.where(own, self.chained(at.theta, slopes), 0.0), 0.0, block)
            at = replace(at, theta=self.settled(at.theta))
        return self.settled(at.average)

    @cached_property
    def own(self) -> frozenset[str]:
        """Params that guides read and no statement of the model does."""
        read = (needs(s) for s in self.terms.layout.graph.statements)
        return self.guided.points.difference(*read)

    def _tables(self, theta: Array) -> Array:
        """Probabilities in the order of the guided logits: the second of two states, or all."""
        tables = self.family.log_tables(theta)
        parts = [
            np.exp(tables[i][:, 1:] if tables[i].shape[1] == 2 else tables[i]) for i in self.guided.latents
        ]
        return np.concatenate([p.ravel() for p in parts])

    def _at(self, theta: Array) -> Array:
        x = np.zeros((1, self.family.width))
        x[0, : self.family.size] = theta[: self.family.size]
        return x


def amortised(terms: TermsAtDraws, family: Family, guided: GuidedLogits | None) -> Amortised | None:
    """The guided part of a family; None without guides."""
    if guided is None:
        return None
    places = [np.arange(w.start, w.stop) for w in (family.logits[i] for i in guided.latents)]
    return Amortised(terms, family, guided, np.concatenate(places))
