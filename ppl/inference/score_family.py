"""The family of q: a Gaussian for each continuous coordinate, a table for each discrete element.

Parameters lie in one vector: D means, D log sds, then the logits of each discrete latent, one for
an element of two states (the log odds of the second), else K. Coordinates that a guide correlates have
more, at the end: z = m + (diag(sd) + C) eps, C strictly lower triangular.
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

    held: (D,), coordinates that guides draw; ``guided`` columns more are theirs. groups: the coordinates
    of correlated Gaussians, (Gaussians, coordinates of each).
    """

    point: Array
    discretes: tuple[Discrete, ...]
    held: Array
    guided: int = 0
    groups: tuple[np.ndarray, ...] = ()

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
        return self.corners[-1].stop if self.corners else self._tables_stop

    @property
    def _tables_stop(self) -> int:
        return self.logits[-1].stop if self.logits else 2 * self.size

    @cached_property
    def corners(self) -> tuple[slice, ...]:
        """Where the entries of C lie, a group of Gaussians after another."""
        out, start = [], self._tables_stop
        for index in self.groups:
            count, width = index.shape
            out.append(slice(start, start + count * width * (width - 1) // 2))
            start = out[-1].stop
        return tuple(out)

    def corner(self, theta: Array, k: int) -> Array:
        """C of group k: (Gaussians, R, R)."""
        count, width = self.groups[k].shape
        out = np.zeros((count, width, width))
        rows, columns = np.tril_indices(width, -1)
        out[:, rows, columns] = theta[self.corners[k]].reshape(count, -1)
        return out

    def corner_slopes(self, slopes: Array, eps: Array, k: int) -> Array:
        """Slopes in the entries of C of group k, given those of the log joint at draws (S, D)."""
        index = self.groups[k]
        outer = np.einsum("sgi,sgj->gij", slopes[:, index], eps[:, index], optimize=True) / len(eps)
        rows, columns = np.tril_indices(index.shape[1], -1)
        return np.asarray(outer[:, rows, columns].ravel())

    def moved(self, theta: Array, eps: Array) -> Array:
        """Continuous coordinates (S, D) at standard normal numbers."""
        out = theta[: self.size] + self.sd(theta) * eps
        for k, index in enumerate(self.groups):
            out[:, index] += np.einsum("gij,sgj->sgi", self.corner(theta, k), eps[:, index], optimize=True)
        return np.asarray(out)

    def noise_at(self, theta: Array, z: Array) -> Array:
        """The standard normal numbers (S, D) of coordinates; 0 of points."""
        sd = self.sd(theta)
        out = np.where(self.free, (z - theta[: self.size]) / np.where(self.free, sd, 1.0), 0.0)
        for k, index in enumerate(self.groups):
            factor = self.corner(theta, k) + sd[index][:, :, None] * np.eye(index.shape[1])
            r = np.moveaxis((z - theta[: self.size])[:, index], 0, -1)
            out[:, index] = np.moveaxis(np.linalg.solve(factor, r), -1, 0)
        return np.asarray(out)

    def spread(self, theta: Array) -> Array:
        """Sds of the coordinates by themselves (D,)."""
        out = np.square(self.sd(theta))
        for k, index in enumerate(self.groups):
            out[index] += np.square(self.corner(theta, k)).sum(2)
        return np.asarray(np.sqrt(out))

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
        tables = slice(2 * self.size, self._tables_stop)
        theta[tables] = spread * rng.standard_normal(self._tables_stop - 2 * self.size)
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
        x[:, : self.size] = self.moved(theta, eps)
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
