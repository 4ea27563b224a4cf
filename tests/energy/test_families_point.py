"""Modes for MAP and ML: closed forms and the search agree, boundaries are marked, missing modes refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.energy.families import NotProper, point
from ppl.supports import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Structured

A = np.array([0.3, 2.0, 50.0, 1e4])
B = np.array([1.0, 1e-3, 7.0, 1e3])
CLOSED: list[tuple[dict[str, Any], Interval]] = [
    ({"x": B, "power:2": -A}, REAL),
    ({"log": A, "x": -B}, POSITIVE),
    ({"log": -A, "power:-1": -B}, POSITIVE),
    ({"log": -A, "power:-2": -B}, NONNEGATIVE),
    ({"log": A, "power:2": -B}, POSITIVE),
    ({"log": A, "power:0.5": -B}, POSITIVE),
    ({"log": A, "log1m": B}, UNIT),
]


@pytest.mark.parametrize("eta, support", CLOSED)
def test_closed_forms_agree_with_the_search(eta: dict[str, Any], support: Interval) -> None:
    value, clipped = point.mode(eta, support)
    found, at_end = point._searched(eta, support, {})
    np.testing.assert_allclose(found, value, rtol=1e-7)
    assert not clipped.any()
    assert not at_end.any()


@pytest.mark.parametrize("eta, support", CLOSED)
def test_modes_are_maxima(eta: dict[str, Any], support: Interval) -> None:
    from ppl.energy.families._line import Line

    line = Line.of(support)
    value, _ = point.mode(eta, support)

    def height(x: np.ndarray) -> Any:
        return sum(v * line.statistic(s, line.u(x), None) for s, v in eta.items())

    for factor in (0.97, 0.999, 1.001, 1.03):
        moved = value * factor if support != UNIT else value + (factor - 1.0) * value * (1.0 - value)
        assert (height(moved) < height(value)).all()


def test_boundaries_are_marked() -> None:
    value, clipped = point.mode({"log": np.array([0.0, -0.5, 1.0]), "x": np.full(3, -2.0)}, POSITIVE)
    assert value.tolist() == [0.0, 0.0, 0.5]
    assert clipped.tolist() == [True, True, False]
    value, clipped = point.mode({"x": np.array([-3.0, 1.0]), "power:2": np.array([-1.0, -1.0])}, NONNEGATIVE)
    assert value.tolist() == [0.0, 0.5]
    assert clipped.tolist() == [True, False]
    value, clipped = point.mode({"log": np.array([-0.5, 2.0]), "log1m": np.array([3.0, 2.0])}, UNIT)
    np.testing.assert_allclose(value, [0.0, 0.5], atol=1e-9)
    assert clipped.tolist() == [True, False]
    value, clipped = point.mode({"x": np.array([3.0, -3.0])}, Interval(2.0, 5.0))
    assert value.tolist() == [5.0, 2.0]
    assert clipped.all()
    value, clipped = point.mode({"log": np.array([0.0, 3.0, 1.0])}, Structured("simplex"))
    assert value.tolist() == [0.0, 0.75, 0.25]
    assert clipped.tolist() == [True, False, False]


def test_functions() -> None:
    """A Student-t prior with a normal likelihood, and the half-Cauchy scale of data of size zero."""
    functions = {"fn:t": lambda x: np.log1p(x * x / 4.0)}
    eta = {"fn:t": np.array([-2.5, -2.5]), "x": np.array([4.0, 0.0]), "power:2": np.array([-0.5, -0.5])}
    value, clipped = point.mode(eta, REAL, functions)
    x = value[0]
    assert abs(4.0 - x - 2.5 * (x / 2.0) / (1.0 + x * x / 4.0)) < 1e-8
    assert value[1] == pytest.approx(0.0, abs=1e-7)
    assert not clipped.any()
    value, clipped = point.mode({"fn:t": np.array(-1.0)}, NONNEGATIVE, functions)
    assert (float(value), bool(clipped)) == (0.0, True)


def test_gaussian() -> None:
    precision = np.array([[2.0, 0.5], [0.5, 1.0]])
    h = np.array([[1.0, 2.0], [0.0, -1.0]])
    value, clipped = point.mode({"x": h, "outer": np.broadcast_to(-0.5 * precision, (2, 2, 2))}, REAL)
    np.testing.assert_allclose(value @ precision, h, rtol=1e-12, atol=1e-14)
    assert not clipped.any()


def test_matrices() -> None:
    """ML covariance of data is S / n, ML precision its inverse."""
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((20, 3))
    scatter = rows.T @ rows
    support = Structured("covariance")
    covariance, _ = point.mode({"logdet": np.array(-10.0), "inverse": -0.5 * scatter}, support)
    np.testing.assert_allclose(covariance, scatter / 20.0, rtol=1e-12)
    precision, _ = point.mode({"logdet": np.array(10.0), "x": -0.5 * scatter}, support)
    np.testing.assert_allclose(precision, np.linalg.inv(scatter / 20.0), rtol=1e-9)


NONE: list[tuple[dict[str, Any], Any]] = [
    ({"x": np.array([0.0, 1.0]), "power:2": np.array([-1.0, 0.0])}, REAL),
    ({"log": np.array([1.0, 1.0]), "x": np.array([-1.0, 1.0])}, POSITIVE),
    ({"log": np.array([-1.0, 1.0]), "power:-1": np.array([-1.0, -1.0])}, POSITIVE),
    ({"log": np.array([1.0, 1.0]), "x": np.array([-1.0, np.nan])}, POSITIVE),
    ({"x": np.array([0.5, 1.0]), "power:4": np.array([-1.0, 0.0])}, REAL),
    ({"logdet": np.array([-2.0, 2.0]), "inverse": -np.stack([np.eye(2)] * 2)}, Structured("covariance")),
]


@pytest.mark.parametrize("eta, support", NONE)
def test_a_missing_mode_is_refused(eta: dict[str, Any], support: Any) -> None:
    with pytest.raises(NotProper) as caught:
        point.mode(eta, support)
    assert caught.value.where.tolist() == [[1]]
