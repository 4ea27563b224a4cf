"""Scouts find the better of two modes that a start in the middle does not lead to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.inference.scout import best_start


@dataclass(frozen=True)
class TwoModes:
    """log p = log(e^{lift} N(z; far, 0.3) + N(z; 0, 1)) over one coordinate; ``hidden`` as the graph says."""

    hidden: bool = True
    far: float = 2.5
    lift: float = 20.0
    size: int = 1
    work: float = 10.0

    @property
    def point(self) -> np.ndarray:
        return np.zeros(1, bool)

    def value_and_grad(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = z[:, 0]
        near, away = -0.5 * x**2, self.lift - 0.5 * ((x - self.far) / 0.3) ** 2
        share = 1.0 / (1.0 + np.exp(np.clip(near - away, -700, 700)))
        slope = -(1 - share) * x - share * (x - self.far) / 0.09
        return np.logaddexp(near, away), slope[:, None]


def test_the_higher_mode_is_found() -> None:
    found = best_start(TwoModes(), np.full(1, -1.0), np.random.default_rng(0))  # type: ignore[arg-type]
    assert abs(found[0] - 2.5) < 0.1


def test_nothing_is_moved_where_nothing_is_hidden() -> None:
    target = TwoModes(hidden=False)
    assert best_start(target, np.full(1, -1.0), np.random.default_rng(0))[0] == -1.0  # type: ignore[arg-type]
