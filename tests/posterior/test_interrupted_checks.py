"""An interruption while the result is examined keeps the fit, marked as interrupted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.posterior import diagnostics, factored_check

MODEL = (
    "table t(y: real)\nmu ~ Normal(0, 10)\ntau ~ Gamma(2, 2)\ny[i] ~ Normal(mu, 1 / sqrt(tau)) for i in t\n"
)
DATA = {"y": np.array([0.5, 1.2, 0.9, -0.3, 1.1, 0.4])}


@pytest.mark.parametrize(
    ("method", "module", "name"),
    [("cavi", factored_check, "weigh_factored"), ("advi", diagnostics, "check_optimality")],
)
def test_the_fit_is_kept(monkeypatch: pytest.MonkeyPatch, method: str, module: Any, name: str) -> None:
    whole = ppl.compile(MODEL, path=False).fit(DATA, method)
    own, calls = getattr(module, name), []

    def once(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return own(*given)

    monkeypatch.setattr(module, name, once)
    fit = ppl.compile(MODEL, path=False).fit(DATA, method)
    assert calls
    assert (whole.status, fit.status) == ("ok", "interrupted")
    assert "interrupted" in fit.verdict
    np.testing.assert_allclose(fit.summary()["mu"].mean, whole.summary()["mu"].mean, atol=0.05)


def test_a_second_interruption_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def always(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(diagnostics, "check_optimality", always)
    with pytest.raises(KeyboardInterrupt):
        ppl.compile(MODEL, path=False).fit(DATA, "advi")
