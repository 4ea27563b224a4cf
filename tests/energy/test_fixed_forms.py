"""The closest member of a family to a density, against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize

from ppl.energy.families import NotProper
from ppl.energy.families._closest import Closest
from ppl.energy.families._form_nodes import gamma_entropy
from ppl.energy.families._forms import FORMS, Form
from ppl.energy.families._line import Line
from ppl.supports import POSITIVE, REAL, UNIT, Interval
from tests.energy.scipy_forms import frozen, places

Eta = dict[str, np.ndarray]
LOG1P = {"fn:log1p(x^2)": lambda x: np.log1p(x * x)}

PARAMETERS: dict[str, dict[str, np.ndarray]] = {
    "Normal": {"mean": np.array([0.3, -4.0]), "sd": np.array([0.1, 9.0])},
    "LogNormal": {"mean": np.array([0.3, -4.0]), "sd": np.array([0.1, 1.0])},
    "Gamma": {"shape": np.array([0.05, 3.0, 900.0, 1100.0]), "rate": np.array([1.0, 2.0, 3.0, 4.0])},
    "InverseGamma": {"shape": np.array([2.5, 3.0, 900.0, 1100.0]), "scale": np.array([1.0, 2.0, 3.0, 4.0])},
    "Beta": {"a": np.array([0.05, 2.0, 300.0, 5e4]), "b": np.array([0.2, 9.0, 0.5, 8e4])},
    "HalfNormal": {"scale": np.array([0.1, 7.0])},
    "Exponential": {"rate": np.array([0.1, 7.0])},
}


def support_of(name: str) -> Interval:
    return {"Normal": REAL, "Beta": UNIT}.get(name, POSITIVE)


@pytest.mark.parametrize("name", FORMS)
def test_coordinates_entropy_and_nodes_are_the_familys_own(name: str) -> None:
    form, given = FORMS[name], PARAMETERS[name]
    theta = form.theta(given)
    back = form.parameters(theta)
    eta = form.kind().natural(given)
    for key, value in given.items():
        np.testing.assert_allclose(back[key], value, rtol=1e-10)
    np.testing.assert_allclose(form.entropy(theta), form.kind().entropy(eta), rtol=1e-9, atol=1e-9)
    u, weight = form.nodes(theta)
    line = Line.of(support_of(name))
    for stat in {"Normal": ["x", "power:4"], "Beta": ["log", "log1m", "x"]}.get(
        name, ["log", "x", "power:0.5"]
    ):
        wanted = form.kind().expect(stat, eta)
        assert wanted is not None
        np.testing.assert_allclose((weight * line.statistic(stat, u, None)).sum(-1), wanted, rtol=1e-9)


def test_entropy_of_large_shapes_is_the_series() -> None:
    near, far = gamma_entropy(np.array([999.9999, 1000.0001]))
    assert far - near == pytest.approx(0.5 * 0.0002 / 1000.0, rel=1e-3)
    assert float(gamma_entropy(np.array(1e12))) == pytest.approx(0.5 * np.log(2e12 * np.pi * np.e), abs=1e-12)


# ---------------------------------------------------------------- brute force

DENSITIES: dict[str, tuple[dict[str, float], Interval, dict[str, Any]]] = {
    "gamma": ({"log": 2.3, "x": -0.7}, POSITIVE, {}),
    "gamma, peaked": ({"log": 180.0, "x": -3.0}, POSITIVE, {}),
    "inverse gamma": ({"log": -5.0, "power:-1": -3.0}, POSITIVE, {}),
    "sd": ({"log": -12.0, "power:-2": -4.0, "power:2": -0.5}, POSITIVE, {}),
    "sd, half-Cauchy": ({"log": -12.0, "power:-2": -4.0, "fn:log1p(x^2)": -1.0}, POSITIVE, LOG1P),
    "bent beta": ({"log": 2.0, "log1m": 0.5, "x": 3.0}, UNIT, {}),
    "Student t": ({"x": 1.5, "power:2": -0.4, "fn:log1p(x^2)": -2.0}, REAL, LOG1P),
}
ON = {
    POSITIVE: ("LogNormal", "Gamma", "InverseGamma", "HalfNormal", "Exponential"),
    UNIT: ("Beta",),
    REAL: ("Normal",),
}
ENDLESS = {("inverse gamma", "HalfNormal"), ("inverse gamma", "Exponential")} | {
    (d, f) for d in ("sd", "sd, half-Cauchy") for f in ("HalfNormal", "Exponential")
}
CASES = [(d, f) for d, (_, s, _) in DENSITIES.items() for f in ON[s] if (d, f) not in ENDLESS]


def plain(stat: str, x: np.ndarray) -> np.ndarray:
    """A statistic, written down once more."""
    named = {"x": lambda: x, "log": lambda: np.log(x), "log1m": lambda: np.log1p(-x)}
    if stat in named:
        return named[stat]()
    return np.log1p(x * x) if stat.startswith("fn:") else x ** float(stat.removeprefix("power:"))


def gain(density: str, name: str, parameters: dict[str, Any]) -> float:
    """log Z - KL(q || p) by scipy's densities and quantiles, nothing of this program."""
    eta = DENSITIES[density][0]
    q = frozen(name, {k: float(np.squeeze(v)) for k, v in parameters.items()})
    x, weight = places(q)
    return float(weight @ (sum(e * plain(s, x) for s, e in eta.items()) - q.logpdf(x)))


