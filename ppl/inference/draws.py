"""Standard normal draws whose low moments are exact, for objectives on fixed draws."""

from __future__ import annotations

import numpy as np

from ppl.posterior.target import Array


def stream(seed: int, *purpose: int) -> np.random.Generator:
    """An independent generator for one purpose of a fit, the same whenever it is asked for."""
    return np.random.default_rng([seed, *purpose])


def matched(rng: np.random.Generator, count: int, size: int) -> Array:
    """Antithetic draws with mean 0 and unit second moment in each coordinate: (count, size).

    Rescaling is what makes small ``count`` accurate: antithetic pairs alone harm the scales.

    >>> e = matched(np.random.default_rng(0), 6, 2)
    >>> bool(np.allclose(e.mean(0), 0)), bool(np.allclose((e * e).mean(0), 1))
    (True, True)
    """
    half = rng.standard_normal((max(count // 2, 1), size))
    half /= np.sqrt(np.square(half).mean(0))
    return np.concatenate([half, -half])


def whitened(rng: np.random.Generator, count: int, size: int) -> Array:
    """Antithetic draws whose whole covariance is the identity: (count, size), count >= 2 size.

    On a quadratic log density averages over them are exact.

    >>> e = whitened(np.random.default_rng(0), 8, 3)
    >>> bool(np.allclose(e.T @ e / 8, np.eye(3)))
    True
    """
    half = count // 2
    if half < size:
        raise ValueError(f"whitening {size} coordinates takes at least {2 * size} draws, not {count}")
    raw = rng.standard_normal((half, size))
    tril = np.linalg.cholesky(raw.T @ raw / half)
    white = np.linalg.solve(tril, raw.T).T
    return np.concatenate([white, -white])


def fixed(rng: np.random.Generator, count: int, size: int) -> Array:
    """Whitened draws where there are enough of them, else matched ones."""
    return whitened(rng, count, size) if count // 2 >= size else matched(rng, count, size)
