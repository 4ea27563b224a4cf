"""Whole-column statistics stay the fit's when new rows arrive."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.graph.bind import bind
from ppl.graph.bind_statistics import frozen, statistics
from ppl.language import typed as t
from tests.bind.make import csv
from tests.bind.test_models import program

TEXT = """
index feats
table d(y: real, x: real, w[feats]: real = "w_*", z: real?)
z[i] ~ Normal(0, 1) for i in d
b ~ Normal(0, 1)
c[feats] ~ Normal(0, 1)
middle = mean(x)
total = sum(x[k] for k in d)
wide[i] = sum(c[f] * center(w)[i, f] for f in feats) for i in d
y[i] ~ Normal(b * zscore(x)[i] + x[i] - middle + z[i] + size(d) + wide[i], 1) for i in d
"""
ROWS = "y,x,w_a,w_b,z\n1,2,1,0,0\n2,4,3,0,NA\n3,9,5,0,1\n"


def test_statistics_are_worked_out_once_for_each_place() -> None:
    p = program(TEXT)
    found = statistics(p, bind(p, [(None, csv(ROWS))]))
    values = sorted(np.ravel(v).tolist() for v in found.values())
    assert values == [
        [3.0],
        [3.0, 0.0, 1.0, 1.0],
        [5.0],
        [5.0, pytest.approx(np.std([2, 4, 9], ddof=1))],
        [15.0],
    ]
    assert statistics(program(TEXT), bind(p, [(None, csv(ROWS))])).keys() == found.keys()


def test_without_saved_statistics_the_program_is_the_same() -> None:
    p = program(TEXT)
    assert frozen(p, {}) is p


def test_the_frozen_program_holds_no_statistic_any_more() -> None:
    p = program(TEXT)
    data = bind(p, [(None, csv(ROWS))])
    fixed = frozen(p, statistics(p, data))
    assert statistics(fixed, data) == {}
    total = next(d for d in fixed.definitions if d.name == "total")
    assert isinstance(total.body, t.Const)
    assert total.body.value == 15.0


def test_a_prediction_does_not_depend_on_the_rows_beside_it() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(50, 10, 60)
    y = 3 + 2 * (x - 50) / 10 + rng.normal(0, 0.2, 60)
    text = "table d(y: real, x: real)\na ~ Normal(0, 5)\nb ~ Normal(0, 5)\ns ~ HalfNormal(1)\n"
    text += "y[i] ~ Normal(a + b * zscore(x)[i], s) for i in d\n"
    fit = ppl.compile(text).fit({"y": y, "x": x})
    alone = fit.predict({"x": [60.0]})
    among = fit.predict({"x": [60.0, 10.0, 20.0]})
    first, second = (np.asarray(p.columns[0].draws)[:, 0].mean() for p in (alone, among))
    assert first == pytest.approx(5.0, abs=0.3)  # 5 sds of its own error: false alarm below 1e-6
    assert second == pytest.approx(first, abs=0.1)
