"""The log density of Gaussian rows with an affine mean, through their moments (see `ppl.graph.gram`)."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.quadratic import residual_square, residual_squares
from ppl.graph import nodes as g
from ppl.graph.classes import group_rows
from ppl.graph.cost import LARGEST_SHARE, MOST_COLUMNS
from ppl.graph.design import keys, predictor, read_design
from ppl.graph.evaluate import Evaluator
from ppl.graph.gram import Moments, moments, rows_of
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim
from ppl.graph.rowwise import columns_of_rows, restricted

Array = Any
GAUSSIAN = ("Normal", "LogNormal")


@dataclass(frozen=True, eq=False)
class Folded:
    """A log density over the draw axis alone, and how it came about."""

    density: Named
    how: str
    kept: int
    before: int
    after: int


def fold_gaussian(
    at: Evaluator, body: g.Distribution, dim: Dim, y: np.ndarray, weights: np.ndarray | None
) -> Folded | None:
    """The summed log density of all rows; None where the mean is not affine or nothing would be saved.

    Raises `CannotFold` where the sd of a row depends on other rows.
    """
    given = dict(body.arguments)
    mean = given.pop("mean", None)
    if body.name not in GAUSSIAN or mean is None or len(given) != 1:
        return None
    design = read_design(at, mean, dim)
    if design is None or len(design.columns) > MOST_COLUMNS:
        return None
    ((name, spread),) = given.items()
    leaves = columns_of_rows(at, spread, dim)
    before = design.elements + 4 * len(y)
    classes = group_rows([*leaves, *keys(design)], len(y), LARGEST_SHARE * len(y))
    if classes is None:
        return None
    rows = rows_of(classes.of_row, classes.rows, weights)
    value = np.log(y) if body.name == "LogNormal" else np.asarray(y, dtype=float)
    found = moments(design, value, rows, bool(leaves), int(LARGEST_SHARE * before))
    if found is None:
        return None
    inner = restricted(at, dim, found.rows) if leaves else at
    sd = sd_of(name, _by_class(inner.named(spread), dim))
    density = _density(found, design.beta, sd)
    if body.name == "LogNormal":
        density = density - float(np.sum(value if weights is None else weights * value))
    return Folded(Named(density), _how(found), len(found.count), before, found.elements)


def _by_class(x: Named, dim: Dim) -> Array:
    """(draw, G), or (draw, 1) where no row enters."""
    return aligned(x, (dim,))


def sd_of(name: str, x: Array) -> Array:
    """The sd, from itself, a variance or a precision."""
    return xp.sqrt(x) if name == "var" else 1.0 / xp.sqrt(x) if name == "precision" else x


def _density(m: Moments, beta: Array, sd: Array) -> Array:
    """sum_c -n_c (log sd_c + log(2 pi) / 2) - (n_c (ybar_c - eta_c)^2 + Q_c) / (2 sd_c^2)."""
    count = m.count[None]
    gap = xp.square(predictor(len(m.count), m.columns, beta) - m.mean[None]) * count
    within = _within(m, beta)
    square = gap if within is None or m.pooled else gap + within
    out = xp.sum(-0.5 * square / xp.square(sd) - count * (xp.log(sd) + 0.5 * log(2.0 * pi)), axis=(-1,))
    if within is not None and m.pooled:
        out = out - 0.5 * within / xp.square(xp.squeeze(sd, axis=-1))
    return out


def _within(m: Moments, beta: Array) -> Array | None:
    """What the rows differ from their classes: (draw,) where pooled, else (draw, G)."""
    columns = [m.columns[k] for k in m.varying]
    groups = len(m.count)
    if m.pooled:
        picked = xp.take(beta, np.array([c.codes for c in columns], dtype=np.intp), axis=-1)
        return residual_square(picked, m.factor, m.target)
    if not columns:
        return np.sum(np.square(m.target), axis=0)[None]
    codes = np.stack([np.broadcast_to(c.codes, (groups,)) for c in columns])
    picked = xp.reshape_last(xp.take(beta, codes.ravel(), axis=-1), count=1, shape=codes.shape)
    return residual_squares(picked, m.factor, m.target)


def _how(m: Moments) -> str:
    many = len(m.count) > 1
    classes = f"moments of {len(m.count)} classes" if many else "moments of all rows"
    if not m.varying:
        return f"Gaussian: {classes}"
    count = len(m.varying)
    word = "covariate" if count == 1 else "covariates"
    return f"Gaussian: {classes}, {'one factor' if m.pooled else 'a factor each'} of {count} {word}"
