"""Newton's way from a start far below the posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.inference.approach import approach


@dataclass(frozen=True)
class Regression:
    """y ~ N(X b, e^s) with flat priors on b and s: z = (b, s)."""

    x: np.ndarray
    y: np.ndarray

    @property
    def size(self) -> int:
        return self.x.shape[1] + 1

    @property
    def point(self) -> np.ndarray:
        return np.zeros(self.size, bool)

    def value_and_grad(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        residual = (self.y - z[:, :-1] @ self.x.T) * np.exp(-z[:, -1:])
        squares = np.square(residual).sum(1)
        value = -0.5 * squares - len(self.y) * z[:, -1]
        in_b = (residual @ self.x) * np.exp(-z[:, -1:])
        return value, np.column_stack([in_b, squares - len(self.y)])


def far_regression() -> Regression:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(60), rng.normal(2.0, 0.3, (60, 3))])
    return Regression(x, x @ [-700.0, 200.0, 400.0, -300.0] + 250.0 * rng.standard_normal(60))


def test_reaches_least_squares_from_zero() -> None:
    target = far_regression()
    frame = approach(target, np.zeros(target.size))  # type: ignore[arg-type]
    assert frame is not None
    exact, rss, _, _ = np.linalg.lstsq(target.x, target.y, rcond=None)
    sigma = np.sqrt(rss[0] / 60)
    sd = sigma * np.sqrt(np.diag(np.linalg.inv(target.x.T @ target.x)))
    assert np.abs((frame.mean[:-1] - exact) / sd).max() < 0.05
    assert abs(frame.mean[-1] - np.log(sigma)) < 0.05
    spread = np.sqrt(np.square(frame.tril).sum(1))
    assert np.abs(np.log(spread[:-1] / sd)).max() < 0.05


def test_gives_up_where_nothing_is_finite() -> None:
    target = far_regression()
    assert approach(target, np.full(target.size, np.nan)) is None  # type: ignore[arg-type]
