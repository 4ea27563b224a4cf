"""Posterior probabilities of discrete latents' states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppl.data.write import csv_text
from ppl.posterior.estimates import LEVELS, Array, Estimates


@dataclass(frozen=True)
class StateTable:
    """One discrete latent. labels: n element names; states: K names; probabilities: (n, K).

    >>> table = StateTable("z", ("z[a]", "z[b]"), ("1", "2"), np.array([[0.9, 0.1], [0.2, 0.8]]))
    >>> table.most_probable()
    [('z[a]', '1', 0.9), ('z[b]', '2', 0.8)]
    """

    name: str
    labels: Sequence[str]
    states: tuple[str, ...]
    probabilities: Array

    def most_probable(self) -> list[tuple[str, str, float]]:
        """Element, its most probable state, and that state's probability."""
        best = self.probabilities.argmax(1)
        return [
            (label, self.states[k], float(self.probabilities[i, k]))
            for i, (label, k) in enumerate(zip(self.labels, best, strict=True))
        ]

    def __getitem__(self, label: str) -> dict[str, float]:
        row = self.probabilities[self.labels.index(label)]
        return dict(zip(self.states, row.tolist(), strict=True))


def states_csv(tables: tuple[StateTable, ...]) -> str:
    """Every element with its most probable state, as CSV."""
    rows = (row for table in tables for row in table.most_probable())
    return csv_text(["element", "state", "probability"], rows)


def of_numbers(name: str, labels: Sequence[str], states: Array, probabilities: Array) -> Estimates:
    """Mean, sd and quantiles of a number-valued discrete latent. probabilities: (n, K).

    >>> e = of_numbers("k", ("k",), np.array([1.0, 2.0, 3.0]), np.array([[0.25, 0.5, 0.25]]))
    >>> e.row(0).mean, round(e.row(0).sd, 4), e.row(0).q50
    (2.0, 0.7071, 2.0)
    """
    mean = probabilities @ states
    sd = np.sqrt(np.maximum(probabilities @ np.square(states) - np.square(mean), 0.0))
    cumulative = np.cumsum(probabilities, axis=1)
    places = [np.minimum((cumulative < level - 1e-12).sum(1), len(states) - 1) for level in LEVELS]
    values = np.column_stack([mean, sd, *(states[p] for p in places)])
    return Estimates(name, "discrete", labels, values, np.full(len(labels), np.nan))
