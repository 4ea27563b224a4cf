"""Forward-KL ("sleep") slopes of guides: log q of latents and data that the model itself simulates.

With phi the params that guides alone read, the slope is that of ``E_{p(z, x)} log q_phi(z | x)``, which is
largest where q is the posterior, averaged over data. Params of the model and latents in no plate over data
without a guide are drawn from q as it stands; all others from their priors.
(Hinton, Dayan, Frey and Neal 1995, "The wake-sleep algorithm for unsupervised neural networks"; Bornschein and
Bengio 2015, "Reweighted wake-sleep".)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.tape import Tape
from ppl.errors import UsageError, fail
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, define_values, row_weights
from ppl.graph.blocks import bijection_of
from ppl.graph.drawn_guides import reads
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import own_value
from ppl.graph.guard import evaluating
from ppl.graph.named import Named, aligned
from ppl.graph.order import needs
from ppl.graph.simulate import from_draws, simulate
from ppl.graph.store import to_stored
from ppl.graph.terms_at_draws import TermsAtDraws
from ppl.inference.base import NotFinite
from ppl.posterior.target import Array


@dataclass(frozen=True, eq=False)
class Sleep:
    """The guides of a model, and what they can learn from simulations. Raises `UsageError` where nothing."""

    terms: TermsAtDraws

    def __post_init__(self) -> None:
        if not self.own:
            message = "no guide has params of its own to learn from simulations"
            raise fail(UsageError, "E705", message, help="leave --sleep out")

    @property
    def layout(self) -> Layout:
        """The model's."""
        return self.terms.layout

    @cached_property
    def own(self) -> frozenset[str]:
        """Params that guides read and no statement of the model does."""
        values = {s.name: s for s in self.layout.graph.statements if s.kind == "value"}
        read = {name for q in self.layout.graph.guide for name in reads(q, values)}
        kept = [s for s in self.layout.graph.statements if s.kind != "value"]
        model: set[str] = set()
        for s in kept:
            model |= needs(s) | {n for v in needs(s) & set(values) for n in _through(v, values)}
        points = {name for name, b in self.layout.blocks.items() if b.point}
        return frozenset(read & points - model)

    @cached_property
    def coordinates(self) -> np.ndarray:
        """Which continuous coordinates belong to ``own``: (D,)."""
        out = np.zeros(self.terms.size, dtype=bool)
        for name in self.own:
            out[self.layout.blocks[name].where] = True
        return out

    @cached_property
    def _given(self) -> tuple[str, ...]:
        guided = {q.name for q in self.layout.graph.guide}
        blocks = self.layout.blocks.values()
        return tuple(b.name for b in blocks if b.point or (b.is_global and b.name not in guided))

    def slopes(self, x: Array, rng: np.random.Generator) -> Array:
        """The mean over simulations of the slopes in the coordinates (D,), at draws x (S, width) of q."""
        with np.errstate(all="ignore"):
            known = self.terms.unpack(x, self._given)
            found = simulate(self.layout, len(x), rng, from_draws(known)).at
            tape = Tape(x)
            at = replace(found, values=dict(found.values), _memo={})
            self._trace_params(tape, at)
            total = self._log_q(at)
            slopes = tape.finish(total).value_and_grad(x)[1][:, : self.terms.size].mean(0)
        if not np.isfinite(slopes).all():
            raise NotFinite("log q of simulated latents is not finite")
        return np.asarray(np.where(self.coordinates, slopes, 0.0))

    def _trace_params(self, tape: Tape, at: Evaluator) -> None:
        for name in sorted(self.own):
            block = self.layout.blocks[name]
            u = xp.slice_last(tape.input, start=block.where.start, stop=block.where.stop)
            shape = (*(at.size(d) for d in block.batch), *block.inner)
            value, _ = bijection_of(at, block).forward(xp.reshape_last(u, count=1, shape=shape))
            at.values[name] = to_stored(at, block.statement, Named(value, block.dims))
        values = {s.name: s for s in self.layout.graph.statements if s.kind == "value"}
        wanted = {name for q in self.layout.graph.guide for name in reads(q, values)} & set(values)
        for group in self.layout.groups:
            if any(s.name in wanted for s in group):
                define_values(at, tuple(s for s in group if s.kind == "value"))

    def _log_q(self, at: Evaluator) -> Any:
        """Log q of all guided latents at their simulated values: (S,)."""
        total: Any = np.zeros((1,))
        for guide in self.layout.graph.guide:
            with evaluating(guide):
                total = total + _weighted_sum(self.layout, at, guide)
        return total


def _through(name: str, values: dict[str, g.Statement]) -> set[str]:
    return reads(values[name], values)


def _weighted_sum(lay: Layout, at: Evaluator, guide: g.Statement) -> Any:
    found = at.log_density(guide.body, own_value(guide, at), guide.event)
    array, weight = found.array, row_weights(lay, at)
    for dim in found.dims:
        own = weight(dim)
        if own is not None:
            array = array * aligned(Named(np.asarray(own, dtype=float)[None], (dim,)), found.dims)
    return xp.sum(array, axis=tuple(range(-len(found.dims), 0))) if found.dims else array
