"""Data shifted by a million: scales and bounds as exact as about zero, means shifted by it and nothing else.

No chance beyond fixed seeds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.energy.ascent import Ascent, ascent
from ppl.energy.build import energy
from ppl.energy.plan import plan
from ppl.inference.coordinate import Coordinates
from tests.energy.tools import bound, climb, swept

Array = Any
FAR = 1e6
RNG = np.random.default_rng(3)
N = 60
GROUP = np.array(["a", "b", "c"])[RNG.integers(3, size=N)]
U = RNG.normal(size=N)
MODELS = {
    "one mean": """
table rows(y: real)
m ~ Normal({c}, 3)
t ~ Gamma(2, 3)
y[i] ~ Normal(m, precision = t) for i in rows
""",
    "groups": """
index G
table rows(y: real, g: G)
m    ~ Normal({c}, 3)
s    ~ Gamma(2, 1)
a[j] ~ Normal(m, precision = s)       for j in G
t    ~ Gamma(2, 3)
y[i] ~ Normal(a[g[i]], precision = t) for i in rows
""",
    "effects": """
index G
table rows(y: real, g: G, u: real)
m    ~ Normal({c}, 3)
b    ~ Normal(0, 2)
s    ~ Gamma(2, 1)
a[j] ~ Normal(0, precision = s)                      for j in G
t    ~ Gamma(2, 3)
y[i] ~ Normal(m + a[g[i]] + b * u[i], precision = t) for i in rows
""",
    "mixture": """
index K = 3
table rows(y: real)
w[K]  ~ Dirichlet(1.5)
mu[k] ~ Normal({c}, 3)  for k in K
t[k]  ~ Gamma(2, 1)     for k in K
for i in rows:
    z[i] ~ Categorical(w)
    y[i] ~ Normal(mu[z[i]], precision = t[z[i]])
""",
    "level": """
table rows(o: order, y: real)
move ~ Gamma(2, 1)
t    ~ Gamma(2, 3)
for i in rows:
    x[i] ~ Normal({c}, 3) if first(i) else Normal(x[i-1], precision = move)
    y[i] ~ Normal(x[i], precision = t)
""",
    "vector": """
index cols
table rows(x[cols]: real = "x_*")
m[d]  ~ Normal({c}, 3)  for d in cols
given prior[cols, cols']: covariance = [[0.4, 0.1], [0.1, 0.3]]
p[cols, cols'] ~ Wishart(6, prior)
x[i, cols] ~ MultivariateNormal(m, precision = p) for i in rows
""",
    "blanks": """
table rows(y: real?, u: real)
m ~ Normal({c}, 3)
b ~ Normal(0, 2)
t ~ Gamma(2, 3)
y[i] ~ Normal(m + b * u[i], precision = t) for i in rows
""",
}


def data(name: str, shift: float) -> dict[str, Array]:
    """Columns about a shift that doubles hold exactly."""
    y = np.round(U + np.array([{"a": -1.0, "b": 0.3, "c": 2.0}[g] for g in GROUP]), 3) * 1024 // 1 / 1024
    out: dict[str, Array] = {"y": y + shift, "g": GROUP, "u": U, "o": np.arange(N)}
    out |= {"x_1": out["y"], "x_2": U * 1024 // 1 / 1024 + shift}
    if name == "blanks":
        out["y"] = np.where(np.arange(N) % 9 == 4, np.nan, out["y"])
    text = MODELS[name].partition("table rows(")[2].partition("\n")[0]
    return {k: v for k, v in out.items() if f"{k}:" in text or (k.startswith("x_") and "x_*" in text)}


def fitted(name: str, shift: float) -> Coordinates:
    found = climb(MODELS[name].format(c=shift), data(name, shift))
    return Coordinates(found, swept(found, 400, tolerance=1e-11))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_shift_of_a_million_changes_nothing_else(name: str) -> None:
    """Bound to 1e-6 nats, moments to 1e-6 of themselves; draws and their density follow the shift."""
    near, far = fitted(name, 0.0), fitted(name, FAR)
    assert far.ascent.plan.energy.centres
    assert far.elbo == pytest.approx(near.elbo, abs=1e-6)
    for latent, mean in near.means.items():
        centre = FAR if latent in far.ascent.plan.energy.centres else 0.0
        np.testing.assert_allclose(far.means[latent] - centre, mean, rtol=1e-6, atol=1e-6, err_msg=latent)
        np.testing.assert_allclose(far.sds[latent], near.sds[latent], rtol=1e-6, atol=1e-9)
    draws = [q.sample(np.random.default_rng(0), 3) for q in (near, far)]
    log_q = [q.log_density(d) for q, d in zip((near, far), draws, strict=True)]
    assert log_q[0] is not None and log_q[1] is not None
    np.testing.assert_allclose(log_q[1], log_q[0], atol=1e-3)


def test_printed_means_are_in_the_model_s_coordinates() -> None:
    far = fitted("one mean", FAR)
    (block,) = (b for b in far.blocks if b.names == ("m",))
    assert float(block.parameters["m.mean"]) == pytest.approx(FAR, abs=3)


def test_without_centres_the_scale_is_wrong() -> None:
    """The broken twin: squares written out."""
    near = fitted("one mean", 0.0)
    problem = bound(MODELS["one mean"].format(c=FAR), data("one mean", FAR))
    plain: Ascent = ascent(plan(energy(problem)))
    wrong = Coordinates(plain, swept(plain, 400, tolerance=1e-11))
    assert abs(wrong.means["t"] / near.means["t"] - 1) > 1e-6


def test_data_about_zero_are_left_alone() -> None:
    assert not fitted("one mean", 5.0).ascent.plan.energy.centres
