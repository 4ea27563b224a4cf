"""The bound is the log evidence where q can be the posterior, and below it where it cannot.

No chance beyond fixed seeds. Evidence by formula, by enumeration, by recursion over time, or by quadrature.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import betaln, gammaln, logsumexp

from ppl.inference.coordinate import exact, is_point
from tests.energy.test_gradients import of_case
from tests.energy.tools import bound, climb, swept

Array = Any
RNG = np.random.default_rng(11)
COIN = "table rows(y: bool)\np ~ Beta(2, 3)\ny[i] ~ Bernoulli(p) for i in rows\n"
BINOMIAL = "table rows(y: count, n: count)\np ~ Beta(2, 3)\ny[i] ~ Binomial(n[i], p) for i in rows\n"
MEAN = "table rows(y: real)\nm ~ Normal(1, 2)\ny[i] ~ Normal(m, 0.7) for i in rows\n"
SCALE = "table rows(y: real)\nt ~ Gamma(2, 3)\ny[i] ~ Normal(0.4, precision = t) for i in rows\n"
VARIANCE = "table rows(y: real)\nv ~ InverseGamma(3, 2)\ny[i] ~ Normal(0.4, var = v) for i in rows\n"
RATE = "table rows(y: count, e: positive)\nr ~ Gamma(2, 3)\ny[i] ~ Poisson(r * e[i]) for i in rows\n"
WAIT = "table rows(y: positive)\nr ~ Gamma(2, 3)\ny[i] ~ Exponential(r) for i in rows\n"
TIMES = "table rows(y: count)\np ~ Beta(2, 3)\ny[i] ~ Geometric(p) for i in rows\n"
STATES = "index K\ntable rows(y: K)\np[K] ~ Dirichlet(0.7)\ny[i] ~ Categorical(p) for i in rows\n"
LINE = """
index cols
table rows(y: real, x[cols]: real = "x_*", w: weight)
b[cols] ~ Normal(0, 2)
y[i] ~ Normal(sum(b[k] * x[i, k] for k in cols), 0.5) for i in rows
"""
VECTOR = """
index cols
table rows(y: real, x[cols]: real = "x_*")
given cov[cols, cols']: covariance = [[2, 0.5, 0], [0.5, 1, 0.1], [0, 0.1, 3]]
b[cols] ~ MultivariateNormal(0.3, cov = cov)
y[i] ~ Normal(sum(b[k] * x[i, k] for k in cols), 0.5) for i in rows
"""
MATRIX = """
index cols
table rows(x[cols]: real = "x_*")
given prior[cols, cols']: covariance = [[0.4, 0.1, 0], [0.1, 0.3, 0], [0, 0, 0.2]]
prec[cols, cols'] ~ Wishart(6, prior)
x[i, cols] ~ MultivariateNormal(0, precision = prec) for i in rows
"""
COVARIANCE = """
index cols
table rows(x[cols]: real = "x_*")
given prior[cols, cols']: covariance = [[0.4, 0.1, 0], [0.1, 0.3, 0], [0, 0, 0.2]]
cov[cols, cols'] ~ InverseWishart(6, prior)
x[i, cols] ~ MultivariateNormal(0, cov = cov) for i in rows
"""
GROUPS = """
index G
table rows(g: G, y: real)
m ~ Normal(0, 3)
a[j] ~ Normal(m, 1.5) for j in G
y[i] ~ Normal(a[g[i]], 0.7) for i in rows
"""


def normal(mean: Array, cov: Array, y: Array) -> float:
    return float(stats.multivariate_normal(mean, cov).logpdf(y))


def design(columns: dict[str, Array]) -> Array:
    return np.stack([columns[f"x_{k}"] for k in "abc"], 1)


def wishart_z(df: float, inverse_scale: Array) -> float:
    p = len(inverse_scale)
    gammas = sum(gammaln((df - i) / 2) for i in range(p)) + p * (p - 1) / 4 * np.log(np.pi)
    return float(0.5 * df * p * np.log(2) - 0.5 * df * np.linalg.slogdet(inverse_scale)[1] + gammas)


PRIOR = np.array([[0.4, 0.1, 0], [0.1, 0.3, 0], [0, 0, 0.2]])


def gaussian_matrix(c: dict[str, Array], inverse: Array) -> float:
    x = design(c)
    n, p = x.shape
    return wishart_z(6.0 + n, inverse + x.T @ x) - wishart_z(6.0, inverse) - 0.5 * n * p * np.log(2 * np.pi)


def line(c: dict[str, Array]) -> float:
    x, y = (np.repeat(a, c["w"], 0) for a in (design(c), c["y"]))
    return normal(np.zeros(len(y)), 4 * x @ x.T + 0.25 * np.eye(len(y)), y)


def vector(c: dict[str, Array]) -> float:
    x, cov = design(c), np.array([[2, 0.5, 0], [0.5, 1, 0.1], [0, 0.1, 3]])
    return normal(0.3 * x.sum(1), x @ cov @ x.T + 0.25 * np.eye(len(x)), c["y"])


def grouped(c: dict[str, Array]) -> float:
    same = c["g"][:, None] == c["g"][None, :]
    return normal(np.zeros(len(same)), 9 + 2.25 * same + 0.49 * np.eye(len(same)), c["y"])


def gammas(a: float, b: float, more: float, rate: float) -> float:
    return float(a * np.log(b) - gammaln(a) + gammaln(a + more) - (a + more) * np.log(b + rate))


def columns(n: int = 12) -> dict[str, Array]:
    return {f"x_{k}": RNG.normal(size=n) for k in "abc"}


Y = RNG.normal(0.8, 1.0, size=12)
BITS = RNG.integers(2, size=12)
COUNTS = RNG.poisson(3, size=12)
TRIALS = COUNTS + RNG.integers(5, size=12)
SIZES = RNG.gamma(3, size=12)
LEVELS = np.array(["pqr"[i] for i in RNG.integers(3, size=12)])
ROWS = columns()
EXACT: dict[str, tuple[str, dict[str, Array], Callable[[dict[str, Array]], float]]] = {
    "coin": (COIN, {"y": BITS}, lambda c: betaln(2 + c["y"].sum(), 3 + (1 - c["y"]).sum()) - betaln(2, 3)),
    "binomial": (
        BINOMIAL,
        {"y": COUNTS, "n": TRIALS},
        lambda c: (
            betaln(2 + c["y"].sum(), 3 + (c["n"] - c["y"]).sum())
            - betaln(2, 3)
            + np.sum(gammaln(c["n"] + 1) - gammaln(c["y"] + 1) - gammaln(c["n"] - c["y"] + 1))
        ),
    ),
    "mean": (MEAN, {"y": Y}, lambda c: normal(np.ones(12), 4 + 0.49 * np.eye(12), c["y"])),
    "precision": (
        SCALE,
        {"y": Y},
        lambda c: gammas(2, 3, 6, 0.5 * np.sum((c["y"] - 0.4) ** 2)) - 6 * np.log(2 * np.pi),
    ),
    "variance": (
        VARIANCE,
        {"y": Y},
        lambda c: gammas(3, 2, 6, 0.5 * np.sum((c["y"] - 0.4) ** 2)) - 6 * np.log(2 * np.pi),
    ),
    "rate": (
        RATE,
        {"y": COUNTS, "e": SIZES},
        lambda c: (
            gammas(2, 3, c["y"].sum(), c["e"].sum())
            + np.sum(c["y"] * np.log(c["e"]))
            - gammaln(c["y"] + 1).sum()
        ),
    ),
    "wait": (WAIT, {"y": SIZES}, lambda c: gammas(2, 3, 12, c["y"].sum())),
    "states": (
        STATES,
        {"y": LEVELS},
        lambda c: (
            gammaln(2.1)
            - gammaln(2.1 + 12)
            + sum(gammaln(0.7 + np.sum(c["y"] == k)) - gammaln(0.7) for k in np.unique(c["y"]))
        ),
    ),
    "regression with weights": (LINE, {**ROWS, "y": Y, "w": RNG.integers(0, 4, size=12)}, line),
    "multivariate prior": (VECTOR, {**ROWS, "y": Y}, vector),
    "Wishart": (MATRIX, ROWS, lambda c: gaussian_matrix(c, np.linalg.inv(PRIOR))),
    "inverse Wishart": (COVARIANCE, ROWS, lambda c: gaussian_matrix(c, PRIOR)),
    "hierarchy": (GROUPS, {"g": LEVELS, "y": Y}, grouped),
}


@pytest.mark.parametrize("name", sorted(EXACT))
def test_the_bound_of_one_conjugate_block_is_the_evidence(name: str) -> None:
    """1e-10 relative, after one sweep."""
    text, data, evidence = EXACT[name]
    ascent = climb(text, data)
    assert exact(ascent)
    assert swept(ascent, 2).elbo == pytest.approx(evidence(data), rel=1e-10)


def test_another_prior_has_another_evidence() -> None:
    """The broken twin."""
    text, data, evidence = EXACT["mean"]
    assert swept(climb(text.replace("Normal(1, 2)", "Normal(1, 2.01)"), data), 2).elbo != pytest.approx(
        evidence(data), rel=1e-6
    )


MIXTURE = """
index K = 3
table rows(y: real, c: bool)
given p[K]: simplex = [0.2, 0.5, 0.3]
given m[K]: real = [-1, 0.5, 2]
for i in rows:
    z[i] ~ Categorical(p)
    y[i] ~ Normal(m[z[i]], 0.8)
    c[i] ~ Bernoulli(0.2 + 0.3 * m[z[i]] / 2 if y[i] > 0 else 0.4)
"""
FOREST = """
index K = 3, L = 2
table rows(y: real)
given p[K]: simplex = [0.2, 0.5, 0.3]
given q[K, L]: simplex = [[0.3, 0.7], [0.6, 0.4], [0.1, 0.9]]
for i in rows:
    z[i] ~ Categorical(p)
    u[i] ~ Categorical(q[z[i]])
    y[i] ~ Normal(position(z[i]) + 2 * position(u[i]), 0.8)
"""


def test_a_mixture_with_known_parameters_is_summed_exactly() -> None:
    p, m = np.array([0.2, 0.5, 0.3]), np.array([-1, 0.5, 2.0])
    text = MIXTURE.replace("0.2 + 0.3 * m[z[i]] / 2 if y[i] > 0 else 0.4", "0.4")
    data = {"y": Y, "c": BITS}
    log = np.log(p) + stats.norm(m, 0.8).logpdf(Y[:, None])
    expected = logsumexp(log, axis=1).sum() + np.where(BITS == 1, np.log(0.4), np.log(0.6)).sum()
    ascent = climb(text, data)
    assert exact(ascent)
    assert swept(ascent, 2).elbo == pytest.approx(expected, rel=1e-10)


def test_two_states_that_meet_in_each_row_are_below_their_enumeration() -> None:
    """Mean field over two labels of a row: a bound, and said to be one."""
    p = np.array([0.2, 0.5, 0.3])
    q = np.array([[0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])
    log = np.stack(
        [
            np.log(p[a] * q[a, b]) + stats.norm(a + 1 + 2 * (b + 1), 0.8).logpdf(Y)
            for a, b in product(range(3), range(2))
        ]
    )
    expected = logsumexp(log, axis=0).sum()
    ascent = climb(FOREST, {"y": Y})
    reached = swept(ascent).elbo
    assert reached <= expected + 1e-9
    assert exact(ascent) == (abs(reached - expected) < 1e-8)


MARKOV = """
index K = 3
table rows(t: order within s, s: series, y: real)
index series
given start[K]: simplex = [0.2, 0.5, 0.3]
given step[K, K']: simplex = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0, 0.4, 0.6]]
given m[K]: real = [-1, 0.5, 2]
for i in rows:
    z[i] ~ Categorical(start if first(i) else step[z[i-1]])
    y[i] ~ Normal(m[z[i]], 0.8)
"""
MARKOV = MARKOV.replace("index series\n", "").replace("index K = 3\n", "index K = 3, series\n")


def series(lengths: tuple[int, ...], seed: int = 5) -> dict[str, Array]:
    """Several series, their rows shuffled."""
    rng = np.random.default_rng(seed)
    s = np.repeat(["u", "v", "w"][: len(lengths)], lengths)
    t = np.concatenate([np.arange(n) for n in lengths])
    mix = rng.permutation(len(t))
    return {"t": t[mix], "s": s[mix], "y": rng.normal(0.5, 1.3, size=len(t))}


def forward(y: Array) -> float:
    p = np.array([0.2, 0.5, 0.3])
    step = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0, 0.4, 0.6]])
    b = stats.norm([-1, 0.5, 2], 0.8).logpdf(y[:, None])
    alpha = np.log(p) + b[0]
    with np.errstate(divide="ignore"):
        for t in range(1, len(y)):
            alpha = logsumexp(alpha[:, None] + np.log(step), axis=0) + b[t]
    return float(logsumexp(alpha))


def by_series(data: dict[str, Array], one: Callable[[Array], float]) -> float:
    out = 0.0
    for s in np.unique(data["s"]):
        at = data["s"] == s
        out += one(data["y"][at][np.argsort(data["t"][at])])
    return out


@pytest.mark.parametrize("lengths", [(12,), (1,), (2, 1), (9, 1, 4)])
def test_chains_of_states_with_known_parameters_are_summed_exactly(lengths: tuple[int, ...]) -> None:
    """Series of unequal lengths with their rows shuffled, a transition that cannot happen: forward recursion."""
    data = series(lengths)
    ascent = climb(MARKOV, data)
    assert exact(ascent)
    assert swept(ascent, 2).elbo == pytest.approx(by_series(data, forward), rel=1e-10)


LEVEL = """
index series
table rows(t: order within s, s: series, y: real)
for i in rows:
    x[i] ~ Normal(1, 2) if first(i) else Normal(0.9 * x[i-1] + 0.1, 0.5)
    y[i] ~ Normal(x[i], 0.8)
"""
SECOND_ORDER = """
table rows(t: order, y: real)
for i in rows:
    x[i] ~ Normal(0, 2) if position(i) < 3 else Normal(0.9 * x[i-1] - 0.3 * x[i-2], 0.5)
    y[i] ~ Normal(x[i], 0.8)
"""


def kalman(y: Array) -> float:
    mean, var, out = 1.0, 4.0, 0.0
    for t, value in enumerate(y):
        if t:
            mean, var = 0.9 * mean + 0.1, 0.81 * var + 0.25
        out += float(stats.norm(mean, np.sqrt(var + 0.64)).logpdf(value))
        gain = var / (var + 0.64)
        mean, var = mean + gain * (value - mean), (1 - gain) * var
    return out


@pytest.mark.parametrize("lengths", [(12,), (1,), (2, 1), (9, 1, 4)])
def test_gaussian_chains_with_known_parameters_equal_a_kalman_filter(lengths: tuple[int, ...]) -> None:
    data = series(lengths)
    ascent = climb(LEVEL, data)
    assert exact(ascent)
    assert swept(ascent, 2).elbo == pytest.approx(by_series(data, kalman), rel=1e-10)


def test_second_order_chains_equal_their_dense_gaussian() -> None:
    n = 10
    data = {"t": np.arange(n), "y": Y[:n]}
    root = np.eye(n)
    sd = np.full(n, 0.5)
    sd[:2] = 2.0
    for t in range(2, n):
        root[t, t - 1], root[t, t - 2] = -0.9, 0.3
    inverse = np.linalg.inv(root)
    expected = normal(np.zeros(n), inverse @ np.diag(sd**2) @ inverse.T + 0.64 * np.eye(n), Y[:n])
    ascent = climb(SECOND_ORDER, data)
    assert exact(ascent)
    assert swept(ascent, 2).elbo == pytest.approx(expected, rel=1e-10)


def _em_names() -> list[str]:
    from tests.energy.reference.cases import CASES

    return sorted(n for n, c in CASES.items() if c.method == "em")


@pytest.mark.parametrize("name", _em_names())
def test_after_each_e_step_the_bound_is_the_log_likelihood(name: str) -> None:
    """Against the graph's own elimination of states at the points, where it can do it: 1e-10, 8 iterations."""
    from tests.energy.reference.cases import CASES

    case = CASES[name]
    data = case.columns(np.random.default_rng(3))
    problem = bound(case.model, data)
    ascent = of_case(name)
    state = swept(ascent, 1)
    order = [i for i, b in enumerate(ascent.blocks) if is_point(b)]
    order += [i for i in range(len(ascent.blocks)) if i not in order]
    free = [i for i in order if not is_point(ascent.blocks[i])]
    discrete = all(
        ascent.plan.energy.latents[n].states is not None for i in free for n in ascent.blocks[i].names
    )
    last = -np.inf
    for _ in range(8):
        state = ascent.sweep(state, order)
        assert state.elbo >= last - 1e-12 * state.scale
        last = state.elbo
        if discrete:
            at = {
                n: state.factors[i].natural["value"]
                for i in order
                if i not in free
                for n in ascent.blocks[i].names
                if "value" in state.factors[i].natural
            }
            at |= {
                n: m
                for i in order
                if i not in free
                for n, (m, _) in ascent.blocks[i].moments(state.factors[i]).items()
            }
            assert state.elbo == pytest.approx(problem.log_joint(at)[0], rel=1e-10)


NORMAL_GAMMA = """
table rows(y: real)
m ~ Normal(0, 2)
t ~ Gamma(2, 3)
y[i] ~ Normal(m, precision = t) for i in rows
"""


def test_mean_field_is_below_the_evidence_and_close() -> None:
    """Normal and Gamma apart: quadrature in both gives the evidence; the gap is small but there."""

    def given(t: float) -> float:
        cov = 4 + np.eye(12) / t
        return np.exp(normal(np.zeros(12), cov, Y) + stats.gamma(2, scale=1 / 3).logpdf(t) + 20.0)

    evidence = np.log(integrate.quad(given, 1e-9, 30, epsabs=0, epsrel=1e-11, limit=200)[0]) - 20.0
    ascent = climb(NORMAL_GAMMA, {"y": Y})
    assert not exact(ascent)
    gap = evidence - swept(ascent).elbo
    assert 1e-4 < gap < 0.2


TWO = """
table rows(y: real, u: real)
a ~ Normal(0, 2)
b ~ Normal(0, 2)
y[i] ~ Normal(a + b * u[i], 0.5) for i in rows
"""


def test_coefficients_kept_apart_have_a_lower_bound() -> None:
    """Together they are the posterior, and the bound is the evidence."""
    u = 1.0 + ROWS["x_a"]
    together, apart = (swept(climb(TWO, {"y": Y, "u": u}, merge=m)).elbo for m in (True, False))
    evidence = normal(np.zeros(12), 4 + 4 * np.outer(u, u) + 0.25 * np.eye(12), Y)
    assert together == pytest.approx(evidence, rel=1e-10)
    assert apart < together - 0.01
