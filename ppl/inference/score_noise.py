"""How noisy the gradient is where a fit ended: a signal-to-noise ratio for each latent.

At an optimum the mean gradient is zero, so its size says nothing. The signal is the slope that an
error of one posterior sd in a mean, or of one in a logit, would give; the noise is the sd of one
step's estimate. Both are taken in root mean square over the elements of the latent.
"""

from __future__ import annotations

import numpy as np

from ppl.inference.score_estimate import ScoreTarget, estimate
from ppl.inference.score_family import columns
from ppl.inference.score_plan import Plan
from ppl.posterior.target import Array

REPEATS = 32


def signal_to_noise(
    target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int
) -> tuple[dict[str, float], Array]:
    """Name of each latent to its ratio, and the mean of the repeated gradients (parameters,)."""
    found = np.stack([estimate(target, plan, theta, rng, draws).gradient for _ in range(REPEATS)])
    noise, family = found.std(0, ddof=1), target.family
    sd, out = family.sd(theta), {}
    for c in plan.continuous:
        where = c.block.where
        if c.estimator != "point":
            out[c.block.name] = _ratio(np.ones(where.stop - where.start), noise[where] * sd[where])
    for d, where, table in zip(plan.discrete, family.logits, family.log_tables(theta), strict=True):
        p = np.exp(table[:, 1:] if columns(d.latent) == 1 else table).ravel()
        out[d.latent.name] = _ratio(p * (1.0 - p), noise[where])
    return out, found.mean(0)


def _ratio(signal: Array, noise: Array) -> float:
    size, spread = float(np.sqrt(np.square(signal).sum())), float(np.sqrt(np.square(noise).sum()))
    return size / spread if spread > 1e-12 * max(size, 1e-12) else float("inf")
