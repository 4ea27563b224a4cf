"""Gaussian rows through moments: what a regression needs of its rows, whatever their number.

Rows that read the same elements of every group term (and have the same sd) form a class. In a class c

    eta_n = eta_c + (x_n - xbar_c)' beta_c,   eta_c = sum_t wbar_tc u_t[c_t]
    sum_n (y_n - eta_n)^2 = n_c (ybar_c - eta_c)^2 + sum_n ((y_n - ybar_c) - (x_n - xbar_c)' beta_c)^2

and the last sum is |R_c beta_c - r_c|^2 with a triangular factor of the centred rows: one factor for all
classes where neither beta nor the sd differs between them, else one each. Centring and factors in place of
raw moments keep all digits of data far from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppl.graph.design import BLOCK, Column, Design

NEGLIGIBLE = 1e-13  # of a column's largest value, within its classes


@dataclass(frozen=True, eq=False)
class Moments:
    """Rows summarised: counts (G,), means of y and of every column's weight, and what varies in a class.

    ``varying`` are the numbers of columns whose weight varies within classes. ``factor`` and ``target`` are
    (M, K), (M,) where ``pooled``, else (M, K, G), (M, G).
    """

    rows: np.ndarray
    count: np.ndarray
    mean: np.ndarray
    columns: tuple[Column, ...]
    varying: tuple[int, ...]
    pooled: bool
    factor: np.ndarray
    target: np.ndarray

    @property
    def elements(self) -> int:
        """Elements touched by one evaluation for one draw."""
        return len(self.count) * (len(self.columns) + 4) + self.factor.size


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows' classes, their weights, and a way to centre a column within classes."""

    of_row: np.ndarray
    first: np.ndarray
    weights: np.ndarray | None
    count: np.ndarray

    def mean(self, x: np.ndarray) -> np.ndarray:
        """The mean of x in each class, corrected once so that a common offset costs no digits."""
        safe = np.maximum(self.count, 1e-300)
        mean = self._sum(x) / safe
        return np.asarray(mean + self._sum(x, mean) / safe)

    def sum(self, x: np.ndarray) -> np.ndarray:
        """The weighted sum of x in each class."""
        return self._sum(x)

    def _sum(self, x: np.ndarray, mean: np.ndarray | None = None) -> np.ndarray:
        """Weighted sums by class, of x or of its gap from the class's mean."""
        total = np.zeros(len(self.count))
        for part in self.blocks(1):
            gap = x[part] if mean is None else x[part] - mean[self.of_row[part]]
            w = gap if self.weights is None else gap * self.weights[part]
            total += np.bincount(self.of_row[part], w, minlength=len(self.count))
        return total

    def blocks(self, width: int) -> list[slice]:
        """Pieces of the rows that hold about BLOCK elements."""
        # a piece costs a pass over all classes as well
        step = max(2 * width + 2, BLOCK // max(width, 1), 2 * len(self.count))
        return [slice(i, min(i + step, len(self.of_row))) for i in range(0, len(self.of_row), step)]

    def centred(self, part: slice, columns: Sequence[np.ndarray], means: Sequence[np.ndarray]) -> np.ndarray:
        """(rows of the piece, columns), centred and scaled by the roots of the rows' weights."""
        where = self.of_row[part]
        out = np.empty((len(where), len(columns)))
        for k, (x, mean) in enumerate(zip(columns, means, strict=True)):
            np.subtract(x[part], mean[where], out=out[:, k])
        if self.weights is not None:
            out *= np.sqrt(self.weights[part])[:, None]
        return out


def rows_of(of_row: np.ndarray, first: np.ndarray, weights: np.ndarray | None) -> Rows:
    """Rows by class; ``first`` is one row of each class."""
    count = np.bincount(of_row, weights, minlength=len(first)).astype(float)
    return Rows(of_row, first, weights, count)


def moments(design: Design, y: np.ndarray, rows: Rows, by_class: bool, most: int) -> Moments | None:
    """The moments of y given a design; ``by_class`` where the sd differs between classes.

    None where they would hold more than ``most`` elements.
    """
    means: list[float | np.ndarray] = [
        rows.mean(c.weight) if isinstance(c.weight, np.ndarray) else c.weight for c in design.columns
    ]
    varying = tuple(k for k, c in enumerate(design.columns) if _varies(c, means[k], rows))
    columns = tuple(_of_classes(c, m, rows) for c, m in zip(design.columns, means, strict=True))
    pooled = not by_class and not any(columns[k].by_row for k in varying)
    groups = len(rows.count)
    width = len(varying) + 1
    if groups * (len(columns) + 4) + width * width * (1 if pooled else groups) > most:
        return None
    free = y if np.isscalar(design.offset) and design.offset == 0.0 else y - design.offset
    mean = rows.mean(free)
    blocks = [*(np.asarray(design.columns[k].weight) for k in varying), free]
    centres = [*(np.asarray(means[k]) for k in varying), mean]
    factor = _pooled_factor(rows, blocks, centres) if pooled else _class_factors(rows, blocks, centres)
    k = len(varying)
    return Moments(
        rows.first, rows.count, mean, columns, varying, pooled, factor[:, :k].copy(), factor[:, k].copy()
    )


def _varies(c: Column, mean: float | np.ndarray, rows: Rows) -> bool:
    """Whether a column's weight differs between rows of a class."""
    if np.isscalar(c.weight):
        return False
    x, centre = np.asarray(c.weight), np.asarray(mean)
    least = NEGLIGIBLE * max(float(x.max(initial=0.0)), -float(x.min(initial=0.0)))
    return any(np.abs(x[p] - centre[rows.of_row[p]]).max(initial=0.0) > least for p in rows.blocks(1))


def _of_classes(c: Column, mean: float | np.ndarray, rows: Rows) -> Column:
    """The column over classes, one code where all classes share it."""
    if not isinstance(c.codes, np.ndarray):
        return Column(mean, c.places)
    codes = c.codes[rows.first] + c.start
    return Column(mean, int(codes[0]) if (codes == codes[0]).all() else codes)


def _pooled_factor(rows: Rows, blocks: Sequence[np.ndarray], means: Sequence[np.ndarray]) -> np.ndarray:
    """R of the QR factorisation of all centred rows [X y], block by block."""
    factor = np.zeros((0, len(blocks)))
    for part in rows.blocks(len(blocks)):
        stacked = np.concatenate([factor, rows.centred(part, blocks, means)])
        factor = np.asarray(np.linalg.qr(stacked, mode="r"))
    return factor


def _class_factors(rows: Rows, blocks: Sequence[np.ndarray], means: Sequence[np.ndarray]) -> np.ndarray:
    """A root (M, K + 1, G) of the centred cross products of [X y] of each class."""
    width, groups = len(blocks), len(rows.count)
    gram = np.zeros((groups, width, width))
    for part in rows.blocks(width):
        x, where = rows.centred(part, blocks, means), rows.of_row[part]
        for i in range(width):
            for j in range(i + 1):
                gram[:, i, j] += np.bincount(where, x[:, i] * x[:, j], minlength=groups)
    gram = np.tril(gram) + np.swapaxes(np.tril(gram, -1), 1, 2)
    scale = np.sqrt(np.maximum(np.einsum("gii->i", gram), 1e-300))
    values, vectors = np.linalg.eigh(gram / (scale[:, None] * scale))
    root = np.sqrt(np.maximum(values, 0.0))[:, :, None] * np.swapaxes(vectors, 1, 2) * scale
    return np.ascontiguousarray(np.moveaxis(root, 0, -1))
