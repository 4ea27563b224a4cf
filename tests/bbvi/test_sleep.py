"""Forward-KL slopes of guides: from simulations alone they lead to the exact posterior where it is in the family.

Fits are to 30 rows whose posterior is known; tolerances are above 5 standard errors of 20 runs' ends.
"""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.errors import UsageError
from ppl.inference.score_sleep import Sleep
from tests.bbvi.small import target_of

GAUSSIAN = """
table rows(y: real)
param a: real
param b: real
param v: positive
for i in rows:
    z[i] ~ Normal(1, {sd})
    y[i] ~ Normal(2 * z[i], 0.5)
guide:
    q(z[i]) ~ Normal(a * y[i] + b, v) for i in rows
"""
BINARY = """
table rows(y: real)
param a: real
param b: real
for i in rows:
    z[i] ~ Bernoulli(0.3)
    y[i] ~ Normal(2 * z[i], 1)
guide:
    q(z[i]) ~ Bernoulli(logit = a * y[i] + b) for i in rows
"""
PLAIN = "table rows(y: real)\nm ~ Normal(0, 1)\ny[i] ~ Normal(m, 1) for i in rows\n"
Y = {"y": np.random.default_rng(0).normal(2, 2, 30)}


def ends(text: str, names: str, sleep: float) -> np.ndarray:
    fit = ppl.compile(text).fit(Y, method="bbvi", sleep=sleep)
    return np.array([fit.draws[name][0] for name in names])


@pytest.mark.parametrize("sleep", [1.0, 0.5])
def test_a_linear_guide_becomes_the_exact_posterior(sleep: float) -> None:
    wanted = [8 / 17, 1 / 17, 17**-0.5]
    assert np.allclose(ends(GAUSSIAN.format(sd=1), "abv", sleep), wanted, atol=0.02)
    assert not np.allclose(ends(GAUSSIAN.format(sd=0.3), "abv", sleep), wanted, atol=0.02)  # another model


@pytest.mark.parametrize("sleep", [1.0, 0.5])
def test_a_table_becomes_the_exact_posterior(sleep: float) -> None:
    assert np.allclose(ends(BINARY, "ab", sleep), [2, np.log(3 / 7) - 2], atol=0.15)


def test_the_mean_slope_is_that_of_the_forward_divergence() -> None:
    """At a = b = 0 in logits: d/da E log q = E[(z - 1/2) y], d/db = E[z - 1/2]; within 5 standard errors."""
    target = target_of(BINARY)
    sleep, rng = Sleep(target.terms), np.random.default_rng(1)
    x = np.zeros((4, target.family.width))
    found = np.stack([sleep.slopes(x, rng) for _ in range(600)])
    error = found.std(0, ddof=1) / np.sqrt(len(found))
    wanted = {"a": 2 * 0.3 * 2 * 0.5, "b": 2 * (0.3 - 0.5)}  # over two rows
    for name, slope in wanted.items():
        j = target.terms.layout.blocks[name].where.start
        assert abs(found[:, j].mean() - slope) < 5 * error[j]
        assert abs(found[:, j].mean() - 1.5 * slope) > 5 * error[j]  # the twin: a row too many


def test_params_of_the_model_are_not_moved() -> None:
    text = BINARY.replace("Normal(2 * z[i], 1)", "Normal(a * z[i], 1)")
    assert Sleep(target_of(text).terms).own == {"b"}


@pytest.mark.parametrize(
    ("text", "sleep", "message"),
    [(BINARY, 1.5, "no share"), (PLAIN, 1.0, "no guide")],
)  # fmt: skip
def test_nothing_to_learn_is_refused(text: str, sleep: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ppl.compile(text).fit(Y, method="bbvi", sleep=sleep)
