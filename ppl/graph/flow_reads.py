"""What a flow of a guide reads of data, networks and other latents: an amortised q that is no Gaussian.

With c the context of an element, f its coupling layers at c, and mu and sigma what the guide gives or else 0 and 1,

    u = mu + sigma (m + exp(w) f(e; c)),    log q(u) = log N(e; 0, I) - sum (log-scales of f + w + log sigma),

m and w numbers for each coordinate that all elements share. (Rezende and Mohamed 2015; Kingma and others 2016.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import aligned
from ppl.graph.nodes import Dim
from ppl.graph.order import mentions, needs

Array = Any
FLOW = "Flow"


@dataclass(frozen=True, eq=False)
class Reads:
    """The arguments of a flow's `q`: each a value over ``plates`` and axes of its own.

    ``dims``: the guide's names of the one latent's axes, in the order of its coordinates.
    """

    given: dict[str, g.Node]
    plates: tuple[Dim, ...]
    dims: tuple[Dim, ...] = ()

    @property
    def width(self) -> tuple[Dim, ...]:
        """The axes of the context."""
        return self.given["context"].event if "context" in self.given else ()

    def context(self, at: Evaluator) -> Array | None:
        """What the layers read: (draws, elements, C); nothing without a context."""
        return self._flat(at, "context", self.width) if "context" in self.given else None

    def moved(self, at: Evaluator, own: tuple[Array, Array], v: Array, spread: Array) -> tuple[Array, Array]:
        """u and its part of ``-log q`` from those of v; own: m and w (1, D). All (draws, elements, D)."""
        mean, log_sd = (xp.expand_dims(x, (-2,)) for x in own)
        u, spread = mean + xp.exp(log_sd) * v, spread + log_sd
        if "sd" in self.given:
            sd = self._flat(at, "sd", self.dims)
            u, spread = sd * u, spread + xp.log(sd)
        return (self._flat(at, "mean", self.dims) + u if "mean" in self.given else u), spread

    def _flat(self, at: Evaluator, name: str, dims: tuple[Dim, ...]) -> Array:
        plates, inner = ([at.size(d) for d in some] for some in (self.plates, dims))
        whole = (*self.plates, *dims)
        array = aligned(at.named(self.given[name]), whole)
        array = xp.broadcast_last(array, (*plates, *inner)) if whole else array
        flat = (int(np.prod(plates, dtype=int)), int(np.prod(inner, dtype=int)))
        return xp.reshape_last(array, len(whole), flat)


def reads_of(guide: g.Statement, axes: tuple[Dim, ...]) -> Reads:
    """What a flow's `q` reads. axes: those of its latent after the plates, as the model has them."""
    assert isinstance(guide.body, g.Distribution)
    left, dims = list(guide.event), []
    for axis in axes:
        found = next((d for d in left if d.set == axis.set), None)
        if found is not None:
            left.remove(found)
            dims.append(found)
    return Reads(dict(guide.body.arguments), guide.place.plates, tuple(dims))


def reading(graph: g.Graph, names: tuple[str, ...]) -> g.Statement | None:
    """The `q` of a flow over some latents, if it reads anything."""
    return next((q for q in graph.guide if q.name in names and is_flow(q)), None)


def is_flow(guide: g.Statement) -> bool:
    """Whether a guide's statement is a flow that reads something."""
    return isinstance(guide.body, g.Distribution) and guide.body.name == FLOW


def own_latent(graph: g.Graph, guide: g.Statement, names: tuple[str, ...]) -> str:
    """A latent among ``names`` that what a flow reads depends on; nothing where it can be drawn after that."""
    by_name = {s.name: s for s in graph.statements if s.kind in ("latent", "value", "param")}
    guides = {q.name: q for q in graph.guide}
    seen: set[str] = set()
    front = mentions((guide.body,))
    while front:
        name = front.pop()
        if name in names:
            return name
        if name in by_name and name not in seen:
            seen.add(name)
            front |= needs(by_name[name]) | (needs(guides[name]) if name in guides else set())
    return ""
