"""Wide columns by a pattern come from a mapping of arrays as from a file."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.errors import DataError

MODEL = """
index cols
table rows(y: real, x[cols]: real = "x_*")
b[cols] ~ Normal(0, 1)
y[i] ~ Normal(dot(x[i], b), 1) for i in rows
"""


def test_a_mapping_of_arrays_feeds_a_pattern() -> None:
    data = {"y": np.zeros(3), "x_a": np.arange(3.0), "x_b": np.ones(3)}
    bound = ppl.compile(MODEL).bind(data).data
    assert bound.sets["cols"].labels == ("a", "b")
    assert bound.arrays[("rows", "x")].tolist() == [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]


def test_arrays_of_unequal_length_are_refused() -> None:
    with pytest.raises(DataError):
        ppl.compile(MODEL).bind({"y": np.zeros(3), "x_a": np.zeros(3), "x_b": np.zeros(2)})
