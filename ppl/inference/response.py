"""Linear response: the covariance a mean-field optimum implies through how it would move.

At the optimum of ``f(m, w)``, tilting the log density by ``t'z`` moves the means at the rate
``d m / d t = [H^-1]_mm`` with H the negative Hessian of f; for the exact posterior that rate is its
covariance (Giordano, Broderick, Jordan 2018). Hessians are central differences of the exact
gradient at fixed draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ppl.backend.directional import hessian_vector
from ppl.posterior.approximation import Approximation
from ppl.posterior.target import Array, Target, global_coordinates

DENSE_SIZE = 400  # the largest D whose whole covariance is formed
DENSE_WORK = 1e8  # elements that forming it should touch: more draws only while they fit
DENSE_MOST = 2e10  # elements that it may touch at all
SOLVES = 64  # most coordinates solved for one by one, when it is not
SOLVE_WORK = 2e7  # elements that one gradient for such a solve should touch
STEP = 1e-4  # of a posterior sd


def linear_response(target: Target, q: Approximation, eps: Array) -> Approximation:
    """q with its response covariance (D <= 400) or the response sds of its globals.

    Draws are dropped, in antithetic pairs, where the whole set would cost too much.
    """
    per_draw = 2.0 * target.size * max(target.work, 1.0)
    pairs = len(eps) // 2
    if target.size <= DENSE_SIZE and per_draw * 2 <= DENSE_MOST:
        use = int(np.clip(DENSE_WORK / per_draw / 2, 1, pairs))
        chosen = np.concatenate([eps[:use], eps[pairs : pairs + use]])
        cov = _dense(target, q, chosen / np.sqrt(np.maximum(np.square(chosen).mean(0), 1e-300)))
        if cov is not None:
            return replace(q, response_cov=cov, response_sd=np.sqrt(np.maximum(np.diag(cov), 0.0)))
        return q
    use = int(np.clip(SOLVE_WORK / max(target.work, 1.0) / 2, 1, pairs))
    return replace(q, response_sd=_globals(target, q, np.concatenate([eps[:use], eps[pairs : pairs + use]])))


def _dense(target: Target, q: Approximation, eps: Array) -> Array | None:
    """[H^-1]_mm: (D, D) with zeros for point coordinates, or None when H is not positive definite."""
    free = np.flatnonzero(q.free)
    spread = eps * q.sd
    z = q.mean + spread
    slopes = target.value_and_grad(z)[1]
    rank, count = len(free), len(z)
    hessian = np.zeros((2 * rank, 2 * rank))
    for k, column in enumerate(free):
        one = np.zeros((1, q.size))
        one[0, column] = 1.0
        product = hessian_vector(lambda at: target.value_and_grad(at)[1], z, one, STEP * q.sd[column])
        curve = -product[:, free]
        own = spread[:, column]
        hessian[:rank, k] = curve.mean(0)
        hessian[:rank, rank + k] = curve.T @ own / count
        hessian[rank:, rank + k] = (curve * spread[:, free]).T @ own / count
    hessian[rank:, :rank] = hessian[:rank, rank:].T
    diagonal = np.arange(rank, 2 * rank)
    hessian[diagonal, diagonal] -= (slopes * spread).mean(0)[free]
    return _mean_block(0.5 * (hessian + hessian.T), free, q.size)


def _mean_block(hessian: Array, free: NDArray[np.intp], size: int) -> Array | None:
    rank = len(free)
    scale = 1.0 / np.sqrt(np.abs(np.diag(hessian)))
    try:
        tril = np.linalg.cholesky(hessian * scale * scale[:, None])
    except np.linalg.LinAlgError:
        return None
    half = np.linalg.solve(tril, np.diag(scale)[:, :rank])
    cov = np.zeros((size, size))
    cov[np.ix_(free, free)] = half.T @ half
    return cov


def _globals(target: Target, q: Approximation, eps: Array) -> Array:
    """Response sds of up to 64 globals by conjugate gradients, nan elsewhere: (D,)."""
    chosen = np.flatnonzero(global_coordinates(target.groups, q.size) & q.free)[:SOLVES]
    sd = np.full(q.size, np.nan)
    right = np.zeros((len(chosen), 2 * q.size))
    right[np.arange(len(chosen)), chosen] = 1.0
    free = np.tile(q.free, 2)
    metric = np.where(free, np.concatenate([np.square(q.sd), np.full(q.size, 0.5)]), 0.0)
    solved = conjugate_gradients(_product(target, q, eps), right, metric)
    variance = solved[np.arange(len(chosen)), chosen]
    sd[chosen] = np.sqrt(np.where(variance > 0.0, variance, np.nan))
    return sd


def _product(target: Target, q: Approximation, eps: Array) -> Callable[[Array], Array]:
    """Products of H with several vectors: (k, 2D) -> (k, 2D)."""

    def gradient(mean: Array, scale: Array) -> Array:
        moved = eps * scale
        slopes = target.value_and_grad(mean + moved)[1]
        return np.concatenate([slopes.mean(0), (slopes * moved).mean(0)])

    def one(vector: Array) -> Array:
        in_m, in_w = np.split(vector, 2)
        length = np.sqrt(
            np.square(np.where(q.free, in_m / np.where(q.free, q.sd, 1.0), 0.0)).mean()
            + np.square(in_w).mean()
        )
        h = STEP / max(float(length), 1e-300)
        up = gradient(q.mean + h * in_m, q.sd * np.exp(h * in_w))
        down = gradient(q.mean - h * in_m, q.sd * np.exp(-h * in_w))
        product: Array = (down - up) / (2.0 * h)
        return product

    return lambda vectors: np.stack([one(v) for v in vectors])


def conjugate_gradients(
    product: Callable[[Array], Array], right: Array, metric: Array, tolerance: float = 1e-3, most: int = 200
) -> Array:
    """Solve ``H x = b`` for every row b of ``right``: (k, n), preconditioned by ``metric``: (n,).

    >>> H = np.diag([1.0, 4.0])
    >>> conjugate_gradients(lambda v: v @ H, np.array([[2.0, 2.0]]), np.ones(2)).round(6)
    array([[2. , 0.5]])
    """
    x, residual = np.zeros_like(right), right.copy()
    moved = metric * residual
    search, size = moved.copy(), np.einsum("kn,kn->k", residual, moved)
    first = size.copy()
    for _ in range(most):
        live = size > tolerance**2 * first
        if not live.any():
            break
        image = product(search[live])
        bend = np.einsum("kn,kn->k", search[live], image)
        length = np.where(bend > 0.0, size[live] / np.where(bend > 0.0, bend, 1.0), 0.0)
        x[live] += length[:, None] * search[live]
        residual[live] -= length[:, None] * image
        moved = metric * residual
        new = np.einsum("kn,kn->k", residual, moved)
        search[live] = moved[live] + (new[live] / size[live])[:, None] * search[live]
        size = np.where(
            live, np.where(np.isin(np.arange(len(size)), np.flatnonzero(live)[length == 0.0]), 0.0, new), size
        )
    return x
