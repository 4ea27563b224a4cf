"""Guides whose parameters may read other latents, ``q(a[i]) ~ Normal(f(b[i]), s)``, recorded with the log joint.

Three kinds. *Pathwise* ones (Normal, LogNormal, MultivariateNormal) are functions of standard normal numbers: a
draw's columns hold those, and slopes pass through the value to whatever the guide reads. Of all others the
columns hold the value itself, drawn after what the guide reads: where the distribution function is known
slopes pass through the value too (*implicit*), else log q gives the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ppl.backend.tape import Program
from ppl.errors import Diagnostic, ModelError
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.blocks import Block, bound_nodes, unconstrained
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import own_value
from ppl.graph.inline import is_discrete
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.graph.order import mentions, needs
from ppl.graph.store import to_stored

if TYPE_CHECKING:
    from ppl.graph.terms_at_draws import Discrete

Array = Any
Kind = Literal["pathwise", "implicit", "score"]
PATHWISE = ("Normal", "LogNormal", "MultivariateNormal")
TABLES = ("Bernoulli", "Categorical")
STEPS = frozenset({"floor", "ceil", "round", "sign", "eq", "ne", "lt", "le", "gt", "ge"})


@dataclass(frozen=True, eq=False)
class DrawnGuide:
    """A latent's written q. ``where``: its columns of a draw.

    log_q: draws (S, width) to log densities (S, n), one for each of its n independent cells; elements: (n,),
    the flat position of each cell in the stored array; weights: (n,), how often each counts. block or
    discrete: what the columns stand for. parameters: draws to the arguments of q, laid one after another, in
    shapes ``given``; those in ``fixed`` are the same in every draw.
    """

    name: str
    statement: g.Statement
    where: slice
    kind: Kind
    log_q: Program
    elements: np.ndarray
    weights: np.ndarray
    dims: tuple[Dim, ...]
    consumed: tuple[Dim, ...]
    at: Evaluator
    block: Block | None = None
    discrete: Discrete | None = None
    parameters: Program | None = None
    given: tuple[tuple[str, tuple[int, ...]], ...] = ()
    fixed: Mapping[str, Array] | None = None

    @property
    def count(self) -> int:
        """Independent cells n."""
        return len(self.elements)

    def draw(self, x: Array, rng: np.random.Generator) -> None:
        """Fill its columns of draws (S, width), whose earlier columns are drawn."""
        if self.kind == "pathwise":
            x[:, self.where] = rng.standard_normal((len(x), self.where.stop - self.where.start))
            return
        drawn = Named(self._sample(x, rng), (*self.dims, *self.consumed))
        at = replace(self.at, values=dict(self.at.values), _memo={})
        stored = to_stored(at, self.statement, drawn)
        if self.discrete is not None:
            x[:, self.where] = stored.numpy.reshape(len(x), -1)[:, self.discrete.cells]
            return
        assert self.block is not None
        at.values[self.name] = stored
        u = unconstrained(at, self.block, own_value(self.block.statement, at))
        x[:, self.where] = np.nan_to_num(u, nan=0.0, posinf=700.0, neginf=-700.0)

    def _sample(self, x: Array, rng: np.random.Generator) -> Array:
        assert isinstance(self.statement.body, g.Distribution)
        kind, given = densities.distribution(self.statement.body), dict(self.fixed or {})
        if self.parameters is not None:
            flat = np.asarray(self.parameters.value(x))
            stops = np.cumsum([int(np.prod(shape, dtype=int)) for _, shape in self.given])
            for (name, shape), part in zip(self.given, np.split(flat, stops[:-1], axis=1), strict=True):
                given[name] = part.reshape(len(part), *shape)
        shape = (len(x), *(self.at.size(d) for d in self.dims))
        event = tuple(self.at.size(d) for d in self.consumed)
        sized = {"event_shape": event} if kind.event_dims else {}
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(kind.sample(rng, shape, **given, **sized)), (*shape, *event))


# ---------------------------------------------------------------- which guides, and in what order


def drawn_guides(graph: g.Graph) -> dict[str, g.Statement]:
    """The written guides whose draws follow from others, by latent.

    Tables (Bernoulli, Categorical) of data and params alone are not among them: they have logits of their own.
    """
    values = {s.name: s for s in graph.statements if s.kind == "value"}
    latents = {s.name: s for s in graph.statements if s.kind == "latent"}
    out = {}
    for q in graph.guide:
        table = isinstance(q.body, g.Distribution) and q.body.name in TABLES
        discrete = is_discrete(latents[q.name]) if q.name in latents else table
        if not (table and discrete) or reads(q, values) & set(latents):
            out[q.name] = q
    return out


def reads(q: g.Statement, values: Mapping[str, g.Statement]) -> set[str]:
    """Everything that a guide's arguments read, values looked through."""
    pending, seen = mentions((q.body,)), set[str]()
    while pending:
        name = pending.pop()
        seen.add(name)
        pending |= (needs(values[name]) if name in values else set()) - seen
    return seen


def drawing_order(group: tuple[g.Statement, ...], guides: Mapping[str, g.Statement]) -> Iterator[g.Statement]:
    """Statements so that each is drawn or computed after what its draw reads.

    Raises `ModelError` (E605) for guides that read each other.
    """
    names = {s.name for s in group}
    pending = {s: _before(s, guides) & (names - {s.name}) for s in group}
    while pending:
        ready = [s for s, wanted in pending.items() if not wanted & {p.name for p in pending}]
        if not ready:
            stuck = next(s for s in pending if s.name in guides)
            message = f"`q({stuck.name})` reads what is drawn from `{stuck.name}` itself"
            raise refused(guides[stuck.name], message, "leave one of these reads out")
        for s in ready:
            del pending[s]
            yield s


def _before(s: g.Statement, guides: Mapping[str, g.Statement]) -> set[str]:
    if s.kind == "value":
        return needs(s)
    if s.kind == "latent" and s.name in guides:
        return mentions((guides[s.name].body,))
    return mentions(tuple(bound_nodes(s.body))) if s.kind == "latent" else set()


def kind_of(graph: g.Graph, guide: g.Statement) -> Kind:
    """How the draws of a continuous latent's guide are made: smooth ones only where nothing takes steps in them."""
    if not isinstance(guide.body, g.Distribution) or stepped(graph, guide.name):
        return "score"
    if guide.body.name in PATHWISE:
        return "pathwise"
    found = densities.distribution(guide.body)
    smooth = found.log_cdf is not None and found.log_sf is not None and not found.wrapper
    return "implicit" if smooth and not found.event_dims else "score"


def stepped(graph: g.Graph, name: str) -> str:
    """The first statement that reads a latent through a function with steps; empty where none does."""
    reached = {name}
    for s in graph.statements:
        guides = tuple(q.body for q in graph.guide if q.name == s.name and s.kind == "latent")
        for root in (s.body, *guides):
            if mentions((root,)) & reached:
                for node in g.walk((root,)):
                    if _has_steps(node) and mentions((node,)) & reached:
                        return s.name
        if s.kind == "value" and mentions((s.body,)) & reached:
            reached.add(s.name)
    return ""


def _has_steps(node: g.Node) -> bool:
    return isinstance(node, g.Apply) and node.function in STEPS


def refused(guide: g.Statement, message: str, help: str) -> ModelError:
    """E605 at the guide's line."""
    return ModelError((Diagnostic("E605", message, span=guide.span, help=help),))
