"""Numbers of order one: standardised summaries, and latents whitened by a linear regression on them.

The regression is the exact posterior mean where everything is linear and Gaussian; the network has
only the rest to learn.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ppl.inference.npe_data import Sets
from ppl.posterior.target import Array

WIDE = 5.0  # times the median that a positive feature reaches before its logarithm is read
HEAVY = 8.0  # robust sds beyond which a feature is compressed
WIDEST = 64  # features, or twice the latents' coordinates: of more the principal components are kept
RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Scaling:
    """logged, centre, scale, heavy, axes: of summaries; row_*: of rows; slope, shift, root: the regression."""

    logged: Array
    centre: Array
    scale: Array
    heavy: Array
    axes: Array
    row_centre: Array
    row_scale: Array
    slope: Array
    shift: Array
    root: Array

    def summaries(self, sets: Sets) -> Array:
        """(n, features), each of variance about one over the simulations."""
        cells = _logged(sets.cells, self.logged)
        return np.asarray(_compressed((cells - self.centre) / self.scale, self.heavy) @ self.axes)

    def rows(self, sets: Sets) -> Any:
        """Rows to pool (n, m, F), standardised and compressed, in single precision; None where nothing is pooled."""
        if sets.rows is None:
            return None
        return np.arcsinh((sets.rows - self.row_centre) / self.row_scale).astype(np.float32)

    def whitened(self, latents: Array, s: Array) -> Array:
        """Latents less their regression, in its residual's sds: (n, D)."""
        return np.asarray(np.linalg.solve(self.root, (latents - s @ self.slope - self.shift).T).T)

    def latents(self, t: Array, s: Array) -> Array:
        """The way back: t (..., D) for summaries s (..., features)."""
        return np.asarray(t @ self.root.T + s @ self.slope + self.shift)

    @property
    def log_det(self) -> float:
        """Log |d latents / d whitened|."""
        return float(np.log(np.diag(self.root)).sum())

    def arrays(self) -> dict[str, Array]:
        """By name, to be kept."""
        return {f.name: np.asarray(getattr(self, f.name), dtype=float) for f in fields(self)}


def from_arrays(found: dict[str, Any]) -> Scaling:
    """The inverse of `Scaling.arrays`."""
    return Scaling(**{f.name: np.asarray(found[f.name], dtype=float) for f in fields(Scaling)})


def _logged(x: Array, which: Array) -> Array:
    """The logarithm of the features that are positive and spread over orders of magnitude."""
    return np.where(which.astype(bool), np.log(np.maximum(x, 1e-300)), x)


def _compressed(x: Array, heavy: Array) -> Array:
    return np.where(heavy.astype(bool), np.arcsinh(x), x)


def scaling_of(sets: Sets) -> Scaling:
    """Learn the scaling from simulations."""
    middle = np.median(sets.cells, axis=0)
    logged = (sets.cells.min(0) > 0) & (sets.cells.max(0) > WIDE * middle)
    cells = _logged(sets.cells, logged)
    low, centre, high = np.quantile(cells, (0.25, 0.5, 0.75), axis=0)
    wide = (high - low) / 1.349
    sd = cells.std(0)
    scale = np.where(wide > 0, wide, np.where(sd > 0, sd, 1.0))
    heavy = np.abs((cells - centre) / scale).max(0) > HEAVY
    seen = _compressed((cells - centre) / scale, heavy)
    axes = _axes(seen, max(WIDEST, 2 * sets.latents.shape[1]))
    row_centre, row_scale = _row_scaling(sets.rows)
    slope, shift, root = _regression(seen @ axes, sets.latents)
    of_cells = (logged.astype(float), centre, scale, heavy.astype(float), axes)
    return Scaling(*of_cells, row_centre, row_scale, slope, shift, root)


def _axes(seen: Array, most: int) -> Array:
    """The features that vary at unit variance; of more than ``most`` the principal components."""
    sd = seen.std(0)
    keep = np.flatnonzero(sd > 1e-12)
    if len(keep) <= most:
        axes = np.zeros((seen.shape[1], len(keep)))
        axes[keep, np.arange(len(keep))] = 1.0 / sd[keep]
        return axes
    part = (seen[:, keep] - seen[:, keep].mean(0)) / sd[keep]
    values, vectors = np.linalg.eigh(part.T @ part / len(part))
    best = np.argsort(values)[::-1][:most]
    axes = np.zeros((seen.shape[1], most))
    axes[keep] = vectors[:, best] / np.sqrt(np.maximum(values[best], 1e-12)) / sd[keep][:, None]
    return axes


def _row_scaling(rows: Array | None) -> tuple[Array, Array]:
    if rows is None:
        return np.zeros(0), np.ones(0)
    flat = rows.reshape(-1, rows.shape[2])
    low, centre, high = np.quantile(flat, (0.25, 0.5, 0.75), axis=0)
    wide, sd = (high - low) / 1.349, flat.std(0)
    return centre, np.where(wide > 0, wide, np.where(sd > 0, sd, 1.0))


def _regression(s: Array, latents: Array) -> tuple[Array, Array, Array]:
    """Slopes (features, D), intercepts (D,) and the root of the residual covariance (D, D)."""
    middle, centre = latents.mean(0), s.mean(0)
    gram = (s - centre).T @ (s - centre) + RIDGE * np.eye(s.shape[1])
    slope = np.linalg.solve(gram, (s - centre).T @ (latents - middle))
    shift = middle - centre @ slope
    rest = latents - s @ slope - shift
    cov = rest.T @ rest / len(rest)
    return slope, shift, np.linalg.cholesky(cov + 1e-10 * np.diag(np.diag(cov) + 1e-12))
