"""Wide Gaussian blocks: covariances by LAPACK and draws by products are what plain inverses and sums give."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.energy.blocks.gaussian import GaussianBlock, Member
from ppl.energy.blocks.inverting import WIDE, inverse_of
from ppl.energy.terms import Latent
from ppl.graph.nodes import Dim
from ppl.supports import REAL

RNG = np.random.default_rng(5)


def precision(cells: int, width: int) -> np.ndarray:
    a = RNG.normal(size=(cells, width, width + 5))
    return a @ np.swapaxes(a, 1, 2) / width


@pytest.mark.parametrize(("cells", "width"), [(3, 1), (4, 5), (2, WIDE), (1, 200)])
def test_covariances_are_inverses(cells: int, width: int) -> None:
    j = precision(cells, width)
    found = inverse_of(np.linalg.cholesky(j))
    assert np.allclose(found, np.linalg.inv(j), rtol=1e-8, atol=1e-9)
    assert np.allclose(found, np.swapaxes(found, 1, 2), rtol=1e-12)
    assert not np.allclose(found, np.linalg.inv(np.linalg.cholesky(j)), atol=1e-3)


def test_draws_and_densities_of_a_wide_block() -> None:
    dims = (Dim("groups"), Dim("parts"))
    block = GaussianBlock((Member(Latent("w", "latent", dims, (2, 70), 0, REAL), (0,)),))
    j, h = precision(2, 70), RNG.normal(size=(2, 70))
    pairs = {("pair", "w", "w"): -0.5 * j, ("x", "w"): h}
    factor = block.best(pairs, None)
    mean, cov = np.linalg.solve(j, h[..., None])[..., 0], np.linalg.inv(j)
    assert np.allclose(factor.means[("x", "w")], mean, rtol=1e-7)
    draws = block.sample(factor, np.random.default_rng(0), 3)
    d = draws["w"] - mean
    quadratic = np.einsum("nci,cij,ncj->n", d, j, d)
    wanted = -0.5 * (quadratic + 140 * np.log(2 * np.pi) + np.linalg.slogdet(cov)[1].sum())
    assert np.allclose(block.log_density(factor, draws), wanted, rtol=1e-8)
    many = block.sample(factor, np.random.default_rng(1), 20_000)["w"]
    # 9800 entries of a sample covariance, each within 6 standard errors: fails once in 100,000 times
    seen = np.stack([np.cov(many[:, c].T) for c in range(2)])
    var = np.diagonal(cov, axis1=1, axis2=2)
    error = np.sqrt((var[:, :, None] * var[:, None, :] + cov**2) / 20_000)
    assert np.all(np.abs(seen - cov) < 6 * error)
