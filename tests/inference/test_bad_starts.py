"""A start that fails in its numbers is a bad start where there are others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.inference.backends import advi
from ppl.inference.base import NotFinite

MODEL = """
table pts(y: real)
param mu: real
for n in pts:
    y[n] ~ Normal(mu, 1)
"""


@pytest.mark.parametrize(("restarts", "status"), [(3, True), (1, False)])
def test_a_failing_first_start(restarts: int, status: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin has no other start: its fit is marked as failed."""
    climb = advi.PHASES["climb"]

    def failing(target: Any, state: Any, limits: Any) -> Any:
        if not len(state.ends):
            raise NotFinite("the log density is not finite")
        return climb(target, state, limits)

    monkeypatch.setitem(advi.PHASES, "climb", failing)
    fit = ppl.compile(MODEL, path=False).fit({"y": np.array([1.0, 2.0, 3.0])}, "advi", 0, restarts=restarts)
    assert (fit.status != "failed") == status
    assert (abs(float(fit.draws["mu"].mean()) - 2.0) < 1e-3) == status
