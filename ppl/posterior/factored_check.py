"""The certificate of a factored fit: what stands behind it, what does not, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.posterior.diagnostics_findings import FitFacts
from ppl.posterior.diagnostics_verdict import starts_differ, unfinished
from ppl.posterior.element_weights import ElementWeights
from ppl.posterior.estimates import Array
from ppl.posterior.factored import Factored
from ppl.posterior.factored_weights import Weights, weigh_factored
from ppl.posterior.point_edges import edges
from ppl.posterior.prior_check import prior_conflicts
from ppl.posterior.record import Bound, FitWarning

NARROW, MOVED = 0.15, 0.15  # relative change of an sd, and shift of a mean in sds, worth naming
ENOUGH = 100  # effective draws that such a comparison needs
EVEN = 0.95  # effective share above which a tail does not matter
OFF = 6.0  # standard errors between the ELBO and its estimate that chance does not explain
SHOWN = 5
UNKNOWN = (
    "The fit converged; k-hat could not be computed, so how far to believe it is not known "
    "(compare with another method)."
)


@dataclass(frozen=True)
class FactoredCertificate:
    """What was found: ``ok``, ``warn`` or ``failed``, the sentence, the warnings and the weights."""

    status: str
    verdict: str
    warnings: tuple[FitWarning, ...]
    weights: Weights
    elements: ElementWeights | None = None


def certify_factored(
    problem: Any, q: Factored, facts: FitFacts, draws: Mapping[str, Array], chances: Mapping[str, Array],
    rng: np.random.Generator, prior_rng: np.random.Generator,
) -> FactoredCertificate:  # fmt: skip
    """Examine a factored fit; ``draws`` are those reported from, ``chances`` q's probabilities of states."""
    stopped = unfinished(facts)
    if stopped is not None:
        grave = FitWarning(stopped.code, stopped.text, (), stopped.severity)
        weights = Weights("the run did not converge")
        return FactoredCertificate("failed", f"Do not use this fit: {grave.message}.", (grave,), weights)
    weights = weigh_factored(problem, q, rng, frozenset(chances))
    elements = None if weights.exact else q.element_weights(rng)
    found = [w for w in _findings(problem, q, facts, weights, draws, chances) if w is not None]
    found = [*map(_known_by_element, found), elements.finding()] if elements is not None else found
    found += prior_conflicts(problem, draws, prior_rng)
    order = {"failed": 0, "warn": 1, "note": 2}
    warnings = tuple(sorted(found, key=lambda w: order[w.severity]))
    return FactoredCertificate(*verdict_on(warnings), warnings, weights, elements)


def verdict_on(warnings: tuple[FitWarning, ...]) -> tuple[str, str]:
    """Status and sentence for warnings in the order of their gravity.

    >>> verdict_on((FitWarning("W706", "k-hat is 0.9"),))
    ('warn', 'Use with care: k-hat is 0.9.')
    """
    told = [w for w in warnings if w.severity != "note"]
    if not told:
        return "ok", "The fit converged and every check passed."
    if told[0].severity == "failed":
        return "failed", f"Do not use this fit: {told[0].message}."
    if told[0].code == "W718" and len(told) == 1:
        return "warn", UNKNOWN
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    return "warn", f"Use with care: {told[0].message}{more}."


def _findings(
    problem: Any,
    q: Factored,
    facts: FitFacts,
    weights: Weights,
    draws: Mapping[str, Array],
    chances: Mapping[str, Array],
) -> Iterator[FitWarning | None]:
    if not np.isfinite(q.elbo):
        yield FitWarning("W703", "the ELBO is not finite", (), "failed")
    yield FitWarning("W729", facts.remark, (), "note") if facts.remark else None
    starts = starts_differ(tuple(q.restarts) or facts.ends)
    yield FitWarning(starts.code, starts.text, (), starts.severity) if starts is not None else None
    told = q.findings()
    yield from told
    points = frozenset(n for b in q.blocks if b.point for n in b.names)
    known = {n for w in told for n in w.names}
    found = edges(problem, points, draws, chances)
    yield from (w for w in found if not (w.names and known >= set(w.names)))
    yield _bound_off(q.bound(), weights, bool(chances) or q.loose)
    yield _not_even(q, weights)
    yield _poor(weights, len(q.blocks) == 1)
    yield _disagree(problem, q, weights)
    yield _unchecked(q, weights)


