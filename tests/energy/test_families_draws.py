"""Draws, densities, entropies, modes and powers of every family; broken twins must be noticed.

Statistical checks compare n averages with their exact values at 5.5 standard errors each (4e-8 two-sided): fewer than
300 comparisons in this file, so a false alarm in at most 2 of 100,000 fresh seeds. The seed is fixed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.energy.families import Family, matching, names
from ppl.supports import BOOL, COUNT, POSITIVE, REAL, UNIT, Structured
from tests.energy.test_families import CASES, CONTINUOUS, SCALAR, SPD, Eta, family

N = 40_000
LIMIT = 5.5


def deviation(values: np.ndarray, exact: Any) -> float:
    """The largest distance of column averages from exact values in standard errors."""
    values = np.asarray(values, dtype=float)
    error = values.std(0) / np.sqrt(len(values)) + 1e-9 * (1.0 + np.abs(exact))
    return float(np.max(np.abs(values.mean(0) - exact) / error))


def draw(f: type[Family], eta: Eta) -> np.ndarray:
    return np.asarray(f.sample(np.random.default_rng(5), eta, N))


@pytest.mark.parametrize("name, given", CASES)
def test_draws_have_the_expected_statistics(name: str, given: Eta) -> None:
    f = family(name)
    eta = f.natural(given)
    x = draw(f, eta)
    at, mean = f.at(x, eta), f.mean(eta)
    for stat in f.statistics:
        assert deviation(at[stat], mean[stat]) < LIMIT, stat
    centre, sd = f.moments(eta)
    assert x.shape == (N, *np.shape(centre))
    assert deviation(x, centre) < LIMIT
    assert deviation(np.square(x - centre), np.square(sd)) < LIMIT


@pytest.mark.parametrize("name, given", CASES)
def test_entropy_is_minus_the_mean_log_density(name: str, given: Eta) -> None:
    f = family(name)
    eta = f.natural(given)
    assert deviation(-f.log_density(draw(f, eta), eta), f.entropy(eta)) < LIMIT


def test_a_wrong_figure_is_noticed() -> None:
    """Broken twins: a scale 2 % off, an entropy 0.05 nats off, draws with a shape 3 % off."""
    f = family("Gamma")
    eta = f.natural({"shape": np.array(3.5), "rate": np.array(2.0)})
    x = draw(f, eta)
    assert deviation(x, 1.02 * f.moments(eta)[0]) > LIMIT
    assert deviation(-f.log_density(x, eta), f.entropy(eta) + 0.05) > LIMIT
    other = draw(f, f.natural({"shape": np.array(3.5 * 1.03), "rate": np.array(2.0)}))
    assert deviation(np.log(other), f.mean(eta)["log"]) > LIMIT


POWERS = ("x", "power:-1", "power:-2", "power:2", "power:3", "power:0.5", "power:-0.5")


@pytest.mark.parametrize("name, given", SCALAR)
def test_scalar_densities_integrate(name: str, given: Eta) -> None:
    """Normaliser, log density and powers by a dense trapezoid rule in log or logit coordinates."""
    f = family(name)
    eta = {s: np.ravel(v)[-1] for s, v in f.natural(given).items()}
    mean, sd = f.moments(eta)
    u = np.linspace(-60.0, 60.0, 400_001)
    if name == "Normal":
        x, log_slope = mean + sd * u, np.log(sd) * np.ones_like(u)
    elif name == "Beta":
        x, log_slope = 1 / (1 + np.exp(-u)), -np.abs(u) - 2 * np.log1p(np.exp(-np.abs(u)))
        x = np.clip(x, 1e-300, 1 - 2.0**-53)
    else:
        x, log_slope = np.exp(u), u
    weight = np.exp(f.log_density(x, eta) + log_slope) * (u[1] - u[0])
    assert weight.sum() == pytest.approx(1.0, abs=1e-9)
    for stat in POWERS:
        found = f.expect(stat, eta)
        p = 1.0 if stat == "x" else float(stat.removeprefix("power:"))
        if found is not None and np.isfinite(found) and not (name == "Normal" and p < 0):
            assert found == pytest.approx(np.sum(weight * x**p), rel=1e-8), stat


def test_infinite_expectations() -> None:
    gamma, inverse = family("Gamma"), family("InverseGamma")
    eta = gamma.natural({"shape": np.array([0.5, 3.0]), "rate": np.array([1.0, 1.0])})
    assert np.isinf(np.asarray(gamma.expect("power:-1", eta))).tolist() == [True, False]
    eta = inverse.natural({"shape": np.array([0.5, 1.5]), "scale": np.array([1.0, 1.0])})
    assert np.isinf(np.asarray(inverse.expect("x", eta))).tolist() == [True, False]
    assert np.isinf(inverse.moments(eta)[1]).all()
    assert gamma.expect("log1m", eta | {"x": eta["power:-1"]}) is None
    wishart = family("InverseWishart")
    low = wishart.natural({"df": np.array(3.5), "scale": SPD})
    assert np.isinf(np.diagonal(wishart.expect("x", low))).all()


@pytest.mark.parametrize("name, given", CONTINUOUS)
def test_no_draw_is_denser_than_the_mode(name: str, given: Eta) -> None:
    f = family(name)
    eta = f.natural(given)
    value, clipped = f.mode(eta)
    assert np.shape(value) == np.shape(clipped) == np.shape(f.moments(eta)[0])
    event = tuple(range(-f.event_dims, 0)) if f.event_dims else ()
    inside = ~np.any(clipped, axis=event)
    with np.errstate(divide="ignore", invalid="ignore"):
        top = f.log_density(value, eta)
        best = f.log_density(draw(f, eta), eta).max(0)
    if name in ("Exponential", "HalfNormal"):  # always on the boundary, with a finite density there
        inside = np.isfinite(top)
    assert inside.any()
    assert (best <= top + 1e-9)[inside].all()
    assert (best >= top - 2.5)[inside].all()


def test_modes_on_the_boundary() -> None:
    beta = family("Beta")
    eta = beta.natural({"a": np.array([0.5, 0.5, 1.0, 3.0]), "b": np.array([0.5, 3.0, 1.0, 1.0])})
    value, clipped = beta.mode(eta)
    assert value.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert clipped.tolist() == [True, True, False, True]
    dirichlet = family("Dirichlet")
    value, clipped = dirichlet.mode({"log": np.array([-0.5, 1.0, 3.0])})
    assert value.tolist() == [0.0, 0.25, 0.75]
    assert clipped.tolist() == [True, False, False]


@pytest.mark.parametrize("name, given", CONTINUOUS)
def test_starts_have_the_moments_asked_for(name: str, given: Eta) -> None:
    f = family(name)
    mean, sd = f.moments(f.natural(given))
    eta = f.from_moments(mean, sd)
    assert f.proper(eta).all()
    back = f.moments(eta)
    np.testing.assert_allclose(back[0], mean, rtol=1e-8)
    if name != "MultivariateNormal":
        np.testing.assert_allclose(back[1], sd, rtol=1e-8)


def test_families_are_found_by_support_and_statistics() -> None:
    def name(statistics: set[str], support: Any) -> str | None:
        found = matching(statistics, support)
        return found.name if found else None

    assert name({"x"}, REAL) == "Normal"
    assert name({"power:-1"}, POSITIVE) == "InverseGamma"
    assert name({"log1m"}, UNIT) == "Beta"
    assert name({"logdet"}, Structured("covariance")) in ("Wishart", "InverseWishart")
    assert name({"inverse"}, Structured("covariance")) == "InverseWishart"
    assert name({"is"}, BOOL) in ("Bernoulli", "Categorical")
    assert name({"is"}, COUNT) == "Categorical"
    assert name({"power:-2"}, POSITIVE) is None
    assert "Dirichlet" in names()


def test_digamma_is_exact() -> None:
    special = pytest.importorskip("scipy.special")
    from ppl.energy.families._special import digamma, lgamma_digamma

    x = np.concatenate([np.geomspace(1e-300, 1e300, 20_001), np.linspace(0.01, 30.0, 20_001)])
    exact = special.digamma(x)
    assert np.max(np.abs(digamma(x) - exact) / np.maximum(1.0, np.abs(exact))) < 1e-13
    for y in (x, x[x < 1e7]):
        value, slope = lgamma_digamma(y)
        error = np.abs(value - special.gammaln(y)) / (1.0 + np.abs((y - 1.0) * np.log(y)))
        assert np.max(error) < 1e-14
        np.testing.assert_allclose(slope, digamma(y), rtol=1e-14)
    assert np.isnan(digamma(np.array([np.nan, 1.0]))).tolist() == [True, False]
    assert digamma(np.zeros((0, 3))).shape == (0, 3)
