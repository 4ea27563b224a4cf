"""A whole function as one operation, and products with its Hessian."""

from __future__ import annotations

from typing import Any

import autograd
import numpy as np
import pytest

from ppl.backend.autograd_bridge import anp
from ppl.backend.directional import hessian_vector
from ppl.backend.embedded import Embedded

MIX = np.array([[2.0, 0.5], [0.5, 1.0]])
A = 0.5 * np.random.default_rng(0).normal(size=(3, 2))


def both(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z_1^4 + z_2^4 + exp(z_1 z_2), and its gradient by hand."""
    bend = np.exp(z[:, 0] * z[:, 1])
    return (z**4).sum(-1) + bend, 4 * z**3 + bend[:, None] * z[:, ::-1]


def written_out(z: Any) -> Any:
    return anp.sum(z**4, axis=-1) + anp.exp(z[:, 0] * z[:, 1])


def composed(h: Any) -> Any:
    return lambda a: anp.sum(anp.sin(h(anp.dot(a, MIX))) * np.array([1.0, 2.0, 3.0]))


def test_gradient_of_a_composition() -> None:
    wanted = autograd.grad(composed(written_out))(A)
    np.testing.assert_allclose(autograd.grad(composed(Embedded(both)))(A), wanted, rtol=1e-13)


def test_hessian_of_a_composition() -> None:
    """Every second derivative goes through the product, none is silently zero."""
    wanted = autograd.hessian(composed(written_out))(A)
    found = autograd.hessian(composed(Embedded(both)))(A)
    assert np.max(np.abs(found - wanted)) < 1e-9 * np.max(np.abs(wanted))


def test_third_derivatives_are_refused() -> None:
    once = autograd.elementwise_grad
    with pytest.raises(NotImplementedError):
        once(once(once(composed(Embedded(both)))))(A)


def test_one_gradient_serves_value_and_slope() -> None:
    calls = []

    def counted(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(z))
        return both(z)

    autograd.value_and_grad(composed(Embedded(counted)))(A)
    assert calls == [3]


def test_a_kept_gradient_is_not_taken_for_another_point() -> None:
    """Two calls before the sweep: each must have its own gradient."""
    whole = Embedded(both)

    def twice(h: Any) -> Any:
        return lambda a: anp.sum(h(a) * h(2.0 * a))

    wanted = autograd.grad(twice(written_out))(A)
    np.testing.assert_allclose(autograd.grad(twice(whole))(A), wanted, rtol=1e-13)


def test_a_wrong_gradient_is_seen() -> None:
    """The broken twin."""
    wrong = Embedded(lambda z: (both(z)[0], 1.001 * both(z)[1]))
    wanted = autograd.grad(composed(written_out))(A)
    assert np.max(np.abs(autograd.grad(composed(wrong))(A) - wanted)) > 1e-5


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_length_of_v_does_not_matter(scale: float) -> None:
    v = np.array([[1.0, 0.3], [0.2, -1.0], [0.0, 2.0]])
    bend = np.exp(A[:, 0] * A[:, 1])
    exact = 12 * A**2 * v + bend[:, None] * (
        A[:, ::-1] * (A[:, ::-1] * v).sum(-1, keepdims=True) + v[:, ::-1]
    )
    found = hessian_vector(lambda z: both(z)[1], A, scale * v)
    assert np.max(np.abs(found - scale * exact)) < 1e-9 * scale * np.max(np.abs(exact))


def test_zero_has_product_zero() -> None:
    assert hessian_vector(lambda z: both(z)[1], A, np.zeros_like(A)).tolist() == np.zeros((3, 2)).tolist()


def test_far_from_zero() -> None:
    """sum log cosh(z - 1e6): differences of 1e6 + h keep few digits, of which the longer step makes the most."""
    z = 1e6 + np.array([[0.5, -1.0]])
    v = np.ones((1, 2))
    found = hessian_vector(lambda at: np.tanh(at - 1e6), z, v)
    exact = 1.0 / np.cosh(z - 1e6) ** 2
    assert np.max(np.abs(found / exact - 1.0)) < 1e-5
    short = hessian_vector(lambda at: np.tanh(at - 1e6), z, v, step=6e-6)
    assert np.max(np.abs(short / exact - 1.0)) > np.max(np.abs(found / exact - 1.0))
