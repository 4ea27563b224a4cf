"""Pareto smoothed importance sampling: how far a sample can be trusted after reweighting.

The largest weights are fitted by a generalised Pareto distribution of shape k; moments of order
below 1/k exist, so k above 0.7 means that no affordable sample will do (Vehtari, Simpson, Gelman,
Yao, Gabry 2024, JMLR 25(72); the fit is Zhang and Stephens 2009, Technometrics 51(3)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ppl.posterior.target import Array

CONSTANT = 1e-6  # spread of log weights below which q is exact and k means nothing
FEWEST = 5  # tail draws a fit needs
# A k this large is more often the trace of two unlike tails, one ending in a bump of equal weights
# at the cut, than a tail: a quarter of the tail then gets a second look.
SUSPECT = 1.2


@dataclass(frozen=True)
class Smoothed:
    """Normalised weights (n,), the shape k of their tail (nan when ``exact``), effective sample size."""

    weights: Array
    khat: float
    exact: bool

    @property
    def ess(self) -> float:
        """``1 / sum w^2``."""
        return float(1.0 / np.square(self.weights).sum())


def pareto_fit(exceedances: Array) -> tuple[Array, Array]:
    """Shape k and scale of a generalised Pareto for each row, ascending: (r, n) -> (r,), (r,).

    Positive k is a heavy tail. A weak prior pulls k to 1/2, worth ten draws.

    >>> x = np.sort(np.random.default_rng(0).exponential(2.0, (1, 5000)))
    >>> [round(float(v[0]), 1) for v in pareto_fit(x)]
    [0.0, 2.0]
    """
    n = exceedances.shape[1]
    grid = 30 + math.isqrt(n)
    steps = 1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    quartile = exceedances[:, max(int(n / 4 + 0.5) - 1, 0)]
    b = steps / (3.0 * quartile[:, None]) + 1.0 / exceedances[:, -1:]
    k = np.empty_like(b)
    for j in range(grid):  # bounds the memory to one (r, n) array
        k[:, j] = np.log1p(-b[:, j, None] * exceedances).mean(1)
    likelihood = n * (np.log(-b / k) - k - 1.0)
    weight = np.exp(likelihood - likelihood.max(1, keepdims=True))
    best = (b * weight).sum(1) / weight.sum(1)
    shape = np.log1p(-best[:, None] * exceedances).mean(1)
    return (n * shape + 5.0) / (n + 10.0), -shape / best


def tail_length(n: int) -> int:
    """How many of n draws make the tail."""
    return math.ceil(min(0.2 * n, 3.0 * math.sqrt(n)))


def threshold(n: int) -> float:
    """The k above which n draws do not suffice.

    >>> round(threshold(1000), 3), threshold(10**6)
    (0.667, 0.7)
    """
    return min(1.0 - 1.0 / math.log10(max(n, 11)), 0.7)


def tail_shapes(values: Array) -> Array:
    """k of the right tail of each row of nonnegative values: (r, n) -> (r,); -inf without a tail."""
    count = tail_length(values.shape[1])
    top = np.sort(np.partition(values, -count - 1, axis=1)[:, -count - 1 :], axis=1)
    excess = top[:, 1:] - top[:, :1]
    shapes = np.full(len(values), -np.inf)
    # a tail with ties at its foot or no width is lighter than any Pareto
    good = (excess[:, -1] > 1e-12 * np.abs(top[:, -1])) & (excess[:, count // 8] > 0.0) & (count >= FEWEST)
    if good.any():
        scaled = excess[good] / excess[good][:, -1:]
        shapes[good] = pareto_fit(np.maximum(scaled, 1e-12))[0]
    return shapes


def smooth(log_ratios: Array) -> Smoothed:
    """Smoothed, normalised weights of ``log p - log q`` at n draws of q: (n,); -inf counts as 0.

    >>> smooth(np.full(100, 3.0)).exact
    True
    """
    n, highest = len(log_ratios), float(log_ratios.max())
    if not math.isfinite(highest):
        return Smoothed(np.full(n, 1.0 / n), np.inf, False)
    log_w = log_ratios - highest
    if float(log_w.min()) > -CONSTANT * max(1.0, abs(highest)):
        return Smoothed(np.full(n, 1.0 / n), np.nan, True)
    order = np.argsort(log_w, kind="stable")
    tail = _fitted_tail(np.exp(log_w[order]), tail_length(n))
    if tail.shape > SUSPECT:
        tail = min(tail, _fitted_tail(np.exp(log_w[order]), tail_length(n) // 4), key=lambda t: t.shape)
    weights = np.exp(log_w)
    weights[order[n - len(tail.smoothed) :]] = tail.smoothed
    return Smoothed(weights / weights.sum(), tail.shape, False)


@dataclass(frozen=True)
class _Tail:
    """The largest weights in ascending order, smoothed, and their shape."""

    smoothed: Array
    shape: float


def _fitted_tail(ascending: Array, count: int) -> _Tail:
    """The ``count`` largest weights replaced by expected order statistics of the Pareto fitted to them."""
    top, foot = ascending[-count:], float(ascending[-count - 1])
    excess = np.maximum(top - foot, 1e-300)
    if count < FEWEST or excess[-1] <= 1e-12 or excess[count // 8] <= 1e-300:
        return _Tail(top, -np.inf)
    shape, scale = (float(v[0]) for v in pareto_fit(excess[None]))
    place = (np.arange(count) + 0.5) / count
    return _Tail(np.minimum(foot + _quantile(place, shape, scale), 1.0), shape)


def _quantile(p: Array, k: float, scale: float) -> Array:
    if abs(k) < 1e-8:
        return -scale * np.log1p(-p)
    out: Array = scale * np.expm1(-k * np.log1p(-p)) / k
    return out
