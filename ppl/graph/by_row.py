"""Terms of a log joint gathered by the rows of one plate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ppl.graph.batch import Plan
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim

Array = Any


def by_row(at: Evaluator, plan: Plan, terms: Sequence[Named]) -> Array:
    """The terms summed within each element of the plate: (S, rows).

    Terms of tables that follow the plate fall to the element that they belong to; a term that belongs
    to no element is left out.
    """
    size = at.data.sets[plan.plate].size
    count = max((np.shape(t.array)[0] for t in terms), default=1)
    out = np.zeros((count, size))
    for term in terms:
        for place, dim in enumerate(term.dims):
            rows = _rows(at, plan, dim)
            if rows is not None:
                out = out + _gathered(term, place, rows, size)
                break
    return out


def _gathered(term: Named, place: int, rows: Array, size: int) -> Array:
    """One term summed over all dims but one, whose elements fall to ``rows``."""
    array = np.moveaxis(np.asarray(aligned(term, term.dims)), 1 + place, -1)
    flat = array.reshape(array.shape[0], -1, array.shape[-1]).sum(axis=1)
    if np.array_equal(rows, np.arange(size)):
        return flat
    return np.stack([np.bincount(rows, draw, size) for draw in flat])


def _rows(at: Evaluator, plan: Plan, dim: Dim) -> Array | None:
    """The element of the plate that each place along a dim belongs to; None where it has none."""
    plain = at.domains[dim].plain if dim in at.domains else (dim,)
    for k, d in enumerate(plain):
        if d.set in plan.cut:
            own = at.positions(dim)[k] if dim in at.domains else np.arange(at.size(dim))
            return _owner(at, plan, d.set, own)
    return None


def _owner(at: Evaluator, plan: Plan, name: str, codes: Array) -> Array:
    while name != plan.plate:
        if name in plan.follows:
            column, target = plan.follows[name]
            codes, name = at.data.arrays[(name, column)][codes].astype(np.int64), target
        else:
            positions = at.data.sets[name].positions
            assert positions is not None
            codes, name = positions[codes], plan.derived[name]
    return codes
