"""EM with points only in a predictor is maximum likelihood: logistic and Poisson regression against Newton's method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.errors import FitError

Array = Any
TEXT = """
table t(y: {kind}, x: real)
param a: real
param b: real
y[i] ~ {family} for i in t
"""
LOGIT = TEXT.format(kind="bool", family="Bernoulli(logit = a + b * x[i])")
POISSON = TEXT.format(kind="count", family="Poisson(log_rate = a + b * x[i])")


def columns(kind: str) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    if kind == "logit":
        return {"x": x, "y": rng.random(60) < 1 / (1 + np.exp(-0.5 - 1.2 * x))}
    return {"x": x, "y": rng.poisson(np.exp(0.4 + 0.6 * x))}


def newton(data: dict[str, Array], kind: str) -> tuple[float, Array]:
    """The maximum of the log likelihood, and where it is."""
    design, y, at = np.c_[np.ones(60), data["x"]], data["y"].astype(float), np.zeros(2)
    for _ in range(50):
        u = design @ at
        mean = 1 / (1 + np.exp(-u)) if kind == "logit" else np.exp(u)
        weight = mean * (1 - mean) if kind == "logit" else mean
        at = at + np.linalg.solve((design.T * weight) @ design, design.T @ (y - mean))
    u = design @ at
    if kind == "logit":
        return float(np.sum(y * u - np.logaddexp(0, u))), at
    log_factorial = np.array([np.log(np.arange(1, int(v) + 1)).sum() for v in y])
    return float(np.sum(y * u - np.exp(u) - log_factorial)), at


@pytest.mark.parametrize(("text", "kind"), [(LOGIT, "logit"), (POISSON, "poisson")])
def test_points_in_a_predictor_are_maximum_likelihood(text: str, kind: str) -> None:
    data = columns(kind)
    best, at = newton(data, kind)
    fit = ppl.compile(text).fit(data, method="em")
    assert fit.log_evidence == pytest.approx(best, abs=1e-6)
    means = fit.approximation.means
    np.testing.assert_allclose([means["a"], means["b"]], at, atol=1e-3)


def test_a_free_latent_in_the_predictor_is_refused() -> None:
    text = LOGIT.replace("param b: real", "b ~ Normal(0, 1)\n") + "guide:\n    q(b) ~ Normal\n"
    with pytest.raises(FitError, match="not exact"):
        ppl.compile(text).fit(columns("logit"), method="em")
