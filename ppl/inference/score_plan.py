"""How the gradient of each factor of q is estimated: chosen per latent, with the reason.

* continuous latents: pathwise (reparameterised), unless their log joint has steps in them;
* discrete ones of at most 16 states whose blanket is cheap: the exact expectation over the element
  itself, everything else drawn;
* other two-state elements with two draws: antithetic pairs (DisARM);
* the rest: score function over the Markov blanket, with the leave-one-out baseline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ppl.backend.tape import Program
from ppl.graph import nodes as g
from ppl.graph.blankets import Incidence, coordinate_elements, incidence, stored_shape
from ppl.graph.blocks import Block
from ppl.graph.order import mentions
from ppl.graph.terms_at_draws import Discrete, TermsAtDraws
from ppl.inference.score_colours import colours_of
from ppl.posterior.target import Array

MOST_STATES = 16
MOST_EVALUATIONS = 64  # of a blanket, for one draw of the rest, that an exact expectation may take
STEPS = frozenset({"floor", "ceil", "round", "sign", "eq", "ne", "lt", "le", "gt", "ge"})


@dataclass(frozen=True, eq=False)
class Blanket:
    """The terms that read a latent, each with its incidence and its columns among some program's values."""

    parts: tuple[tuple[Incidence, slice], ...]
    shape: tuple[int, ...]

    def costs(self, values: Array) -> Array:
        """Costs of the elements of the stored array, flat: (S, cells of terms) to (S, elements)."""
        out = np.zeros((len(values), *self.shape))
        for found, where in self.parts:
            found.add_to(out, values[:, where])
        return out.reshape(len(values), -1)


@dataclass(frozen=True, eq=False)
class DiscreteNode:
    """A discrete latent's estimator. ``program`` evaluates its blanket alone; ``colours``: (n,).

    Elements of one colour share no term, so that one evaluation tries a state for all of them.
    """

    latent: Discrete
    estimator: str
    reason: str
    blanket: Blanket
    own: Blanket | None = None
    program: Program | None = None
    colours: Array | None = None


@dataclass(frozen=True, eq=False)
class ContinuousNode:
    """A continuous latent's estimator; ``elements``: (coordinates,) positions of their costs."""

    block: Block
    estimator: str
    reason: str
    blanket: Blanket | None = None
    elements: Array | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """One node for each latent, in the order of the columns of a draw."""

    continuous: tuple[ContinuousNode, ...]
    discrete: tuple[DiscreteNode, ...]

    def sentences(self) -> Iterator[str]:
        """What ``ppl explain`` prints: a line for each latent."""
        for c in self.continuous:
            yield f"{c.block.name}: {c.estimator} ({c.reason})"
        for d in self.discrete:
            yield f"{d.latent.name}: {d.estimator} ({d.reason})"

    @property
    def paired(self) -> bool:
        """Whether draws come in antithetic pairs."""
        return any(d.estimator == "disarm" for d in self.discrete)


def make_plan(
    terms: TermsAtDraws, draws: int, asked: str = "auto", guided: frozenset[int] = frozenset()
) -> Plan:
    """Choose an estimator for every latent; ``asked`` forces one where it applies.

    guided: the numbers of discrete latents whose logits a guide gives; that changes the words alone.
    """
    blocks = terms.layout.blocks.values()
    return Plan(
        tuple(_continuous(terms, b, asked) for b in blocks),
        tuple(_told(_discrete(terms, d, draws, asked), i in guided) for i, d in enumerate(terms.discretes)),
    )


# ---------------------------------------------------------------- continuous latents


def _continuous(terms: TermsAtDraws, block: Block, asked: str) -> ContinuousNode:
    if block.point:
        return ContinuousNode(block, "point", "a parameter has no spread")
    stepped = _stepped(terms, block.name)
    if not stepped and asked != "score":
        return ContinuousNode(block, "pathwise", "its log joint is smooth in it")
    why = f"`{stepped}` has steps in it" if stepped else "as asked"
    shape = stored_shape(terms.layout, terms.at, block)
    whole = len(block.consumed)
    parts = _parts(terms, block.name, shape, whole)
    elements = coordinate_elements(terms.layout, terms.at, block)
    return ContinuousNode(block, "score", why, Blanket(parts, shape), elements)


def _stepped(terms: TermsAtDraws, name: str) -> str:
    """The first statement that reads the latent through a function with steps; empty where none does."""
    reached = {name}
    for s in terms.layout.graph.statements:
        if mentions((s.body,)) & reached:
            for node in g.walk((s.body,)):
                if mentions((node,)) & reached and _has_steps(node):
                    return s.name
            if s.kind == "value":
                reached.add(s.name)
    return ""


def _has_steps(node: g.Node) -> bool:
    return isinstance(node, g.Apply) and node.function in STEPS


# ---------------------------------------------------------------- discrete latents


def _told(node: DiscreteNode, guided: bool) -> DiscreteNode:
    return replace(node, reason=f"{node.reason}; its logits are the guide's") if guided else node


def _discrete(terms: TermsAtDraws, d: Discrete, draws: int, asked: str) -> DiscreteNode:
    blanket = Blanket(_parts(terms, d.name, d.shape, 0), d.shape)
    count = len(d.states)
    if asked in ("auto", "local") and count <= MOST_STATES:
        colours = colours_of(d, [found for found, _ in blanket.parts], MOST_EVALUATIONS // count)
        if colours is not None:
            tried = count * (int(colours.max(initial=-1)) + 1)
            reason = f"exact in each element: {tried} evaluations of its blanket"
            return _local(terms, d, blanket, colours, reason)
    if count == 2 and (asked == "disarm" or (asked == "auto" and draws == 2)):
        return DiscreteNode(d, "disarm", "antithetic pairs of two states", blanket)
    reason = "as asked" if asked == "score" else f"{count} states, or a wide blanket"
    return DiscreteNode(d, "score", f"leave-one-out baseline; {reason}", blanket)


def _local(terms: TermsAtDraws, d: Discrete, blanket: Blanket, colours: Array, reason: str) -> DiscreteNode:
    touched = [found.term for found, _ in blanket.parts]
    parts, start = [], 0
    for found, where in blanket.parts:
        parts.append((found, slice(start, start + where.stop - where.start)))
        start = parts[-1][1].stop
    own = Blanket(tuple(parts), d.shape)
    return DiscreteNode(d, "local", reason, blanket, own, terms.part(touched), colours)


def _parts(
    terms: TermsAtDraws, name: str, shape: tuple[int, ...], whole: int
) -> tuple[tuple[Incidence, slice], ...]:
    out = []
    for term in terms.terms:
        found = incidence(terms.layout, terms.at, term, name, shape, whole)
        if found is not None:
            out.append((found, term.where))
    return tuple(out)
