"""The logistic regression primitive against its sum written out, and its gradient against differences."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.backend.logistic_rows import first_with_gradient, logistic_rows
from ppl.backend.tape import Tape

RNG = np.random.default_rng(4)


def _plain(beta: np.ndarray, rows: np.ndarray, offset: np.ndarray | None) -> np.ndarray:
    t = beta @ rows.T + (0.0 if offset is None else offset)
    return np.asarray(-np.logaddexp(0.0, t).sum(axis=1))


@pytest.mark.parametrize("scale", [0.1, 3.0, 300.0])
@pytest.mark.parametrize("n", [1, 511, 512, 5000, 70_000])
def test_value_and_gradient(n: int, scale: float) -> None:
    """Blocks, rests of blocks, and predictors far out."""
    rows, beta = RNG.standard_normal((n, 3)), scale * RNG.standard_normal((4, 3))
    offset = RNG.standard_normal(n) if n % 2 else None
    found = logistic_rows(beta, rows, offset)
    assert found[:, 0] == pytest.approx(_plain(beta, rows, offset), rel=1e-12)
    t = beta @ rows.T + (0.0 if offset is None else offset)
    slope = -np.exp(t - np.logaddexp(0.0, t)) @ rows
    assert np.max(np.abs(found[:, 1:] - slope)) <= 1e-12 * max(np.max(np.abs(slope)), 1.0) * n


def test_the_tape_carries_the_gradient() -> None:
    rows, beta = RNG.standard_normal((900, 3)), RNG.standard_normal((2, 3))
    tape = Tape(beta)
    out = first_with_gradient(tape.input, logistic_rows(tape.input, rows, None))
    value, gradient = tape.finish(out * 2.0).value_and_grad(beta)
    step = 1e-5 * RNG.standard_normal(beta.shape)
    rise = _plain(beta + step, rows, None) - _plain(beta - step, rows, None)
    assert value == pytest.approx(2.0 * _plain(beta, rows, None), rel=1e-12)
    assert (gradient * step).sum(axis=1) == pytest.approx(rise, rel=1e-6)


def test_infinite_and_missing_predictors() -> None:
    found = logistic_rows(np.array([[np.inf], [-np.inf], [np.nan]]), np.ones((3, 1)), None)
    assert found[0, 0] == -np.inf
    assert found[1, 0] == 0.0
    assert np.isnan(found[2, 0])
