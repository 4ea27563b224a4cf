"""Logistic regressions whose rows are all different: one primitive over the whole design."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.logistic_rows import first_with_gradient, logistic_rows
from ppl.graph.design import Design, dense_block

Array = Any


def logistic_density(design: Design, y: np.ndarray) -> Array | None:
    """sum_n log Bernoulli(y_n; logit = eta_n) of each draw (draw,); None where rows read group terms."""
    if any(c.by_row for c in design.columns):
        return None
    sign = 1.0 - 2.0 * np.asarray(y, dtype=float)
    rows = dense_block(design.rows, design.columns)
    rows *= sign[:, None]
    plain = not isinstance(design.offset, np.ndarray) and design.offset == 0.0
    offset = None if plain else sign * design.offset
    picked = xp.take(design.beta, np.array([c.places for c in design.columns]), axis=-1)
    return first_with_gradient(picked, logistic_rows(picked, rows, offset))
