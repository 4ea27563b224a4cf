"""Gaussian rows that cannot be reduced: their squared residuals through one dense and sparse design.

    sum_n w_n log N(y_n; t_n, sd) = -sum_n w_n (y_n - t_n)^2 / (2 sd^2) - W log sd - W log(2 pi) / 2

The sd is one number, a latent or not, or data of each row, which then weighs its square.
"""

from __future__ import annotations

from math import log, pi
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.design_rows import SquareRows, design_rows
from ppl.backend.logistic_rows import first_with_gradient
from ppl.graph.affine import is_data
from ppl.graph.design import Design, read_design
from ppl.graph.evaluate import Evaluator
from ppl.graph.fold_design import joined, order_of, rows_of_design, sorted_by
from ppl.graph.fold_gaussian import GAUSSIAN, sd_of
from ppl.graph.named import aligned
from ppl.graph.observation import Observation

Array = Any


def square_density(at: Evaluator, o: Observation) -> tuple[Array, Design] | None:
    """The summed log density (draw,) and its design; None where the mean is not affine or the sd a latent by row."""
    given = dict(o.body.arguments)
    mean = given.pop("mean", None)
    if o.body.name not in GAUSSIAN or mean is None or len(given) != 1 or o.dim not in mean.loops:
        return None
    ((name, spread),) = given.items()
    by_row = o.dim in spread.loops
    if by_row and not is_data(at, spread):
        return None
    found = at.named(spread)
    if found.invalid is not None or set(found.dims) - {o.dim}:
        return None
    design = read_design(at, mean, o.dim)
    if design is None:
        return None
    y = np.log(o.y) if o.body.name == "LogNormal" else np.asarray(o.y, dtype=float)
    sd = sd_of(name, aligned(found, (o.dim,) if by_row else ()))
    density = _by_row(design, y, o.weights, sd[0]) if by_row else _shared(design, y, o.weights, sd)
    if o.body.name == "LogNormal":
        density = density - float(np.sum(y if o.weights is None else o.weights * y))
    return density, design


def _shared(design: Design, y: np.ndarray, weights: np.ndarray | None, sd: Array) -> Array:
    count = float(len(y) if weights is None else weights.sum())
    square = _squares(design, y, weights)
    return -0.5 * square / xp.square(sd) - count * xp.log(sd) - 0.5 * count * log(2.0 * pi)


def _by_row(design: Design, y: np.ndarray, weights: np.ndarray | None, sd: np.ndarray) -> Array:
    once = np.ones(1) if weights is None else weights
    base = -float(np.sum(once * (np.log(sd) + 0.5 * log(2.0 * pi))))
    return -0.5 * _squares(design, y, once / np.square(sd)) + base


def _squares(design: Design, y: np.ndarray, weights: np.ndarray | None) -> Array:
    columns = joined(design.columns)
    order = order_of(columns)
    family = SquareRows(sorted_by(y, order), sorted_by(weights, order))
    rows = rows_of_design(design, columns, family, order)
    return first_with_gradient(design.beta, design_rows(design.beta, rows))
