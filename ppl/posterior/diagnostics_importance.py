"""What importance weights say of a Gaussian fit, and draws corrected by them.

The weights of the Gaussian's own draws give k-hat, the usual measure. Correcting is done with
draws of a wider proposal, a mixture of the Gaussian and a Student t of the same shape, whose tails
bound most weights that the Gaussian's own cannot. A Gaussian that was bent is used as bent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppl.posterior.approximation import Approximation
from ppl.posterior.psis import Smoothed, smooth, tail_shapes, threshold
from ppl.posterior.target import Array, Target

EVEN = 0.95  # effective share of the draws above which the weights are too even for a tail to matter
BROAD, BROAD_LIMIT = 0.25, 0.9  # with so large an effective share a heavier tail does no harm yet
PLENTY = 1000  # effective draws worth going on for
ENOUGH = 500  # effective draws that corrected summaries need
WIDE_COUNT = 3000  # fewest draws of the wider proposal
HEAVY, FREEDOM = 0.25, 5.0  # share of t draws in the wider proposal, and their degrees of freedom
MOST_COORDINATES = 200  # coordinates whose own tails are looked at


@dataclass(frozen=True)
class Importance:
    """k-hat over replicates, of the globals' marginal and of each coordinate, and corrected moments.

    khats: (R,) of the Gaussian's own weights; khat_globals: nan when all coordinates are global;
    khat_wide: of the wider proposal, nan when it was not needed or not affordable.
    coordinate_khat: (D,), nan where not looked at. mean_shift: (D,) corrected minus fitted mean, in
    fitted sds; sd_ratio: (D,) corrected over fitted sd. ``share`` is effective over actual draws.
    draws: (n, D) to summarise from; ``corrected`` tells whether they were resampled by weight.
    """

    khats: Array
    khat_globals: float
    khat_wide: float
    coordinate_khat: Array
    mean_shift: Array
    sd_ratio: Array
    share: float
    ess: float
    exact: bool
    count: int
    bad: int
    offender: Array | None
    draws: Array
    corrected: bool
    elbo: float
    elbo_se: float
    log_likelihood: float

    @property
    def khat(self) -> float:
        """The median over replicates; nan when exact."""
        return float(np.median(self.khats)) if len(self.khats) else float("nan")

    @property
    def limit(self) -> float:
        """The k-hat above which this many draws do not suffice."""
        return threshold(self.count // max(len(self.khats), 1))

    @property
    def usable(self) -> bool:
        """Whether what is reported can be relied on: exact, even, corrected, or light-tailed."""
        return self.exact or self.share > EVEN or self.corrected or self.khat < self.limit


@dataclass(frozen=True)
class Sample:
    """Draws z: (n, D) of a proposal and their log ratios: (n,); ``wrong`` marks NaN and +inf densities."""

    z: Array
    ratios: Array
    log_p: Array
    wrong: NDArray[np.bool_]


def weigh(
    target: Target, q: Approximation, rng: np.random.Generator, count: int, replicates: int,
    is_global: NDArray[np.bool_], keep: int, most: int = 0,
) -> Importance:  # fmt: skip
    """Weights of ``replicates`` samples of q, together ``count`` draws; ``keep`` draws are handed on.

    Up to ``most`` further draws are taken where they can make a correction possible.
    """
    each = 2 * (count // replicates // 2)
    own = _own_sample(target, q, rng, each, replicates)
    fits = [smooth(part) for part in np.split(own.ratios, replicates)]
    exact = all(fit.exact for fit in fits)
    pooled = smooth(own.ratios)
    best, best_fit, wide_khat = own, pooled, float("nan")
    if not exact and pooled.ess < 0.99 * len(own.z) and count >= WIDE_COUNT:
        wide = _wide_sample(target, q, rng, max(count // 2, WIDE_COUNT))
        fit = smooth(wide.ratios)
        if fit.khat < max(0.7, pooled.khat):
            best, best_fit, wide_khat = wide, fit, fit.khat
    if not exact and best_fit.khat < threshold(len(best.z)) and best_fit.ess < PLENTY:
        lacking = int(min(1.2 * (PLENTY / best_fit.ess - 1.0) * len(best.z), most))
        best, best_fit = _extended(target, q, rng, best, lacking, best is own)
    share = best_fit.ess / len(best.z)
    light = share > EVEN or best_fit.khat < (BROAD_LIMIT if share > BROAD else threshold(len(best.z)))
    corrected = not exact and light and best_fit.ess >= ENOUGH
    places = systematic(rng, best_fit.weights, keep) if corrected else None
    mean, sd = _moments(best.z, best_fit.weights)
    centre, base = _reported(q, own)
    rank = int(q.free.sum())
    elbo, elbo_se, likelihood = _bound(target, own, replicates)
    finite = np.isfinite(own.log_p)
    return Importance(
        khats=np.array([fit.khat for fit in fits if not fit.exact]),
        khat_globals=_globals_khat(own.z, q, own.ratios, is_global, exact),
        khat_wide=wide_khat,
        coordinate_khat=_coordinate_khat(best.z, q, best_fit.weights, exact),
        mean_shift=np.where(q.free, (mean - centre) / base, 0.0),
        sd_ratio=np.where(q.free, sd / base, 1.0),
        share=pooled.ess / len(own.z),
        ess=best_fit.ess,
        exact=exact,
        count=len(own.z),
        bad=int(own.wrong.sum()),
        offender=None if finite.all() else own.z[int(np.argmin(finite))],
        draws=best.z[places] if places is not None else q.place(rng.standard_normal((keep, rank)))[0],
        corrected=corrected,
        elbo=elbo,
        elbo_se=elbo_se,
        log_likelihood=likelihood,
    )


def _own_sample(
    target: Target, q: Approximation, rng: np.random.Generator, each: int, replicates: int
) -> Sample:
    rank = int(q.free.sum())
    half = rng.standard_normal((replicates, each // 2, rank))
    eps = np.concatenate([half, -half], 1).reshape(replicates * 2 * (each // 2), rank)
    z, log_det = q.place(eps)
    return _sample(target, z, _log_normal(np.square(eps).sum(1), rank) - log_det)


def _wide_sample(target: Target, q: Approximation, rng: np.random.Generator, count: int) -> Sample:
    """Draws of ``(1 - HEAVY) q + HEAVY t``, both centred, shaped and bent as q."""
    rank, heavy = int(q.free.sum()), int(HEAVY * count)
    eps = rng.standard_normal((count, rank))
    eps[:heavy] /= np.sqrt(rng.chisquare(FREEDOM, heavy) / FREEDOM)[:, None]
    z, log_det = q.place(eps)
    square = np.square(eps).sum(1)
    t = (
        math.lgamma(0.5 * (FREEDOM + rank))
        - math.lgamma(0.5 * FREEDOM)
        - 0.5 * rank * math.log(FREEDOM * math.pi)
        - 0.5 * (FREEDOM + rank) * np.log1p(square / FREEDOM)
    )
    mixed = np.logaddexp(math.log(1.0 - HEAVY) + _log_normal(square, rank), math.log(HEAVY) + t)
    return _sample(target, z, mixed - log_det)


def _log_normal(square: Array, rank: int) -> Array:
    return -0.5 * square - 0.5 * rank * math.log(2.0 * math.pi)


def _extended(
    target: Target, q: Approximation, rng: np.random.Generator, first: Sample, count: int, plain: bool
) -> tuple[Sample, Smoothed]:
    """A sample with about ``count`` more draws of the same proposal, and its weights."""
    if count < 2:
        return first, smooth(first.ratios)
    more = _own_sample(target, q, rng, 2 * (count // 2), 1) if plain else _wide_sample(target, q, rng, count)
    both = Sample(
        np.concatenate([first.z, more.z]),
        np.concatenate([first.ratios, more.ratios]),
        np.concatenate([first.log_p, more.log_p]),
        np.concatenate([first.wrong, more.wrong]),
    )
    return both, smooth(both.ratios)


def _sample(target: Target, z: Array, log_proposal: Array) -> Sample:
    """The draws weighed; NaN and +inf densities get no weight but are counted."""
    with np.errstate(all="ignore"):
        log_p = np.concatenate([target.log_density(part) for part in np.array_split(z, -(-len(z) // 4000))])
    wrong = np.isnan(log_p) | (log_p == np.inf)
    return Sample(z, np.where(wrong, -np.inf, log_p) - log_proposal, log_p, wrong)


def _bound(target: Target, own: Sample, replicates: int) -> tuple[float, float, float]:
    """ELBO, its standard error from antithetic pairs, and the expected log likelihood if known."""
    first, second = own.ratios.reshape(replicates, 2, -1).swapaxes(0, 1)
    with np.errstate(invalid="ignore"):
        pairs = 0.5 * (first + second)
        se = float(pairs.std() / math.sqrt(pairs.size)) if np.isfinite(pairs).all() else float("nan")
    split = getattr(target, "log_prior", None)
    with np.errstate(all="ignore"):
        prior = float(np.mean(split(own.z))) if split is not None else float("nan")
    return float(pairs.mean()), se, float(own.log_p.mean()) - prior


def _reported(q: Approximation, own: Sample) -> tuple[Array, Array]:
    """Mean and sd of the uncorrected draws, 1 in place of a zero sd: (D,) each."""
    mean, sd = (q.mean, q.sd) if q.bend is None else (own.z.mean(0), own.z.std(0))
    return mean, np.where(q.free, sd, 1.0)


def _moments(z: Array, weights: Array) -> tuple[Array, Array]:
    mean = weights @ z
    return mean, np.sqrt(np.maximum(weights @ np.square(z - mean), 0.0))


def systematic(rng: np.random.Generator, weights: Array, keep: int) -> NDArray[np.intp]:
    """Places of ``keep`` draws resampled by weight, with the least noise, in random order: (keep,).

    >>> systematic(np.random.default_rng(0), np.array([0.5, 0.0, 0.5]), 4).tolist().count(1)
    0
    """
    points = (np.arange(keep) + rng.random()) / keep
    edges = np.cumsum(weights)
    places = np.searchsorted(edges / edges[-1], points)
    return rng.permutation(np.minimum(places, len(weights) - 1))


def _coordinate_khat(z: Array, q: Approximation, weights: Array, exact: bool) -> Array:
    """The heavier tail of ``w (z_i - m_i)`` for each coordinate: (D,)."""
    out = np.full(q.size, np.nan)
    chosen = np.flatnonzero(q.free)[:MOST_COORDINATES]
    if exact or not len(chosen):
        return out
    # the tail of every k-th draw is nearly as telling as that of all, and cheaper
    part = slice(None, None, max(1, len(z) * len(chosen) // 1_000_000))
    signed = (weights[part, None] * (z[part][:, chosen] - q.mean[chosen])).T
    out[chosen] = np.maximum(tail_shapes(np.maximum(signed, 0.0)), tail_shapes(np.maximum(-signed, 0.0)))
    return out


def _globals_khat(
    z: Array, q: Approximation, ratios: Array, is_global: NDArray[np.bool_], exact: bool
) -> float:
    """k-hat of the globals' marginal, nan when there are no locals or too many globals.

    The marginal weight ``E[w | globals]`` is estimated from quadratic regressions of the log
    weight and of its squared residual on the globals, as for a log-normal.
    """
    chosen = np.flatnonzero(is_global & q.free)
    features = 1 + len(chosen) + len(chosen) * (len(chosen) + 1) // 2
    if exact or not 0 < len(chosen) < q.free.sum() or 10 * features > len(z) or not np.isfinite(ratios).all():
        return float("nan")
    u = (z[:, chosen] - q.mean[chosen]) / q.sd[chosen]
    i, j = np.triu_indices(len(chosen))
    design = np.concatenate([np.ones((len(z), 1)), u, u[:, i] * u[:, j]], 1)
    gram = design.T @ design
    level = design @ np.linalg.solve(gram, design.T @ ratios)
    spread = design @ np.linalg.solve(gram, design.T @ np.square(ratios - level))
    fitted = smooth(level + 0.5 * np.maximum(spread, 0.0))
    return 0.0 if fitted.exact or fitted.ess > EVEN * len(z) else fitted.khat
