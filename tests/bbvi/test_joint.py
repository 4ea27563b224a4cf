"""Correlated Gaussians by guide: a linear regression's posterior is one, so the ELBO is its evidence.

ELBOs have a standard error of about 0.02; the tolerance of 0.12 is above 5 of them.
"""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.errors import ModelError
from tests.bbvi.small import target_of

TEXT = """
index K = 2
index groups = 3
table rows(g: groups, x: real, y: real)
b[j, K] ~ Normal(0, 5) for j in groups
y[i] ~ Normal(b[g[i], 1] + b[g[i], 2] * x[i], 1) for i in rows
"""
FLAT = """table rows(x: real, y: real)
a ~ Normal(0, 5)
b ~ Normal(0, 5)
y[i] ~ Normal(a + b * x[i], 1) for i in rows
"""
RNG = np.random.default_rng(0)
X = RNG.normal(3, 1, 60)
DATA = {"x": X, "y": 1 + 2 * X + RNG.normal(0, 1, 60), "g": np.arange(60) % 3 + 1}


def evidence(apart: bool) -> float:
    """Of the regression on all rows, or of three regressions on rows of their own."""
    x, y, g = DATA["x"], DATA["y"], DATA["g"]
    same = np.equal.outer(g, g) if apart else np.ones((60, 60))
    cov = 25 * same * (1 + np.outer(x, x)) + np.eye(60)
    return float(-0.5 * (y @ np.linalg.solve(cov, y) + np.linalg.slogdet(2 * np.pi * cov)[1]))


@pytest.mark.parametrize(
    ("text", "guide"),
    [
        (FLAT, "q(a, b) ~ MultivariateNormal"),
        (TEXT, "q(b[j, K]) ~ MultivariateNormal for j in groups"),
        (TEXT, "q(b) ~ MultivariateNormal"),
    ],
)
def test_the_bound_is_the_evidence(text: str, guide: str) -> None:
    model = ppl.compile(f"{text}guide:\n    {guide}\n")
    data = DATA if text is TEXT else {k: DATA[k] for k in "xy"}
    found = model.fit(data, method="bbvi")
    wanted = evidence(text is TEXT)
    assert abs(found.bound.elbo - wanted) < 0.12
    apart = ppl.compile(text).fit(data, method="bbvi")
    assert apart.bound.elbo < wanted - 0.5  # the twin: independent factors
    assert "MultivariateNormal" in found.factored.blocks[0].sentence()


def test_noise_and_coordinates_are_each_others_inverse() -> None:
    target = target_of(f"{FLAT}guide:\n    q(a, b) ~ MultivariateNormal\n", "x,y\n1,2\n3,1\n")
    family, rng = target.family, np.random.default_rng(1)
    theta = 0.5 * rng.normal(size=family.count)
    drawn = family.draw(theta, rng, 4000)
    assert np.allclose(family.noise_at(theta, drawn.x), drawn.eps)
    assert np.allclose(drawn.x.std(0), family.spread(theta), rtol=0.08)  # 7 standard errors
    assert family.count == 5


REFUSED = {
    "q(a, b) ~ MultivariateNormal\n": ("floor(a + b * x[i])", "score function"),
    "q(s) ~ MultivariateNormal\n": ("a + b * x[i]", "not obeyed"),
}


@pytest.mark.parametrize("guide", list(REFUSED))
def test_what_cannot_be_correlated_is_refused(guide: str) -> None:
    mean, why = REFUSED[guide]
    text = FLAT.replace("a + b * x[i], 1", f"{mean}, s").replace("b ~", "s ~ Uniform(0, 9)\nb ~")
    with pytest.raises(ModelError, match=f"{why}|E504"):
        ppl.compile(f"{text}guide:\n    {guide}").fit({k: DATA[k] for k in "xy"}, method="bbvi")
