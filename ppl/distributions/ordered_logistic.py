"""OrderedLogistic(eta, cutpoints): an ordered label by cutting a logistic variable."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._checks import plain
from ppl.distributions._gather import draw_codes, gather
from ppl.distributions.base import Distribution, Example, Parameter
from ppl.supports import COUNT, REAL, Structured, Support
from ppl.types import Element

Array = Any


def _edges(cutpoints: Array) -> Array:
    """Cutpoints with -inf before and inf behind."""
    end = np.full((1,) * len(cutpoints.shape), np.inf)
    return xp.concatenate(-end, cutpoints, end, axis=-1)


class OrderedLogistic(Distribution):
    """P(x <= k) = 1 / (1 + exp(eta - cutpoints[k])) for the codes k = 0, ..., K - 1.

    >>> import numpy as np
    >>> x = np.array([0, 1])
    >>> OrderedLogistic.log_density(x, eta=np.zeros(1), cutpoints=np.zeros((1, 1))).round(6).tolist()
    [-0.693147, -0.693147]
    """

    parameters = (
        Parameter("eta", REAL, doc="location of the logistic variable"),
        Parameter("cutpoints", Structured("ordered"), 1, "gaps", doc="K - 1 increasing numbers"),
    )
    signatures = (("eta", "cutpoints"),)
    element: ClassVar[Element] = "label"
    examples = (
        Example({"eta": 0.4, "cutpoints": [-1.0, 0.3, 2.0]}, (0, 1, 3)),
        Example({"eta": -2.0, "cutpoints": [0.0]}, (0, 1)),
    )
    reference = "P. McCullagh, Regression Models for Ordinal Data, JRSS B 1980"

    @classmethod
    def support(cls, **given: Support) -> Support:
        return COUNT

    @classmethod
    def log_density(cls, x: Array, eta: Array, cutpoints: Array) -> Array:
        edges = _edges(cutpoints)
        inside = True
        if plain(x):
            x = np.asarray(x)
            inside = (x >= 0) & (x < edges.shape[-1] - 1) & (x == np.floor(x))
            x = np.where(inside, x, 0)
        with np.errstate(all="ignore"):
            above, below = gather(edges, x + 1), gather(edges, x)
            wide = xp.log1m_ratio(above, below)
            out = wide - xp.softplus(eta - above) - xp.softplus(below - eta)
            return out if np.all(inside) else xp.where(inside, out, -np.inf)

    @classmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], eta: Array, cutpoints: Array) -> Array:
        cumulative = xp.sigmoid(_edges(np.asarray(cutpoints)) - np.asarray(eta)[..., None])
        return draw_codes(rng, shape, np.diff(cumulative, axis=-1))

    @classmethod
    def states(cls, eta: Array, cutpoints: Array) -> Array:
        return np.arange(cutpoints.shape[-1] + 1)
