"""The terms that read a latent, and their sums over each of its elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.graph.blankets import Incidence, incidence
from ppl.graph.terms_at_draws import TermsAtDraws
from ppl.posterior.target import Array


@dataclass(frozen=True, eq=False)
class Blanket:
    """The terms that read a latent, each with its incidence and its columns among some program's values."""

    parts: tuple[tuple[Incidence, slice], ...]
    shape: tuple[int, ...]

    def costs(self, values: Array) -> Array:
        """Costs of the elements of the stored array, flat: (S, cells of terms) to (S, elements)."""
        out = np.zeros((len(values), *self.shape))
        for found, where in self.parts:
            found.add_to(out, values[:, where])
        return out.reshape(len(values), -1)

    def alone(self) -> Blanket:
        """The same for the values of its own terms side by side."""
        parts, start = [], 0
        for found, where in self.parts:
            parts.append((found, slice(start, start + where.stop - where.start)))
            start = parts[-1][1].stop
        return Blanket(tuple(parts), self.shape)


def blanket_of(terms: TermsAtDraws, name: str, shape: tuple[int, ...], whole: int = 0) -> Blanket:
    """The blanket of a latent stored in an array of ``shape``, of which one draw fills the last ``whole`` axes."""
    out = []
    for term in terms.terms:
        found = incidence(terms.layout, terms.at, term, name, shape, whole)
        if found is not None:
            out.append((found, term.where))
    return Blanket(tuple(out), shape)
