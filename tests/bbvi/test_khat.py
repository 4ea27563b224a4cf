"""A standardised hierarchy that independent factors fit badly is told of."""

from __future__ import annotations

import numpy as np

import ppl

TEXT = """
index groups
table rows(y: real, group: groups)
m ~ Normal(300, 100)
t ~ Gamma(2, 100)
for g in groups:
    a[g] ~ Normal(m, precision = t)
y[i] ~ Normal(a[group[i]], 25) for i in rows
"""


def _fit(text: str, columns: dict[str, object]) -> ppl.Fit:
    return ppl.fit(text, columns, method="bbvi", options={"max_steps": 6000})


def test_far_groups_standardised_are_warned_of() -> None:
    rng = np.random.default_rng(1)
    level = 250 + 30 * rng.standard_normal(12)
    group = np.repeat(np.arange(12), 8)
    y = level[group] + 25 * rng.standard_normal(len(group))
    found = _fit(TEXT, {"y": y, "group": [f"g{k}" for k in group]})
    assert found.status != "ok"
    assert any(w.code in ("W706", "W701") for w in found.warnings)
