"""Coupling layers: inverses, Jacobians and slopes against differences."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.backend import ops as xp
from ppl.backend.coupling import Coupling
from ppl.backend.eager import gradients
from ppl.backend.tape import Tape

H = 1e-5
SHAPES = [
    Coupling(2, 4, 8),
    Coupling(5, 6, 7, linear=True),
    Coupling(3, 4, 6, context=2),
    Coupling(1, 2, 3, context=2),
]


def _weights(flow: Coupling, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (flow.start(rng) + 0.3 * rng.normal(size=flow.count))[None]


def _context(flow: Coupling, n: int) -> np.ndarray | None:
    return np.random.default_rng(5).normal(size=(n, 1, flow.context)) if flow.context else None


@pytest.mark.parametrize("flow", SHAPES)
def test_the_inverse_undoes_the_map(flow: Coupling) -> None:
    w, c = _weights(flow), _context(flow, 6)
    e = 2.0 * np.random.default_rng(1).normal(size=(6, 4, flow.size))
    v, there = flow.forward(w, e, c)
    back, again = flow.inverse(w, v, c)
    assert np.abs(v - e).max() > 0.1
    np.testing.assert_allclose(back, e, atol=1e-10)
    np.testing.assert_allclose(again, there, atol=1e-10)


def _jacobian(flow: Coupling, w: np.ndarray, e: np.ndarray, c: np.ndarray | None) -> np.ndarray:
    """Fourth-order differences: (D, D)."""
    out = np.zeros((flow.size, flow.size))
    h = 1e-3
    for j in range(flow.size):
        step = np.zeros(flow.size)
        step[j] = h
        at = [flow.forward(w, e + k * step, c)[0][0, 0] for k in (-2, -1, 1, 2)]
        out[:, j] = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * h)
    return out


@pytest.mark.parametrize("flow", SHAPES)
def test_log_scales_add_up_to_the_jacobian(flow: Coupling) -> None:
    w, c = 0.5 * _weights(flow, 2), _context(flow, 1)
    e = np.random.default_rng(3).normal(size=(1, 1, flow.size))
    exact = np.linalg.slogdet(_jacobian(flow, w, e, c))[1]
    found = flow.forward(w, e, c)[1].sum()
    assert abs(found - exact) < 1e-8
    assert abs(found - exact + 1e-3) > 1e-8  # and a determinant that is off by a thousandth is found out


@pytest.mark.parametrize("flow", SHAPES)
@pytest.mark.parametrize("way", ["forward", "inverse"])
def test_slopes_are_those_of_differences(flow: Coupling, way: str) -> None:
    w, c = _weights(flow, 4), np.random.default_rng(5).normal(size=(3, 1, flow.context))
    x = np.random.default_rng(6).normal(size=(3, 1, flow.size))
    pull = np.random.default_rng(7).normal(size=(3, 1, flow.size))

    def total(w: np.ndarray, x: np.ndarray, c: np.ndarray) -> object:
        v, s = getattr(flow, way)(w, x, c)
        return xp.sum(v * pull + 0.7 * s, axis=(-2, -1))

    tape = Tape(np.zeros(1))
    inputs = [tape.another_input(a) for a in (w, x, c)]
    _, slopes = gradients(tape, total(*inputs), inputs)  # type: ignore[arg-type]
    rng = np.random.default_rng(8)
    for k in range(3):
        step = [np.zeros(a.shape) for a in (w, x, c)]
        step[k] = rng.normal(size=step[k].shape)
        up, down = (
            np.sum(total(*(a + sign * H * d for a, d in zip((w, x, c), step, strict=True))))  # type: ignore[arg-type]
            for sign in (1, -1)
        )
        exact = float(np.sum(slopes[k] * step[k]))
        assert (up - down) / (2 * H) == pytest.approx(exact, rel=1e-6, abs=1e-9)


def test_every_pair_is_told_apart_by_some_layer() -> None:
    flow = Coupling(8, 6, 4)
    masks = np.array(flow.masks)
    apart = (masks[:, :, None] != masks[:, None, :]).any(0)
    assert (apart | np.eye(8, dtype=bool)).all()
    assert (masks[0::2] + masks[1::2] == 1.0).all()
