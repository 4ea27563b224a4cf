"""Rao-Blackwellisation per element and the leave-one-out baseline lower the variance 10,000-fold."""

from __future__ import annotations

from benchmarks.score_variance import mixture, variances

NAMES = ("plain", "per element, leave-one-out", "local expectation")


def test_per_element_gradients_vary_ten_thousand_times_less() -> None:
    found = variances(mixture(), draws=2, repeats=150, names=NAMES)
    assert found["plain"] > 1e4 * found["per element, leave-one-out"]
    assert found["per element, leave-one-out"] > 1e6 * found["local expectation"]
