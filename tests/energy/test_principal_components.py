"""Probabilistic principal components by EM end at the maximum that eigenvalues give (Tipping and Bishop 1999).

Deterministic; the twin is the closed form with one factor more.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl

WINE = Path(__file__).resolve().parents[2] / "examples" / "wine" / "data.csv"
TEXT = """
given K: count = 3
index measures
index factors = K
table wines(x[measures]: real = "*")
param noise: positive
param w[d, k]: real for d in measures, k in factors
for i in wines:
    z[i, k]         ~ Normal(0, 1) for k in factors
    zscore(x)[i, d] ~ Normal(sum(w[d, k] * z[i, k] for k in factors), var = noise) for d in measures
"""


def closed_form(k: int) -> tuple[float, float]:
    """The log likelihood, and the variance of the noise: the mean of the eigenvalues left out."""
    x = np.loadtxt(WINE, delimiter=",", skiprows=1)
    x = (x - x.mean(0)) / x.std(0, ddof=1)
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    n, d = x.shape
    noise = values[k:].mean()
    log = np.log(values[:k]).sum() + (d - k) * np.log(noise)
    return float(-0.5 * n * (d * np.log(2 * np.pi) + log + d)), float(noise)


@pytest.mark.parametrize("k", [1, 3])
def test_em_reaches_the_closed_form(k: int) -> None:
    fit = ppl.compile(TEXT, path=False).fit(
        WINE, method="em", settings={"K": k}, restarts=1, tolerance=1e-8, draws=5
    )
    found = fit.to_dict()
    likelihood, noise = closed_form(k)
    assert found["elbo"] == pytest.approx(likelihood, abs=0.01)
    assert found["posterior"]["noise"]["mean"] == pytest.approx(noise, rel=1e-3)
    assert found["elbo"] != pytest.approx(closed_form(k + 1)[0], abs=1.0)
