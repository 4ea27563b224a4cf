"""Latents that are drawn: the bound is the one that draws estimate, no update lowers it, other blocks stay exact.

False alarms: the checks against fresh draws use |z| < 5 (6e-7 each); the rest is deterministic.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ppl.energy.ascent import Decrease
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.gaussian import GaussianBlock
from ppl.energy.blocks.sampled import NoDensity, SampledBlock
from ppl.energy.starting import first
from ppl.inference.coordinate import Coordinates
from tests.energy.tools import bound, climb, swept

RNG = np.random.default_rng(5)
X = RNG.normal(size=30)
Y = 1.0 + 2.0 * X + 0.3 * RNG.standard_t(4, size=30)

ROBUST = """
table t(x: real, y: real)
a, b ~ Normal(0, 5)
s ~ HalfNormal(2)
y[i] ~ StudentT(4, a + b * x[i], s) for i in t
"""
MIXED = """
table t(n: count, k: count)
m ~ Normal(0, 2)
tau ~ HalfNormal(1)
d ~ Normal(0, 1)
u[i] ~ Normal(m, tau) for i in t
k[i] ~ Binomial(n[i], logit = u[i] * exp(d)) for i in t
"""
CORRELATED = """
index sides = ["left", "right"]
table t(a: real, b: real)
L[sides, sides'] ~ LKJCholesky(2)
sd[sides] ~ HalfNormal(2)
mu[sides] ~ Normal(0, 3)
for i in t:
    z[i, sides] ~ MultivariateNormal(mu, scale_tril = diag(sd) @ L)
    a[i] ~ Normal(z[i, "left"], 0.1)
    b[i] ~ Normal(z[i, "right"], 0.1)
"""
ORDERED = """
index grades = ["low", "mid", "high"]
index cuts = gaps(grades)
table t(x: real, grade: grades)
c[cuts] ~ Ordered(Normal(0, 5))
b ~ Normal(0, 1)
grade[i] ~ OrderedLogistic(b * x[i], c) for i in t
"""
OUTLIERS = """
table t(x: real, y: real)
a, b ~ Normal(0, 5)
wide, more ~ HalfNormal(5)
p ~ Beta(1, 4)
for i in t:
    odd[i] ~ Bernoulli(p)
    y[i] ~ Normal(0, sqrt(wide^2 + more^2)) if odd[i] else Normal(a + b * x[i], 0.3)
"""
K = RNG.binomial(9, 0.4, size=8)
COUNTS = {"n": np.full(8, 9), "k": K}


def data_of(text: str) -> dict[str, np.ndarray]:
    return COUNTS if text is MIXED else {"x": X, "y": Y}


@pytest.mark.parametrize("text", [ROBUST, MIXED], ids=["robust", "mixed"])
def test_bound_is_what_fresh_draws_of_all_latents_give(text: str) -> None:
    problem = bound(text, data_of(text))
    ascent = climb(text, data_of(text))
    state = swept(ascent, 40, tolerance=1e-6)
    q = Coordinates(ascent, state)
    mean, se = monte_carlo(problem, q)
    assert abs(q.elbo - mean) < 5 * np.hypot(se, q.elbo_se)
    assert sum(q.elbo_terms.values()) == pytest.approx(state.elbo, abs=1e-8)
    off = q.elbo - 0.5
    assert not abs(off - mean) < 5 * np.hypot(se, q.elbo_se), "half a nat would go unseen"


def monte_carlo(problem: object, q: Coordinates) -> tuple[float, float]:
    draws = q.sample(np.random.default_rng(3), 800)
    log_q = q.log_density(draws)
    assert log_q is not None
    log_p = [problem.log_joint({n: a[i] for n, a in draws.items()})[0] for i in range(800)]  # type: ignore[attr-defined]
    values = np.array(log_p) - log_q
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def test_only_what_the_factors_touch_is_drawn() -> None:
    ascent = climb(MIXED, COUNTS)
    kinds = {n: type(b) for b in ascent.blocks for n in b.names}
    assert kinds["u"] is kinds["d"] is SampledBlock
    assert kinds["m"] is GaussianBlock
    assert kinds["tau"] is not SampledBlock
    drawn = next(b for b in ascent.blocks if isinstance(b, SampledBlock))
    assert not drawn.exact
    reason = ascent.plan.reasons[list(ascent.blocks).index(drawn)]
    assert "drawn" in reason.text
    assert reason.span is not None
    assert MIXED[reason.span.start : reason.span.end].startswith("Binomial")


def test_other_blocks_are_exact_given_the_draws() -> None:
    ascent = climb(MIXED, COUNTS)
    state = swept(ascent, 30, tolerance=1e-7)
    at = next(i for i, b in enumerate(ascent.blocks) if "m" in b.names)
    factors, _, _ = ascent.update(state.factors, at)
    drawn = next(i for i, b in enumerate(ascent.blocks) if isinstance(b, SampledBlock))
    block = ascent.blocks[drawn]
    assert isinstance(block, SampledBlock)
    z = block.coordinates(block._climbed(factors[drawn]), block.eps)
    u = block._values(z)["u"].mean(0)
    scale = next(f.means[("power:-2", "tau")] for f in factors if ("power:-2", "tau") in f.means)
    precision = 0.25 + 8 * scale
    assert factors[at].means[("x", "m")] == pytest.approx(u.sum() * scale / precision, rel=1e-9)


def test_states_follow_expected_log_densities() -> None:
    ascent = climb(OUTLIERS, {"x": X, "y": Y})
    state = first(ascent, np.random.default_rng(0))
    for _ in range(5):
        state = ascent.sweep(state)
    at = next(i for i, b in enumerate(ascent.blocks) if isinstance(b, DiscreteBlock))
    factors, _, _ = ascent.update(state.factors, at)
    drawn = next(i for i, b in enumerate(ascent.blocks) if isinstance(b, SampledBlock))
    block = ascent.blocks[drawn]
    assert isinstance(block, SampledBlock)
    v = block._values(block.coordinates(block._climbed(factors[drawn]), block.eps))
    near = normal(Y, v["a"][:, None] + v["b"][:, None] * X, 0.3).mean(0)
    far = normal(Y, 0.0, np.hypot(v["wide"], v["more"])[:, None]).mean(0)
    odds = next(f for b, f in zip(ascent.blocks, factors, strict=True) if "p" in b.names).means
    logit = far - near + odds[("log", "p")] - odds[("log1m", "p")]
    r = ascent.completed(factors)[at].means[("is", "odd")][..., 1]
    assert np.allclose(r, 1 / (1 + np.exp(-logit)), atol=1e-9)


def normal(y: np.ndarray, m: np.ndarray | float, s: np.ndarray | float) -> np.ndarray:
    return -0.5 * np.square((y - m) / s) - np.log(s) - 0.5 * np.log(2 * np.pi)


def test_no_update_lowers_the_bound_and_draws_that_change_would() -> None:
    ascent = climb(MIXED, COUNTS)
    state = first(ascent, np.random.default_rng(0))
    values = []
    for _ in range(12):
        state = ascent.sweep(state)
        values.append(state.elbo)
    assert np.all(np.diff(values) >= -1e-9)
    with pytest.raises(Decrease, match="u"):
        fidgety = replaced(ascent)
        state = first(fidgety, np.random.default_rng(0))
        for _ in range(30):
            state = fidgety.sweep(state)


class Fidgety(SampledBlock):
    """Takes new draws at every update."""

    def best(self, gradients, before):  # type: ignore[no-untyped-def]
        rng = np.random.default_rng(int(1e6 * abs(before.natural["mean"][0])) + 1)
        other = replace(self, eps=rng.standard_normal(self.eps.shape))
        return SampledBlock.best(other, gradients, before)


def replaced(ascent):  # type: ignore[no-untyped-def]
    blocks = tuple(
        Fidgety(b.component, b.eps, b.search) if isinstance(b, SampledBlock) else b for b in ascent.blocks
    )
    return replace(ascent, plan=replace(ascent.plan, blocks=blocks))


@pytest.mark.parametrize("name", ["correlated", "ordered"])
def test_matrices_and_vectors_in_their_own_coordinates(name: str) -> None:
    rng = np.random.default_rng(1)
    if name == "correlated":
        z = rng.multivariate_normal([1, -1], [[1.0, 0.8], [0.8, 1.0]], size=30)
        text, data = CORRELATED, {"a": z[:, 0], "b": z[:, 1]}
    else:
        x = rng.normal(size=80)
        k = 1 + (x + rng.logistic(size=80) > -0.5) + (x + rng.logistic(size=80) > 1.0)
        text, data = ORDERED, {"x": x, "grade": np.array(["low", "mid", "high"])[k - 1]}
    ascent = climb(text, data)
    q = Coordinates(ascent, swept(ascent, 20, tolerance=1e-5))
    draws = q.sample(np.random.default_rng(0), 50)
    if name == "correlated":
        assert draws["L"].shape == (50, 2, 2)
        assert 0.4 < q.means["L"][1, 0] < 0.95
    else:
        assert np.all(np.diff(draws["c"], axis=-1) > 0)
    assert q.log_density(draws) is not None


def test_no_start_is_told_with_the_row() -> None:
    text = "table t(n: count, k: count)\np ~ Beta(2, 2)\ns ~ HalfNormal(1)\n"
    text += "k[i] ~ Binomial(n[i], p ^ s) for i in t\n"
    ascent = climb(text, {"n": np.array([3, 1]), "k": np.array([2, 5])})
    with pytest.raises(NoDensity, match="`k` is not finite"):
        swept(ascent, 2)


def test_a_param_in_such_a_factor_is_a_point() -> None:
    text = ROBUST.replace("s ~ HalfNormal(2)", "param s: positive")
    ascent = climb(text, {"x": X, "y": Y}, points=("a", "b"))
    assert all(b.exact for b in ascent.blocks)
    q = Coordinates(ascent, swept(ascent, 40, tolerance=1e-10))
    import scipy.optimize
    import scipy.stats

    def loss(v: np.ndarray) -> float:
        prior = scipy.stats.norm(0, 5).logpdf(v[:2]).sum()
        return -float(scipy.stats.t(4, v[0] + v[1] * X, np.exp(v[2])).logpdf(Y).sum() + prior)

    best = scipy.optimize.minimize(loss, [0.0, 0.0, 0.0], tol=1e-10)
    assert q.means["s"] == pytest.approx(np.exp(best.x[2]), rel=1e-4)
    assert q.log_evidence == pytest.approx(-best.fun, abs=1e-6)


TRANSPOSED = """
index docs
index topics = 3
table t(doc: docs, y: real)
{extra}
theta[topics, d] ~ MultivariateNormal([0, 0, 0], cov = [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]) for d in docs
y[i] ~ {law} for i in t
"""
PLAIN = "Normal(theta[1, doc[i]] + 2 * theta[2, doc[i]], 1)"
HEAVY = "StudentT(4, theta[1, doc[i]] + 2 * theta[2, doc[i]], s)"


@pytest.mark.parametrize(
    ("law", "extra"), [(PLAIN, ""), (HEAVY, "s ~ HalfNormal(1)")], ids=["exact", "drawn"]
)
def test_draws_have_the_axes_that_the_model_writes(law: str, extra: str) -> None:
    text = TRANSPOSED.format(law=law, extra=extra)
    data = {"doc": np.repeat(["a", "b"], 10), "y": np.random.default_rng(0).normal(size=20)}
    problem = bound(text, data)
    q = Coordinates(climb(text, data), swept(climb(text, data), 20, tolerance=1e-8))
    assert q.means["theta"].shape == q.sds["theta"].shape == (3, 2)
    mean, se = monte_carlo(problem, q)
    assert abs(q.elbo - mean) < 5 * np.hypot(se, q.elbo_se) + 1e-9
