"""What a search with a Gaussian of low rank plus diagonal hands on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ppl.backend.low_rank import LowRank
from ppl.graph.flows import Flow
from ppl.inference.stochastic_target import StochasticTarget
from ppl.posterior.approximation import Approximation
from ppl.posterior.target import Array

DENSE = 2000  # coordinates of which a whole covariance is made


def low_rank_result(target: StochasticTarget, x: Array) -> Approximation | None:
    """A correlated Gaussian over all coordinates; None with a guide, or with too many of them."""
    estimates = target.estimates
    gaussian = all(isinstance(f.coupling, LowRank) for f in estimates.flows)
    if not gaussian or estimates.guides or target.size > DENSE:
        return None
    mean, log_sd = estimates.coordinates(x)
    free = ~target.point
    sd = np.where(free, np.exp(log_sd), 0.0)
    covariance = np.diag(np.square(sd))
    weights = [p.of(x) for p in estimates.parameters if p.role == "flow"]
    for flow, own in zip(estimates.flows, weights, strict=True):
        assert isinstance(flow.coupling, LowRank)
        places = _places(flow)
        shared = sd[places, None] * flow.coupling.directions(own[None])[0]
        covariance[np.ix_(places, places)] += shared @ shared.T
    tril = np.zeros_like(covariance)
    tril[np.ix_(free, free)] = np.linalg.cholesky(covariance[np.ix_(free, free)])
    return Approximation(mean, scale_tril=tril, point=target.point)


def _places(flow: Flow) -> NDArray[np.int64]:
    """Where a flow's coordinates lie among all."""
    return np.concatenate([np.arange(b.where.start, b.where.stop, dtype=np.int64) for b in flow.blocks])
