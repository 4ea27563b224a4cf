"""Standard normal noise that shares r directions: the correlations of a Gaussian of low rank plus diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.backend.dense import dense
from ppl.backend.elementwise import multiply
from ppl.backend.linalg import logdet, matmul, solve
from ppl.backend.op import Array, Traced, op
from ppl.backend.reductions import sum_
from ppl.backend.shaping import matrix_transpose, reshape_last

HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
START = 1.0  # sd that the shared directions add to each coordinate at first


def _orthogonal(f: Array) -> Array:
    """Directions of r draws at a time made orthogonal, their lengths kept: each is standard normal as before."""
    count, rank = f.shape
    lengths, out = np.sqrt(np.square(f).sum(1, keepdims=True)), []
    for first in range(0, count, rank):
        part, signs = np.linalg.qr(f[first : first + rank].T)
        out.append((part * np.sign(np.diag(signs))).T)
    return np.concatenate(out) * lengths


@op(None)
def balanced(e: Array) -> Array:
    """The first quarter of the draws (S, 1, D), twice, and twice with the sign turned."""
    first = e[: len(e) // 4]
    return np.concatenate([first, first, -first, -first])


@op(None)
def crossed(f: Array) -> Array:
    """The first quarter of the draws (S, 1, r), made orthogonal, in turn with each sign."""
    first = _orthogonal(f[: len(f) // 4, 0])[:, None]
    return np.concatenate([first, -first, first, -first])


@dataclass(frozen=True)
class LowRank:
    """``v = e + U f`` with e (D,) and f (r,) standard normal: ``v ~ Normal(0, I + U U')``.

    Everything is found from the r x r matrix ``M = I + U' U``: ``log|I + U U'| = log|M|`` and
    ``(I + U U')^-1 = I - U M^-1 U'`` (Woodbury 1950). Weights are U laid flat: (1, D r); they may be traced.

    >>> q = LowRank(4, 2)
    >>> w = q.start(np.random.default_rng(0))[None]
    >>> v, minus_log_q = q.drawn(w, np.ones((3, 1, 4)), np.zeros((3, 1, 2)), closed=False)
    >>> v.shape, minus_log_q.shape
    ((3, 1, 4), (3, 1, 1))
    """

    size: int
    rank: int

    @property
    def words(self) -> str:
        """What it is, for reports."""
        return f"Gaussian of rank {self.rank} plus a diagonal"

    @property
    def count(self) -> int:
        """Weights."""
        return self.size * self.rank

    def start(self, rng: np.random.Generator) -> Array:
        """Weights (count,) that correlate little; at none at all the bound has no slope in U."""
        return START / np.sqrt(self.rank) * rng.standard_normal(self.count)

    def directions(self, weights: Array) -> Array:
        """U: (1, D, r)."""
        return reshape_last(weights, count=1, shape=(self.size, self.rank))

    def drawn(self, weights: Array, e: Array, f: Array, closed: bool) -> tuple[Array, Array]:
        """v (S, 1, D) for e (S, 1, D) and f (S, 1, r), and minus its log density (S or 1, 1, 1).

        Where slopes are asked for, draws come in fours, ``(e, f), (e, -f), (-e, f), (-e, -f)``, and the f are
        orthogonal: each pair is distributed as before, and slopes of a quadratic in U know no chance
        correlations of e with f. With ``closed`` minus the log density is its mean over v,
        ``D/2 log(2 pi e) + log|M| / 2``.
        """
        if isinstance(weights, Traced) and len(_example(e)) % 4 == 0:
            e, f = balanced(e), crossed(f)
        u = self.directions(weights)
        across = matrix_transpose(u)
        v = e + dense(f, across)
        whole = matmul(across, u) + np.eye(self.rank, dtype=np.float32)  # single numbers stay single
        entropy = reshape_last(0.5 * logdet(whole), count=0, shape=(1, 1)) + self.size * HALF_LOG_2PI
        if closed:
            return v, entropy + 0.5 * self.size
        shared = dense(v, u)
        inner = matrix_transpose(solve(whole, matrix_transpose(shared)))
        squares = sum_(multiply(v, v), axis=(-1,)) - sum_(multiply(shared, inner), axis=(-1,))
        return v, entropy + reshape_last(0.5 * squares, count=0, shape=(1,))


def _example(x: Array) -> Array:
    return getattr(x, "example", x)
