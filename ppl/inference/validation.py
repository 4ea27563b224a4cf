"""Elements of a plate held out of a stochastic fit, to tell when it no longer improves on data it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.errors import Diagnostic, ModelError, PplError, UsageError, fail
from ppl.graph.batch import batch_plan, take_batch, whole_groups
from ppl.graph.batch_checks import refuse_batches
from ppl.graph.bind_statistics import frozen, statistics
from ppl.graph.nodes import Graph
from ppl.graph.problem import Problem
from ppl.graph.stochastic import StochasticElbo
from ppl.inference.draws import stream
from ppl.inference.stochastic_target import StochasticTarget
from ppl.posterior.target import Array

GROUPS = 20  # of held-out elements, from which the standard error of a change is found
DRAWS = 4  # of the latents, the same at every look
PATIENCE = 10  # looks without a rise by a standard error
SPLIT, LOOK = 4, 5  # purposes of random streams


def parse_share(text: str) -> tuple[str, float]:
    """``images=0.1`` as a plate and a share. Raises `UsageError` (E705).

    >>> parse_share("images=0.1")
    ('images', 0.1)
    """
    plate, equals, number = (part.strip() for part in text.partition("="))
    try:
        share = float(number)
    except ValueError:
        share = 0.0
    if not equals or not 0.0 < share < 1.0:
        raise fail(
            UsageError, "E705", f"`{text}` is no share to hold out", help="as in --validate images=0.1"
        )
    return plate, share


@dataclass(frozen=True)
class Held:
    """What was seen of held-out elements: ``x`` (L,) where their bound was best, empty before the first look.

    best: (groups,) nats an element there; reference: the same where it last rose by a standard error;
    waited: looks since then; step: of x; elements: how many are held out.
    """

    x: Array = field(default_factory=lambda: np.zeros(0))
    best: Array = field(default_factory=lambda: np.zeros(0))
    reference: Array = field(default_factory=lambda: np.zeros(0))
    waited: int = 0
    step: int = 0
    elements: int = 0

    @property
    def over(self) -> bool:
        """Whether the bound has not risen for long enough."""
        return self.waited >= PATIENCE

    def remark(self, plate: str) -> str:
        """What was seen, in words; nothing before the first look."""
        if not len(self.best):
            return ""
        error = float(self.best.std(ddof=1) / np.sqrt(len(self.best)))
        return (
            f"{self.elements} `{plate}` were held out of the fit: its bound on them, {self.best.mean():.4g} nats "
            f"each (standard error {error:.2g}), was best at step {self.step}, whose state is kept"
        )


def looked(known: Held, x: Array, values: Array, step: int, elements: int) -> Held:
    """After a look at x, where the bound of each group of held-out elements is ``values``: (groups,).

    >>> first = looked(Held(), np.zeros(1), np.zeros(4), 50, 8)
    >>> looked(first, np.ones(1), np.array([1.0, 1.1, 0.9, 1.0]), 100, 8).step
    100
    """
    if not len(known.best):
        return Held(x.copy(), values, values, 0, step, elements)
    gain = values - known.reference
    rises = float(gain.mean()) > float(gain.std(ddof=1) / np.sqrt(len(gain)))
    new = replace(known, reference=values, waited=0) if rises else replace(known, waited=known.waited + 1)
    return replace(new, x=x.copy(), best=values, step=step) if values.mean() > known.best.mean() else new


@dataclass(frozen=True, eq=False)
class Split:
    """What a search moves on, and estimates of the bound on the elements it does not see."""

    train: StochasticTarget
    held: StochasticElbo

    def values(self, x: Array) -> Array:
        """Nats an element in each group of held-out elements, at the same draws whenever it is asked: (groups,)."""
        rows = self.held.rows
        order = stream(rows, SPLIT, 1).permutation(rows)
        found = []
        for k, part in enumerate(np.array_split(order, min(GROUPS, rows))):
            view = self.held.batch(np.sort(part))
            noise = self.held.noise(stream(rows, LOOK, k))
            parts, _ = self.held.parts(x, view, noise, DRAWS)
            found.append(float(np.mean(parts.log_likelihood - parts.rate)) / rows)
        return np.array(found)


def split_of(problem: Problem, text: str, made: Callable[[Problem], StochasticTarget]) -> Split:
    """Hold out a share of a plate, the same for every seed; ``made`` gives the target of what stays.

    Raises `UsageError` or `ModelError` where its elements have latents of their own without a guide.
    """
    plate, share = parse_share(text)
    program = frozen(problem.program, statistics(problem.program, problem.data))
    plan = batch_plan(program, problem.data, plate)
    rows = problem.data.sets[plate].size
    count = round(share * rows)
    if min(count, rows - count) < 2:
        raise fail(
            UsageError, "E705", f"{share:g} of {rows} `{plate}` is too little to hold out, or too much"
        )
    order = stream(rows, SPLIT).permutation(rows)
    parts = []
    for chosen in (order[count:], order[:count]):
        batch = take_batch(program, problem.data, plan, np.sort(chosen))
        weights = {n: w for n, w in problem.data.weights.items() if n not in batch.positions}
        weights |= {
            n: problem.data.weights[n][p] for n, p in batch.positions.items() if n in problem.data.weights
        }
        parts.append(Problem(program, replace(batch.data, weights=weights)))
    train = made(parts[0])
    refuse_batches(train.estimates.graph, plan.cut, whole_groups(problem.data, plan))
    held = StochasticElbo(parts[1], plate, train.estimates.kind is np.float32, train.flow)
    for estimates in (train.estimates, held):
        _refuse(estimates, plan.cut)
    return Split(train, held)


def _refuse(estimates: StochasticElbo, cut: frozenset[str]) -> None:
    """What a fit would not know of elements it has not seen, and what would be known of others."""
    graph: Graph = estimates.graph
    for s in graph.statements:
        own = {d.set for p in s.place.plates for d in _plain(graph, p)} & cut
        if s.kind == "observed" and not own:
            raise _refused(s, f"`{s.name}` is observed outside the plate that is held out")
        name = s.name if s.imputes is None else ".".join(s.imputes)
        if own and name in estimates.layout.blocks and name not in (*estimates.guides, *estimates.reading):
            raise _refused(s, f"`{name}` has elements of its own in what is held out, and no `q`")


def _plain(graph: Graph, dim: Any) -> tuple[Any, ...]:
    return graph.domains[dim].plain if dim in graph.domains else (dim,)


def _refused(s: Any, message: str) -> PplError:
    help = "give it a `q` in the guide, hold out another plate, or fit without --validate"
    return ModelError((Diagnostic("E607", message, span=s.span, help=help),))
