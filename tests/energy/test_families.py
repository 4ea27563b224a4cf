"""Every family: A, its gradient, moments, draws, densities and modes agree with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.energy.families import Family, find, names

Eta = dict[str, Any]

SPD = np.array([[2.0, 0.3, -0.2], [0.3, 1.0, 0.1], [-0.2, 0.1, 0.5]])
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "Normal": [{"mean": np.array([0.3, -40.0]), "sd": np.array([2.0, 0.1])}],
    "LogNormal": [{"mean": np.array([0.3, -1.0]), "sd": np.array([0.5, 0.1])}],
    "Gamma": [{"shape": np.array([[0.2, 3.5], [60.0, 1.0]]), "rate": np.array([[0.5, 2.0], [40.0, 1e-2]])}],
    "InverseGamma": [{"shape": np.array([4.5, 60.0]), "scale": np.array([0.5, 2.0])}],
    "Exponential": [{"rate": np.array([0.5, 40.0])}],
    "HalfNormal": [{"scale": np.array([0.5, 40.0])}],
    "Beta": [{"a": np.array([0.5, 3.0, 80.0]), "b": np.array([0.7, 2.0, 5.0])}],
    "Dirichlet": [{"concentration": np.array([[0.3, 2.0, 5.0], [40.0, 1.5, 3.0]])}],
    "MultivariateNormal": [
        {"mean": np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]), "cov": np.stack([SPD, 3.0 * SPD])},
        {"mean": np.array([[1.0], [2.0]]), "cov": np.array([[[2.0]], [[0.5]]])},
    ],
    "Wishart": [{"df": np.array([6.5, 20.0]), "scale": np.stack([SPD, 0.1 * SPD])}],
    "InverseWishart": [{"df": np.array([9.5, 40.0]), "scale": np.stack([SPD, 10.0 * SPD])}],
    "Categorical": [{"p": np.array([[0.2, 0.5, 0.3], [0.0, 0.1, 0.9]])}],
    "Bernoulli": [{"p": np.array([0.2, 0.9])}],
}
CASES = [pytest.param(n, s, id=f"{n}{i}") for n in SETTINGS for i, s in enumerate(SETTINGS[n])]
CONTINUOUS = [c for c in CASES if c.values[0] not in ("Categorical", "Bernoulli")]
SCALAR = [
    c
    for c in CONTINUOUS
    if c.values[0] in ("Normal", "LogNormal", "Gamma", "InverseGamma", "Beta", "Exponential", "HalfNormal")
]


def family(name: str) -> type[Family]:
    found = find(name)
    assert found is not None
    return found


def slopes(f: type[Family], eta: Eta, stat: str) -> np.ndarray:
    """Numerical gradient of A in every element of one statistic (fourth-order differences)."""
    base = np.asarray(eta[stat], dtype=float)
    out = np.zeros(base.shape)
    for at in np.ndindex(base.shape):
        if not np.isfinite(base[at]):
            continue
        h = 1e-3 * max(abs(base[at]), 1e-2)
        found = []
        for step in (-2, -1, 1, 2):
            moved = base.copy()
            moved[at] += step * h
            found.append(f.log_normaliser({**eta, stat: moved}).sum())
        out[at] = (found[0] - 8 * found[1] + 8 * found[2] - found[3]) / (12 * h)
    return out


def test_every_family_is_tested() -> None:
    assert set(names()) == set(SETTINGS)


@pytest.mark.parametrize("name, given", CASES)
def test_mean_is_the_gradient_of_the_normaliser(name: str, given: Eta) -> None:
    f = family(name)
    eta = f.natural(given)
    mean = f.mean(eta)
    for stat in f.statistics:
        np.testing.assert_allclose(mean[stat], slopes(f, eta, stat), rtol=1e-6, atol=1e-6, err_msg=stat)
    both = f.solve(eta)
    np.testing.assert_allclose(both[0], f.log_normaliser(eta), rtol=1e-12, atol=1e-12)
    for stat in f.statistics:
        np.testing.assert_allclose(both[1][stat], mean[stat], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name, given", CASES)
def test_parameters_come_back(name: str, given: Eta) -> None:
    f = family(name)
    back = f.parameters(f.natural(given))
    assert set(back) == set(given)
    for key in given:
        np.testing.assert_allclose(back[key], given[key], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name, given", CASES)
def test_these_are_proper(name: str, given: Eta) -> None:
    f = family(name)
    eta = f.natural(given)
    assert f.proper(eta).all()
    bad = {s: np.where(np.isfinite(np.asarray(v)), np.nan, np.nan) for s, v in eta.items()}
    assert not f.proper(bad).any()


EXTREME: list[tuple[str, Eta]] = [
    ("Normal", {"mean": np.array([1e8, -1e-8]), "sd": np.array([1e-4, 1e8])}),
    ("LogNormal", {"mean": np.array([0.0, 600.0]), "sd": np.array([30.0, 20.0])}),
    ("Gamma", {"shape": np.array([1e-8, 1e-3, 1e9]), "rate": np.array([1.0, 1e-200, 1e9])}),
    ("InverseGamma", {"shape": np.array([1e-3, 1e9]), "scale": np.array([1e3, 1e-9])}),
    ("Beta", {"a": np.array([1e-4, 1e9]), "b": np.array([1e-5, 1.0])}),
    ("Dirichlet", {"concentration": np.array([[1e-4, 1e-5], [1e9, 1e-3]])}),
    ("MultivariateNormal", {"mean": np.array([1e6, 0.0]), "cov": np.array([[1e-6, 0.0], [0.0, 1e10]])}),
    ("Wishart", {"df": np.array(2.0001), "scale": 1e-8 * SPD}),
    ("Categorical", {"p": np.array([1e-300, 1.0, 0.0])}),
]


@pytest.mark.parametrize("name, given", EXTREME)
def test_extreme_parameters_give_numbers(name: str, given: Eta) -> None:
    """No warning, no NaN: warnings of this package are errors here."""
    f = family(name)
    eta = f.natural(given)
    assert f.proper(eta).all()
    assert np.isfinite(f.log_normaliser(eta)).all()
    for value in (*f.mean(eta).values(), *f.solve(eta)[1].values(), f.entropy(eta)):
        assert np.isfinite(value).all()
    for value in (*f.moments(eta), *f.mode(eta), f.sample(np.random.default_rng(0), eta, 100)):
        assert not np.isnan(value).any()


def test_what_is_improper_is_told_by_element() -> None:
    gaussian = family("MultivariateNormal")
    eta = {"x": np.zeros((2, 2)), "outer": np.stack([-np.eye(2), np.eye(2)])}
    assert gaussian.proper(eta).tolist() == [True, False]
    assert np.isnan(gaussian.log_normaliser(eta)).tolist() == [False, True]
    wishart = family("Wishart")
    eta = {"logdet": np.array([0.0, -1.5, 0.0]), "x": np.stack([-np.eye(3), -np.eye(3), np.ones((3, 3))])}
    assert wishart.proper(eta).tolist() == [True, False, False]
    gamma = family("Gamma")
    assert gamma.proper({"log": np.array([-1.0, 0.0, 0.0]), "x": np.array([-1.0, 0.0, -1.0])}).tolist() == [
        False,
        False,
        True,
    ]
    none = family("Categorical")
    assert none.proper({"is": np.array([[-np.inf, -np.inf], [0.0, -np.inf]])}).tolist() == [False, True]


def test_wishart_of_size_one_is_a_gamma() -> None:
    one, gamma = family("Wishart"), family("Gamma")
    eta = one.natural({"df": np.array(5.0), "scale": np.array([[2.0]])})
    other = gamma.natural({"shape": np.array(2.5), "rate": np.array(0.25)})
    assert float(one.log_normaliser(eta)) == pytest.approx(float(gamma.log_normaliser(other)))
    assert float(one.entropy(eta)) == pytest.approx(float(gamma.entropy(other)))
