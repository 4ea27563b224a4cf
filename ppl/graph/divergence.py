"""The divergence of one latent's q from its prior: in closed form between Gaussians, else at the draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, add, aligned, union
from ppl.graph.order import mentions

Array = Any
HALF = 0.5


@dataclass(frozen=True, eq=False)
class Gaussian:
    """An independent Gaussian q over a latent's own dims."""

    mean: Named
    sd: Named


@dataclass(frozen=True, eq=False)
class Drawn:
    """A latent's value over its own dims; log q there; and the Gaussian it was drawn from, if it was.

    ``log_q`` is None for point estimates. It is an expectation where that is known.
    """

    value: Named
    log_q: Named | None = None
    gaussian: Gaussian | None = None


def closed_form(s: g.Statement) -> bool:
    """Whether the divergence of a Gaussian q from this prior has a closed form: a Normal of other latents."""
    own = isinstance(s.body, g.Distribution) and s.body.name == "Normal"
    return own and s.name not in mentions((s.body,))


def divergence(at: Evaluator, s: g.Statement, drawn: Drawn) -> Named:
    """``log q - log p`` over the latent's plates, its expectation over q where there is a closed form."""
    assert drawn.log_q is not None
    if drawn.gaussian is not None and closed_form(s):
        return _between_gaussians(at, s, drawn.gaussian)
    prior = at.log_density(s.body, drawn.value, s.event)
    dims = union((prior.dims, drawn.log_q.dims), at.size)
    q = _summed(drawn.log_q, prior)
    if set(q.dims) != set(prior.dims):
        prior = _summed(prior, q)
    return add([q, Named(xp.negative(prior.array), prior.dims)], at.size) if dims else _scalar(q, prior)


def _scalar(q: Named, prior: Named) -> Named:
    return Named(xp.subtract(q.array, prior.array))


def _summed(x: Named, other: Named) -> Named:
    """A term summed over the dims that the other does not have."""
    axes = tuple(i - len(x.dims) for i, d in enumerate(x.dims) if d not in other.dims)
    return Named(xp.sum(x.array, axis=axes), tuple(d for d in x.dims if d in other.dims)) if axes else x


def mean_log_normal(at: Evaluator, s: g.Statement, q: Gaussian) -> Named:
    """The mean of a Normal prior's log density over a Gaussian q of the latent, given all that the prior reads:

    ``-log s0 - log(2 pi) / 2 - ((m - m0)^2 + s^2) / (2 s0^2)`` for q = N(m, s) and the prior N(m0, s0).
    """
    assert isinstance(s.body, g.Distribution)
    ready = densities.prepare(at, s.body, s.event, q.mean)
    sd = densities.normal_sd(ready.applied.given)
    mean, spread = aligned(q.mean, ready.batch), aligned(q.sd, ready.batch)
    square = xp.square(mean - ready.applied.given["mean"]) + xp.square(spread)
    return Named(-HALF * square / xp.square(sd) - xp.log(sd) - HALF * float(np.log(2.0 * np.pi)), ready.batch)


def _between_gaussians(at: Evaluator, s: g.Statement, q: Gaussian) -> Named:
    """``log(s0 / s) + (s^2 + (m - m0)^2) / (2 s0^2) - 1/2`` for N(m, s) from N(m0, s0)."""
    assert isinstance(s.body, g.Distribution)
    ready = densities.prepare(at, s.body, s.event, q.mean)
    given = ready.applied.given
    prior_sd = densities.normal_sd(given)
    mean, sd = aligned(q.mean, ready.batch), aligned(q.sd, ready.batch)
    out = xp.gaussian_divergence(mean, sd, given["mean"], prior_sd)
    shape = tuple(at.size(d) for d in ready.batch)
    return Named(xp.broadcast_last(out, shape) if np.shape(out)[1:] != shape else out, ready.batch)
