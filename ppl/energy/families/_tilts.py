"""One-parameter families of counts over finitely many states, and the member closest to given log potentials.

    q(k) ~ exp(theta k + b(k)) over the possible states:   argmax J(theta) = sum_k q(k) (s_k - log q(k))

J' = Cov(k, s - b - theta k): a scan over theta, since J may have several tops, then Newton steps that never lower it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend.lazy import special

Array = Any
SCAN, ROUNDS, HALVINGS = 24, 40, 20
IMPOSSIBLE = -1e8  # log potentials below stand for log 0


@dataclass(frozen=True)
class Tilt:
    """A family: the base measure b of states (K,), and the theta for which the mean is about m."""

    name: str
    base: Callable[[Array], Array]
    theta: Callable[[Array, float], Array]

    def closest(self, scores: Array, states: Array) -> np.ndarray:
        """Log potentials (K, N) of the members closest to ``scores`` (K, N); -inf where these are impossible."""
        k = np.asarray(states, dtype=float)[:, None]
        possible = scores > IMPOSSIBLE
        base = np.where(possible, self.base(k), -np.inf)
        free = np.where(possible, scores, 0.0)
        theta = _climbed(k, base, free, self._scanned(k, base, free))
        return np.asarray(base + theta * k)

    def _scanned(self, k: Array, base: Array, scores: Array) -> Array:
        """The best of some theta, for every column."""
        top = float(np.max(k))
        best, height = np.zeros(scores.shape[1]), np.full(scores.shape[1], -np.inf)
        for mean in np.geomspace(0.02, 1.0, SCAN) * max(top, 1.0):
            theta = np.full(scores.shape[1], float(self.theta(mean, top)))
            value = _value(k, base, scores, theta)
            best, height = np.where(value > height, theta, best), np.maximum(value, height)
        return best


def _weights(k: Array, base: Array, theta: Array) -> tuple[Array, Array]:
    """Probabilities (K, N) and log-normalisers (N,)."""
    logs = base + theta * k
    top = logs.max(0)
    weight = np.exp(logs - top)
    total = weight.sum(0)
    return weight / total, np.log(total) + top


def _value(k: Array, base: Array, scores: Array, theta: Array) -> Array:
    q, normaliser = _weights(k, base, theta)
    residual = scores - np.where(np.isfinite(base), base, 0.0) - theta * k
    return (q * residual).sum(0) + normaliser


def _climbed(k: Array, base: Array, scores: Array, theta: Array) -> Array:
    value = _value(k, base, scores, theta)
    for _ in range(ROUNDS):
        step = _step(k, base, scores, theta)
        new, share = theta, 1.0
        open_still = step != 0
        for _ in range(HALVINGS):
            tried = np.where(open_still, theta + share * step, new)
            found = _value(k, base, scores, tried)
            better = open_still & (found > value)
            new, value = np.where(better, tried, new), np.where(better, found, value)
            open_still &= ~better
            if not open_still.any():
                break
            share *= 0.5
        moved = float(np.max(np.abs(new - theta), initial=0.0))
        theta = new
        if moved < 1e-9:
            break
    return theta


def _step(k: Array, base: Array, scores: Array, theta: Array) -> Array:
    """Newton's where J is concave, else the natural gradient's; no longer than 2."""
    q, _ = _weights(k, base, theta)
    away = k - (q * k).sum(0)
    residual = scores - np.where(np.isfinite(base), base, 0.0) - theta * k
    residual = residual - (q * residual).sum(0)
    slope, variance = (q * away * residual).sum(0), (q * away * away).sum(0)
    bend = variance - (q * away * away * residual).sum(0)
    steep = np.where(bend > 0.05 * variance, bend, variance)
    return np.clip(np.where(steep > 0, slope / np.where(steep > 0, steep, 1.0), 0.0), -2.0, 2.0)


def _choose(k: Array) -> Array:
    """log of n over k, n the largest state."""
    n = np.max(k)
    return special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0)


TILTS = {
    t.name: t
    for t in (
        Tilt("Poisson", lambda k: -special.gammaln(k + 1.0), lambda m, top: np.log(m)),
        Tilt("Binomial", _choose, lambda m, top: special.logit(min(m / max(top, 1.0), 0.98))),
        Tilt("Geometric", np.zeros_like, lambda m, top: np.log(m / (1.0 + m))),
    )
}
