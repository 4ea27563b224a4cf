"""The family of q: a Gaussian for each continuous coordinate, a table for each discrete element.

Parameters lie in one vector: D means, D log sds, then the logits of each discrete latent, one for
an element of two states (the log odds of the second), else K.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ppl.graph.terms_at_draws import Discrete
from ppl.posterior.target import Array

FARTHEST = 30.0  # a state less probable than exp(-30) of the likeliest is as good as ruled out
HALF_LOG_TAU_E = 0.5 * np.log(2.0 * np.pi * np.e)


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of q. x: (S, width), what the log joint takes; eps: (S, D); codes: state numbers (S, n) each."""

    x: Array
    eps: Array
    codes: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Family:
    """point: (D,), coordinates without a spread; discretes: the discrete latents in column order.

    held: (D,), coordinates that guides draw; ``guided`` columns more are theirs.
    """

    point: Array
    discretes: tuple[Discrete, ...]
    held: Array
    guided: int = 0

    @property
    def size(self) -> int:
        """D."""
        return len(self.point)

    @cached_property
    def logits(self) -> tuple[slice, ...]:
        """Where the logits of each discrete latent lie."""
        out, start = [], 2 * self.size
        for d in self.discretes:
            out.append(slice(start, start + d.count * columns(d)))
            start = out[-1].stop
        return tuple(out)

    @property
    def count(self) -> int:
        """Number of parameters."""
        return self.logits[-1].stop if self.logits else 2 * self.size

    @cached_property
    def width(self) -> int:
        """Columns of a draw."""
        return self.size + sum(d.count for d in self.discretes) + self.guided

    @cached_property
    def free(self) -> np.ndarray:
        """Coordinates with a Gaussian of their own (D,)."""
        return np.asarray(~(self.point.astype(bool) | self.held.astype(bool)))

    def start(self, centre: Array, rng: np.random.Generator, log_sd: float, spread: float) -> Array:
        """First parameters: Gaussians around a centre, tables near uniform."""
        theta = np.zeros(self.count)
        theta[: self.size] = np.where(self.held, 0.0, centre)
        theta[self.size : 2 * self.size] = np.where(self.free, log_sd, 0.0)
        theta[2 * self.size :] = spread * rng.standard_normal(self.count - 2 * self.size)
        return theta

    def sd(self, theta: Array) -> Array:
        """(D,), 0 for points and what guides draw."""
        return np.where(self.free, np.exp(theta[self.size : 2 * self.size]), 0.0)

    def log_tables(self, theta: Array) -> tuple[Array, ...]:
        """Log probabilities of the states of each discrete latent: (n, K) each."""
        return tuple(
            log_table(theta[where].reshape(d.count, -1))
            for d, where in zip(self.discretes, self.logits, strict=True)
        )

    def draw(self, theta: Array, rng: np.random.Generator, count: int, paired: bool = False) -> Draws:
        """Independent draws; ``paired``: the second half is antithetic to the first in elements of two states.

        Pairs share their continuous values and are independent in elements of more states.
        """
        eps = rng.standard_normal((count // 2 if paired else count, self.size))
        eps = np.concatenate([eps, eps]) if paired else eps
        x = np.empty((count, self.width))
        x[:, : self.size] = theta[: self.size] + self.sd(theta) * eps
        codes = []
        for d, table in zip(self.discretes, self.log_tables(theta), strict=True):
            u = rng.random((count, d.count))
            if paired and len(d.states) == 2:
                u[count // 2 :] = 1.0 - u[: count // 2]
            codes.append(_inverted(u, np.exp(table)))
            x[:, d.where] = d.states[codes[-1]]
        return Draws(x, eps, tuple(codes))

    def entropy(self, theta: Array) -> float:
        """In closed form; elements of weighted rows count by their weight."""
        total = float((theta[self.size : 2 * self.size][self.free] + HALF_LOG_TAU_E).sum())
        for d, table in zip(self.discretes, self.log_tables(theta), strict=True):
            total -= float((d.weights[:, None] * np.exp(table) * table).sum())
        return total

    def kept_near(self, theta: Array) -> Array:
        """Parameters whose tables rule nothing out for good: logits within `FARTHEST` of the largest."""
        out = theta.copy()
        for d, where in zip(self.discretes, self.logits, strict=True):
            part = out[where].reshape(d.count, -1)
            if part.shape[1] == 1:
                out[where] = np.clip(out[where], -FARTHEST, FARTHEST)
            else:
                part = np.maximum(part - part.max(1, keepdims=True), -FARTHEST)
                out[where] = part.ravel()
        return out


def columns(d: Discrete) -> int:
    """Logits of one element."""
    return 1 if len(d.states) == 2 else len(d.states)


def log_table(logits: Array) -> Array:
    """Log probabilities (n, K) from logits (n, 1) of two states, or (n, K)."""
    if logits.shape[1] == 1:
        return np.concatenate([-np.logaddexp(0.0, logits), -np.logaddexp(0.0, -logits)], axis=1)
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


def _inverted(u: Array, table: Array) -> np.ndarray:
    """State numbers at uniform draws u (S, n) of probabilities (n, K)."""
    codes = np.zeros(u.shape, dtype=np.intp)
    below = np.zeros(len(table))
    for k in range(table.shape[1] - 1):
        below = below + table[:, k]
        codes += u >= below
    return codes
