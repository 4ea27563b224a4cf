"""Guides of discrete latents, ``q(z[i]) ~ Bernoulli(logit = f(x[i]).logit)``: their logits as functions of params.

What such a guide may read is data, params and weights of networks that are points: its logits are then
the same in every draw, and one recorded computation gives them and their slopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.backend.tape import Program
from ppl.errors import Diagnostic, ModelError
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout
from ppl.graph.drawn_guides import reads
from ppl.graph.guard import evaluating
from ppl.graph.guides import guide_parameters
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.graph.reductions import concatenated
from ppl.graph.store import to_stored
from ppl.graph.terms_at_draws import Discrete, TermsAtDraws

Array = Any
SMALLEST = 1e-13  # probabilities below it count as it: exp(-30)


@dataclass(frozen=True, eq=False)
class GuidedLogits:
    """The logits that guides give: one of an element of two states, else K, latents one after another.

    latents: numbers of the guided latents among the discrete ones; program: one draw's coordinates
    (1, width) to the logits (1, n), or None where they are ``fixed``; points: the params read.
    """

    latents: tuple[int, ...]
    program: Program | None
    fixed: Array
    points: frozenset[str]

    def logits(self, x: Array) -> Array:
        """All logits (n,) at coordinates (1, width)."""
        return self.fixed if self.program is None else np.asarray(self.program.value(x))[0]

    def pulled(self, x: Array, slopes: Array) -> Array:
        """Slopes in the coordinates (width,), given those in the logits (n,): the chain rule."""
        if self.program is None:
            return np.zeros(x.shape[1])
        return np.asarray(self.program.pulled(x, slopes[None])[0])


def guided_logits(terms: TermsAtDraws) -> GuidedLogits | None:
    """Record the logits of all tables that are functions of params; None where there are none.

    Raises `ModelError` (E605) where a guide leaves cells out, or has other states.
    """
    guides = {q.name: q for q in terms.layout.graph.guide}
    numbers = tuple(i for i, d in enumerate(terms.discretes) if d.name in guides)
    if not numbers:
        return None
    read: set[str] = set()
    parts = []
    for i in numbers:
        d, guide = terms.discretes[i], guides[terms.discretes[i].name]
        read |= _points(terms.layout, guide)
        with evaluating(guide):
            parts.append(_flat(terms, guide, d))
    whole = concatenated(parts, -1)
    if isinstance(whole, Traced):
        return GuidedLogits(numbers, terms.tape.finish(whole), np.zeros(0), frozenset(read))
    return GuidedLogits(numbers, None, np.asarray(whole, dtype=float)[0], frozenset(read))


def _points(lay: Layout, guide: g.Statement) -> set[str]:
    """The params that a guide reads, itself or through values."""
    values = {s.name: s for s in lay.graph.statements if s.kind == "value"}
    return {name for name in reads(guide, values) if name in lay.blocks}


def _flat(terms: TermsAtDraws, guide: g.Statement, d: Discrete) -> Array:
    """The logits of a latent's elements, in the order of their columns: (1, n) or (1, n K)."""
    given, dims = guide_parameters(terms.at, guide)
    assert isinstance(guide.body, g.Distribution)
    count = len(d.states)
    if guide.body.name == "Bernoulli":
        if not np.array_equal(d.states, [0.0, 1.0]):
            raise _refused(guide, f"`{d.name}` has states other than 0 and 1", "q has the model's own states")
        return _cells(terms, guide, d, dims, _log_odds(given))
    table = given["logit"] if "logit" in given else _log(given["p"])
    if d.statement.body.type.element != "label" or _last(table) != count:
        raise _refused(guide, f"`{d.name}` has other states than its guide", "q has the model's own states")
    states = [_state(table, k) for k in range(count)]
    if count == 2:
        return _cells(terms, guide, d, dims, states[1] - states[0])
    columns = [xp.expand_dims(_cells(terms, guide, d, dims, s), (-1,)) for s in states]
    return xp.reshape_last(concatenated(columns, -1), count=2, shape=(d.count * count,))


def _log_odds(given: dict[str, Array]) -> Array:
    if "logit" in given:
        return given["logit"]
    return _log(given["p"]) - _log(1.0 - given["p"])


def _log(p: Array) -> Array:
    return xp.log(xp.maximum(p, SMALLEST))


def _last(table: Array) -> int:
    example: Array = getattr(table, "example", table)
    return int(np.shape(example)[-1])


def _state(table: Array, k: int) -> Array:
    return xp.squeeze(xp.slice_last(table, start=k, stop=k + 1), axis=-1)


def _cells(
    terms: TermsAtDraws, guide: g.Statement, d: Discrete, dims: tuple[Dim, ...], array: Array
) -> Array:
    """An array over the guide's dims at the elements of the latent: (1, n). Raises `ModelError` for gaps."""
    shape = tuple(terms.at.size(x) for x in dims)
    array = xp.broadcast_last(array, shape) if dims else array
    stored = to_stored(terms.at, guide, Named(array, dims))
    if stored.invalid is not None and stored.invalid.numpy.reshape(-1)[d.cells].any():
        raise _refused(guide, f"`q({guide.name})` leaves out elements of it", "give a q to every element")
    size = int(np.prod(d.shape, dtype=int))
    flat = xp.reshape_last(stored.array, count=len(d.shape), shape=(size,))
    return flat if d.count == size else xp.take(flat, d.cells, axis=-1)


def _refused(guide: g.Statement, message: str, help: str) -> ModelError:
    return ModelError((Diagnostic("E605", message, span=guide.span, help=help),))
