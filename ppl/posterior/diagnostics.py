"""The certificate: what stands behind a fit, what does not, and a verdict in plain English."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ppl.posterior.approximation import Approximation
from ppl.posterior.diagnostics_findings import Finding, FitFacts, Verdict
from ppl.posterior.diagnostics_importance import Importance, weigh
from ppl.posterior.diagnostics_modes import find_rival
from ppl.posterior.diagnostics_optimality import Optimality, check_optimality
from ppl.posterior.diagnostics_verdict import findings_of, verdict_of
from ppl.posterior.target import Array, Target, global_coordinates

VALUE_WORK, GRADIENT_WORK = 2.5e8, 1e8  # array elements that weights and gradients may touch
FULL_COUNT = 20000  # draws of the weights where they are affordable
MEMORY = 8e6  # numbers in one array of draws


@dataclass(frozen=True)
class Certificate:
    """Everything measured after a fit. ``draws``: (n, D) are the ones to report from."""

    status: Verdict
    verdict: str
    findings: tuple[Finding, ...]
    elbo: float
    elbo_se: float
    expected_log_likelihood: float
    kl: float
    optimality: Optimality
    importance: Importance
    response_ratio: Array
    facts: FitFacts

    @property
    def draws(self) -> Array:
        """Draws of the posterior, corrected by importance weights where those are usable."""
        return self.importance.draws

    @property
    def khat_text(self) -> str:
        """k-hat as reported: the median and the range over replicates, or "exact"."""
        at = self.importance
        if at.exact:
            return "exact"
        return f"{at.khat:.2f} ({at.khats.min():.2f} to {at.khats.max():.2f})"


def certify(
    target: Target, q: Approximation, rng: np.random.Generator, facts: FitFacts, *, draws: int = 4000
) -> Certificate:
    """Examine a fit on fresh draws; expensive targets get fewer of them, and the certificate says so.

    Optimality and ELBO speak of the fitted Gaussian, importance weights of the one reported from.
    """
    optimality_rng, weight_rng, elbo_rng, rival_rng = rng.spawn(4)
    optimality = check_optimality(target, q, optimality_rng, gradient_draws(target))
    reported = q.for_summaries()
    count = value_draws(target)
    replicates = int(np.clip(count // 800, 1, 5))
    is_global = global_coordinates(target.groups, target.size)
    most = int(min(3 * count, 2.0 * VALUE_WORK / max(target.work, 1.0)))
    importance = weigh(target, reported, weight_rng, count, replicates, is_global, draws, most)
    elbo, elbo_se, likelihood = importance.elbo, importance.elbo_se, importance.log_likelihood
    if reported is not q or q.bend is not None:
        own = weigh(target, replace(q, bend=None), elbo_rng, max(400, count // 5), 1, is_global, 1)
        elbo, elbo_se, likelihood = own.elbo, own.elbo_se, own.log_likelihood
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(q.free, reported.sd / np.where(q.free, q.sd, 1.0), 1.0)
    covered = _covered(reported, importance)
    rival = None
    if q.free.any():
        rival = find_rival(target, covered, importance.draws, rival_rng, min(1000, count // 4))
    findings = findings_of(target, q, reported, facts, optimality, importance, elbo, rival)
    status, verdict = verdict_of(findings, facts)
    return Certificate(
        status, verdict, findings, elbo, elbo_se, likelihood, likelihood - elbo,
        optimality, importance, ratio, facts,
    )  # fmt: skip


def _covered(reported: Approximation, importance: Importance) -> Approximation:
    """The Gaussian with the moments of the draws reported from, where those were corrected."""
    rank = int(reported.free.sum())
    if not importance.corrected or not 0 < rank <= len(importance.draws) // 20:
        return reported
    free, tril = reported.free, np.zeros((reported.size, reported.size))
    cov = np.atleast_2d(np.cov(importance.draws[:, free].T))
    tril[np.ix_(free, free)] = np.linalg.cholesky(cov + 1e-12 * np.diag(np.diag(cov)))
    return Approximation(importance.draws.mean(0), scale_tril=tril, point=reported.point)


def gradient_draws(target: Target) -> int:
    """Gradients the optimality check may take: 128 to 4000."""
    afford = min(GRADIENT_WORK / max(target.work, 1.0), MEMORY / max(target.size, 1))
    return int(np.clip(afford, 128, 4000))


def value_draws(target: Target) -> int:
    """Density values the importance weights may take: 400 to 20000."""
    placing = 1.5 * target.size**2  # a product with the covariance's root costs as much as that many elements
    afford = min(VALUE_WORK / max(target.work, placing, 1.0), MEMORY / max(target.size, 1))
    return int(np.clip(afford, 400, FULL_COUNT))
