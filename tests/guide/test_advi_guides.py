"""ADVI obeys a guide that asks for one Gaussian over all latents or for each by itself, and refuses others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.errors import ModelError, UsageError

TEXT = """
table t(y: real, x: real)
a ~ Normal(0, 5)
b ~ Normal(0, 5)
s ~ HalfNormal(2)
y[i] ~ Normal(a + b * x[i], s) for i in t
"""


def fitted(*guide: str, **options: Any) -> Any:
    rng = np.random.default_rng(8)
    x = rng.normal(2.0, 0.5, size=30)
    text = TEXT + "guide:\n" + "".join(f"    {g}\n" for g in guide)
    return ppl.compile(text).fit({"x": x, "y": 1.0 + 2.0 * x + rng.normal(size=30)}, **options).approximation


def test_elementwise_is_mean_field() -> None:
    q = fitted("q(a) ~ Normal", "q(b) ~ Normal", "q(s) ~ LogNormal")
    assert q.log_sd is not None and q.bend is None


def test_joint_is_full_rank() -> None:
    q = fitted("q(a, b, s) ~ MultivariateNormal")
    assert q.scale_tril is not None and q.bend is None


@pytest.mark.parametrize(
    ("guide", "why"),
    [
        (("q(a) ~ Normal",), "nothing is said of b, s"),
        (("q(a, b) ~ MultivariateNormal", "q(s) ~ MeanField"), "asks for two"),
        (("q(a) ~ Point",), "has no `Point`"),
        (("q(s) ~ Gamma",), "has no `Gamma`"),
        (("q(a) ~ Normal(0, 1)",), "are written"),
        (("q(a) ~ MultivariateNormal", "q(b) ~ MultivariateNormal", "q(s) ~ MultivariateNormal"), "in one"),
    ],
)
def test_what_advi_cannot_be_is_refused(guide: tuple[str, ...], why: str) -> None:
    with pytest.raises(ModelError, match=why) as caught:
        fitted(*guide)
    assert caught.value.diagnostics[0].span is not None


def test_an_option_that_says_otherwise_is_refused() -> None:
    with pytest.raises(UsageError, match="the guide asks for mean_field"):
        fitted("q(a, b, s) ~ MeanField", family="full_rank")


@pytest.mark.parametrize("guide", ["q(a) ~ Point", "q(a, b) ~ MultivariateNormal", "q(s) ~ Gamma"])
def test_stochastic_gradients_pass_over_no_name_in_silence(guide: str) -> None:
    with pytest.raises(ModelError, match="not for --method advi_stochastic"):
        fitted(guide, method="advi_stochastic")
