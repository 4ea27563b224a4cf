"""Guides ask for blocks of coordinate ascent and EM: obeyed, or refused where they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.ascent import Ascent
from ppl.errors import ModelError, PplError, UsageError
from ppl.inference.energy_build import ascent_of
from ppl.report.explain import guide_of, plan_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LINE = """
table t(y: real, x: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
tau ~ Gamma(1, 1)
y[i] ~ Normal(a + b * x[i], precision = tau) for i in t
"""
MIXTURE = """
table t(y: real)
index comps = 3
w[comps] ~ Dirichlet(1)
mu[k] ~ Normal(0, 10) for k in comps
tau[k] ~ Gamma(1, 1) for k in comps
for i in t:
    z[i] ~ Categorical(w)
    y[i] ~ Normal(mu[z[i]], precision = tau[z[i]])
"""
EFFECTS = """
index groups
table t(y: real, g: groups)
param base: real
a[j] ~ Normal(0, 1) for j in groups
y[i] ~ Normal(base + a[g[i]], 1) for i in t
"""
WALK = """
table t(y: real)
tau ~ Gamma(2, 1)
level[i] ~ Normal(0 if first(i) else level[i-1], precision = tau) for i in t
y[i] ~ Normal(level[i], 1) for i in t
"""


def data(rows: int = 12) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {"y": rng.normal(size=rows), "x": rng.normal(size=rows), "g": ["a", "b", "c"] * (rows // 3)}


def climbing(text: str, *guide: str, **options: Any) -> Ascent:
    lines = "".join(f"    {g}\n" for g in guide)
    model = ppl.compile(text + ("guide:\n" + lines if guide else ""))
    columns = {k: v for k, v in data().items() if f"{k}:" in text}
    return ascent_of(model.bind(columns).problem, **options)


def blocks(ascent: Ascent) -> list[tuple[tuple[str, ...], str]]:
    return [(b.names, type(b).__name__) for b in ascent.blocks if b.names]


def bound(ascent: Ascent) -> float:
    from ppl.energy.starting import first

    state = first(ascent, np.random.default_rng(0))
    for _ in range(200):
        state = ascent.sweep(state)
    return state.elbo


def test_normal_keeps_coefficients_apart() -> None:
    assert (("a", "b"), "GaussianBlock") in blocks(climbing(LINE))
    apart = climbing(LINE, "q(a) ~ Normal", "q(b) ~ Normal")
    assert (("a",), "GaussianBlock") in blocks(apart)
    assert bound(apart) < bound(climbing(LINE)) - 1e-6


def test_joint_asked_for_is_the_joint_found() -> None:
    asked = climbing(LINE, "q(a, b) ~ MultivariateNormal", merge=False)
    assert (("a", "b"), "GaussianBlock") in blocks(asked)
    assert bound(asked) == pytest.approx(bound(climbing(LINE)), abs=1e-9)


def test_point_is_a_point() -> None:
    assert (("tau",), "PointBlock") in blocks(climbing(LINE, "q(tau) ~ Point"))


def test_points_do_not_make_their_neighbours_points() -> None:
    ascent = climbing(EFFECTS)
    points = {b.names: b.point for b in ascent.blocks if b.names}  # type: ignore[attr-defined]
    assert points == {("base",): True, ("a",): False}


def test_chain_can_be_named_dense_or_cut() -> None:
    assert (("level",), "GaussianChain") in blocks(climbing(WALK, "q(level) ~ MarkovChain"))
    dense = climbing(WALK, "q(level) ~ MultivariateNormal")
    assert (("level",), "GaussianBlock") in blocks(dense)
    cut = climbing(WALK, "q(level) ~ MeanField")
    assert next(b for b in cut.blocks if b.names == ("level",)).factorised  # type: ignore[attr-defined]
    values = [bound(climbing(WALK)), bound(dense), bound(cut)]
    assert values[1] == pytest.approx(values[0], abs=1e-8)
    assert values[2] < values[0] - 1e-3


def test_states_by_name() -> None:
    for q in ("Exact", "Categorical", "MeanField"):
        assert (("z",), "DiscreteBlock") in blocks(climbing(MIXTURE, f"q(z) ~ {q}"))


@pytest.mark.parametrize(
    ("text", "q", "why"),
    [
        (LINE, "q(a) ~ MarkovChain", "no chain"),
        (LINE, "q(tau) ~ Weibull", "its conditional is Gamma; .* `LogNormal`, `Gamma`"),
        (LINE, "q(a, tau) ~ MultivariateNormal", "not Gaussian"),
        (LINE, "q(a) ~ Flow", "no such block"),
        (MIXTURE, "q(z) ~ Point", "probabilities"),
        (MIXTURE, "q(z) ~ MarkovChain", "no chain"),
        (MIXTURE, "q(mu) ~ Normal(0, 1)", "are written"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(text: str, q: str, why: str) -> None:
    with pytest.raises(ModelError, match=why) as caught:
        climbing(text, q)
    span = caught.value.diagnostics[0].span
    assert span is not None
    assert (text + "guide:\n    " + q)[span.start :].startswith("q(")


def test_contradictions_are_errors() -> None:
    with pytest.raises(UsageError, match="the guide says"):
        climbing(LINE, "q(a) ~ Normal", points=("a",))
    with pytest.raises(PplError, match="already has a `q`"):
        climbing(LINE, "q(a) ~ Normal", "q(a) ~ Point")


def test_em_leaves_what_the_guide_names() -> None:
    model = ppl.compile(LINE + "guide:\n    q(tau) ~ Point\n")
    fit = model.fit({k: data()[k] for k in ("y", "x")}, method="em")
    assert fit.log_evidence is not None


@pytest.mark.parametrize(
    "name",
    [
        "coal",
        "diabetes",
        "eight_schools",
        "election88",
        "geyser",
        "nile",
        "penguins",
        "wine",
        "galaxies_dp",
        "earthquakes",
        "hogg2010",
    ],
)
def test_guides_that_are_printed_reproduce_the_plan(name: str) -> None:
    folder = EXAMPLES / name
    model = ppl.compile(folder / f"{name}.model")
    first = plan_of(model, model.bind(folder / "data.csv"))
    again = ppl.compile(model.source.text + "\n" + guide_of(first))
    second = plan_of(again, again.bind(folder / "data.csv"))
    assert blocks(first.ascent) == blocks(second.ascent)
