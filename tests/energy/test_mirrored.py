"""Matrices in the other one of Wishart and inverse Wishart: the best by brute force, and what the bound loses by it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import ppl
from ppl.energy.blocks.mirrored import MirroredBlock, closest_df
from ppl.energy.families import find
from ppl.inference.energy_build import ascent_of

X = np.random.default_rng(4).multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 2.0]], size=9)
DATA = {"x_1": X[:, 0], "x_2": X[:, 1]}
TEXT = """
index cols
table t(x[cols]: real = "x_*")
given prior[cols, cols']: covariance = [[0.4, 0.1], [0.1, 0.3]]
m[cols, cols'] ~ {prior}(6, prior)
x[i, cols] ~ MultivariateNormal(0, {role} = m) for i in t
"""
CASES = {"Wishart": ("precision", "InverseWishart"), "InverseWishart": ("cov", "Wishart")}


def divergence(n: float, size: int, m: float, c: float) -> float:
    """KL(InverseWishart(m, c I) || Wishart(n, I)) by the families' own expectations."""
    p, q = find("Wishart"), find("InverseWishart")
    assert p is not None and q is not None
    eta = p.natural({"df": np.array(n), "scale": np.eye(size)})
    own = q.natural({"df": np.array(m), "scale": c * np.eye(size)})
    cross = sum(np.sum(eta[s] * q.expect(s, own)) for s in eta) - p.log_normaliser(eta)
    return float(q.inner(own, q.mean(own)) - q.log_normaliser(own) - cross)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("n", [1.2, 6.0, 300.0])
def test_the_degrees_of_freedom_are_the_best(size: int, n: float) -> None:
    n += size
    m = float(closest_df(np.array(n), size))
    least = divergence(n, size, m, n * (m - size - 1.0))
    found = optimize.minimize(
        lambda u: divergence(n, size, size + 1.0 + np.exp(u[0]), np.exp(u[1])),
        [np.log(m - size - 1.0) + 0.3, np.log(n * (m - size - 1.0)) - 0.2],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-13, "maxiter": 4000},
    )
    assert 0.0 < least <= found.fun + 1e-9
    moved = divergence(n, size, 1.05 * m, n * (1.05 * m - size - 1.0))  # the twin: another q is worse
    assert moved > least + 1e-7


@pytest.mark.parametrize("prior", CASES)
def test_the_bound_lies_below_the_evidence_by_the_divergence(prior: str) -> None:
    role, asked = CASES[prior]
    text = TEXT.format(prior=prior, role=role)
    model = ppl.compile(text + f"guide:\n    q(m) ~ {asked}\n")
    fit, free = model.fit(DATA, method="cavi"), ppl.compile(text).fit(DATA, method="cavi")
    n = 6.0 + len(X)
    m = float(closest_df(np.array(n), 2))
    gap = divergence(n, 2, m, n * (m - 3.0))
    assert free.elbo - fit.elbo == pytest.approx(gap, abs=1e-9)
    assert gap > 0.01


@pytest.mark.parametrize("prior", CASES)
def test_draws_are_of_the_family_that_is_asked(prior: str) -> None:
    role, asked = CASES[prior]
    model = ppl.compile(TEXT.format(prior=prior, role=role) + f"guide:\n    q(m) ~ {asked}\n")
    (block,) = ascent_of(model.bind(DATA).problem).blocks
    assert isinstance(block, MirroredBlock) and block.family == asked
    factor = block.start(np.random.default_rng(0), 0.0)
    found = {k: np.asarray(v) for k, v in block.parameters(factor).items()}
    law = (stats.wishart if asked == "Wishart" else stats.invwishart)(float(found["df"]), found["scale"])
    draws = block.sample(factor, np.random.default_rng(1), 4)["m"]
    np.testing.assert_allclose(
        np.asarray(block.log_density(factor, {"m": draws})), [law.logpdf(d) for d in draws], rtol=1e-9
    )