def solved(density: str, name: str) -> tuple[Closest, Eta, np.ndarray, np.ndarray]:
    """The problem, its start, and the answer."""
    eta, support, functions = DENSITIES[density]
    problem = Closest(FORMS[name], support, tuple(eta), functions)
    arrays = {s: np.array([e]) for s, e in eta.items()}
    start = problem.begin(arrays)
    return problem, arrays, start, problem.climb(arrays, start)


def shortfall(density: str, form: type[Form], theta: np.ndarray) -> float:
    """How much better than ``theta`` brute force finds."""

    def loss(z: np.ndarray) -> float:
        return -gain(density, form.name, form.parameters(np.reshape(z, (-1, 1))))

    found = optimize.minimize(
        loss, theta[:, 0] + 0.05, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-10}
    )
    return float(loss(theta[:, 0]) - found.fun)


@pytest.mark.parametrize(("density", "name"), CASES)
def test_closest_is_the_optimum_of_brute_force(density: str, name: str) -> None:
    problem, eta, _, theta = solved(density, name)
    value = float(problem.value(theta, eta)[0][0])
    assert value == pytest.approx(gain(density, name, FORMS[name].parameters(theta)), abs=1e-6)
    assert shortfall(density, FORMS[name], theta) < 1e-7


def test_matching_moments_instead_would_be_seen() -> None:
    """The broken twin: the mean and variance of log x are those of the density, and KL is not least."""
    _, _, start, _ = solved("inverse gamma", "Gamma")
    assert shortfall("inverse gamma", FORMS["Gamma"], start) > 1e-4


def test_a_family_that_holds_the_density_finds_it() -> None:
    _, _, _, theta = solved("gamma", "Gamma")
    found = FORMS["Gamma"].parameters(theta)
    assert float(found["shape"][0]) == pytest.approx(3.3, rel=1e-6)
    assert float(found["rate"][0]) == pytest.approx(0.7, rel=1e-6)


def test_many_elements_at_once_are_each_as_one_alone() -> None:
    rng = np.random.default_rng(2)
    eta = {"log": np.exp(rng.normal(0, 2, 300)), "x": -np.exp(rng.normal(0, 4, 300))}
    problem = Closest(FORMS["LogNormal"], POSITIVE, ("log", "x"), {})
    whole = problem.climb(eta, problem.begin(eta))
    # Gamma(a, b): psi and the mean in closed form give log mean and variance of the closest LogNormal
    np.testing.assert_allclose(np.exp(2 * whole[1]), 1.0 / (eta["log"] + 1.0), rtol=1e-5)
    for k in (0, 7, 299):
        one = {s: e[k : k + 1] for s, e in eta.items()}
        np.testing.assert_allclose(
            problem.climb(one, problem.begin(one))[:, 0], whole[:, k], rtol=1e-6, atol=1e-6
        )


def test_a_climb_never_ends_below_its_start() -> None:
    rng = np.random.default_rng(3)
    for name in ON[POSITIVE][:3]:
        problem = Closest(FORMS[name], POSITIVE, ("log", "power:-2", "power:2"), {})
        eta = {"log": -np.exp(rng.normal(1, 1, 200)), "power:-2": -np.exp(rng.normal(0, 2, 200))}
        eta["power:2"] = -np.exp(rng.normal(0, 2, 200))
        start = FORMS[name].about(rng.normal(0, 1, 200), np.full(200, 0.01))
        before, after = problem.value(start, eta)[0], problem.value(problem.climb(eta, start), eta)[0]
        assert (after >= before).all()


def test_no_density_is_told() -> None:
    problem = Closest(FORMS["LogNormal"], POSITIVE, ("log", "x"), {})
    with pytest.raises(NotProper):
        problem.begin({"log": np.array([1.0]), "x": np.array([0.5])})
