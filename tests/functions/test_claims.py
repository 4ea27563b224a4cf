"""A claim of support changes nothing, and its check finds what does not hold."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.functions import find

GOOD = {
    "real": [-1.0, 0.0, np.inf],
    "positive": [1e-300, 1.0],
    "nonnegative": [0.0, 1.0],
    "unit": [0.0, 0.5, 1.0],
    "int": [-2.0, 3.0],
    "count": [0.0, 3.0],
    "bool": [0.0, 1.0],
}
BAD = {
    "real": [np.nan],
    "positive": [0.0, -1.0, np.nan],
    "nonnegative": [-1e-300, np.nan],
    "unit": [-1e-9, 1.0 + 1e-9, np.nan],
    "int": [0.5, np.nan],
    "count": [-1.0, 0.5],
    "bool": [2.0, 0.5],
}
L = np.array([[1.0, 0.0], [0.6, 0.8]])
GOOD_JOINT = {
    "simplex": [[0.25, 0.75], [0.0, 1.0]],
    "ordered": [[-1.0, 2.0], [0.0, 0.1]],
    "positive_ordered": [[1.0, 2.0], [0.1, 0.2]],
    "zero_sum": [[1.0, -1.0], [0.0, 0.0]],
    "unit_vector": [[0.6, 0.8], [1.0, 0.0]],
    "row_stochastic": [[[0.5, 0.5], [0.0, 1.0]]],
    "covariance": [L @ L.T, [[1.0, 1.0], [1.0, 1.0]], 1e12 * np.eye(2)],
    "correlation": [L @ L.T],
    "cholesky_covariance": [3 * L, L],
    "cholesky_correlation": [L],
}
BAD_JOINT = {
    "simplex": [[0.25, 0.76], [-0.5, 1.5], [np.nan, 1.0]],
    "ordered": [[2.0, 1.0], [1.0, 1.0], [np.nan, 1.0]],
    "positive_ordered": [[-1.0, 1.0], [2.0, 1.0]],
    "zero_sum": [[1.0, 1.0], [np.nan, 0.0]],
    "unit_vector": [[1.0, 1.0]],
    "row_stochastic": [[[0.5, 0.6], [0.0, 1.0]]],
    "covariance": [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.5], [0.4, 1.0]], [[np.nan, 0.0], [0.0, 1.0]]],
    "correlation": [2 * L @ L.T],
    "cholesky_covariance": [L.T, -L],
    "cholesky_correlation": [2 * L],
}


def checked(name: str, values: object) -> list[bool]:
    function = find(name)
    assert function is not None
    assert function.check is not None
    assert function.evaluate is not None
    x = np.asarray(values, dtype=float)
    assert function.evaluate(x) is x
    return function.check(x).tolist()


@pytest.mark.parametrize("name", [*GOOD, *GOOD_JOINT])
def test_what_holds(name: str) -> None:
    assert all(checked(name, (GOOD | GOOD_JOINT)[name]))


@pytest.mark.parametrize("name", [*BAD, *BAD_JOINT])
def test_what_does_not(name: str) -> None:
    assert not any(checked(name, (BAD | BAD_JOINT)[name]))
