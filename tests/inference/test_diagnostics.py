"""k-hat, optimality, response solves: each against a known answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ppl.inference.response import conjugate_gradients
from ppl.posterior.approximation import Approximation
from ppl.posterior.diagnostics_optimality import check_optimality
from ppl.posterior.psis import pareto_fit, smooth, tail_shapes
from tests.inference.problems import eight_schools, fit, gaussian


@pytest.mark.parametrize("shape", [-0.3, 0.3, 0.5, 0.7, 1.0, 1.5])
def test_pareto_shapes_are_recovered(shape: float) -> None:
    """50 fits of 1000 draws: the mean has sd (1 + k) / sqrt(50000), so 6 of it is passed once in 1e9."""
    u = np.random.default_rng(7).random((50, 1000))
    draws = np.sort(2.0 * np.expm1(-shape * np.log1p(-u)) / shape, axis=1)
    k, scale = pareto_fit(draws)
    unshrunk = (k * 1010 - 5) / 1000
    assert abs(unshrunk.mean() - shape) < 6 * (1 + abs(shape)) / np.sqrt(50000)
    assert abs(scale.mean() - 2.0) < 0.1


def test_pareto_twin() -> None:
    """The broken twin: draws of shape 0.5 do not pass for 0.7."""
    u = np.random.default_rng(7).random((50, 1000))
    k, _ = pareto_fit(np.sort(2.0 * np.expm1(-0.5 * np.log1p(-u)) / 0.5, axis=1))
    assert abs(k.mean() - 0.7) > 6 * 1.7 / np.sqrt(50000)


def test_khat_of_a_normal_proposal_for_a_wider_normal() -> None:
    """Importance ratios of N(0, s) over N(0, 1) have tail index 1 - 1/s^2 exactly, in the limit."""
    z = np.random.default_rng(1).standard_normal((20, 40000))
    for s in (1.2, 1.5, 2.0):
        found = np.mean([smooth(0.5 * row**2 * (1 - 1 / s**2)).khat for row in z])
        assert abs(found - (1 - 1 / s**2)) < 0.15


def test_constant_and_broken_weights() -> None:
    assert smooth(np.zeros(50)).exact
    assert not smooth(np.full(50, -np.inf)).exact
    part = smooth(np.concatenate([np.full(50, -np.inf), np.random.default_rng(0).standard_normal(500)]))
    assert np.all(part.weights[:50] == 0)
    assert np.isclose(part.weights.sum(), 1.0)
    assert tail_shapes(np.ones((1, 100)))[0] == -np.inf


def test_smoothed_weights_keep_the_mean_right() -> None:
    rng = np.random.default_rng(2)
    z = 0.8 * rng.standard_normal(20000) + 0.3
    found = smooth(-0.5 * z**2 + 0.5 * ((z - 0.3) / 0.8) ** 2)
    assert abs(found.weights @ z) < 0.06
    assert abs(found.weights @ z**2 - 1) < 0.12


@pytest.mark.parametrize(("shift", "widen"), [(0.0, 1.0), (0.2, 1.0), (0.0, 1.2)])
def test_optimality_sees_planted_errors(shift: float, widen: float) -> None:
    """On a quadratic the check is exact: a planted shift is seen at its size."""
    problem = gaussian(5, 10.0)
    tril = np.linalg.cholesky(np.linalg.inv(problem.facts["precision"]))
    sd = np.sqrt((tril**2).sum(1))
    q = Approximation(problem.facts["mean"] + shift * sd, scale_tril=widen * tril)
    found = check_optimality(problem, q, np.random.default_rng(0), 400)
    assert found.passed == (shift == 0 and widen == 1)
    assert np.allclose(found.shift, -shift * widen, atol=1e-8) if widen == 1 else True
    assert np.allclose(found.spread, 1 - widen**2, atol=1e-8)


def test_expensive_targets_get_fewer_draws() -> None:
    dear = replace(eight_schools(), work=5e6)
    done, certificate = fit(dear)
    assert done.outcome.status == "converged"
    assert certificate.importance.count == 400
    assert certificate.optimality.draws <= 128
    assert not certificate.importance.corrected


def test_mass_at_minus_infinity_is_reported() -> None:
    problem = eight_schools()
    done, _ = fit(problem)

    def density(z):
        values, slopes = problem.density(z)
        return np.where(z[:, 8] > 6.0, np.nan, values), slopes

    from ppl.posterior.diagnostics import FitFacts, certify

    facts = FitFacts("converged", "converged")
    certificate = certify(replace(problem, density=density), done.result, np.random.default_rng(0), facts)
    assert certificate.status == "failed"
    assert certificate.findings[0].code == "W703"
    assert "data row 7" in certificate.findings[0].text


def test_elbo_within_its_error_of_the_truth() -> None:
    """The evidence of a normalised Gaussian less the divergence of its mean-field fit; 5 s.e.: 6e-7."""
    problem = gaussian(6, 5.0)
    _, certificate = fit(problem, family="mean_field")
    precision = problem.facts["precision"]
    exact = 0.5 * (np.linalg.slogdet(precision)[1] - np.log(np.diag(precision)).sum())
    assert abs(certificate.elbo - exact) < 5 * certificate.elbo_se + 1e-4
    assert abs(certificate.elbo + 0.2 - exact) > 5 * certificate.elbo_se  # the twin


def test_conjugate_gradients_match_a_direct_solve() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((30, 30))
    matrix = root @ root.T + np.diag(np.geomspace(1, 1e3, 30))
    right = rng.standard_normal((4, 30))
    found = conjugate_gradients(lambda v: v @ matrix, right, 1 / np.diag(matrix), 1e-8)
    assert np.allclose(found, np.linalg.solve(matrix, right.T).T, rtol=1e-5, atol=1e-8)
