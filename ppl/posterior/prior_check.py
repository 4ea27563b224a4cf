"""Posteriors far out in the tails of their own priors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.errors import PplError
from ppl.posterior.estimates import Array
from ppl.posterior.record import FitWarning

DRAWS = 2000
FAR = 5.0  # robust prior sds; and beyond every prior draw, so that heavy tails do not count
ELEMENTS = 200  # larger latents belong to plates, whose spread has a prior of its own


def prior_conflicts(
    problem: Any, draws: Mapping[str, Array], rng: np.random.Generator
) -> tuple[FitWarning, ...]:
    """A warning for each latent whose posterior mean no prior draw reaches, and that lies far from them.

    Nothing is said of latents that depend on another latent in question, nor of improper priors.
    """
    wanted = {q.name: tuple(q.labels) for q in problem.quantities if _alone(problem, q)}
    if not wanted:
        return ()
    try:
        prior = problem.prior_of(tuple(wanted), DRAWS, rng)
    except PplError:
        return ()
    found = []
    for name, labels in wanted.items():
        if name in prior and name in draws:
            sds = _distance(np.asarray(prior[name]), np.asarray(draws[name]))
            found += [_warning(labels[i], float(sds[i])) for i in np.flatnonzero(sds > FAR)]
    return tuple(found[:10])


def _alone(problem: Any, q: Any) -> bool:
    """Whether a latent's prior has constants only: elsewhere its prior is what the fit found."""
    if q.kind != "latent" or q.of_rows or not 0 < len(q.labels) <= ELEMENTS:
        return False
    from ppl.graph.order import needs

    statement = next(s for s in problem.plain.statements if s.name == q.name)
    names = {s.name for s in problem.plain.statements if s.kind in ("latent", "param", "value")}
    return not needs(statement) & (names - {q.name})


def _distance(prior: Array, posterior: Array) -> Array:
    """Robust prior sds from the prior's median to the posterior's mean; 0 within the prior's draws."""
    prior, mean = prior.reshape(len(prior), -1), posterior.reshape(len(posterior), -1).mean(0)
    low, middle, high = np.quantile(prior, (0.25, 0.5, 0.75), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sds = np.abs(mean - middle) / ((high - low) / 1.349)
    outside = (mean > prior.max(0)) | (mean < prior.min(0))
    distance: Array = np.where(outside & np.isfinite(sds), sds, 0.0)
    return distance


def _warning(label: str, sds: float) -> FitWarning:
    text = (
        f"the data pull `{label}` {sds:.0f} prior sds away from its prior: check the units of the data, "
        "or widen the prior"
    )
    return FitWarning("W715", text, (label,))
