"""Bernoulli(p): t(x) indicates the states 0 and 1, eta holds their two log potentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from ppl.energy.families._discrete import Discrete
from ppl.energy.families.base import Eta
from ppl.supports import BOOL, Support

Array = Any


@final
class Bernoulli(Discrete):
    """A = log(exp(eta_0) + exp(eta_1)).

    >>> Bernoulli.parameters({"is": np.log([0.75, 0.25])})["p"].round(12).tolist()
    0.25
    """

    name = "Bernoulli"

    @classmethod
    def fits(cls, support: Support) -> bool:
        return support == BOOL

    @classmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        return {"p": cls.mean(eta)["is"][..., 1]}

    @classmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        p = np.asarray(parameters["p"], dtype=float)
        with np.errstate(divide="ignore"):
            return {"is": np.stack([np.log1p(-p), np.log(p)], axis=-1)}

    @classmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        """``mean``: the probability of 1 (*batch); it determines the sd."""
        return cls.natural({"p": mean})
