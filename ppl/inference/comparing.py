"""Fit a model by several methods and score every q by one estimator on common random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.errors import InternalError, PplError, Source
from ppl.inference.fitting import How, run_fit
from ppl.inference.ways import Way
from ppl.posterior.approximation import Approximation
from ppl.posterior.bound import Bound
from ppl.posterior.comparison import Comparison, Entry, Gap
from ppl.posterior.estimates import Array
from ppl.posterior.factored import Factored
from ppl.posterior.factored_weights import log_ratios
from ppl.posterior.fit import Fit
from ppl.posterior.psis import smooth

WORK = 3e8  # array elements that one method's score may touch
MOST, FEWEST = 4000, 20  # draws
FOR_KHAT = 200
CELLS = 5e7  # data cells times states beyond which the density is not traced
SCORE = 11  # the purpose of a random stream


# ---------------------------------------------------------------- fits


@dataclass(frozen=True)
class Plan:
    """What to compare on: ``held``, given a fit, scores held-out rows: (n,)."""

    source: Source
    bound: Bound
    ways: tuple[Way, ...]
    seed: int = 0
    draws: int | None = None
    max_seconds: float | None = None
    held: Callable[[Fit], Array] | None = None
    began: Callable[[str], None] | None = None


@dataclass(frozen=True)
class _Scored:
    """An entry with the draws behind it: log ratios (S,) and scores of held-out rows (n,)."""

    entry: Entry
    ratios: Array | None = None
    rows: Array | None = None


def compare(plan: Plan) -> Comparison:
    """Fit by every method, then score; a method that does not apply is listed with the reason."""
    count = _affordable(plan.bound.problem)
    scored = [_fitted(plan, way, count) for way in plan.ways]
    held = next((len(s.rows) for s in scored if s.rows is not None), 0)
    return Comparison(tuple(_placed(scored)), count, plan.seed, held)


def _fitted(plan: Plan, way: Way, count: int) -> _Scored:
    if plan.began is not None:
        plan.began(way.label)
    how = How(way.method, plan.seed, way.options, plan.draws, plan.max_seconds)
    try:
        fit = run_fit(plan.source, plan.bound, how, {})
    except InternalError:
        raise
    except PplError as error:
        return _Scored(Entry(way.label, way.method, way.options, reason=_reason(error)))
    entry = Entry(way.label, way.method, way.options, fit, seconds=fit.seconds["fit"], points=_points(fit))
    if fit.status not in ("ok", "warn"):
        entry = replace(entry, notes=(fit.verdict,))
    return _with_rows(plan, _with_ratios(plan, entry, fit, count), fit)


def _reason(error: PplError) -> str:
    return "; ".join(d.message for d in error.diagnostics[:3])


def _points(fit: Fit) -> tuple[str, ...]:
    """The latents (not the params, which every method fits so) that have points."""
    latents = {e.name for e in fit.estimates if e.kind in ("latent", "imputed")}
    return tuple(sorted(fit.factored.points & latents)) if fit.factored is not None else ()


# ---------------------------------------------------------------- one estimator


def _affordable(problem: Any) -> int:
    """Draws that the estimator may take; 0 where the density cannot be had or afforded."""
    cells = sum(int(np.size(a)) for a in problem.data.arrays.values())
    states = math.prod(len(v) for v in problem.state_values().values())
    if problem.own_target.size == 0 or cells * min(states, 10**6) > CELLS:
        return 0
    return int(np.clip(WORK / max(problem.own_target.work, 1.0), FEWEST, MOST))


def _with_ratios(plan: Plan, entry: Entry, fit: Fit, count: int) -> _Scored:
    """The entry with ELBO and k-hat from ``log p - log q`` at common draws."""
    if entry.points and any(w.code == "W716" and w.severity == "warn" for w in fit.warnings):
        note = "its points lie on the edge of their support, where a density means nothing"
        return _Scored(replace(entry, notes=(*entry.notes, note)))
    ratios = _ratios(plan.bound.problem, fit, count, plan.seed) if count else None
    if ratios is None:
        why = "the density of its draws is not known" if count else "the model is too slow to evaluate often"
        note = f"the ELBO is the method's own: {why}"
        return _Scored(replace(entry, elbo=Gap(fit.elbo, fit.bound.error), notes=(*entry.notes, note)))
    good = np.where(np.isnan(ratios) | (ratios == np.inf), -np.inf, ratios)
    notes, bad = entry.notes, int((~np.isfinite(good)).sum())
    if bad:
        notes = (*notes, f"{bad} of {len(good)} draws have no finite density")
    at = smooth(good) if len(good) >= FOR_KHAT and not (good == good[0]).all() else None
    exact = at is not None and at.exact
    finite = bool(np.isfinite(good).all())
    error = float(good.std() / math.sqrt(len(good))) if finite else float("nan")
    value = float(good.mean()) if finite else -math.inf
    khat = float("nan") if at is None or exact else at.khat
    done = replace(entry, elbo=Gap(value, error), khat=khat, exact=exact, notes=notes)
    return _Scored(done, good if finite else None)


def _ratios(problem: Any, fit: Fit, count: int, seed: int) -> Array | None:
    """``log p - log q`` at draws of q that start from the same random numbers for every method: (count,)."""
    rng, q = np.random.default_rng([seed, SCORE]), fit.approximation
    if isinstance(q, Factored):
        return log_ratios(problem, q, q.sample(rng, count))
    assert isinstance(q, Approximation)
    z = q.sample(rng, count)
    with np.errstate(all="ignore"):
        out: Array = problem.target().log_density(z) - q.log_q(z)
    return out


def _with_rows(plan: Plan, scored: _Scored, fit: Fit) -> _Scored:
    if plan.held is None:
        return scored
    try:
        return replace(scored, rows=plan.held(fit))
    except InternalError:
        raise
    except PplError as error:
        notes = (*scored.entry.notes, f"held-out rows cannot be scored: {_reason(error)}")
        return replace(scored, entry=replace(scored.entry, notes=notes))


# ---------------------------------------------------------------- differences


def _placed(scored: Sequence[_Scored]) -> list[Entry]:
    """Entries with their distances to the best: ELBOs among those with the same points."""
    entries = []
    mixed = len({s.entry.points for s in scored if s.entry.fit is not None}) > 1
    for s in scored:
        entry, like = s.entry, [o for o in scored if o.entry.points == s.entry.points]
        entry = replace(entry, elbo=_gap(entry.elbo, s.ratios, [o.ratios for o in like]))
        if s.rows is not None:
            own = Gap(float(s.rows.mean()), _error(s.rows))
            entry = replace(entry, held_out=_gap(own, s.rows, [o.rows for o in scored]))
        if mixed and entry.points:
            note = f"points for {', '.join(entry.points)}: its ELBO has no entropy of theirs"
            entry = replace(entry, notes=(*entry.notes, f"{note}, so compare by held-out rows"))
        entries.append(entry)
    return entries


def _gap(own: Gap, mine: Array | None, all_of: Sequence[Array | None]) -> Gap:
    """The paired difference to the entry with the highest mean."""
    known = [a for a in all_of if a is not None and (mine is None or len(a) == len(mine))]
    if mine is None or not known:
        return own
    best = max(known, key=lambda a: float(a.mean()))
    if best is mine:
        return replace(own, to_best=0.0)
    return replace(own, to_best=float((mine - best).mean()), to_best_error=_error(mine - best))


def _error(values: Array) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else float("nan")
