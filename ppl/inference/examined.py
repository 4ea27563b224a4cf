"""From the result of a run to what a fit reports: one way for Gaussians, one for factored approximations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.inference.run import Run
from ppl.posterior.approximation import Approximation
from ppl.posterior.assemble import Drawn, draw_count, figures, spread_khat, summarise
from ppl.posterior.boundary_check import boundary_collapses
from ppl.posterior.criteria import criteria
from ppl.posterior.diagnostics import Certificate, certify
from ppl.posterior.diagnostics_findings import FitFacts
from ppl.posterior.discrete import given_states
from ppl.posterior.element_names import ElementNames
from ppl.posterior.element_weights import ElementWeights
from ppl.posterior.estimates import Array, Estimates
from ppl.posterior.exact_evidence import exact_evidence
from ppl.posterior.factored import Factored, FactoredRecord, record_of
from ppl.posterior.factored_check import FactoredCertificate, certify_factored
from ppl.posterior.prior_check import prior_conflicts
from ppl.posterior.record import Bound, FitWarning, finite

CHECK, REPORT, SAMPLE, PRIOR = 1, 2, 7, 5  # purposes of random streams


@dataclass(frozen=True)
class Examined:
    """What examining a result gives: the fields of a `Fit` that depend on the method."""

    status: str
    verdict: str
    drawn: Drawn
    bound: Bound
    warnings: tuple[FitWarning, ...]
    log_evidence: float | None
    checks: dict[str, Any]
    factored: FactoredRecord | None = field(default=None)


def examine(
    problem: Any, target: Any, backend: Any, done: Run[Any, Any], seed: int, draws: int | None
) -> Examined:
    """Certify and summarise the result of a run."""
    facts = backend.facts(done.state, done.outcome)
    elements = sum(len(q.labels) for q in problem.quantities if q.kind not in ("value", "discrete"))
    count = draw_count(elements, draws)
    if isinstance(done.result, Factored):
        return _factored(problem, done, facts, seed, count)
    return _gaussian(problem, target, done, facts, seed, count)


# ---------------------------------------------------------------- Gaussians on the real line


def _gaussian(
    problem: Any, target: Any, done: Run[Any, Approximation], facts: FitFacts, seed: int, count: int
) -> Examined:
    assert done.result is not None
    checked = certify(target, done.result, np.random.default_rng([seed, CHECK]), facts, draws=count)
    khat = spread_khat(problem, target.groups, checked.importance.coordinate_khat)
    drawn = summarise(problem, checked.draws, khat, np.random.default_rng([seed, REPORT]))
    conflicts = (
        *boundary_collapses(problem, target, done.result),
        *prior_conflicts(problem, drawn.draws, np.random.default_rng([seed, PRIOR])),
    )
    status = done.outcome.status if done.outcome.status != "converged" else checked.status
    names = ElementNames(problem, target)
    found = (
        FitWarning(f.code, names.rewritten(f.text), names.of(f.coordinates), f.severity)
        for f in checked.findings
    )
    doubt = f"Use with care: {conflicts[0].message}." if conflicts and checked.status == "ok" else ""
    return Examined(
        status="warn" if conflicts and status == "ok" else status,
        verdict=doubt or names.rewritten(checked.verdict),
        drawn=drawn,
        bound=_elbo(done.result, checked),
        warnings=(*found, *conflicts),
        log_evidence=checked.elbo if checked.importance.exact else None,
        checks=_checks(done, checked),
    )


def _elbo(q: Approximation, checked: Certificate) -> Bound:
    entropy = float(q.entropy)
    return Bound(
        checked.elbo,
        checked.elbo_se,
        checked.expected_log_likelihood,
        checked.kl,
        checked.elbo - entropy,
        entropy,
    )


def _checks(done: Run[Any, Any], checked: Certificate) -> dict[str, Any]:
    weights = checked.importance
    found = {
        "steps": len(done.trace),
        "gradient": checked.facts.gradient,
        "khat": weights.khat,
        "khat_text": checked.khat_text,
        "khat_globals": weights.khat_globals,
        "importance_draws": weights.count,
        "importance_share": weights.share,
        "corrected": bool(weights.corrected),
        "exact": bool(weights.exact),
        "draw_shift": checked.facts.shift,
    }
    return {k: _plain(v) for k, v in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


# ---------------------------------------------------------------- factors in the model's own coordinates


def _factored(problem: Any, done: Run[Any, Factored], facts: FitFacts, seed: int, count: int) -> Examined:
    q = done.result
    assert q is not None
    draws = q.draws((seed, SAMPLE), count)
    chances = q.probabilities()
    states = given_states(problem, chances)
    drawn = figures(problem, draws, {}, states, np.random.default_rng([seed, REPORT]))
    checked = certify_factored(
        problem,
        q,
        facts,
        draws,
        chances,
        np.random.default_rng([seed, CHECK]),
        np.random.default_rng([seed, PRIOR]),
    )
    status = done.outcome.status if done.outcome.status != "converged" else checked.status
    return Examined(
        status=status,
        verdict=checked.verdict,
        drawn=replace(drawn, estimates=_closed_form(drawn.estimates, q.means, q.sds)),
        bound=q.bound(),
        warnings=checked.warnings,
        log_evidence=finite(q.log_evidence),
        checks=_factored_checks(done, checked, drawn.estimates, count),
        factored=record_of(q, criteria(problem, q), exact_evidence(problem, q)),
    )


def _closed_form(
    estimates: tuple[Estimates, ...], means: Mapping[str, Array], sds: Mapping[str, Array]
) -> tuple[Estimates, ...]:
    """Means and sds as q knows them, in place of those of its draws: written over, since they may be many."""
    for e in estimates:
        for column, known in enumerate((_known(means, e), _known(sds, e))):
            if known is not None:
                np.copyto(e.values[:, column], known, where=np.isfinite(known))
    return estimates


def _known(by_name: Mapping[str, Array], e: Estimates) -> Array | None:
    if e.kind not in ("latent", "param", "imputed") or e.name not in by_name:
        return None
    flat = np.ravel(by_name[e.name])
    return flat if len(flat) == len(e.labels) else None


def _element_checks(found: ElementWeights | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "khat_elements": found.text,
        "khat_elements_median": found.quantile(0.5),
        "khat_elements_poor": found.poor,
        "weighted_gain": float(found.gains.mean()),
    }


def _factored_checks(
    done: Run[Any, Factored], checked: FactoredCertificate, drawn: tuple[Estimates, ...], count: int
) -> dict[str, Any]:
    weights = checked.weights
    found = {
        "steps": len(done.trace),
        "khat": weights.khat,
        "khat_text": weights.text,
        "importance_draws": weights.count,
        "importance_share": weights.share,
        "collapsed_elbo": weights.elbo,
        "collapsed_elbo_se": weights.elbo_se,
        "weighted_bound": weights.bound,
        **_element_checks(checked.elements),
        "corrected": bool(done.result is not None and done.result.corrected),
        "exact": weights.exact,
        "mean_error": 1.0 / np.sqrt(count) if any((e.values[:, 1] > 0).any() for e in drawn) else 0.0,
    }
    return {k: _plain(v) for k, v in found.items()}
