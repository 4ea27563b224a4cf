"""A posterior beyond its own prior is named; one within it, or under a heavy tail, is not."""

from __future__ import annotations

import numpy as np
import pytest

import ppl

MODEL = "table t(y: real)\nmu ~ {prior}\ny[i] ~ Normal(mu, 1) for i in t\n"


def conflicts(prior: str, y: list[float]) -> list[tuple[str, ...]]:
    fit = ppl.compile(MODEL.format(prior=prior)).fit({"y": y})
    assert (fit.status == "ok") == (not [w for w in fit.warnings if w.severity == "warn"])
    return [w.names for w in fit.warnings if w.code == "W715"]


@pytest.mark.parametrize(
    "prior, y, expected",
    [
        ("Normal(0, 0.1)", [100.0, 101.0, 99.0], [("mu",)]),
        ("Normal(0, 10)", [12.0, 13.0, 11.0], []),
        ("Normal(100, 1)", [100.0, 101.0, 99.0], []),
        ("Cauchy(0, 1)", [40.0, 41.0, 39.0], []),
        ("Flat()", [1000.0, 1001.0], []),
    ],
)
def test_a_posterior_beyond_its_prior_is_named(prior, y, expected):
    assert conflicts(prior, y) == expected


def test_parameters_of_a_plate_have_the_prior_that_the_fit_found():
    text = (
        "index g\ntable t(k: g, y: real)\nm ~ Normal(0, 100)\ns ~ HalfNormal(1)\n"
        "a[j] ~ Normal(m, s) for j in g\ny[i] ~ Normal(a[k[i]], 1) for i in t\n"
    )
    y = np.r_[np.full(10, 80.0), np.full(10, 81.0)]
    fit = ppl.compile(text).fit({"k": ["u"] * 10 + ["v"] * 10, "y": y})
    assert not [w for w in fit.warnings if w.code == "W715"]
