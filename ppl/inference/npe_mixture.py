"""A Gaussian mixture whose weights, means and precisions are given row by row: the head of a network.

Component c has mean m_c and precision L_c' L_c with L_c lower triangular, its diagonal exp of what is given;

    log q(t) = log sum_c w_c prod_i L_c,ii (2 pi)^(-D/2) exp(-|L_c (t - m_c)|^2 / 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.inference.npe_head import NONE, Head
from ppl.posterior.target import Array

FAR = 6.0  # log diagonal entries stay within this of 0


@dataclass(frozen=True)
class MixtureHead(Head):
    """``size``: D; ``components``: C. A row of outputs holds C weights, C D means, C log diagonals, the rest."""

    size: int
    components: int
    count: int = 0
    spread: float = 0.01

    @property
    def off(self) -> int:
        """Entries of one triangle below the diagonal."""
        return self.size * (self.size - 1) // 2

    @property
    def width(self) -> int:  # type: ignore[override]
        """Outputs a row needs."""
        return self.components * (1 + 2 * self.size + self.off)

    @property
    def held(self) -> int:
        """A root of its component's covariance."""
        return self.size**2

    @property
    def family(self) -> str:
        """In words."""
        return f"mixture of {self.components} Gaussians"

    def start(self, rng: np.random.Generator) -> Array:
        """No weights of its own."""
        return NONE

    def split(self, out: Array) -> tuple[Array, Array, Array]:
        """Log weights (n, C), means (n, C, D) and triangles (n, C, D, D) of outputs (n, width)."""
        n, c, d = len(out), self.components, self.size
        logits, rest = out[:, :c], out[:, c:]
        means = rest[:, : c * d].reshape(n, c, d)
        diagonal = np.clip(rest[:, c * d : 2 * c * d].reshape(n, c, d), -FAR, FAR)
        tril = np.zeros((n, c, d, d))
        rows, columns = np.tril_indices(d, -1)
        tril[:, :, rows, columns] = rest[:, 2 * c * d :].reshape(n, c, self.off)
        place = np.arange(d)
        tril[:, :, place, place] = np.exp(diagonal)
        top = logits.max(1, keepdims=True)
        weights = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
        return weights, means, tril

    def log_density(self, out: Array, t: Array, own: Array = NONE) -> Array:
        """Log q of t (n, D) under outputs (n, width): (n,)."""
        joint = self._joint(out, t)[0]
        top = joint.max(1)
        return np.asarray(top + np.log(np.exp(joint - top[:, None]).sum(1)))

    def _joint(self, out: Array, t: Array) -> tuple[Array, Array, Array, Array, Array]:
        weights, means, tril = self.split(out)
        apart = t[:, None, :] - means
        whitened = np.einsum("ncij,ncj->nci", tril, apart)
        log_diagonal = np.log(np.diagonal(tril, axis1=2, axis2=3)).sum(2)
        joint = weights + log_diagonal - 0.5 * np.square(whitened).sum(2)
        return joint - 0.5 * self.size * np.log(2.0 * np.pi), weights, tril, apart, whitened

    def slopes(self, out: Array, t: Array, own: Array = NONE) -> tuple[Array, Array, Array]:
        """Log densities (n,), their slopes in the outputs (n, width), and none in weights of its own."""
        joint, weights, tril, apart, whitened = self._joint(out, t)
        top = joint.max(1, keepdims=True)
        share = np.exp(joint - top)
        total = share.sum(1, keepdims=True)
        share = share / total
        n, c, d = len(out), self.components, self.size
        by_mean = share[:, :, None] * np.einsum("ncij,nci->ncj", tril, whitened)
        place = np.arange(d)
        by_tril = -share[:, :, None, None] * whitened[:, :, :, None] * apart[:, :, None, :]
        own = by_tril[:, :, place, place] * tril[:, :, place, place] + share[:, :, None]
        rows, columns = np.tril_indices(d, -1)
        off = by_tril[:, :, rows, columns]
        parts = [
            share - np.exp(weights),
            by_mean.reshape(n, c * d),
            own.reshape(n, c * d),
            off.reshape(n, -1),
        ]
        return (top + np.log(total))[:, 0], np.concatenate(parts, axis=1), NONE

    def sample(self, out: Array, rng: np.random.Generator, count: int, own: Array = NONE) -> Array:
        """Draws for each row of outputs: (n, count, D)."""
        weights, means, tril = self.split(out)
        cumulative = np.cumsum(np.exp(weights), axis=1)
        u = rng.random((len(out), count))
        chosen = np.minimum((u[:, :, None] >= cumulative[:, None, :]).sum(2), self.components - 1)
        inverse = np.linalg.inv(tril)
        row = np.arange(len(out))[:, None]
        noise = rng.standard_normal((len(out), count, self.size))
        if len(out) == 1:  # many draws of one row: by component, so that no matrix is copied for each draw
            draws = np.empty_like(noise)
            for c in range(self.components):
                own = chosen[0] == c
                draws[0, own] = means[0, c] + noise[0, own] @ inverse[0, c].T
            return draws
        return np.asarray(means[row, chosen] + np.einsum("nsij,nsj->nsi", inverse[row, chosen], noise))