def _bound_off(own: Bound, at: Weights, summed: bool) -> FitWarning | None:
    """The ELBO against its estimate: equal, or the estimate no lower where it has something ``summed`` out."""
    if not np.isfinite(at.elbo_se) or not (at.exact or at.share > EVEN or at.khat < at.limit):
        return None
    slack = OFF * float(np.hypot(at.elbo_se, own.error)) + 1e-6 * max(1.0, abs(own.elbo))
    above = not summed and at.elbo - own.elbo > slack
    if at.elbo - own.elbo >= -slack and not above:
        return None
    text = (
        f"the ELBO {own.elbo:.3f} disagrees with its estimate {at.elbo:.3f} "
        f"(standard error {at.elbo_se:.2g}): this is a bug in ppl, please report it"
    )
    return FitWarning("W720", text, (), "failed")


def _not_even(q: Factored, at: Weights) -> FitWarning | None:
    """A q that is said to be the posterior has even weights."""
    if q.log_evidence is None or at.exact or not len(at.khats) or at.share > EVEN:
        return None
    text = (
        f"q is said to be the posterior ({q.evidence_reason}), but its importance weights are uneven, k-hat "
        f"{at.khat:.2f}: this is a bug in ppl, please report it"
    )
    return FitWarning("W720", text, (), "failed")


def _poor(at: Weights, single: bool) -> FitWarning | None:
    if at.exact or not len(at.khats) or at.share > EVEN or at.khat < at.limit:
        return None
    text = (
        f"{'q is' if single else 'independent factors are'} a poor stand-in for this posterior: k-hat {at.khat:.2f} "
        f"is above {at.limit:.2f}; compare with another method (ppl compare)"
    )
    return FitWarning("W706", text)


def _disagree(problem: Any, q: Factored, at: Weights) -> FitWarning | None:
    """Elements whose mean or sd the weights would change."""
    if at.exact or not len(at.weights) or at.ess < ENOUGH or not (at.khat < at.limit or at.share > EVEN):
        return None
    named = [label for name, array in at.draws.items() for label in _off(problem, name, array, at)]
    if not named:
        return None
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    shown = ", ".join(f"`{n}`" for n in named[:SHOWN]) + more
    if q.corrected:
        text = f"importance weights moved the mean or sd of {shown}; what is reported is corrected"
        return FitWarning("W708", text, tuple(named), "note")
    why = "independent factors are too narrow" if len(q.blocks) > 1 else "q is off there"
    text = f"importance weights disagree with the mean or sd of {shown}: {why}"
    return FitWarning("W708", text, tuple(named))


def _off(problem: Any, name: str, draws: Array, at: Weights) -> list[str]:
    flat = draws.reshape(len(draws), -1)
    labels = next((q.labels for q in problem.quantities if q.name == name), ())
    if flat.shape[1] != len(labels):
        return []
    noise = 3.0 / np.sqrt(2.0 * at.ess)
    mean, sd = flat.mean(0), flat.std(0)
    moves = sd > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    safe = np.where(moves, sd, 1.0)
    centred = (flat - mean) / safe
    shift = at.weights @ centred
    ratio = np.sqrt(np.maximum(at.weights @ np.square(centred) - np.square(shift), 0.0))
    off = (np.abs(ratio - 1.0) > NARROW + noise) | (np.abs(shift) > MOVED + 2.0 * noise)
    return [labels[i] for i in np.flatnonzero(off & moves)]


def _unchecked(q: Factored, at: Weights) -> FitWarning | None:
    """No k-hat: say so, where q has something to get wrong."""
    free = [b for b in q.blocks if not b.point]
    if at.exact or len(at.khats) or len(free) < 2 or q.log_evidence is not None:
        return None
    text = f"k-hat is not computed: {at.why}; sds of independent factors are lower bounds"
    return FitWarning("W718", text)


def _known_by_element(found: FitWarning) -> FitWarning:
    """That k-hat is missing is a remark where single elements have theirs."""
    return replace(found, severity="note") if found.code == "W718" else found
