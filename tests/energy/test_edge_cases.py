"""Unusual data and models: each climbs without a decrease and has a finite bound; collapses are named.

No chance beyond fixed seeds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy import plan as planning
from ppl.energy.blocks.gaussian import GaussianBlock
from ppl.energy.blocks.gaussian_chain import GaussianChain
from tests.energy.tools import climb, plain_energy, swept

Array = Any
RNG = np.random.default_rng(0)
N = 24
G = np.array(list("abc"))[RNG.integers(3, size=N)]
H = np.array(list("pqrs"))[RNG.integers(4, size=N)]
U, Y = RNG.normal(size=N), RNG.normal(size=N) + (G == "a")
ORDER, S = RNG.permutation(N), np.array(list("uv"))[RNG.integers(2, size=N)]
BLANK = np.where(np.arange(N) % 7 == 3, np.nan, U)
NOISE = "t ~ Gamma(2, 1)\n"
GROUPS = (
    'index G = ["a", "b", "c", "d"]\ntable rows(g: G, y: real)\nm ~ Normal(0, 3)\ns ~ Gamma(2, 1)\n'
    "a[j] ~ Normal(m, precision = s) for j in G\n"
    + NOISE
    + "y[i] ~ Normal(a[g[i]], precision = t) for i in rows\n"
)
MIXTURE = (
    "index K = 6\ntable rows(y: real, w: weight)\np[K] ~ Dirichlet(0.1)\nmu[k] ~ Normal(0, 3) for k in K\n"
    "t[k] ~ Gamma(2, 1) for k in K\nz[i] ~ Categorical(p) for i in rows\n"
    "y[i] ~ Normal(mu[z[i]], precision = t[z[i]]) for i in rows\n"
)
COVARIATE = (
    "table rows(y: real, x: real?)\na ~ Normal(0, 3)\nb ~ Normal(0, 2)\nmx ~ Normal(0, 2)\ntx ~ Gamma(2, 1)\n"
    + NOISE
    + "x[i] ~ Normal(mx, precision = tx) for i in rows\ny[i] ~ Normal(a + b * x[i], precision = t) for i in rows\n"
)
SECOND = (
    "table rows(o: order, y: real)\nc ~ Normal(0, 1)\np ~ Normal(0, 1)\nq ~ Normal(0, 1)\n"
    + NOISE
    + "y[i] ~ Normal(0, 2) if position(i) < 3 else Normal(c + p * y[i-1] + q * y[i-2], precision = t) for i in rows\n"
)
SERIES = (
    "index S\ntable rows(s: S, o: order within s, y: real)\nv ~ Gamma(2, 1)\n"
    + NOISE
    + "x[i] ~ Normal(0, 2) if first(i) else Normal(x[i-1], precision = v) for i in rows\n"
    "y[i] ~ Normal(x[i], precision = t) for i in rows\n"
)
SLOPES = (
    "index G, two = 2\ntable rows(g: G, u: real, y: real)\ngiven I[two, two']: covariance = [[1, 0], [0, 1]]\n"
    "m[two] ~ Normal(0, 10)\n{law}\n"
    + NOISE
    + "y[i] ~ Normal(a[g[i], 1] + a[g[i], 2] * u[i], precision = t) for i in rows\n"
)
WISHART = "P[two, two'] ~ Wishart(4, I)\na[j, two] ~ MultivariateNormal(m, precision = P) for j in G"
INVERSE = "P[two, two'] ~ InverseWishart(4, I)\na[j, two] ~ MultivariateNormal(m, cov = P) for j in G"
CROSSED = (
    "index G, H\ntable rows(g: G, h: H, y: real)\nm ~ Normal(0, 10)\nsa ~ Gamma(1, 1)\nsb ~ Gamma(1, 1)\n"
    "a[j] ~ Normal(0, precision = sa) for j in G\nb[j] ~ Normal(0, precision = sb) for j in H\n"
    + NOISE
    + "y[i] ~ Normal(m + a[g[i]] + b[h[i]], precision = t) for i in rows\n"
)
DERIVED = (
    "index G\nindex R = [k for k in G if position(k) > 1]\ntable rows(g: G, y: real)\n"
    "a[k] ~ Normal(0, 2) for k in R\n"
    + NOISE
    + "y[i] ~ Normal(a[g[i]] if position(g[i]) > 1 else 0, precision = t) for i in rows\n"
)
FILTER = (
    "table rows(y: real, u: real)\nm ~ Normal(0, 2)\n"
    + NOISE
    + "for i in rows if u[i] > 0:\n    e[i] ~ Normal(m, 1)\n    y[i] ~ Normal(e[i], precision = t)\n"
)
ONE = "table rows(y: real)\nm ~ Normal(0, 3)\n" + NOISE + "y[i] ~ Normal(m, precision = t) for i in rows\n"
CASES: dict[str, tuple[str, dict[str, Array]]] = {
    "an empty group": (GROUPS, {"g": G, "y": Y}),
    "one row": (ONE, {"y": Y[:1]}),
    "more components than rows": (MIXTURE, {"y": Y[:3], "w": np.ones(3, dtype=int)}),
    "weights of zero": (MIXTURE, {"y": Y, "w": np.arange(N) % 3}),
    "no weight at all": (MIXTURE, {"y": Y, "w": np.zeros(N, dtype=int)}),
    "blank covariates": (COVARIATE, {"x": BLANK, "y": Y}),
    "a second-order autoregression": (SECOND, {"o": ORDER, "y": Y}),
    "series out of order": (SERIES, {"s": S, "o": ORDER, "y": Y}),
    "slopes with a Wishart": (SLOPES.format(law=WISHART), {"g": G, "u": U, "y": Y}),
    "slopes with an inverse Wishart": (SLOPES.format(law=INVERSE), {"g": G, "u": U, "y": Y}),
    "crossed effects": (CROSSED, {"g": G, "h": H, "y": Y}),
    "a latent on a derived set": (DERIVED, {"g": G, "y": Y}),
    "a filtered plate": (FILTER, {"y": Y, "u": U}),
}


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("name", sorted(CASES))
def test_unusual_models_climb(name: str, merge: bool) -> None:
    """Thirty sweeps, none of whose updates lowers the bound; kept apart (``--separate``) never above together."""
    text, data = CASES[name]
    ascent = climb(text, data, merge=merge)
    state = swept(ascent, 30)
    assert np.isfinite(state.elbo)
    plain = plain_energy(ascent, state.factors) + sum(f.entropy for f in state.factors)
    assert state.elbo == pytest.approx(plain, rel=1e-10)


def test_series_out_of_order_are_chains() -> None:
    assert any(isinstance(b, GaussianChain) for b in climb(*CASES["series out of order"]).blocks)


def test_a_matrix_that_is_too_large_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit another kind of block takes the latent, and says why."""
    monkeypatch.setattr(planning, "LARGEST_DENSE", 2)
    text = (
        'index cols\ntable rows(y: real, x[cols]: real = "x_*")\nb[cols] ~ Normal(0, 1)\n'
        "y[i] ~ Normal(sum(b[k] * x[i, k] for k in cols), 1) for i in rows\n"
    )
    ascent = climb(text, {"y": Y} | {f"x_{k}": RNG.normal(size=N) for k in "abc"})
    assert not any(isinstance(b, GaussianBlock) and b.width > 2 for b in ascent.blocks)
    assert any("too many for one matrix" in r.text for r in ascent.plan.reasons)


