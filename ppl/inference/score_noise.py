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
NEAR = 5.0  # standard errors within which a mean slope may be noise


def signal_to_noise(
    target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Name of each latent to its ratio, and of each continuous one to the slope left in its means (nats per sd).

    The slope is the largest over elements, 0 where all may be noise; at an optimum it is 0.
    """
    found = np.stack([estimate(target, plan, theta, rng, draws).gradient for _ in range(REPEATS)])
    noise, family = found.std(0, ddof=1), target.family
    mean, error = found.mean(0), noise / np.sqrt(REPEATS)
    sd, out, slopes = family.sd(theta), {}, {}
    for c in plan.continuous:
        where = c.block.where
        if c.estimator != "point":
            out[c.block.name] = _ratio(np.ones(where.stop - where.start), noise[where] * sd[where])
            sure = np.abs(mean[where]) > NEAR * error[where]
            slopes[c.block.name] = float(
                np.max(np.where(sure, np.abs(mean[where]) * sd[where], 0.0), initial=0.0)
            )
    for d, where, table in zip(plan.discrete, family.logits, family.log_tables(theta), strict=True):
        p = np.exp(table[:, 1:] if columns(d.latent) == 1 else table).ravel()
        out[d.latent.name] = _ratio(p * (1.0 - p), noise[where])
    return out, slopes


def _ratio(signal: Array, noise: Array) -> float:
    size, spread = float(np.sqrt(np.square(signal).sum())), float(np.sqrt(np.square(noise).sum()))
    return size / spread if spread > 1e-12 * max(size, 1e-12) else float("inf")
