"""Covariance and correlation matrices and their Cholesky factors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.supports.bijections.base import Bijection

Array = Any
FLOOR = -300.0


@cache
def _lower(size: int, offset: int) -> np.ndarray:
    """Flat positions of the lower triangle, row by row (offset -1 leaves out the diagonal)."""
    rows, columns = np.tril_indices(size, offset)
    out = rows * size + columns
    out.setflags(write=False)
    return out


def _size(count: int, with_diagonal: bool) -> int:
    """The matrix size from the number of coordinates."""
    root = math.isqrt(8 * count + 1)
    return (root - 1) // 2 if with_diagonal else (root + 1) // 2


def _gram(lower: Array) -> Array:
    return xp.matmul(lower, xp.matrix_transpose(lower))


def _factor(u: Array) -> tuple[Array, Array, Array]:
    """L of a correlation, its log diagonal, and log |det dL/du| of the strict lower triangle.

    Partial correlations z = tanh u: L_ij = z_ij prod_{k<j} sqrt(1 - z_ik^2) (Lewandowski,
    Kurowicka & Joe, Generating random correlation matrices, 2009).
    """
    size = _size(u.shape[-1], with_diagonal=False)
    where = _lower(size, -1)
    remain = xp.log_sigmoid_slope(2.0 * u) + math.log(4.0)
    row = xp.place(remain, where, shape=(size, size))
    before = 0.5 * (xp.cumsum(row, axis=-1) - row)
    z = xp.place(xp.tanh(u), where, shape=(size, size)) + np.eye(size)
    strict = np.tril(np.ones((size, size)), -1)
    log_det = xp.sum(remain, axis=-1) + xp.sum(before * strict, axis=(-2, -1))
    return z * xp.exp(xp.maximum(before, FLOOR)), xp.diagonal(before), log_det


def _factor_inverse(lower: np.ndarray) -> np.ndarray:
    size = lower.shape[-1]
    squares = np.square(lower)
    left = np.flip(np.cumsum(np.flip(squares, -1), -1), -1)
    z = (lower / np.sqrt(np.where(left > 0, left, 1.0))).reshape(*lower.shape[:-2], -1)
    return np.arctanh(z[..., _lower(size, -1)])


@dataclass(frozen=True)
class CholeskyCorrelation(Bijection):
    """Lower factors with rows of unit length; the diagonal stops at exp(-300)."""

    event_dims = 2

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        size = event_shape[-1]
        return (*event_shape[:-2], size * (size - 1) // 2)

    def forward(self, u: Array) -> tuple[Array, Array]:
        lower, _, log_det = _factor(u)
        return lower, log_det

    def inverse(self, x: Array) -> np.ndarray:
        return _factor_inverse(np.asarray(x, dtype=float))


@dataclass(frozen=True)
class Correlation(Bijection):
    """R = L L'; volume by the strict lower triangle: prod L_kk^(K - k) more than L's."""

    event_dims = 2

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        size = event_shape[-1]
        return (*event_shape[:-2], size * (size - 1) // 2)

    def forward(self, u: Array) -> tuple[Array, Array]:
        lower, log_diagonal, log_det = _factor(u)
        size = lower.shape[-1]
        eye = np.eye(size)
        gram = _gram(lower) * (1.0 - eye) + eye
        return gram, log_det + xp.sum(log_diagonal * np.arange(size - 1.0, -1.0, -1.0), axis=-1)

    def inverse(self, x: Array) -> np.ndarray:
        return _factor_inverse(np.linalg.cholesky(np.asarray(x, dtype=float)))


def _triangle(u: Array) -> tuple[Array, Array]:
    """L from its lower triangle with logarithms on the diagonal, and those logarithms."""
    size = _size(u.shape[-1], with_diagonal=True)
    flat = xp.place(u, _lower(size, 0), shape=(size, size))
    logs = xp.diagonal(flat)
    strict = np.tril(np.ones((size, size)), -1)
    return flat * strict + xp.diagonal_matrix(xp.exp(logs)), logs


def _triangle_inverse(lower: np.ndarray) -> np.ndarray:
    size = lower.shape[-1]
    diagonal = np.diagonal(lower, axis1=-2, axis2=-1)[..., None] * np.eye(size)
    logs = np.log(np.where(np.eye(size) > 0, diagonal, 1.0))
    flat = (np.tril(lower, -1) + logs).reshape(*lower.shape[:-2], -1)
    return flat[..., _lower(size, 0)]


@dataclass(frozen=True)
class CholeskyCovariance(Bijection):
    """Lower triangular with an exponential diagonal."""

    event_dims = 2

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        size = event_shape[-1]
        return (*event_shape[:-2], size * (size + 1) // 2)

    def forward(self, u: Array) -> tuple[Array, Array]:
        lower, logs = _triangle(u)
        return lower, xp.sum(logs, axis=-1)

    def inverse(self, x: Array) -> np.ndarray:
        return _triangle_inverse(np.asarray(x, dtype=float))


@dataclass(frozen=True)
class Covariance(Bijection):
    """L L' with an exponential diagonal; |det| = 2^K prod L_kk^(K - k + 2)."""

    event_dims = 2

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        size = event_shape[-1]
        return (*event_shape[:-2], size * (size + 1) // 2)

    def forward(self, u: Array) -> tuple[Array, Array]:
        lower, logs = _triangle(u)
        size = lower.shape[-1]
        log_det = xp.sum(logs * np.arange(size + 1.0, 1.0, -1.0), axis=-1) + size * math.log(2.0)
        return _gram(lower), log_det

    def inverse(self, x: Array) -> np.ndarray:
        return _triangle_inverse(np.linalg.cholesky(np.asarray(x, dtype=float)))
