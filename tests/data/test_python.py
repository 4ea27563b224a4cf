"""Data from Python: the usual tables and arrays, read and never changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ppl.data import from_python
from ppl.errors import DataError


def tables() -> dict[str, Any]:
    frame = pd.DataFrame({"x": [1.5, np.nan, 3.0], "n": [1, 2, 3], "g": ["b", None, "a"]})
    return {
        "pandas": frame,
        "polars": pl.DataFrame({"x": [1.5, None, 3.0], "n": [1, 2, 3], "g": ["b", None, "a"]}),
        "pyarrow": pa.table({"x": [1.5, None, 3.0], "n": [1, 2, 3], "g": ["b", None, "a"]}),
        "mapping": {"x": np.array([1.5, np.nan, 3.0]), "n": [1, 2, 3], "g": ["b", None, "a"]},
        "series": {"x": frame["x"], "n": pl.Series([1, 2, 3]), "g": frame["g"]},
    }


@pytest.mark.parametrize("kind", list(tables()))
def test_tables(kind: str) -> None:
    frame = from_python(tables()[kind])
    x = frame.column("x").as_real()
    assert x.missing is not None
    assert (x.values.tolist(), x.missing.tolist()) == ([1.5, 0.0, 3.0], [False, True, False])
    n = frame.column("n").as_int()
    assert (n.values.tolist(), n.missing, n.values.dtype) == ([1, 2, 3], None, np.int64)
    g = frame.column("g").as_labels()
    assert [None if c < 0 else g.levels[c] for c in g.codes] == ["b", None, "a"]


def test_categoricals_keep_their_order() -> None:
    made = pd.DataFrame({"g": pd.Categorical(["mid", "low", None], categories=["low", "mid", "high"])})
    labels = from_python(made).column("g").as_labels()
    assert (labels.levels, labels.codes.tolist(), labels.declared) == (
        ("low", "mid", "high"),
        [1, 0, -1],
        True,
    )
    made = pl.DataFrame({"g": pl.Series(["mid", "low"], dtype=pl.Enum(["low", "mid", "high"]))})
    labels = from_python(made).column("g").as_labels()
    assert (labels.levels, labels.codes.tolist(), labels.declared) == (("low", "mid", "high"), [1, 0], True)


def test_nullable_types() -> None:
    made = pd.DataFrame(
        {"n": pd.array([1, None, 3], dtype="Int64"), "b": pd.array([True, None, False], "boolean")}
    )
    frame = from_python(made)
    assert frame.column("n").as_int().values.tolist() == [1, 0, 3]
    missing = frame.column("b").as_bool().missing
    assert missing is not None
    assert missing.tolist() == [False, True, False]


def test_structured_arrays_scalars_and_matrices() -> None:
    made = np.array([(1, 2.5), (2, 3.5)], dtype=[("n", "i4"), ("x", "f4")])
    assert from_python(made).column("x").as_real().values.tolist() == [2.5, 3.5]
    frame = from_python({"K": 3, "A": [[1, 2], [3, 4]], "m": np.ma.masked_array([1.0, 2.0], [False, True])})
    assert frame.column("K").as_int().values == 3
    assert frame.column("A").as_real().values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    missing = frame.column("m").as_real().missing
    assert missing is not None
    assert missing.tolist() == [False, True]


def test_the_callers_arrays_stay_as_they_are() -> None:
    x = np.array([1.0, np.nan, 3.0])
    x.setflags(write=False)
    found = from_python({"x": x}).column("x").as_real()
    assert np.isnan(x[1])
    found.values[0] = 9.0
    assert x[0] == 1.0


@pytest.mark.parametrize(
    "bad", [{"x": [[1, 2], [3]]}, {"x": [object()]}, {"x": np.array([1j])}, 5, pd.DataFrame({"x": []})]
)
def test_what_is_not_data(bad: Any) -> None:
    with pytest.raises(DataError, match="E410"):
        from_python(bad).column("x").as_real()


def test_infinite_observations_are_refused() -> None:
    with pytest.raises(DataError, match=r"`x\[2\]` \"inf\""):
        from_python({"x": [1.0, float("inf")]}).column("x").as_real()
    assert from_python({"x": [float("inf")]}).column("x").as_real(infinite=True).values.tolist() == [np.inf]
