"""Joint constraints are sound: random matrices and vectors obey what the rules announce."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ppl.functions import _structure as structure
from ppl.functions import find
from ppl.functions._claimed import joint_check
from ppl.supports import NONNEGATIVE, POSITIVE, REAL, Interval, Structured, Support
from ppl.types import Axis, Type

Rng = np.random.Generator
S = (Axis("s"), Axis("s", 1))
N = 4


def _simplex(rng: Rng) -> np.ndarray:
    return rng.dirichlet(np.ones(N))


def _cholesky(rng: Rng) -> np.ndarray:
    return np.tril(rng.normal(size=(N, N)), -1) + np.diag(rng.exponential(size=N) + 0.1)


def _covariance(rng: Rng) -> np.ndarray:
    factor = _cholesky(rng)
    return factor @ factor.T


def _correlation(rng: Rng) -> np.ndarray:
    c = _covariance(rng)
    scale = 1 / np.sqrt(np.diag(c))
    return c * np.outer(scale, scale)


def _zero_sum(rng: Rng) -> np.ndarray:
    x = rng.normal(size=N)
    return x - x.mean()


DRAW: dict[str, Callable[[Rng], np.ndarray]] = {
    "simplex": _simplex,
    "ordered": lambda rng: np.sort(rng.normal(size=N)),
    "positive_ordered": lambda rng: np.sort(rng.exponential(size=N)),
    "zero_sum": _zero_sum,
    "covariance": _covariance,
    "correlation": _correlation,
    "cholesky_covariance": _cholesky,
    "cholesky_correlation": lambda rng: np.linalg.cholesky(_correlation(rng)),
    "row_stochastic": lambda rng: rng.dirichlet(np.ones(N), size=N),
    "diagonal_nonnegative": lambda rng: np.diag(rng.exponential(size=N) * (rng.random(N) < 0.5)),
    "diagonal_positive": lambda rng: np.diag(rng.exponential(size=N) + 0.1),
}
NUMBER: dict[Interval, Callable[[Rng], float]] = {
    REAL: lambda rng: float(rng.normal()),
    POSITIVE: lambda rng: float(rng.exponential() + 0.01),
    NONNEGATIVE: lambda rng: float(rng.exponential() * (rng.random() < 0.5)),
}
ARGUMENTS: list[Support] = [*map(Structured, DRAW), *NUMBER]


def typed(support: Support) -> Type:
    if isinstance(support, Interval):
        return Type("real", support)
    axes = S if support.kind not in ("simplex", "ordered", "positive_ordered", "zero_sum") else S[:1]
    return Type("real", support, axes)


def drawn(support: Support, rng: Rng) -> Any:
    return DRAW[support.kind](rng) if isinstance(support, Structured) else NUMBER[support](rng)


def diagonal(x: np.ndarray) -> bool:
    return bool(np.all(x == np.diag(np.diag(x))) and np.all(np.diag(x) >= 0))


def holds(kind: str, x: np.ndarray) -> bool:
    if kind == "diagonal_nonnegative":
        return diagonal(x)
    if kind == "diagonal_positive":
        return diagonal(x) and bool(np.all(np.diag(x) > 0))
    return bool(joint_check(kind)(x))


def search(name: str, rule: Callable[[Type, Type], Structured | None], one_of_each: bool = False) -> int:
    """Try every pair of supports; how many joint results were checked."""
    function = find(name)
    assert function is not None
    assert function.evaluate is not None
    rng, checked = np.random.default_rng(7), 0
    for a in ARGUMENTS:
        for b in ARGUMENTS:
            x, y = typed(a), typed(b)
            if len(x.axes) * len(y.axes) == 2 or (one_of_each and not (x.axes and y.axes)):
                continue
            result = rule(x, y)
            if result is None or result.kind == "scaled_covariance":
                continue
            for _ in range(5):
                words = {"dims": (len(x.axes), len(y.axes))} if function.kind == "array" else {}
                value = function.evaluate(drawn(a, rng), drawn(b, rng), **words)
                assert holds(result.kind, np.asarray(value)), (name, a, b, result)
            checked += 1
    return checked


def test_sums() -> None:
    assert search("add", structure.added) >= 20


def test_differences() -> None:
    assert search("subtract", structure.subtracted) >= 4


def test_products() -> None:
    assert search("multiply", structure.multiplied) >= 20


def test_matrix_products() -> None:
    assert search("matmul", structure.matrix_product, one_of_each=True) >= 8


UNARY = [
    ("cholesky", "covariance"),
    ("cholesky", "correlation"),
    ("cholesky", "diagonal_positive"),
    ("inverse", "covariance"),
    ("inverse", "correlation"),
    ("inverse", "diagonal_positive"),
    ("transpose", "covariance"),
    ("transpose", "correlation"),
    ("transpose", "diagonal_nonnegative"),
    ("exp", "ordered"),
    ("log", "positive_ordered"),
    ("negative", "zero_sum"),
    ("cumsum", "positive_ordered"),
]


@pytest.mark.parametrize("name, kind", UNARY)
def test_one_argument(name: str, kind: str) -> None:
    function = find(name)
    assert function is not None
    assert function.evaluate is not None
    announced = function.result(typed(Structured(kind))).support
    assert isinstance(announced, Structured)
    rng = np.random.default_rng(8)
    for _ in range(20):
        assert holds(announced.kind, np.asarray(function.evaluate(DRAW[kind](rng))))


@pytest.mark.parametrize("name", ["RBF", "Matern32", "Matern52", "Periodic", "Linear"])
def test_kernels_are_covariances(name: str) -> None:
    function = find(name)
    assert function is not None
    assert function.evaluate is not None
    rng = np.random.default_rng(9)
    words = [p.name for p in function.parameters if p.keyword]
    for _ in range(20):
        scales = {w: np.array(rng.exponential() + 0.1) for w in words}
        assert holds("covariance", function.evaluate(rng.normal(size=6), **scales))


def test_broken_twin() -> None:
    """A rule that calls every product of two covariances one is caught."""

    def wrong(x: Type, y: Type) -> Structured | None:
        both = all(structure.kind(t) == "covariance" for t in (x, y))
        return structure.COVARIANCE if both else structure.matrix_product(x, y)

    with pytest.raises(AssertionError):
        search("matmul", wrong, one_of_each=True)
