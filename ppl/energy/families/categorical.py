"""Categorical(p): t(x) indicates the state, eta holds log potentials (any constant may be added)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.energy.families._discrete import Discrete
from ppl.energy.families.base import Eta
from ppl.supports import Interval, Support

Array = Any


@final
class Categorical(Discrete):
    """A = log sum_k exp(eta_k).

    A latent count is enumerated too, over values that carry all but a negligible part of its mass: its
    base measure 1 / x! is then a potential like any other, and exact in E and the entropy.

    >>> Categorical.mean({"is": np.array([0.0, -np.inf])})["is"].tolist()
    [1.0, 0.0]
    """

    name = "Categorical"

    @classmethod
    def fits(cls, support: Support) -> bool:
        return isinstance(support, Interval) and support.integer

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        return {"p": cls.mean(eta)["is"]}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        with np.errstate(divide="ignore"):
            return {"is": np.log(np.asarray(parameters["p"], dtype=float))}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        """``mean``: probabilities (*batch, K); they determine the sd."""
        return cls.natural({"p": mean})
