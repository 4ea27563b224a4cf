"""Priors averaged over a latent's own Gaussian in closed form: the same mean gradient, less noise.

A parameter fails 5 standard errors off: a false alarm in 6e-7 of the 10 that are judged.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ppl.inference.score_estimate import ScoreTarget, estimate
from tests.bbvi.small import target_of

TEXT = """
table rows(y: real)
m ~ Normal(0, 1)
u[i] ~ Normal(m, 1) for i in rows
y[i] ~ Normal(u[i], 3) for i in rows
"""


def gradients(target: ScoreTarget, theta: np.ndarray, seed: int) -> np.ndarray:
    rng, plan = np.random.default_rng(seed), target.plan(8, "auto")
    return np.stack([estimate(target, plan, theta, rng, 8).gradient for _ in range(600)])


def drawn(target: ScoreTarget) -> ScoreTarget:
    """The same target with priors at the draws."""
    terms = tuple(replace(term, averaged=None) for term in target.terms.terms)
    target.terms = replace(target.terms, moments=(), terms=terms)
    return target


def test_closed_forms_leave_the_mean_and_take_noise_out() -> None:
    theta = 0.3 * np.random.default_rng(1).normal(size=6)
    closed = gradients(target_of(TEXT), theta, 2)
    plain = gradients(drawn(target_of(TEXT)), theta, 3)
    error = np.sqrt((closed.var(0) + plain.var(0)) / 600)
    gap = np.abs(closed.mean(0) - plain.mean(0))
    assert (gap < 5 * error).all()
    assert (np.abs(gap + 0.3) > 5 * error).all()  # a twin: a third of a nat a sd is found out
    assert (plain.var(0)[1:3] > 1.5 * closed.var(0)[1:3]).all()  # u: what its prior adds given m is gone
