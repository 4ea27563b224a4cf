"""Functions of whole data columns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from ppl.functions import find

RNG = np.random.default_rng(5)
COLUMN = RNG.normal(size=(1, 30)) * 12 + 40
WIDE = RNG.normal(size=(1, 30, 4)) * [1, 10, 100, 1000]


def evaluate(name: str, x: np.ndarray, dims: int) -> np.ndarray:
    function = find(name)
    assert function is not None
    assert function.kind == "data"
    assert function.evaluate is not None
    return np.asarray(function.evaluate(x, dims=(dims,)))


@pytest.mark.parametrize("x, dims", [(COLUMN, 1), (WIDE, 2)])
def test_zscore_uses_n_minus_one_per_column(x: np.ndarray, dims: int) -> None:
    want = (x - x.mean(1, keepdims=True)) / x.std(1, ddof=1, keepdims=True)
    np.testing.assert_allclose(evaluate("zscore", x, dims), want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("x, dims", [(COLUMN, 1), (WIDE, 2)])
def test_center(x: np.ndarray, dims: int) -> None:
    np.testing.assert_allclose(evaluate("center", x, dims), x - x.mean(1, keepdims=True), atol=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1e9, 1e200])
def test_zscore_does_not_depend_on_the_unit(scale: float) -> None:
    np.testing.assert_allclose(
        evaluate("zscore", COLUMN * scale, 1), evaluate("zscore", COLUMN, 1), rtol=1e-9
    )


@pytest.mark.parametrize(
    "x", [np.full((1, 5), 0.1), np.array([[3.0]]), np.zeros((1, 0)), np.full((1, 7), 1e9 + 0.1)]
)
def test_zscore_of_a_constant_is_zero(x: np.ndarray) -> None:
    assert np.all(evaluate("zscore", x, 1) == 0.0)


def test_zscore_leaves_the_column_as_it_is() -> None:
    x = np.array([[1, 2, 3]])
    evaluate("zscore", x, 1)
    assert x.tolist() == [[1, 2, 3]]


def test_rank() -> None:
    x = np.round(RNG.normal(size=(1, 40)), 1)
    assert np.array_equal(evaluate("rank", x, 1)[0], rankdata(x[0]))
    wide = np.round(WIDE)
    assert np.array_equal(evaluate("rank", wide, 2)[0], rankdata(wide[0], axis=0))


def test_counts_of_rows() -> None:
    x = np.array([[0, 2, 2, 5]])
    assert evaluate("count_of", x, 1).tolist() == [[1, 2, 2, 1]]
    assert evaluate("levels", x, 1).tolist() == [3]
    assert evaluate("size", x, 1).tolist() == [4]
