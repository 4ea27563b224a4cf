"""How the gradient of each factor of q is estimated: chosen per latent, with the reason.

* continuous latents: pathwise (reparameterised), unless their log joint has steps in them;
* discrete ones of at most 16 states whose blanket is cheap: the exact expectation over the element
  itself, everything else drawn;
* other two-state elements with two draws: antithetic pairs (DisARM);
* the rest: score function over the Markov blanket, with the leave-one-out baseline;
* latents with a guide that reads others: pathwise, local or score too, in what the guide reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ppl.backend.tape import Program
from ppl.graph.blankets import coordinate_elements, drawn_after, stored_shape
from ppl.graph.blocks import Block
from ppl.graph.drawn_guides import DrawnGuide, stepped
from ppl.graph.guide_terms import state_tables
from ppl.graph.terms_at_draws import Discrete, TermsAtDraws
from ppl.inference.score_blanket import Blanket, blanket_of
from ppl.inference.score_colours import colours_of
from ppl.inference.score_trials import Trial
from ppl.posterior.target import Array

MOST_STATES = 16
MOST_EVALUATIONS = 64  # of a blanket, for one draw of the rest, that an exact expectation may take


@dataclass(frozen=True, eq=False)
class DiscreteNode:
    """A discrete latent's estimator; ``trial``: how its states are tried, of a local one."""

    latent: Discrete
    estimator: str
    reason: str
    blanket: Blanket
    trial: Trial | None = None


@dataclass(frozen=True, eq=False)
class GuidedNode:
    """The estimator for what a drawn latent's guide reads.

    tables: of a local one, draws to log q of all states of its cells, (S, n K), which are tried in ``order``.
    """

    guide: DrawnGuide
    estimator: str
    reason: str
    blanket: Blanket | None = None
    trial: Trial | None = None
    tables: Program | None = None
    order: np.ndarray | None = None


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
    guided: tuple[GuidedNode, ...] = ()

    def sentences(self) -> Iterator[str]:
        """What ``ppl explain`` prints: a line for each latent."""
        for c in self.continuous:
            yield f"{c.block.name}: {c.estimator} ({c.reason})"
        for d in self.discrete:
            yield f"{d.latent.name}: {d.estimator} ({d.reason})"
        for q in self.guided:
            yield f"{q.guide.name}: {q.estimator} ({q.reason})"

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
    drawn = {q.name for q in terms.drawn}
    blocks = [b for b in terms.layout.blocks.values() if b.name not in drawn]
    return Plan(
        tuple(_continuous(terms, b, asked) for b in blocks),
        tuple(_told(_discrete(terms, d, draws, asked), i in guided) for i, d in enumerate(terms.discretes)),
        tuple(_guided(terms, q, asked) for q in terms.drawn),
    )


# ---------------------------------------------------------------- continuous latents


def _continuous(terms: TermsAtDraws, block: Block, asked: str) -> ContinuousNode:
    if block.point:
        return ContinuousNode(block, "point", "a parameter has no spread")
    steps = stepped(terms.layout.graph, block.name)
    if not steps and asked != "score":
        return ContinuousNode(block, "pathwise", "its log joint is smooth in it")
    why = f"`{steps}` has steps in it" if steps else "as asked"
    shape = stored_shape(terms.layout, terms.at, block)
    blanket = blanket_of(terms, block.name, shape, len(block.consumed))
    elements = coordinate_elements(terms.layout, terms.at, block)
    return ContinuousNode(block, "score", why, blanket, elements)


# ---------------------------------------------------------------- discrete latents


def _told(node: DiscreteNode, guided: bool) -> DiscreteNode:
    return replace(node, reason=f"{node.reason}; its logits are the guide's") if guided else node


def _discrete(terms: TermsAtDraws, d: Discrete, draws: int, asked: str) -> DiscreteNode:
    blanket = blanket_of(terms, d.name, d.shape)
    count = len(d.states)
    trial = _trial(terms, d, blanket) if asked in ("auto", "local") else None
    if trial is not None:
        return DiscreteNode(d, "local", _tried(trial), blanket, trial)
    if count == 2 and (asked == "disarm" or (asked == "auto" and draws == 2)):
        return DiscreteNode(d, "disarm", "antithetic pairs of two states", blanket)
    reason = "as asked" if asked == "score" else f"{count} states, or a wide blanket"
    return DiscreteNode(d, "score", f"leave-one-out baseline; {reason}", blanket)


def _tried(trial: Trial) -> str:
    tried = len(trial.latent.states) * (int(trial.colours.max(initial=-1)) + 1)
    return f"exact in each element: {tried} evaluations of its blanket"


def _trial(terms: TermsAtDraws, d: Discrete, blanket: Blanket) -> Trial | None:
    """How all states are tried; None where that takes too much, or what is drawn after it would not fit them."""
    scored = {q.name for q in terms.drawn if q.kind != "pathwise"}
    if len(d.states) > MOST_STATES or drawn_after(terms.layout, d.name) & scored:
        return None
    colours = colours_of(d, [found for found, _ in blanket.parts], MOST_EVALUATIONS // len(d.states))
    if colours is None:
        return None
    program = terms.part([found.term for found, _ in blanket.parts], averaged=True)
    return Trial(d, blanket.alone(), program, colours)


# ---------------------------------------------------------------- latents that guides draw


def _guided(terms: TermsAtDraws, q: DrawnGuide, asked: str) -> GuidedNode:
    if q.kind == "pathwise":
        return GuidedNode(q, "pathwise", "the guide's draws are smooth in what it reads")
    if q.kind == "implicit":
        return GuidedNode(q, "implicit", "pathwise, by the guide's distribution function")
    if q.discrete is None:
        assert q.block is not None
        shape = stored_shape(terms.layout, terms.at, q.block)
        blanket = blanket_of(terms, q.name, shape, len(q.consumed))
        return GuidedNode(q, "score", "leave-one-out baseline; the guide's draws", blanket)
    blanket = blanket_of(terms, q.name, q.discrete.shape)
    trial = _trial(terms, q.discrete, blanket) if asked in ("auto", "local") else None
    if trial is None:
        return GuidedNode(q, "score", "leave-one-out baseline; the guide's draws", blanket)
    order = np.searchsorted(q.discrete.cells, q.elements)
    return GuidedNode(
        q, "local", f"{_tried(trial)}; the guide's table", blanket, trial, state_tables(terms, q), order
    )
