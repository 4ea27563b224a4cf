"""Over sixty orders of magnitude no density of a valid argument is NaN or infinite, nor any slope."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_settings import Setting, label, settings

from ppl.backend.autograd_bridge import anp, grad
from ppl.supports import Interval

SKIPPED = {"Flat", "Delta", "Categorical", "OrderedLogistic", "DiscreteUniform", "Uniform"}
SCALARS = [s for s in settings() if s.values.ndim == 1 and not s.kind.wrapper and s.name not in SKIPPED]
N = 1000


def argument(rng: np.random.Generator, support: Interval, span: float) -> np.ndarray:
    size = 10.0 ** rng.uniform(-span, span, N)
    if support.upper == 1:
        p = 1 / (1 + np.exp(-rng.normal(size=N) * span))
        return np.clip(p, 0 if support.closed_lower else 1e-300, 1 if support.closed_upper else 1 - 1e-16)
    if support.lower == 0:
        return np.floor(size) + 1 if support.integer else size
    return rng.normal(size=N) * size


def value(
    rng: np.random.Generator, setting: Setting, given: dict[str, np.ndarray], span: float
) -> np.ndarray:
    if setting.kind.element == "bool":
        return rng.integers(0, 2, N).astype(float)
    if setting.kind.element == "int":
        x = np.floor(10.0 ** rng.uniform(0, min(span, 15), N) - 1)
        return np.minimum(x, given["n"]) if "n" in given and setting.name != "NegativeBinomial" else x
    if setting.name == "Pareto":
        return given["scale"] * (1 + 10.0 ** rng.uniform(-10, span / 2, N))
    support = setting.kind.support()
    assert isinstance(support, Interval)
    return argument(rng, support, span)


@pytest.mark.parametrize("span", [2.0, 8.0, 30.0])
@pytest.mark.parametrize("setting", SCALARS, ids=label)
def test_nothing_is_nan(setting: Setting, span: float) -> None:
    rng = np.random.default_rng(int(span))
    supports = {p.name: p.support for p in setting.kind.parameters}
    given: dict[str, Any] = {}
    for key in setting.given:
        support = supports[key]
        assert isinstance(support, Interval)
        given[key] = argument(rng, support, 2.0 if "log" in key else span)
    x = value(rng, setting, given, span)
    with np.errstate(all="ignore"):
        density = setting.kind.log_density(x, **given)
        assert not np.any(np.isnan(density) | (density == np.inf))
        for key in given:
            if key == "n" and setting.name != "NegativeBinomial":
                continue

            def total(v: Any, key: str = key) -> Any:
                return anp.sum(setting.kind.log_density(x, **{**given, key: v}))

            assert not np.isnan(grad(total)(given[key])).any(), key
        if setting.kind.element == "real":
            assert not np.isnan(grad(lambda v: anp.sum(setting.kind.log_density(v, **given)))(x)).any()
