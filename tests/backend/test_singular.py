"""Singular matrices give NaN in their own place, and no exception."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.backend import linalg

MODEL = """
index states = 2
table rows(y: real)
a[states, states'] ~ Normal(0, 1)
flow[s, r] = a[s, r] * 0 + 1             for s in states, r in states
x[states] = solve(flow, [1 for s in states])
for n in rows:
    y[n] ~ Normal(x[1], 1)
"""


def test_solve_and_inverse_mark_the_singular_ones_only() -> None:
    a = np.stack([np.eye(2), np.ones((2, 2)), 2.0 * np.eye(2)])
    b = np.ones((3, 2, 1))
    x, inverse = np.asarray(linalg.solve(a, b)), np.asarray(linalg.inverse(a))
    assert np.isnan(x[1]).all() and np.isnan(inverse[1]).all()
    np.testing.assert_allclose(x[[0, 2], :, 0], [[1, 1], [0.5, 0.5]])
    np.testing.assert_allclose(inverse[[0, 2]], [np.eye(2), 0.5 * np.eye(2)])


def test_one_right_side_for_many_matrices() -> None:
    a = np.stack([np.eye(2), np.zeros((2, 2))])
    x = np.asarray(linalg.solve(a, np.ones((2, 1))))
    assert x.shape == (2, 2, 1) and np.isfinite(x[0]).all() and np.isnan(x[1]).all()


def test_a_model_with_a_singular_system_is_no_internal_error() -> None:
    with pytest.raises(ppl.FitError) as caught:
        ppl.compile(MODEL, path=False).fit({"y": np.zeros(3)}, "advi", 0)
    assert "bug" not in str(caught.value)