SCALES = """
index K = 3
table rows(y: real)
param w[K]: simplex
param mu[K]: real
param v[K]: positive
for i in rows:
    z[i] ~ Categorical(w)
    y[i] ~ Normal(mu[z[i]], {law} = v[z[i]])
"""


@pytest.mark.parametrize("law", ["var", "sd"])
def test_a_component_on_a_single_datum_is_named(law: str) -> None:
    """EM does not fail as the variance collapses, nor does its bound fall; the certificate names the component."""
    fit = ppl.compile(SCALES.format(law=law), path=False).fit(
        {"y": np.r_[Y, 100.0, 100.0, 100.0]}, method="em", options={"restarts": 2}
    )
    assert fit.status == "warn"
    assert any("collapsed" in w.message and "`v[" in w.message for w in fit.warnings)


def test_rates_may_be_nearly_zero() -> None:
    """A floor under scales is none under rates: two rates a million apart."""
    text = (
        "index K = 2\ntable rows(y: count, e: positive)\nparam w[K]: simplex\nparam r[K]: positive\n"
        "z[i] ~ Categorical(w) for i in rows\ny[i] ~ Poisson(r[z[i]] * e[i]) for i in rows\n"
    )
    y = np.r_[np.full(20, 5000), np.tile([0, 1], 10)]
    state = swept(climb(text, {"y": y, "e": np.ones(40)}), 100)
    ascent = climb(text, {"y": y, "e": np.ones(40)})
    value = next(
        f.natural["value"] for b, f in zip(ascent.blocks, state.factors, strict=True) if b.names == ("r",)
    )
    assert sorted(value) == pytest.approx([0.5, 5000.0], rel=1e-6)
