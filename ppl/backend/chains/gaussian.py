"""Linear-Gaussian chains as block-tridiagonal precisions, by odd-even cyclic reduction.

The density is exp(-x' J x / 2 + h' x) with blocks J[t, t] = diag[t] and J[t, t+1] = off[t]. Every second block
is eliminated at once, which leaves a chain half as long; log2 T levels down there is one block, and the
eliminated blocks' moments come back on the way up (Heller 1976; for smoothing, Särkkä and García-Fernández 2021).
Blocks with off = 0 between them are independent, so a batch of chains is one long chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ppl.backend.chains.small_blocks import (
    cholesky,
    lower_solve,
    product,
    transposed_product,
    upper_solve,
)
from ppl.backend.op import Array


@final
class NotPositive(ValueError):
    """The precision is not positive definite: the chain and the time of the block where that showed."""

    def __init__(self, chain: int, time: int) -> None:
        super().__init__(f"the precision of chain {chain} is not positive definite (seen at time {time})")
        self.chain, self.time = chain, time


@final
@dataclass(frozen=True)
class GaussianChain:
    """Moments of N chains of T blocks of size K.

    ``mean`` (N, T, K); ``cov`` (N, T, K, K); ``lag_cov`` (N, T - 1, K, K), the covariance of x_t (rows) with
    x_{t+1} (columns); ``logdet`` (N,) of the precision; ``quadratic`` (N,), h' J^-1 h.
    """

    mean: Array
    cov: Array
    lag_cov: Array
    logdet: Array
    quadratic: Array

    @property
    def log_partition(self) -> Array:
        """log of the integral of exp(-x' J x / 2 + h' x): (N,)."""
        size = self.mean.shape[1] * self.mean.shape[2]
        return np.asarray(0.5 * (self.quadratic - self.logdet + size * np.log(2 * np.pi)))


def gaussian_chain(diag: Array, off: Array, linear: Array) -> GaussianChain:
    """Exact moments of chains with precision blocks diag (N, T, K, K), off (N, T-1, K, K), linear (N, T, K).

    A missing observation adds nothing to its block. Raises NotPositive where J is not positive definite.

    >>> found = gaussian_chain(np.full((1, 2, 1, 1), 2.0), np.full((1, 1, 1, 1), -1.0), np.ones((1, 2, 1)))
    >>> found.mean.ravel().round(9).tolist(), found.lag_cov.ravel().round(9).tolist()
    ([1.0, 1.0], [0.333333333])
    """
    levels = _eliminated(diag, off, linear)
    mean, cov, lag = _moments(levels)
    n, steps, k = linear.shape
    pivots, halves = _by_block(levels, n * steps)
    return GaussianChain(
        np.ascontiguousarray(mean.T).reshape(n, steps, k),
        np.ascontiguousarray(np.moveaxis(cov, -1, 0)).reshape(n, steps, k, k),
        np.ascontiguousarray(np.moveaxis(lag, -1, 0)).reshape(n, steps, k, k)[:, :-1],
        pivots.reshape(n, steps).sum(axis=1),
        halves.reshape(n, steps).sum(axis=1),
    )


def sample_gaussian_chain(
    diag: Array, off: Array, linear: Array, draws: int, rng: np.random.Generator
) -> Array:
    """Independent draws (draws, N, T, K) of the chains of `gaussian_chain`.

    >>> sample_gaussian_chain(
    ...     np.full((1, 2, 1, 1), 1e12), np.zeros((1, 1, 1, 1)), np.full((1, 2, 1), 3e12), 1, np.random.default_rng(0)
    ... ).round(3).ravel().tolist()
    [3.0, 3.0]
    """
    levels = _eliminated(diag, off, linear)
    n, steps, k = linear.shape
    x = np.empty((k, draws, 0))
    for level in reversed(levels):
        m = level.factor.shape[-1]
        own = level.solved[:, -1:] + rng.standard_normal((k, draws, m))
        if level.inner:
            own -= product(level.solved[:, :k], x[..., :m])
            own[..., : level.right] -= product(level.solved[:, k : 2 * k, : level.right], x[..., 1:])
        x = _merged(x, upper_solve(level.factor, own), level)
    return np.ascontiguousarray(np.moveaxis(x, 0, -1)).reshape(draws, n, steps, k)


@final
@dataclass(frozen=True)
class _Level:
    """The blocks that one level eliminates: Cholesky factors L (K, K, m) and L^-1 [left, right, linear].

    ``first`` and ``stride`` place them in the whole chain; the last level's only block has no neighbours.
    """

    factor: Array
    solved: Array
    first: int
    stride: int
    size: int

    @property
    def inner(self) -> bool:
        """Whether its blocks have neighbours."""
        return self.size > 1

    @property
    def right(self) -> int:
        """How many of its blocks have a neighbour to the right."""
        return (self.size - 1) // 2


def _eliminated(diag: Array, off: Array, linear: Array) -> list[_Level]:
    n, steps, k = linear.shape
    d = np.moveaxis(np.asarray(diag, float).reshape(-1, k, k), 0, -1)
    u = np.zeros((n, steps, k, k))
    u[:, :-1] = off
    u = np.moveaxis(u.reshape(-1, k, k), 0, -1)
    h = np.asarray(linear, float).reshape(-1, k).T
    levels, stride = [], 1
    while h.shape[-1] > 1:
        level = _level(d[..., 1::2], u[..., 0::2], u[..., 1::2], h[:, 1::2], stride, h.shape[-1])
        _check(level, steps)
        levels.append(level)
        d, u, h = _reduced(d, h, level)
        stride *= 2
    last = _Level(cholesky(d), np.zeros((k, 2 * k + 1, 1)), 0, stride, 1)
    _check(last, steps)
    last.solved[:, -1] = h
    lower_solve(last.factor, last.solved)
    return [*levels, last]


def _level(diag: Array, left: Array, right: Array, linear: Array, stride: int, size: int) -> _Level:
    """Factor the odd blocks (K, K, m) and solve for their couplings to both sides."""
    k, m = linear.shape
    solved = np.empty((k, 2 * k + 1, m))
    solved[:, :k] = left[..., :m].swapaxes(0, 1)
    solved[:, k : 2 * k] = right
    solved[:, -1] = linear
    factor = cholesky(diag)
    return _Level(factor, lower_solve(factor, solved), stride, stride, size)


def _check(level: _Level, steps: int) -> None:
    pivots = np.stack([level.factor[i, i] for i in range(len(level.factor))])
    bad = ~np.isfinite(pivots).all(axis=0)
    if bad.any():
        at = level.first + 2 * level.stride * int(bad.argmax())
        raise NotPositive(*divmod(at, steps))


def _reduced(d: Array, h: Array, level: _Level) -> tuple[Array, Array, Array]:
    """The chain of the even blocks, in which those that were neighbours of one odd block now meet."""
    k, m, r = len(d), level.factor.shape[-1], level.right
    left = level.solved[:, :k]
    from_left = transposed_product(left, level.solved)
    to_right = level.solved[:, k:, :r]
    from_right = transposed_product(to_right[:, :k], to_right)
    d, h = np.array(d[..., 0::2], order="C"), np.array(h[:, 0::2], order="C")
    d[..., :m] -= from_left[:, :k]
    h[:, :m] -= from_left[:, -1]
    d[..., 1 : r + 1] -= from_right[:, :k]
    h[:, 1 : r + 1] -= from_right[:, -1]
    u = np.zeros(d.shape)
    np.negative(from_left[:, k : 2 * k], out=u[..., :m])
    return d, u, h


def _moments(levels: list[_Level]) -> tuple[Array, Array, Array]:
    """Means (K, n), covariances (K, K, n) and covariances with the next block (K, K, n; the last is 0)."""
    k = len(levels[0].factor)
    mean, cov, lag = np.empty((k, 0)), np.empty((k, k, 0)), np.empty((k, k, 0))
    for level in reversed(levels):
        own, s, to_left, to_right = _own(level, mean, cov, lag)
        mean, cov = _merged(mean, own, level), _merged(cov, s, level)
        lag = np.zeros(cov.shape)
        if level.inner:
            lag[..., 0 : 2 * level.factor.shape[-1] : 2] = to_left.swapaxes(0, 1)
            lag[..., 1 : 2 * level.right + 1 : 2] = to_right
    return mean, cov, lag


def _own(level: _Level, mean: Array, cov: Array, lag: Array) -> tuple[Array, Array, Array, Array]:
    """Moments of one level's blocks, given those of the blocks around them.

    With D the block and [A, C] its couplings, x = D^-1 (h - A x_left - C x_right) + N(0, D^-1).
    """
    k, m, r = len(level.factor), level.factor.shape[-1], level.right
    gain = upper_solve(level.factor, np.array(level.solved, order="C"))
    inverse = lower_solve(level.factor, np.repeat(np.eye(k)[..., None], m, axis=-1))
    cov_own = upper_solve(level.factor, inverse)
    own = gain[:, -1]
    if not level.inner:
        return own, cov_own, np.zeros((k, k, 0)), np.zeros((k, k, 0))
    a, c = gain[:, :k], np.ascontiguousarray(gain[:, k : 2 * k, :r])
    across = np.ascontiguousarray(lag[..., :r])
    to_left = -product(a, cov[..., :m])
    to_left[..., :r] -= product(c, across.swapaxes(0, 1))
    to_right = -product(a[..., :r], across) - product(c, cov[..., 1 : r + 1])
    own -= np.einsum("pkn,kn->pn", a, mean[:, :m])
    own[:, :r] -= np.einsum("pkn,kn->pn", c, mean[:, 1 : r + 1])
    cov_own -= np.einsum("pkn,qkn->pqn", to_left, a)
    cov_own[..., :r] -= np.einsum("pkn,qkn->pqn", to_right, c)
    return own, cov_own, to_left, to_right


def _merged(even: Array, odd: Array, level: _Level) -> Array:
    """Even and odd blocks in order of time."""
    if not level.inner:
        return odd
    out = np.empty((*odd.shape[:-1], level.size))
    out[..., 0::2] = even
    out[..., 1::2] = odd
    return out


def _by_block(levels: list[_Level], blocks: int) -> tuple[Array, Array]:
    """What each block adds to log det J and to h' J^-1 h: (n,) each."""
    pivots, halves = np.empty(blocks), np.empty(blocks)
    for level in levels:
        at = slice(level.first, None, 2 * level.stride)
        diagonal = np.stack([level.factor[i, i] for i in range(len(level.factor))])
        pivots[at] = 2 * np.log(diagonal).sum(axis=0)
        halves[at] = (level.solved[:, -1] ** 2).sum(axis=0)
    return pivots, halves
