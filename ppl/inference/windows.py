"""When noisy estimates of an objective have stopped rising: windows compared with their standard errors."""

from __future__ import annotations

import numpy as np

from ppl.posterior.target import Array

WINDOW = 200
ERRORS = 1.0  # standard errors that the last window may lie above the one before


def window_of(batches: int) -> int:
    """Steps of a window: 200 on all data; 400 on batches, and whole passes through the data, two at least.

    >>> window_of(1), window_of(14), window_of(500)
    (200, 406, 1000)
    """
    return WINDOW if batches <= 1 else batches * max(2, -(-2 * WINDOW // batches))


def mean_and_error(values: Array) -> tuple[float, float]:
    """Mean of a series with its standard error, neighbours being correlated: from means of ten stretches."""
    parts = np.array([part.mean() for part in np.array_split(values, 10) if len(part)])
    return float(values.mean()), float(parts.std(ddof=1) / np.sqrt(len(parts))) if len(parts) > 1 else np.inf


def levelled(values: Array, window: int) -> bool:
    """Whether the last window is no higher than the one before, by more than a standard error.

    >>> rng = np.random.default_rng(0)
    >>> levelled(rng.standard_normal(400), 200), levelled(np.arange(400) + rng.standard_normal(400), 200)
    (True, False)
    """
    if len(values) < 2 * window:
        return False
    before, now = values[-2 * window : -window], values[-window:]
    (low, first), (high, second) = mean_and_error(before), mean_and_error(now)
    return high - low < ERRORS * float(np.hypot(first, second))
