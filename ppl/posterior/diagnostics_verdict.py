"""From what was measured to what to say: each rule gives at most one finding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ppl.posterior.approximation import Approximation
from ppl.posterior.diagnostics_findings import Finding, FitFacts, Verdict, names_of
from ppl.posterior.diagnostics_importance import Importance
from ppl.posterior.diagnostics_optimality import LIMIT, Optimality
from ppl.posterior.target import Array, Target

NARROW, WIDE = 1.15, 0.85  # corrected over reported sd beyond which a coordinate is named
MOVED = 0.15  # likewise for the shift of a mean, in sds
WIDENED = 1.2  # response over fitted sd beyond which the correction is worth telling
DRAW_ERROR = 0.3  # dependence on the draws, in sds, that is worth a warning
HEAVY = 0.9  # tail index of a coordinate's own draws above which its moments are in doubt
STARTS = 1.0  # nats between the ends of starts that count as the same
FLAT = 1e-6  # eigenvalue of the correlation matrix below which a combination is not identified


@dataclass(frozen=True)
class Evidence:
    """All that the rules look at."""

    target: Target
    q: Approximation
    reported: Approximation
    facts: FitFacts
    optimality: Optimality
    importance: Importance
    elbo: float
    rival: Array | None


def findings_of(
    target: Target, q: Approximation, reported: Approximation, facts: FitFacts,
    optimality: Optimality, importance: Importance, elbo: float, rival: Array | None,
) -> tuple[Finding, ...]:  # fmt: skip
    """Every finding, the gravest first."""
    seen = Evidence(target, q, reported, facts, optimality, importance, elbo, rival)
    rules = RULES if facts.status == "converged" else RULES[:2]  # the rest would only say so again
    found = [f for rule in rules if (f := rule(seen)) is not None]
    order = {"failed": 0, "warn": 1, "note": 2}
    return tuple(sorted(found, key=lambda f: order[f.severity]))


def verdict_of(findings: tuple[Finding, ...], facts: FitFacts) -> tuple[Verdict, str]:
    """The status and the sentence for the last line of a report."""
    grave = [f for f in findings if f.severity == "failed"]
    if grave:
        return "failed", f"Do not use this fit: {grave[0].text}."
    warned = [f for f in findings if f.severity == "warn"]
    if warned:
        more = f" (and {len(warned) - 1} more)" if len(warned) > 1 else ""
        return "warn", f"Use with care: {warned[0].text}{more}."
    return "ok", "The fit converged and every check passed."


def _unfinished(seen: Evidence) -> Finding | None:
    return unfinished(seen.facts)


def unfinished(facts: FitFacts) -> Finding | None:
    """A run that was stopped, or did not converge."""
    if facts.status == "converged":
        return None
    code = "W702" if facts.status in ("time_limit", "interrupted") else "W701"
    return Finding(code, f"the fit {_began(facts.sentence)}", severity="failed")


def _began(sentence: str) -> str:
    return sentence if sentence.startswith(("stopped", "was")) else f"did not converge: {sentence}"


def _not_finite(seen: Evidence) -> Finding | None:
    bad = seen.optimality.bad + seen.importance.bad
    total = seen.optimality.draws + seen.importance.count
    where = seen.optimality.offender if seen.optimality.offender is not None else seen.importance.offender
    if bad == 0 or where is None:
        return None
    text = f"{bad} of {total} fresh draws have no finite density: {seen.target.locate(where)}"
    return Finding("W703", text, severity="failed" if bad > 0.01 * total else "warn")


def _not_optimal(seen: Evidence) -> Finding | None:
    at = seen.optimality
    if seen.facts.status != "converged" or at.bad or at.passed or not seen.q.free.any():
        return None
    beyond = np.maximum(np.abs(at.shift) - 3 * at.shift_se, np.abs(at.spread) - 3 * at.spread_se)
    places = tuple(int(i) for i in np.argsort(-beyond) if beyond[i] > LIMIT)
    size = max(abs(at.shift[places[0]]), abs(at.spread[places[0]])) if places else math.nan
    text = (
        f"on fresh draws the optimum lies elsewhere, by {size:.2f} sds for {names_of(seen.target, places)}; "
        "more --advi-draws would move the answer"
    )
    if seen.importance.corrected:
        return Finding("W704", f"{text}; importance weights have made up for it", places, "note")
    return Finding("W704", text, places, "failed" if not size < 0.5 else "warn")


def _draw_error(seen: Evidence) -> Finding | None:
    if not seen.facts.shift > DRAW_ERROR:
        return None
    text = (
        f"the answer moves by {seen.facts.shift:.2f} sds from one set of draws to another; raise --max-draws"
    )
    return Finding("W705", text, severity="note" if seen.importance.corrected else "warn")


def _poor_weights(seen: Evidence) -> Finding | None:
    at = seen.importance
    if at.usable or (math.isfinite(at.khat_globals) and at.khat_globals < at.limit):
        return None
    if len(at.khats) == 0 or at.share == 0.0:
        return None
    text = f"a Gaussian is a poor stand-in for this posterior: k-hat {at.khat:.2f} is above {at.limit:.2f}"
    heavy = tuple(int(i) for i in np.flatnonzero(at.coordinate_khat > max(at.limit, at.khat - 0.1)))
    if 0 < len(heavy) < seen.q.size:
        text += f", above all in {names_of(seen.target, heavy)}"
    return Finding("W706", text, heavy)


def _heavy_tails(seen: Evidence) -> Finding | None:
    at = seen.importance
    places = tuple(int(i) for i in np.flatnonzero(at.coordinate_khat > HEAVY))
    if not at.corrected or not places:
        return None
    text = f"the tails of {names_of(seen.target, places)} are so heavy that a mean and an sd say little"
    return Finding("W717", text, places)


def _local_weights(seen: Evidence) -> Finding | None:
    at = seen.importance
    if at.usable or not (math.isfinite(at.khat_globals) and at.khat_globals < at.limit):
        return None
    text = (
        f"k-hat is {at.khat:.2f} over all {seen.q.size} coordinates but {at.khat_globals:.2f} "
        "for the globals alone: rely on the globals"
    )
    return Finding("W707", text, severity="note")


def _wrong_widths(seen: Evidence) -> Finding | None:
    at = seen.importance
    if at.corrected or at.exact or at.ess < 100:
        return None
    noise = 3.0 / math.sqrt(2.0 * at.ess)
    off = (at.sd_ratio > NARROW + noise) | (at.sd_ratio < WIDE - noise)
    off |= np.abs(at.mean_shift) > MOVED + 2.0 * noise
    places = tuple(int(i) for i in np.flatnonzero(off & seen.q.free))
    if not places:
        return None
    text = f"importance weights disagree with the reported mean or sd of {names_of(seen.target, places)}"
    if seen.q.log_sd is not None:
        text += "; try --family full_rank"
    return Finding("W708", text, places)


def _narrow_mean_field(seen: Evidence) -> Finding | None:
    if seen.q.log_sd is None or seen.importance.corrected:
        return None
    if seen.reported is seen.q:
        if seen.q.free.sum() < 2 or seen.importance.exact or seen.importance.share > 0.95:
            return None
        return Finding("W709", "sds of an independent Gaussian are likely too small", severity="warn")
    ratio = np.where(seen.q.free, seen.reported.sd / np.where(seen.q.free, seen.q.sd, 1.0), 1.0)
    places = tuple(int(i) for i in np.argsort(-ratio) if ratio[i] > WIDENED)
    if not places:
        return None
    named = names_of(seen.target, places)
    text = f"linear response widened the sds of {named}, by up to {ratio.max():.1f} times"
    return Finding("W710", text, places, "note")


def _not_identified(seen: Evidence) -> Finding | None:
    tril = seen.reported.scale_tril
    places = np.flatnonzero(seen.reported.free)
    if tril is None or len(places) < 2:
        return None
    rows = tril[places] / seen.reported.sd[places, None]
    values, vectors = np.linalg.eigh(rows @ rows.T)
    if values[0] > FLAT:
        return None
    heavy = np.argsort(-np.abs(vectors[:, 0]))[:4]
    heavy = heavy[np.abs(vectors[heavy, 0]) > 0.1]
    named = tuple(int(places[i]) for i in heavy)
    text = f"the data tell {names_of(seen.target, named)} only in combination, hardly apart"
    return Finding("W711", text, named)


def _rival(seen: Evidence) -> Finding | None:
    if seen.rival is None:
        return None
    far = np.abs(seen.q.standardise(seen.rival[None])[0])
    places = tuple(int(i) for i in np.argsort(-far)[:3] if far[i] > 3.0)
    text = (
        f"there is posterior mass far from the fit, in {names_of(seen.target, places)}: "
        "more than one mode, of which this is one; try --restarts 5"
    )
    return Finding("W713", text, places)


def _starts_differ(seen: Evidence) -> Finding | None:
    return starts_differ(seen.facts.ends)


def starts_differ(all_ends: tuple[float, ...]) -> Finding | None:
    """Several starts that ended at objectives more than a nat apart."""
    ends = [e for e in all_ends if math.isfinite(e)]
    if not ends or (len(ends) == len(all_ends) and max(ends) - min(ends) <= STARTS):
        return None
    total, best = len(all_ends), sum(e > max(ends) - STARTS for e in ends)
    text = (
        f"{best} of {total} starts reached the fit reported; the others ended worse, so there may be better"
    )
    return Finding("W714", text, severity="note" if best > 1 else "warn")


def _optimism(seen: Evidence) -> Finding | None:
    gap = seen.facts.fixed_elbo - seen.elbo
    if not gap > max(1.0, 0.05 * seen.q.size):
        return None
    return Finding("W712", f"the objective on its own draws is {gap:.1f} nats better than on fresh ones")


RULES: tuple[Callable[[Evidence], Finding | None], ...] = (
    _unfinished,
    _not_finite,
    _not_optimal,
    _draw_error,
    _rival,
    _starts_differ,
    _poor_weights,
    _heavy_tails,
    _wrong_widths,
    _narrow_mean_field,
    _not_identified,
    _optimism,
    _local_weights,
)


def named(findings: tuple[Finding, ...], size: int) -> Array:
    """How many warnings name each coordinate: (D,)."""
    counts = np.zeros(size)
    for finding in findings:
        if finding.severity != "note":
            counts[list(finding.coordinates) or slice(None)] += 1
    return counts
