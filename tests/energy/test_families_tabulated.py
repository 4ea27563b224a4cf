"""Tabulated densities against closed forms and dense quadrature; improper ones are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ppl.energy.families import NotProper, _search, find
from ppl.energy.families.tabulated import Tabulated, tabulate
from ppl.supports import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Support

CAUCHY = {"fn:log1p(x^2)": lambda x: np.log1p(x * x)}

CLOSED: list[tuple[str, Support, dict[str, Any], tuple[str, ...]]] = [
    (
        "Gamma",
        POSITIVE,
        {"shape": np.array([0.01, 0.1, 0.5, 1, 2.5, 30]), "rate": np.array([3.0, 1e-3, 2, 1, 5, 1e4])},
        ("power:-1", "power:2", "power:-2", "power:0.5"),
    ),
    (
        "InverseGamma",
        NONNEGATIVE,
        {"shape": np.array([0.5, 1.5, 2.5, 4, 30]), "scale": np.array([3.0, 1e-3, 2, 1, 5])},
        ("x", "power:2", "power:-2"),
    ),
    (
        "Beta",
        UNIT,
        {"a": np.array([0.01, 0.5, 1, 3, 400]), "b": np.array([0.02, 0.5, 1, 8, 1000])},
        ("x", "power:2"),
    ),
    ("Normal", REAL, {"mean": np.array([0.5, -3, 1e-5]), "sd": np.array([1.0, 100, 1e-7])}, ()),
]


@pytest.mark.parametrize("name, support, given, more", CLOSED, ids=[c[0] for c in CLOSED])
def test_same_as_the_closed_form(
    name: str, support: Interval, given: dict[str, Any], more: tuple[str, ...]
) -> None:
    f = find(name)
    assert f is not None
    eta = f.natural(given)
    q = tabulate(eta, support)
    np.testing.assert_allclose(q.log_normaliser, f.log_normaliser(eta), rtol=1e-9, atol=1e-9)
    for stat in (*f.statistics, *more):
        np.testing.assert_allclose(q.expect(stat), f.expect(stat, eta), rtol=1e-9, err_msg=stat)
    for ours, closed in zip(q.moments(), f.moments(eta), strict=True):
        np.testing.assert_allclose(ours, closed, rtol=1e-9)
    np.testing.assert_allclose(q.entropy(), f.entropy(eta), rtol=1e-9, atol=1e-9)
    x = f.sample(np.random.default_rng(1), eta, 4)
    np.testing.assert_allclose(q.log_density(x), f.log_density(x, eta), rtol=1e-8, atol=1e-8)
    assert (q.error < 1e-9).all()


def dense(log_density: Callable[[np.ndarray], np.ndarray], u: np.ndarray, x: np.ndarray) -> list[float]:
    """log normaliser, E x, E x^2 of a density of u by a dense trapezoid rule."""
    logs = log_density(u)
    w = np.exp(logs - logs.max())
    step = (u[-1] - u[0]) / (len(u) - 1)
    parts = [float((w * x**p).sum() / w.sum()) for p in (1, 2)]
    return [float(np.log(w.sum() * step) + logs.max()), *parts]


@pytest.mark.parametrize("n, total", [(3, 4.0), (100, 250.0), (10, 1e-9), (40, 1e7)])
def test_half_cauchy_scale_of_normal_data(n: int, total: float) -> None:
    """A half-Cauchy prior is conjugate to nothing."""
    eta = {
        "fn:log1p(x^2)": np.array(-1.0),
        "log": np.array(-float(n)),
        "power:-2": np.array(-0.5 * total),
    }
    q = tabulate(eta, POSITIVE, CAUCHY)
    u = np.linspace(-40.0, 40.0, 1_600_001)
    exact = dense(lambda u: -np.log1p(np.exp(2 * u)) - n * u - 0.5 * total * np.exp(-2 * u) + u, u, np.exp(u))
    found = [q.log_normaliser, q.expect("x"), q.expect("power:2")]
    np.testing.assert_allclose(np.array(found, dtype=float), exact, rtol=1e-9, atol=1e-9)


def test_random_combinations() -> None:
    """a log x - b x - c / x - d x^2 on (0, inf), 40 of them at once."""
    rng = np.random.default_rng(3)
    a = rng.normal(0.0, 5.0, 40)
    b, c, d = rng.gamma(0.5, 4.0, (3, 40)) + 1e-6
    q = tabulate({"log": a, "x": -b, "power:-1": -c, "power:2": -d}, POSITIVE)
    u = np.linspace(-25.0, 15.0, 100_001)
    x = np.exp(u)
    for i in range(40):
        exact = dense(
            lambda u, i=i: (a[i] + 1) * u - b[i] * np.exp(u) - c[i] * np.exp(-u) - d[i] * np.exp(2 * u), u, x
        )
        assert q.log_normaliser[i] == pytest.approx(exact[0], abs=1e-8)
        assert q.expect("x")[i] == pytest.approx(exact[1], rel=1e-8)
        assert q.moments()[1][i] == pytest.approx(np.sqrt(exact[2] - exact[1] ** 2), rel=1e-5)


def test_two_modes() -> None:
    q = tabulate({"power:4": np.array(-1.0), "power:2": np.array(20.0), "x": np.array(0.1)}, REAL)
    u = np.linspace(-8.0, 8.0, 200_001)
    exact = dense(lambda u: -(u**4) + 20 * u**2 + 0.1 * u, u, u)
    assert float(q.log_normaliser) == pytest.approx(exact[0], abs=1e-9)
    assert float(q.expect("x")) == pytest.approx(exact[1], rel=1e-9)
    assert float(q.mode()[0]) == pytest.approx(3.1635, abs=1e-4)


def test_heavy_tails() -> None:
    """The Cauchy density is normalised to rounding, and its moments are known not to exist."""
    q = tabulate({"fn:log1p(x^2)": np.array(-1.0)}, REAL, CAUCHY)
    assert float(q.log_normaliser) == pytest.approx(np.log(np.pi), abs=1e-12)
    assert float(q.entropy()) == pytest.approx(np.log(4 * np.pi), abs=1e-12)
    assert np.isnan(q.expect("x"))
    assert np.isposinf(q.expect("power:2"))
    half = tabulate({"fn:log1p(x^2)": np.array(-1.0)}, POSITIVE, CAUCHY)
    assert np.isposinf(half.expect("x"))
    assert float(half.expect("power:0.5")) == pytest.approx(np.sqrt(2.0), rel=1e-9)


def test_bounded_supports() -> None:
    eta = {"x": np.array([0.0, 1.0, -30.0])}
    low, high = 2.0, 5.0
    q = tabulate(eta, Interval(low, high))
    b = np.array([1.0, -30.0])
    exact = np.concatenate([[np.log(3.0)], np.log((np.exp(b * high) - np.exp(b * low)) / b)])
    np.testing.assert_allclose(q.log_normaliser, exact, rtol=1e-9)
    assert q.moments()[0][0] == pytest.approx(3.5, rel=1e-10)
    above = tabulate({"x": np.array(-2.0)}, Interval(lower=3.0))
    assert float(above.expect("x")) == pytest.approx(3.5, rel=1e-10)
    below = tabulate({"x": np.array(2.0)}, Interval(upper=-1.0))
    assert float(below.expect("x")) == pytest.approx(-1.5, rel=1e-10)


IMPROPER = [
    ({"x": np.array([[-1.0, 1.0]])}, POSITIVE, [[0, 1]]),
    ({"x": np.array([0.0, 1.0]), "power:2": np.array([-1.0, 0.0])}, REAL, [[1]]),
    ({"log": np.array([-1.0, -0.5]), "x": np.array([-1.0, -1.0])}, POSITIVE, [[0]]),
    ({"log": np.array([0.0, np.nan]), "x": np.array([-1.0, -1.0])}, POSITIVE, [[1]]),
    ({"log": np.array([0.0, -1.0]), "log1m": np.array([0.0, 1.0])}, UNIT, [[1]]),
]


@pytest.mark.parametrize("eta, support, where", IMPROPER)
def test_improper_densities_are_named(eta: dict[str, Any], support: Interval, where: list[list[int]]) -> None:
    with pytest.raises(NotProper) as caught:
        tabulate(eta, support)
    assert caught.value.where.tolist() == where
    assert str(tuple(where[0])) in str(caught.value)


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    eta = {"log": rng.gamma(2.0, 2.0, (5, 7)), "x": -rng.gamma(2.0, 2.0, 7)}

    def figures() -> list[np.ndarray]:
        q = tabulate(eta, POSITIVE)
        return [q.log_normaliser, *q.mean().values(), *q.moments(), q.entropy()]

    whole = figures()
    monkeypatch.setattr(_search, "LARGEST", 1500)
    for one, other in zip(whole, figures(), strict=True):
        assert one.shape == (5, 7)
        np.testing.assert_allclose(one, other, rtol=1e-12)


def deviation(values: np.ndarray, exact: np.ndarray) -> float:
    """The largest distance of averages from exact values, in standard errors."""
    return float(np.max(np.abs(values.mean(0) - exact) * np.sqrt(len(values)) / values.std(0)))


def mixture() -> Tabulated:
    return tabulate({"power:4": np.array([-0.1, -1.0]), "power:2": np.array([1.0, 0.3])}, REAL)


def test_draws() -> None:
    """20 averages at 5.5 standard errors: a false alarm in fewer than 1 of 1,000,000 seeds."""
    q = mixture()
    x = q.sample(np.random.default_rng(4), 20_000)
    assert x.shape == (20_000, 2)
    for p in (1, 2, 3, 4):
        assert deviation(x**p, np.asarray(q.expect(f"power:{p}", lambda x, p=p: x**p))) < 5.5
    cuts = np.array([-1.0, 0.2, 1.5])
    u = np.linspace(-9.0, 9.0, 100_001)
    w = np.exp(q.log_density(np.stack([u, u], axis=-1)))
    for cut in cuts:
        assert deviation(1.0 * (x < cut), w[u < cut].sum(0) / w.sum(0)) < 5.5


def test_wrong_draws_are_noticed() -> None:
    """The broken twin: draws 3 % too wide, and a density that is 4 % too high at its second element."""
    q = mixture()
    x = 1.03 * q.sample(np.random.default_rng(4), 20_000)
    assert deviation(x**2, np.asarray(q.expect("power:2"))) > 5.5
    log_normaliser = tabulate({"power:4": np.array(-1.0), "power:2": np.array(0.34)}, REAL).log_normaliser
    assert abs(float(log_normaliser) - q.log_normaliser[1]) > 1e-3


@pytest.mark.parametrize("p", [1.6, 1.8, 2.0, 4.0, 30.0])
def test_algebraic_tails(p: float) -> None:
    """(1 + x^2)^(-p/2) integrates to B(1/2, (p - 1) / 2)."""
    from math import lgamma

    exact = lgamma(0.5) + lgamma(0.5 * (p - 1.0)) - lgamma(0.5 * p)
    q = tabulate({"fn:log1p(x^2)": np.array(-0.5 * p)}, REAL, CAUCHY)
    assert float(q.log_normaliser) == pytest.approx(exact, abs=1e-12)


def test_kinks_are_owned_up_to() -> None:
    q = tabulate({"fn:|x|": np.array(-1.0)}, REAL, {"fn:|x|": np.abs})
    off = abs(float(q.log_normaliser) - np.log(2.0))
    assert 1e-9 < off < float(q.error) < 1e-5


def test_shapes() -> None:
    """Scalars, empty batches, eta of several shapes."""
    rng = np.random.default_rng(0)
    one = tabulate({"x": 0.0, "power:2": -0.5}, REAL)
    assert one.sample(rng, 3).shape == (3,)
    assert one.log_density(np.zeros(4)) == pytest.approx([-0.5 * np.log(2 * np.pi)] * 4)
    none = tabulate({"x": np.zeros((0, 3)), "power:2": -0.5}, REAL)
    assert none.moments()[0].shape == (0, 3)
    assert none.sample(rng, 2).shape == (2, 0, 3)
    wide = tabulate({"x": np.zeros((2, 1)), "power:2": -np.ones(3)}, REAL)
    assert wide.log_density(np.zeros((5, 2, 3))).shape == (5, 2, 3)


WIDE: list[tuple[str, Support, dict[str, tuple[float, float]]]] = [
    ("Gamma", POSITIVE, {"shape": (-2, 9), "rate": (-30, 30)}),
    ("InverseGamma", POSITIVE, {"shape": (-2, 9), "scale": (-30, 30)}),
    ("Beta", UNIT, {"a": (-2.5, 7), "b": (-2.5, 7)}),
    ("Normal", REAL, {"mean": (-5, 3), "sd": (-2, 5)}),
]


@pytest.mark.parametrize("name, support, decades", WIDE, ids=[c[0] for c in WIDE])
def test_any_scale(name: str, support: Interval, decades: dict[str, tuple[float, float]]) -> None:
    """500 densities at once, parameters over many decades: A, means of the statistics, entropy."""
    rng = np.random.default_rng(7)
    f = find(name)
    assert f is not None
    eta = f.natural({k: 10.0 ** rng.uniform(*d, 500) for k, d in decades.items()})
    q = tabulate(eta, support)
    np.testing.assert_allclose(q.log_normaliser, f.log_normaliser(eta), rtol=1e-9, atol=1e-9)
    mean, size = f.mean(eta), np.abs(f.log_normaliser(eta)) + sum(np.abs(e) for e in eta.values())
    for stat in f.statistics:
        spread = f.moments(eta)[1] if name == "Normal" else 0.0
        floor = spread * 1e-5 + (1e-10 if stat.startswith("log") else 0.0)
        assert (np.abs(q.expect(stat) - mean[stat]) <= 1e-9 * np.abs(mean[stat]) + floor).all()
    # <eta, t> cancels where its terms are large: the entropy has what is left of 16 digits
    assert (np.abs(q.entropy() - f.entropy(eta)) <= 1e-9 + 1e-12 * size).all()
