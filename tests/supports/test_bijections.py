"""Bijections: round trips, log-determinants of the true Jacobian, and behaviour far out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.backend import ops as xp
from ppl.backend.autograd_bridge import anp, grad
from ppl.backend.tape import Tape
from ppl.supports import NEGATIVE, POSITIVE, REAL, UNIT, Interval, Structured, Support
from ppl.supports.bijections import for_support
from ppl.supports.bijections.helmert import basis, gathered, spread

INTERVALS = (
    REAL,
    POSITIVE,
    NEGATIVE,
    UNIT,
    Interval(-2.0, 5.0),
    Interval(3.0, np.inf),
    Interval(-np.inf, 1.0),
)
VECTORS = ("simplex", "ordered", "positive_ordered", "zero_sum")
MATRICES = ("covariance", "correlation", "cholesky_covariance", "cholesky_correlation", "row_stochastic")
SIZES = (1, 2, 3, 5, 8)
STRUCTURED = [(k, n) for k in VECTORS for n in (*SIZES, 20)] + [(k, n) for k in MATRICES for n in SIZES]


def event(kind: str, size: int) -> tuple[int, ...]:
    return (size,) if kind in VECTORS else (size, size)


def free(kind: str, x: Any) -> Any:
    """The elements that the volume is measured by, flat (a linear map, also of traced values)."""
    size = x.shape[-1]
    flat = anp.reshape(x, (-1,))
    position = np.arange(size * size).reshape(size, size)
    if kind in ("simplex", "row_stochastic"):
        return anp.reshape(x[..., :-1], (-1,))
    if kind in ("covariance", "cholesky_covariance"):
        return flat[position[np.tril_indices(size)]]
    if kind in ("correlation", "cholesky_correlation"):
        return flat[position[np.tril_indices(size, -1)]]
    return anp.dot(basis(size).T, flat) if kind == "zero_sum" else flat


def jacobian(kind: str, forward: Any, u: np.ndarray, count: int) -> np.ndarray:
    """Rows of the exact Jacobian by reverse mode."""
    rows = [grad(lambda v, k=k: free(kind, forward(v[None])[0][0])[k])(u).ravel() for k in range(count)]
    return np.array(rows).reshape(count, u.size)


@pytest.mark.parametrize(("kind", "size"), STRUCTURED)
def test_round_trip_and_volume(kind: str, size: int) -> None:
    rng = np.random.default_rng(size)
    bijection = for_support(Structured(kind))
    shape = bijection.unconstrained_shape(event(kind, size))
    u = rng.standard_normal((4, *shape)) * 0.7
    x, log_det = bijection.forward(u)
    assert x.shape == (4, *event(kind, size))
    assert log_det.shape == (4,)
    again = bijection.forward(bijection.inverse(x))[0]
    assert np.allclose(again, x, rtol=1e-12, atol=1e-12)
    count = int(np.prod(shape, dtype=int))
    if count and size <= 5:
        true = np.linalg.slogdet(jacobian(kind, bijection.forward, u[0], count))[1]
        assert log_det[0] == pytest.approx(true, abs=1e-10)
        assert abs(log_det[0] + 0.01 - true) > 1e-10


@pytest.mark.parametrize("support", INTERVALS)
def test_intervals(support: Interval) -> None:
    bijection = for_support(support)
    u = np.random.default_rng(1).standard_normal((50, 3)) * 2
    x, log_det = bijection.forward(u)
    assert np.allclose(bijection.inverse(x), u, rtol=1e-11, atol=1e-11)
    slope = grad(lambda v: anp.sum(bijection.forward(v)[0]))(u)
    assert np.allclose(log_det, np.log(np.abs(slope)), atol=1e-10)
    assert (x > support.lower).all()
    assert (x < support.upper).all()


def test_bounds_from_arrays() -> None:
    lower, upper = np.array([[0.0], [1.0]]), np.array([[2.0], [1.5]])
    u = np.random.default_rng(1).standard_normal((2, 4))
    for bijection in (
        for_support(REAL, lower=lower, upper=upper),
        for_support(REAL, lower=lower),
        for_support(REAL, upper=upper),
        for_support(POSITIVE, upper=upper),
        for_support(REAL, lower=lower, upper=np.full((1, 1), np.inf)),
    ):
        x, log_det = bijection.forward(u)
        slope = grad(lambda v, b=bijection: anp.sum(b.forward(v)[0]))(u)
        assert np.allclose(log_det, np.log(np.abs(slope)), atol=1e-10)
        assert np.allclose(bijection.inverse(x), u, atol=1e-11)


def inside(kind: str, x: np.ndarray) -> bool:
    if kind in ("simplex", "row_stochastic"):
        return bool((x > 0).all() and np.allclose(x.sum(-1), 1))
    if kind == "zero_sum":
        return bool(np.allclose(x.sum(-1), 0, atol=1e-9 * np.abs(x).max()))
    if kind in ("ordered", "positive_ordered"):
        return bool((np.diff(x, axis=-1) > 0).all())
    if kind == "cholesky_correlation":
        return bool(np.allclose(np.square(x).sum(-1), 1) and (np.diagonal(x, axis1=-2, axis2=-1) > 0).all())
    if kind == "correlation":
        return bool((np.diagonal(x, axis1=-2, axis2=-1) == 1).all() and (np.abs(x) <= 1).all())
    return bool(np.isfinite(x).all())


@pytest.mark.parametrize("far", [1e-300, 30.0, -30.0, 700.0, -700.0])
@pytest.mark.parametrize("kind", [*VECTORS, *MATRICES])
def test_far_out_nothing_is_nan(kind: str, far: float) -> None:
    """Documented saturation: ordered elements may tie and matrices over- or underflow beyond 300."""
    bijection = for_support(Structured(kind))
    sign = np.where(np.arange(3) % 2, 1.0, -1.0)
    shape = bijection.unconstrained_shape(event(kind, 3))
    u = far * np.resize(sign, shape)[None]
    with np.errstate(all="ignore"):
        x, log_det = bijection.forward(u)
        assert not np.isnan(x).any()
        assert not np.isnan(log_det).any()
        if abs(far) <= 30 and not (kind == "ordered" and abs(far) == 30):
            assert inside(kind, x) or kind == "positive_ordered"
        slope = grad(lambda v: anp.sum(bijection.forward(v)[1]))(u)
    assert not np.isnan(slope).any()


@pytest.mark.parametrize("far", [30.0, -30.0, 700.0, -700.0, 1e-300])
def test_intervals_far_out(far: float) -> None:
    for support in (POSITIVE, UNIT):
        x, log_det = for_support(support).forward(np.array([far]))
        assert support.lower < x[0] < support.upper
        assert np.isfinite(log_det).all()


def test_directions_are_uniform_on_the_sphere() -> None:
    bijection = for_support(Structured("unit_vector"))
    u = np.random.default_rng(0).standard_normal((5, 4))
    x, log_det = bijection.forward(u)
    assert np.allclose(np.square(x).sum(-1), 1)
    # the integral of exp(log_det) over u is the sphere's surface, 2 pi^2 in four dimensions
    normal = -0.5 * np.square(u).sum(-1) - 2 * np.log(2 * np.pi)
    assert np.allclose(np.exp(log_det - normal), 2 * np.pi**2)
    assert np.allclose(bijection.forward(bijection.inverse(x))[0], x)
    assert np.isfinite(bijection.forward(np.zeros((1, 4)))[1]).all()


@pytest.mark.parametrize("kind", [*VECTORS, *MATRICES, "unit_vector"])
def test_on_a_tape(kind: str) -> None:
    bijection = for_support(Structured(kind))
    shape = bijection.unconstrained_shape((3,) if kind == "unit_vector" else event(kind, 3))
    count = int(np.prod(shape, dtype=int))
    z = np.random.default_rng(4).standard_normal((6, count))
    tape = Tape(z)
    x, log_det = bijection.forward(xp.reshape_last(tape.input, count=1, shape=shape))
    axes = tuple(range(-len(x.shape) + 1, 0))
    program = tape.finish(log_det + xp.sum(xp.square(x), axis=axes))
    value, slope = program.value_and_grad(z)

    def total(v: Any) -> Any:
        x, log_det = bijection.forward(anp.reshape(v, (6, *shape)))
        return anp.sum(log_det) + anp.sum(x**2)

    assert value.sum() == pytest.approx(total(z))
    assert np.allclose(slope, grad(total)(z), rtol=1e-12, atol=1e-12)


def test_discrete_and_derived_supports_have_no_coordinates() -> None:
    supports: tuple[Support, ...] = (Interval(0, 3, True, True, True), Structured("diagonal_positive"))
    for support in supports:
        with pytest.raises(ValueError):
            for_support(support)


@pytest.mark.parametrize("size", [129, 400])
def test_long_vectors_take_running_sums_for_the_matrix(size: int) -> None:
    u = np.random.default_rng(size).normal(size=(3, size - 1))
    x = u @ basis(size).T
    np.testing.assert_allclose(spread(u), x, atol=1e-12)
    np.testing.assert_allclose(gathered(x), u, atol=1e-12)
