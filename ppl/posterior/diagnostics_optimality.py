"""First-order optimality on fresh draws: how far one Newton step would move the answer.

At the optimum over Gaussians ``E g = 0`` and ``E g (z - m)' = -I`` with g the gradient of the log
density (Bonnet, Price). In the whitened coordinates of q the deviations are the shift of the mean,
in sds, and the relative change of the variance, that a Newton step would make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.posterior.approximation import Approximation
from ppl.posterior.target import Array, Target

LIMIT = 0.05  # sds a mean may move, and the share a variance may change


@dataclass(frozen=True)
class Optimality:
    """Predicted shifts in sds and relative variance changes, (D,) each, with standard errors.

    ``draws`` gradients were used; ``bad`` of them were not finite, the first being ``offender``.
    """

    shift: Array
    shift_se: Array
    spread: Array
    spread_se: Array
    draws: int
    bad: int
    offender: Array | None

    @property
    def worst(self) -> tuple[int, float]:
        """The coordinate furthest from its optimum beyond Monte Carlo error, and how far."""
        beyond = np.maximum(
            np.abs(self.shift) - 3.0 * self.shift_se, np.abs(self.spread) - 3.0 * self.spread_se
        )
        place = int(np.argmax(beyond))
        return place, float(beyond[place])

    @property
    def passed(self) -> bool:
        """Whether no coordinate is beyond the limit."""
        return self.bad == 0 and self.worst[1] <= LIMIT


def fresh_draws(rng: np.random.Generator, count: int, size: int) -> Array:
    """Antithetic draws, whitened where there are enough of them: (count, size)."""
    half = rng.standard_normal((count // 2, size))
    if count // 2 > size:
        half = np.linalg.solve(np.linalg.cholesky(half.T @ half / len(half)), half.T).T
    else:
        half /= np.sqrt(np.square(half).mean(0))
    return np.concatenate([half, -half])


def check_optimality(target: Target, q: Approximation, rng: np.random.Generator, count: int) -> Optimality:
    """Optimality on about ``count`` draws in 2 to 8 batches, whose spread gives the standard error."""
    rank = int(q.free.sum())
    batches = int(np.clip(count // max(2 * rank + 2, 50), 2, 8))
    each = max(2 * (count // batches // 2), 4)
    rows, bad, offender = [], 0, None
    for _ in range(batches):
        eps = np.zeros((each, q.size))
        eps[:, q.free] = fresh_draws(rng, each, rank)
        z = q.transform(eps)
        with np.errstate(all="ignore"):
            values, slopes = target.value_and_grad(z)
        wrong = ~(np.isfinite(values) & np.isfinite(slopes).all(1))
        if wrong.any():
            bad += int(wrong.sum())
            offender = z[int(np.argmax(wrong))] if offender is None else offender
            continue
        rows.append(np.stack(_moves(q, eps, slopes)))
    if not rows:
        nothing = np.full(q.size, np.nan)
        return Optimality(nothing, nothing, nothing, nothing, batches * each, bad, offender)
    mean = np.mean(rows, 0)
    se = np.std(rows, 0, ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.full_like(mean, np.nan)
    return Optimality(mean[0], se[0], mean[1], se[1], batches * each, bad, offender)


def _response(q: Approximation, slope: Array) -> Array:
    """The shift of an independent Gaussian's means in the sds reported, by linear response where known."""
    reported = q.for_summaries().sd
    move = np.square(q.sd) * slope if q.response_cov is None else q.response_cov @ slope
    return np.where(q.free, move / np.where(q.free, reported, 1.0), 0.0)


def _moves(q: Approximation, eps: Array, slopes: Array) -> tuple[Array, Array]:
    """The Newton step's shift in sds and relative change of variance: (D,) each."""
    sd = np.where(q.free, q.sd, 1.0)
    if q.log_sd is not None:
        scaled = np.where(q.free, slopes * q.sd, 0.0)
        return _response(q, slopes.mean(0)), np.where(q.free, 1.0 + (scaled * eps).mean(0), 0.0)
    tril = q.scale_tril
    assert tril is not None
    white = slopes @ tril
    excess = np.eye(q.size) * q.free + 0.5 * ((outer := white.T @ eps / len(eps)) + outer.T)
    return tril @ white.mean(0) / sd, ((tril @ excess) * tril).sum(1) / np.square(sd)
