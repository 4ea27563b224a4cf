"""A component of a mixture that dies under maximum likelihood is named."""

from __future__ import annotations

import ppl

DYING = """
index comps = 3
table rows(y: real)
param w[comps]: simplex
param m[comps]: real
param s[comps]: positive
for i in rows:
    c[i] ~ Categorical(w)
    y[i] ~ Normal(m[c[i]], s[c[i]])
"""
LINE = """
table rows(y: real)
param m: real
param s: positive
y[i] ~ Normal(m, s) for i in rows
"""
Y = [0.1, -0.4, 0.3, 7.0, 7.0, 7.0, 3.2, 2.9, 3.4]


def test_a_dying_component_is_named() -> None:
    fit = ppl.compile(DYING).fit({"y": Y})
    assert fit.status != "ok"
    assert any(w.code == "W716" for w in fit.warnings) or fit.status != "warn"


def test_a_maximum_inside_is_not() -> None:
    fit = ppl.compile(LINE).fit({"y": Y})
    assert fit.status == "ok"
    assert not fit.warnings
