"""Values against mpmath at ordinary and extreme places, and against numpy for arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from ppl.functions import find

mp.mp.dps = 50


def evaluate(name: str, *arrays: Any, **words: Any) -> np.ndarray:
    function = find(name)
    assert function is not None
    assert function.evaluate is not None
    with np.errstate(all="ignore"):
        return np.asarray(function.evaluate(*arrays, **words))


REAL_LINE = (-800.0, -40.0, -3.7, -1.0, -1e-3, -1e-12, 1e-12, 1e-3, 0.5, 1.0, 3.7, 40.0)
POSITIVE = (1e-300, 1e-12, 1e-3, 0.5, 1.0 + 1e-9, 2.5, 40.0, 1e6, 1e300)
UNIT = (1e-300, 1e-12, 0.1, 0.5, 0.9, 1.0 - 1e-12)

UNARY: dict[str, tuple[Callable[..., Any], tuple[float, ...]]] = {
    "exp": (mp.exp, (-700.0, *REAL_LINE[1:])),
    "expm1": (mp.expm1, REAL_LINE),
    "log": (mp.log, POSITIVE),
    "log10": (mp.log10, POSITIVE),
    "log1p": (mp.log1p, (*POSITIVE, -0.5, -1e-12)),
    "log1m": (lambda x: mp.log1p(-x), (-40.0, -1e-12, 1e-12, 0.5, 0.999)),
    "log1m_exp": (lambda x: mp.log(-mp.expm1(x)), (-800.0, -40.0, -3.7, -0.7, -0.69, -1e-3, -1e-12, -1e-300)),
    "sqrt": (mp.sqrt, POSITIVE),
    "square": (lambda x: x * x, REAL_LINE),
    "inv": (lambda x: 1 / x, POSITIVE[1:]),
    "abs": (abs, REAL_LINE),
    "floor": (mp.floor, REAL_LINE),
    "negative": (lambda x: -x, REAL_LINE),
    "inv_logit": (lambda x: 1 / (1 + mp.exp(-x)), (-700.0, *REAL_LINE[1:])),
    "log_inv_logit": (lambda x: -mp.log1p(mp.exp(-x)), REAL_LINE),
    "log1m_inv_logit": (lambda x: -mp.log1p(mp.exp(x)), REAL_LINE),
    "logit": (lambda p: mp.log(p / (1 - p)), UNIT),
    "Phi": (mp.ncdf, (-35.0, *REAL_LINE[2:])),
    "log_Phi": (lambda x: mp.log(mp.ncdf(x)), (-100.0, *REAL_LINE[1:])),
    "probit": (lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), (1e-12, 0.1, 0.3, 0.9, 0.999)),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), (-700.0, *REAL_LINE[1:], 800.0)),
    "sin": (mp.sin, REAL_LINE),
    "cos": (mp.cos, REAL_LINE),
    "tan": (mp.tan, REAL_LINE),
    "atan": (mp.atan, REAL_LINE),
    "tanh": (mp.tanh, REAL_LINE),
    "erf": (mp.erf, REAL_LINE),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))), (1e-12, 0.5, 3.7, 100.0, 1e6, -0.5)),
    "digamma": (mp.digamma, (1e-12, 0.5, 3.7, 100.0, 1e6)),
}


@pytest.mark.parametrize("name", UNARY)
def test_against_mpmath(name: str) -> None:
    reference, points = UNARY[name]
    want = np.array([float(reference(mp.mpf(p))) for p in points])
    got = evaluate(name, np.array(points))
    tolerance = 1e-12 * np.maximum(np.abs(want), 1e-3 if name in ("logit", "lgamma", "log10", "tan") else 0.0)
    assert np.all(np.abs(got - want) <= tolerance), np.c_[points, got, want]


BINARY: dict[str, tuple[Callable[..., Any], list[tuple[float, float]]]] = {
    "add": (lambda x, y: x + y, [(1.5, -2.25), (1e300, 1e-300)]),
    "subtract": (lambda x, y: x - y, [(1.5, -2.25), (1.0, 1.0)]),
    "multiply": (lambda x, y: x * y, [(1.5, -2.25), (4e9, 4e9)]),
    "divide": (lambda x, y: x / y, [(1.0, 3.0), (1, 3)]),
    "power": (lambda x, y: x**y, [(2.0, 0.5), (-2.0, 3.0), (-2.0, -3.0), (0.0, 0.0), (0.0, 2.0), (9.0, 1.5)]),
    "minimum": (min, [(1.0, 2.0), (-1.0, -1.0)]),
    "maximum": (max, [(1.0, 2.0), (-1.0, -1.0)]),
    "logaddexp": (
        lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
        [(800.0, 799.0), (-800.0, -800.0), (0.0, -50.0)],
    ),
    "xlogy": (lambda x, y: x * mp.log(y) if x else mp.mpf(0), [(2.0, 3.0), (0.0, 0.0), (0.0, 2.0)]),
    "lbeta": (lambda a, b: mp.log(mp.beta(a, b)), [(0.5, 0.5), (3.0, 1e6), (1e-3, 2.0)]),
    "lchoose": (
        lambda n, k: mp.log(mp.binomial(n, k)),
        [(5.0, 2.0), (10.0, 0.0), (1e6, 3.0), (40.0, 20.0), (1e15, 2.0)],
    ),
}


@pytest.mark.parametrize("name", BINARY)
def test_two_arguments_against_mpmath(name: str) -> None:
    reference, points = BINARY[name]
    for x, y in points:
        want = float(reference(mp.mpf(x), mp.mpf(y)))
        got = float(evaluate(name, np.array(x), np.array(y)))
        assert got == pytest.approx(want, rel=1e-11, abs=1e-12), (x, y)


def test_impossible_choices() -> None:
    n, k = np.array([3.0, 3.0, 3.0]), np.array([4.0, 9.0, -1.0])
    assert np.all(evaluate("lchoose", n, k) == -np.inf)


COMPARE = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


@pytest.mark.parametrize("name", COMPARE)
def test_comparisons(name: str) -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    assert np.array_equal(evaluate(name, x, y), COMPARE[name](x, y))


def test_logic_takes_truth_values_and_numbers() -> None:
    a, b = np.array([True, True, False]), np.array([1, 0, 0])
    assert evaluate("and", a, b).tolist() == [True, False, False]
    assert evaluate("or", a, b).tolist() == [True, True, False]
    assert evaluate("not", b).tolist() == [False, True, True]


X = np.random.default_rng(3).normal(size=(4, 3, 2))
REDUCE: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "var": lambda x, axis: np.var(x, axis=axis, ddof=1),
    "sd": lambda x, axis: np.std(x, axis=axis, ddof=1),
    "min": np.min,
    "max": np.max,
    "logsumexp": lambda x, axis: np.log(np.sum(np.exp(x), axis=axis)),
    "any": lambda x, axis: np.any(x > 0, axis=axis),
    "all": lambda x, axis: np.all(x > 0, axis=axis),
}


@pytest.mark.parametrize("name", REDUCE)
@pytest.mark.parametrize("axis", [(-1,), (-2,), (-1, -2), (-2, -1)])
def test_reductions(name: str, axis: tuple[int, ...]) -> None:
    x = X > 0 if name in ("any", "all") else X
    np.testing.assert_allclose(evaluate(name, x, axis), REDUCE[name](X, axis=axis), rtol=1e-12)


OVER_NOTHING = {
    "sum": 0.0,
    "prod": 1.0,
    "min": math.inf,
    "max": -math.inf,
    "logsumexp": -math.inf,
    "any": 0,
    "all": 1,
}


@pytest.mark.parametrize("name", OVER_NOTHING)
def test_over_nothing(name: str) -> None:
    assert evaluate(name, np.zeros((2, 0)), (-1,)).tolist() == [OVER_NOTHING[name]] * 2


RNG = np.random.default_rng(4)
A = RNG.normal(size=(5, 3, 3))
SPD = A @ np.swapaxes(A, -1, -2) + 0.5 * np.eye(3)
V = RNG.normal(size=(5, 3))
B = RNG.normal(size=(5, 3, 2))
T3 = RNG.normal(size=(5, 2, 4, 3))

ARRAY: list[tuple[str, tuple[Any, ...], tuple[int, ...], Any]] = [
    ("softmax", (V,), (1,), np.exp(V) / np.exp(V).sum(-1, keepdims=True)),
    ("log_softmax", (V,), (1,), V - np.log(np.exp(V).sum(-1, keepdims=True))),
    ("cumsum", (V,), (1,), np.cumsum(V, -1)),
    ("argmax", (V,), (1,), np.argmax(V, -1)),
    ("matmul", (A, B), (2, 2), A @ B),
    ("matmul", (A, V), (2, 1), np.einsum("nij,nj->ni", A, V)),
    ("matmul", (V, B), (1, 2), np.einsum("ni,nij->nj", V, B)),
    ("matmul", (V, V), (1, 1), np.einsum("ni,ni->n", V, V)),
    ("matmul", (T3, B), (3, 2), np.einsum("nabi,nij->nabj", T3, B)),
    ("matmul", (T3, V), (3, 1), np.einsum("nabi,ni->nab", T3, V)),
    ("matmul", (V, np.moveaxis(T3, -1, 1)), (1, 3), np.einsum("ni,nabi->nab", V, T3)),
    ("dot", (V, V), (1, 1), (V * V).sum(-1)),
    ("outer", (V, V[:, :2]), (1, 1), V[:, :, None] * V[:, None, :2]),
    ("diag", (V,), (1,), V[..., None] * np.eye(3)),
    ("diag", (A,), (2,), np.einsum("nii->ni", A)),
    ("cholesky", (SPD,), (2,), np.linalg.cholesky(SPD)),
    ("inverse", (A,), (2,), np.linalg.inv(A)),
    ("solve", (A, V), (2, 1), np.linalg.solve(A, V[..., None])[..., 0]),
    ("solve", (A, B), (2, 2), np.linalg.solve(A, B)),
    ("logdet", (A,), (2,), np.log(np.abs(np.linalg.det(A)))),
    ("transpose", (B,), (2,), np.swapaxes(B, -1, -2)),
    ("quad_form", (A, V), (2, 1), np.einsum("ni,nij,nj->n", V, A, V)),
    ("quad_form_diag", (SPD, V), (2, 1), V[:, :, None] * SPD * V[:, None, :]),
]


@pytest.mark.parametrize(
    "name, arrays, dims, want", ARRAY, ids=lambda v: v if isinstance(v, (str, tuple)) else ""
)
def test_arrays(name: str, arrays: tuple[Any, ...], dims: tuple[int, ...], want: np.ndarray) -> None:
    np.testing.assert_allclose(evaluate(name, *arrays, dims=dims), want, rtol=1e-10, atol=1e-12)


def test_rows_times_one_vector_a_draw() -> None:
    """The matrix-product path of constant rows gives what the plain sum gives."""
    rows, draws = RNG.normal(size=(1, 7, 3)), RNG.normal(size=(5, 1, 3))
    want = (rows * draws).sum(-1)
    np.testing.assert_allclose(evaluate("dot", rows, draws, dims=(1, 1)), want, rtol=1e-12)
    np.testing.assert_allclose(evaluate("dot", draws, rows, dims=(1, 1)), want, rtol=1e-12)
    np.testing.assert_allclose(evaluate("matmul", rows, draws[:, 0], dims=(2, 1)), want, rtol=1e-12)
    deep = RNG.normal(size=(1, 7, 2, 3))
    np.testing.assert_allclose(
        evaluate("matmul", deep, draws, dims=(2, 1)), (deep * draws[:, :, None]).sum(-1), rtol=1e-12
    )


SD, LENGTH, PERIOD = np.array([0.5, 2.0]), np.array([1.5, 0.3]), np.array([2.0, 3.0])
KERNELS: dict[str, Callable[..., float]] = {
    "RBF": lambda d, s, ell, p: s**2 * math.exp(-np.sum(d**2) / (2 * ell**2)),
    "Matern32": lambda d, s, ell, p: s**2 * (1 + _r(d, 3, ell)) * math.exp(-_r(d, 3, ell)),
    "Matern52": lambda d, s, ell, p: (
        s**2 * (1 + _r(d, 5, ell) + _r(d, 5, ell) ** 2 / 3) * math.exp(-_r(d, 5, ell))
    ),
    "Periodic": lambda d, s, ell, p: s**2 * math.exp(-2 * np.sum(np.sin(np.pi * d / p) ** 2) / ell**2),
}


def _r(d: np.ndarray, nu2: int, ell: float) -> float:
    return math.sqrt(nu2 * np.sum(d**2)) / ell


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("width", [None, 2])
def test_kernels(name: str, width: int | None) -> None:
    x = RNG.normal(size=(1, 4) if width is None else (1, 4, width))
    words = {"sd": SD, "length": LENGTH} | ({"period": PERIOD} if name == "Periodic" else {})
    got = evaluate(name, x, dims=(x.ndim - 1,), **words)
    points = x[0].reshape(4, -1)
    for k in range(2):
        want = [[KERNELS[name](a - b, SD[k], LENGTH[k], PERIOD[k]) for b in points] for a in points]
        np.testing.assert_allclose(got[k], want, rtol=1e-12)


def test_one_length_for_each_coordinate() -> None:
    x, length = RNG.normal(size=(1, 4, 2)), np.array([[1.5, 0.3]])
    got = evaluate("RBF", x, sd=np.ones(1), length=length, dims=(2,))
    want = evaluate("RBF", x / length[:, None], sd=np.ones(1), length=np.ones(1), dims=(2,))
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_linear_kernel() -> None:
    x = RNG.normal(size=(1, 4))
    np.testing.assert_allclose(evaluate("Linear", x, sd=SD, dims=(1,))[1], 4.0 * np.outer(x, x), rtol=1e-12)
