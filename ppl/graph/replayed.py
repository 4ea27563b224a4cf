"""Steps on batches of one size: recorded once, their data being inputs, wherever that is the same thing.

Tracing a batch takes milliseconds, whatever its size. Where all that differs between batches is numbers
in columns, one recording serves them all. It is held against a trace of its own on the first batch, and
given up for tracing where it disagrees or cannot be made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.errors import PplError
from ppl.graph import nodes as g
from ppl.graph.batch import sliced
from ppl.graph.nodes import stored_name
from ppl.graph.order import statement_roots
from ppl.graph.stochastic import Recording, Slopes, StochasticElbo, View, slopes_of

Array = Any
CLOSE = 1e-6
CLOSE_SINGLE = 1e-3


class Steps:
    """Slopes at batches of rows, or at all data where ``rows`` is None."""

    def __init__(self, estimates: StochasticElbo, draws: int, rate_weight: float) -> None:
        self.estimates = estimates
        self.draws, self.rate_weight = draws, rate_weight
        self.columns = _columns(estimates)
        self._known: dict[int, tuple[Recording, View]] = {}

    def slopes(self, x: Array, rows: Array | None, rng: np.random.Generator) -> Slopes:
        """The objective and its slopes at fresh draws."""
        at = self.estimates
        if rows is None:
            return at.slopes(x, at.everything, rng, self.draws, self.rate_weight)
        if len(rows) not in self._known:
            return self._first(x, rows, rng)
        known, view = self._known[len(rows)]
        assert at.plan is not None
        pieces = at.pieces(view.layout, {at.plan.plate: rows})
        at.replay(known, x, pieces, rng, [self._column(k, rows) for k in self.columns or ()])
        return slopes_of(known, pieces)

    def _column(self, node: g.Input, rows: Array) -> Array:
        at = self.estimates
        assert at.plan is not None
        key = (node.table, node.name)
        array = sliced(at.program, key, at.data.arrays[key], {at.plan.plate: rows})
        return array if array.dtype == at.kind else array.astype(at.kind)

    def _first(self, x: Array, rows: Array, rng: np.random.Generator) -> Slopes:
        """Trace a batch; where columns may be inputs, record it too and see whether both agree."""
        at, view, state = self.estimates, self.estimates.batch(rows), rng.bit_generator.state
        traced = at.slopes(x, view, rng, self.draws, self.rate_weight)
        if self.columns is None:
            return traced
        after, rng.bit_generator.state = rng.bit_generator.state, state
        columns = {stored_name(k): self._column(k, rows) for k in self.columns}
        try:
            known = at.record(x, view, rng, self.draws, self.rate_weight, columns)
            agree = _agree(slopes_of(known, view.pieces), traced, at.kind)
        except (PplError, TypeError, ValueError, AttributeError, AssertionError):
            agree = False
        rng.bit_generator.state = after
        if agree:
            self._known[len(rows)] = (known, view)
        else:
            self.columns = None
        return traced


def _agree(a: Slopes, b: Slopes, kind: type) -> bool:
    close = CLOSE_SINGLE if kind is np.float32 else CLOSE
    pairs = [(np.array([a.objective]), np.array([b.objective])), *zip(a.slopes, b.slopes, strict=True)]
    return all(
        np.abs(p - q).max(initial=0.0) <= close * max(np.abs(q).max(initial=0.0), 1.0) for p, q in pairs
    )


def _columns(estimates: StochasticElbo) -> tuple[g.Input, ...] | None:
    """The columns that a batch cuts; None where something other than numbers in them changes too."""
    plan, data = estimates.plan, estimates.data
    if plan is None or not estimates.steady or plan.plate in data.weights:
        return None
    found: dict[str, g.Input] = {}
    graph = estimates.graph
    for node in g.walk(r for s in (*graph.statements, *graph.guide) for r in statement_roots(s)):
        if isinstance(node, g.Input) and any(d.set in plan.cut for d in node.event):
            if node.type.element == "label":
                return None
            found.setdefault(stored_name(node), node)
    return tuple(found.values())
