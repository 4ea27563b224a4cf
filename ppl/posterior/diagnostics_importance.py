"""What importance weights say of a Gaussian fit, and draws corrected by them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppl.posterior.approximation import Approximation
from ppl.posterior.psis import smooth, tail_shapes, threshold
from ppl.posterior.target import Array, Target

EVEN = 0.8  # effective share of the draws above which the weights are too even for a tail to matter
SHARE = 0.3  # effective share below which a tail of any shape is not enough to correct by
ENOUGH = 1000  # effective draws that corrected summaries need
MOST_COORDINATES = 200  # coordinates whose own tails are looked at


@dataclass(frozen=True)
class Importance:
    """k-hat over replicates, of the globals' marginal and of each coordinate, and corrected moments.

    khat: median over replicates; khats: (R,); khat_globals: nan when all coordinates are global.
    coordinate_khat: (D,), nan where not looked at. mean_shift: (D,) corrected minus fitted mean, in
    fitted sds; sd_ratio: (D,) corrected over fitted sd. ``share`` is effective over actual draws.
    draws: (n, D) to summarise from; ``corrected`` tells whether they were resampled by weight.
    """

    khats: Array
    khat_globals: float
    coordinate_khat: Array
    mean_shift: Array
    sd_ratio: Array
    share: float
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
        """The median over replicates."""
        return float(np.median(self.khats)) if len(self.khats) else float("nan")

    @property
    def limit(self) -> float:
        """The k-hat above which this many draws do not suffice."""
        return threshold(self.count // max(len(self.khats), 1))

    @property
    def usable(self) -> bool:
        """Whether the weights may be relied on: exact, even, or with a light enough tail."""
        return self.exact or self.share > EVEN or self.khat < self.limit


def weigh(
    target: Target, q: Approximation, rng: np.random.Generator, count: int, replicates: int,
    is_global: NDArray[np.bool_], keep: int,
) -> Importance:  # fmt: skip
    """Importance weights of ``replicates`` samples of q, together ``count`` draws; ``keep`` draws handed on."""
    each = 2 * (count // replicates // 2)
    half = rng.standard_normal((replicates, each // 2, q.size))
    z = q.transform(np.concatenate([half, -half], 1).reshape(-1, q.size))
    with np.errstate(all="ignore"):
        log_p = np.concatenate([target.log_density(part) for part in np.split(z, replicates)])
    wrong = np.isnan(log_p) | (log_p == np.inf)
    offender = z[int(np.argmax(wrong | np.isinf(log_p)))] if (~np.isfinite(log_p)).any() else None
    ratios = np.where(wrong, -np.inf, log_p) - q.log_q(z)
    fits = [smooth(part) for part in np.split(ratios, replicates)]
    exact = all(fit.exact for fit in fits)
    pooled = smooth(ratios)
    share = pooled.ess / len(z)
    mean, sd = _moments(z, pooled.weights)
    base = np.where(q.free, q.sd, 1.0)
    khats = np.array([fit.khat for fit in fits if not fit.exact])
    even = share > EVEN or (len(khats) > 0 and float(np.median(khats)) < threshold(each) and share > SHARE)
    corrected = not exact and even and pooled.ess >= ENOUGH
    places = systematic(rng, pooled.weights, keep) if corrected else None
    pairs = 0.5 * (ratios.reshape(replicates, 2, -1)[:, 0] + ratios.reshape(replicates, 2, -1)[:, 1])
    prior = _mean_log_prior(target, z)
    return Importance(
        khats=khats,
        khat_globals=_globals_khat(z, q, ratios, is_global, exact),
        coordinate_khat=_coordinate_khat(z, q, pooled.weights, exact or share > EVEN),
        mean_shift=np.where(q.free, (mean - q.mean) / base, 0.0),
        sd_ratio=np.where(q.free, sd / base, 1.0),
        share=share,
        exact=exact,
        count=len(z),
        bad=int(wrong.sum()),
        offender=offender,
        draws=z[places] if places is not None else q.sample(rng, keep),
        corrected=corrected,
        elbo=float(ratios.mean()),
        elbo_se=float(pairs.std() / np.sqrt(pairs.size)) if np.isfinite(pairs).all() else float("nan"),
        log_likelihood=float(log_p.mean() - prior),
    )


def _mean_log_prior(target: Target, z: Array) -> float:
    split = getattr(target, "log_prior", None)
    return float(np.mean(split(z))) if split is not None else float("nan")


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
    return rng.permutation(places)


def _coordinate_khat(z: Array, q: Approximation, weights: Array, skip: bool) -> Array:
    """The heavier tail of ``w (z_i - m_i)`` for each coordinate: (D,)."""
    out = np.full(q.size, np.nan)
    chosen = np.flatnonzero(q.free)[:MOST_COORDINATES]
    if skip or not len(chosen):
        return out
    # the tail of a share of the draws is as telling as that of all, and cheaper
    part = slice(0, min(len(z), 4000))
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
    level = design @ np.linalg.lstsq(design, ratios, rcond=None)[0]
    spread = design @ np.linalg.lstsq(design, np.square(ratios - level), rcond=None)[0]
    fitted = smooth(level + 0.5 * np.maximum(spread, 0.0))
    even = fitted.exact or fitted.ess > EVEN * len(z)
    return 0.0 if even else fitted.khat
