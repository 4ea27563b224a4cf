"""Linear algebra on the last one or two axes."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array, op, unbroadcast


def _t(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


@op(
    lambda g, ans, a, b: unbroadcast(np.matmul(g, _t(b)), np.shape(a)),
    lambda g, ans, a, b: unbroadcast(np.matmul(_t(a), g), np.shape(b)),
)
def matmul(a: Array, b: Array) -> Array:
    """Matrix product of the last two axes (both arguments at least 2-D); the rest broadcasts."""
    return np.matmul(a, b)


@op(
    lambda g, ans, x, v: unbroadcast(np.asarray(g)[..., :, None] * np.asarray(v)[..., None, :], np.shape(x)),
    lambda g, ans, x, v: unbroadcast(np.matmul(np.asarray(g)[..., None, :], x)[..., 0, :], np.shape(v)),
)
def matvec(x: Array, v: Array) -> Array:
    """out[..., n] = sum_k x[..., n, k] v[..., k]."""
    return np.matmul(x, np.asarray(v)[..., None])[..., 0]


def _design_vjp(g: Array, ans: Array, x: Array, v: Array) -> Array:
    return _rows_times(g, x)


def _rows_times(v: Array, matrix: Array) -> Array:
    """v @ matrix as one product of two plain matrices (broadcast views would miss BLAS)."""
    lead = int(np.prod(np.shape(v)[:-1], dtype=int))  # -1 is ambiguous for vectors of length 0
    flat = np.ascontiguousarray(np.reshape(v, (lead, np.shape(v)[-1])))
    return (flat @ matrix).reshape(*np.shape(v)[:-1], matrix.shape[-1])


@op(None, _design_vjp)
def design(x: Array, v: Array) -> Array:
    """A constant matrix x (N, K) times every row of v (S, K): out (S, N) as one matrix product."""
    return _rows_times(v, x.T)


def _phi(x: Array) -> Array:
    """Lower triangle with the diagonal halved."""
    return np.tril(x) / (1.0 + np.eye(x.shape[-1]))


def _solved(a: Array, b: Array) -> Array:
    """x with a x = b; NaN where a matrix is singular (never an exception)."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        lead = np.broadcast_shapes(np.shape(a)[:-2], np.shape(b)[:-2])
        many = np.broadcast_to(a, lead + np.shape(a)[-2:]).reshape(-1, *np.shape(a)[-2:])
        right = np.broadcast_to(b, lead + np.shape(b)[-2:]).reshape(-1, *np.shape(b)[-2:])
        found = [_or_nan(m, r) for m, r in zip(many, right, strict=True)]
        return np.stack(found).reshape(lead + np.shape(b)[-2:])


def _inverted(a: Array) -> Array:
    """The inverse; NaN where a matrix is singular."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return _solved(a, np.broadcast_to(np.eye(np.shape(a)[-1]), np.shape(a)))


def _or_nan(a: Array, b: Array) -> Array:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.full(np.shape(b), np.nan)


def _cholesky_vjp(g: Array, ans: Array, a: Array) -> Array:
    middle = _phi(np.matmul(_t(ans), g))
    left = _solved(_t(ans), middle)
    out = _t(_solved(_t(ans), _t(left)))
    return 0.5 * (out + _t(out))


@op(_cholesky_vjp)
def cholesky(a: Array) -> Array:
    """Lower Cholesky factor; NaN where a matrix is not positive definite (never an exception)."""
    try:
        return np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        flat = np.reshape(a, (-1, *np.shape(a)[-2:]))
        return np.stack([_cholesky_or_nan(m) for m in flat]).reshape(np.shape(a))


def _cholesky_or_nan(a: Array) -> Array:
    try:
        return np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return np.full_like(a, np.nan)


def _solve_b(g: Array, ans: Array, a: Array, b: Array) -> Array:
    return unbroadcast(_solved(_t(a), g), np.shape(b))


def _solve_a(g: Array, ans: Array, a: Array, b: Array) -> Array:
    return unbroadcast(-np.matmul(_solved(_t(a), g), _t(ans)), np.shape(a))


@op(_solve_a, _solve_b)
def solve(a: Array, b: Array) -> Array:
    """x with a x = b; b has two matrix axes as well."""
    return _solved(a, b)


@op(lambda g, ans, a: -np.matmul(np.matmul(_t(ans), g), _t(ans)))
def inverse(a: Array) -> Array:
    return _inverted(a)


@op(lambda g, ans, a: np.asarray(g)[..., None, None] * _t(_inverted(a)))
def logdet(a: Array) -> Array:
    """log |det a|."""
    return np.linalg.slogdet(a)[1]
