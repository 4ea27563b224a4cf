"""The compiled log joint inside programs of one's own, and products with its Hessian."""

from __future__ import annotations

from typing import Any

import autograd
import numpy as np
import pytest

import ppl
from ppl.backend.autograd_bridge import anp
from tests.graph.corpus import CONTINUOUS, DISCRETE
from tests.graph.make import Case, problem_of

TEXT = """
table rows(g: int, x: real, y: real)
mu ~ Normal(0, 2)
b ~ Normal(0, 1)
sigma ~ HalfNormal(1)
y[i] ~ StudentT(4, mu + b * x[i], sigma) for i in rows
"""
ROWS = {"g": [1, 2, 1, 2], "x": [0.1, -1.0, 2.0, 0.7], "y": [1.0, 2.0, -0.5, 0.3]}


def by_autograd(z: Any) -> Any:
    """The same log joint, every operation left to autograd; z: mu, b, log sigma."""
    mu, b, log_sigma = z[0], z[1], z[2]
    x, y = np.array(ROWS["x"]), np.array(ROWS["y"])
    sigma = anp.exp(log_sigma)
    prior = -(mu**2) / 8 - b**2 / 2 - sigma**2 / 2 + log_sigma
    return prior + anp.sum(-2.5 * anp.log1p(((y - mu - b * x) / sigma) ** 2 / 4) - log_sigma)


@pytest.fixture(scope="module")
def density() -> Any:
    return ppl.compile(TEXT).density(ROWS)


Z = np.array([0.3, -0.2, 0.1])


def network(weights: Any, log_joint: Any) -> Any:
    """A small program around the log joint."""
    z = anp.tanh(anp.dot(weights, np.array([0.5, 1.0]))) + 0.1 * weights[:, 0]
    return 2.0 * log_joint(z) + anp.sum(weights**2)


def test_it_can_be_differentiated_inside_a_program(density: Any) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 2))
    assert density.names == ("mu", "b", "sigma")
    found, wanted = (autograd.grad(network)(weights, f) for f in (density, by_autograd))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    found, wanted = (autograd.hessian(network)(weights, f) for f in (density, by_autograd))
    assert np.max(np.abs(found - wanted)) < 1e-8 * np.max(np.abs(wanted))


def test_points_and_rows_agree(density: Any) -> None:
    rows = np.stack([Z, Z + 0.5])
    assert density(rows)[0] == pytest.approx(density(Z), rel=1e-13)
    assert density(list(Z)) == density(Z)
    value, slope = density.value_and_grad(rows)
    assert value.shape == (2,)
    np.testing.assert_allclose(slope[1], density.value_and_grad(rows[1])[1], rtol=1e-12)
    assert density.hvp(Z, np.eye(3)).shape == (3, 3)
    assert density.hvp(Z, Z).shape == (3,)
    assert density.constrain(Z)["sigma"] == pytest.approx(np.exp(0.1))
    assert density.constrain(rows)["sigma"].shape == (2,)


def test_products_against_the_hessian_of_autograd(density: Any) -> None:
    exact = autograd.hessian(by_autograd)(Z)
    found = density.hvp(Z, np.eye(3))
    assert np.max(np.abs(found - exact)) < 1e-9 * np.max(np.abs(exact))


def test_mistakes_in_data_are_said_at_once() -> None:
    with pytest.raises(ppl.DataError):
        ppl.compile("table t(c: count)\nr ~ Gamma(1, 1)\nc[i] ~ Poisson(r) for i in t\n").density(
            {"c": [1, -2]}
        )


def dense_hessian(slope: Any, z: np.ndarray, h: float = 2e-4) -> np.ndarray:
    """Every column by a difference of the gradient of order eight: (D, D)."""
    weights = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])
    steps = np.arange(1, 5) * h
    columns = []
    for one in np.eye(len(z)):
        up, down = slope(z + steps[:, None] * one), slope(z - steps[:, None] * one)
        columns.append(weights @ (up - down) / h)
    return np.stack(columns)


@pytest.mark.parametrize("case", [*CONTINUOUS, *DISCRETE], ids=str)
def test_products_against_dense_hessians(case: Case) -> None:
    """On every model of the corpus: the product with any direction, from one call."""
    target = problem_of(case).target()
    rng = np.random.default_rng(5)
    z = target.start + 0.1 * rng.normal(size=target.size)
    dense = dense_hessian(lambda at: target.value_and_grad(at)[1], z)
    assert np.isfinite(dense).all()
    v = rng.normal(size=(3, target.size))
    found = target.hvp(np.tile(z, (3, 1)), v)
    assert np.max(np.abs(found - v @ dense)) <= 1e-8 * np.max(np.abs(dense))
