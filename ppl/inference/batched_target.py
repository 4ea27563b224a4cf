"""A problem in minibatches of one plate: for each batch the energy of its rows, sharing the global blocks.

The rows of a plate are dealt into batches once; what points at the plate follows its rows. A batch's energy is that
of all factors that no batch cuts, plus those of its own rows, which stand for as many as there are batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent
from ppl.energy.blocks.base import Factor
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.blocks.site import SiteBlock
from ppl.energy.conditionals import is_auxiliary
from ppl.energy.operands import Key
from ppl.energy.starting import observations
from ppl.energy.wishes import members, root
from ppl.errors import Diagnostic, FitError, PplError
from ppl.graph.batch import Batch, Plan, batch_plan, take_batch, whole_groups
from ppl.graph.batch_checks import refuse_batches
from ppl.graph.bind_statistics import frozen, statistics
from ppl.graph.nodes import Graph, Statement
from ppl.graph.problem import Problem
from ppl.graph.store import axis_sets
from ppl.inference.draws import stream
from ppl.inference.energy_build import climbing
from ppl.inference.guide_wishes import wishes_of
from ppl.inference.stochastic_target import parse_batch

Array = Any
LEAD = 20  # batches that a start looks at together
DEAL = 21  # the purpose of the stream that deals rows into batches


@dataclass(frozen=True, eq=False)
class Part:
    """The energy of one batch: which of its blocks and products are the batch's own."""

    ascent: Ascent
    local: tuple[int, ...]
    shared: tuple[int, ...]
    own: tuple[bool, ...]
    constant: float
    own_constant: float

    def gradient(self, i: int, factors: tuple[Factor, ...], scale: float | None) -> dict[Key, Array]:
        """dE/dmu of block i: its shared products, and its own ``scale`` times; without scale its own alone."""
        out: dict[Key, Array] = {}
        polynomial = self.ascent.polynomial
        for p, o in polynomial.touching.get(i, ()):
            if scale is None and not self.own[p]:
                continue
            times = scale if self.own[p] and scale is not None else 1.0
            if times == 0.0:
                continue
            key = polynomial.products[p].operands[o].key
            part = times * polynomial.partial(p, o, factors)
            out[key] = out[key] + part if key in out else part
        return out

    def values(self, factors: tuple[Factor, ...]) -> tuple[float, float]:
        """The bound's shared part (with the shared entropies), and the batch's own."""
        values = np.asarray(self.ascent.polynomial.values(factors))
        own = np.array(self.own, dtype=bool)
        shared = float(values[~own].sum()) + sum(factors[i].entropy for i in self.shared) + self.constant
        mine = float(values[own].sum()) + sum(factors[i].entropy for i in self.local) + self.own_constant
        return shared, mine


@dataclass(frozen=True, eq=False)
class BatchTarget:
    """A problem whose rows come in batches; energies of batches are made when they are first asked for."""

    problem: Problem
    plan: Plan
    size: int
    points: tuple[str, ...] = ()
    merge: bool = True
    _parts: dict[tuple[int, int], Part] = field(default_factory=dict)
    _places: dict[int, list[Array]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Elements of the plate."""
        return self.problem.data.sets[self.plan.plate].size

    @property
    def count(self) -> int:
        """Batches in one pass."""
        return max(1, round(self.rows / self.size))

    def scale(self, rows: int) -> float:
        """How many times as many rows there are as in a batch."""
        return self.rows / max(rows, 1)

    def places(self, seed: int) -> list[Array]:
        """The rows of every batch, dealt at random, in rising order."""
        if seed not in self._places:
            order = stream(seed, DEAL).permutation(self.rows)
            self._places[seed] = [np.sort(part) for part in np.array_split(order, self.count)]
        return self._places[seed]

    def part(self, seed: int, k: int) -> Part:
        """The energy of batch k. Raises `FitError` where minibatches cannot be taken."""
        if (seed, k) not in self._parts:
            batch = take_batch(self.problem.program, self.problem.data, self.plan, self.places(seed)[k])
            made = self._part(self._unscaled(batch))
            self._parts[seed, k] = made if k == 0 else self._like(made, self.part(seed, 0))
        return self._parts[seed, k]

    @property
    def leading(self) -> int:
        """Batches that a start looks at together."""
        return min(LEAD, self.count)

    def lead(self, seed: int) -> tuple[Part, int]:
        """The energy of the first batches together, and how many rows these have."""
        rows = np.sort(np.concatenate(self.places(seed)[: self.leading]))
        batch = take_batch(self.problem.program, self.problem.data, self.plan, rows)
        return self._like(self._part(self._unscaled(batch)), self.part(seed, 0)), len(rows)

    def positions(self, seed: int, k: int) -> Mapping[str, Array]:
        """Where the elements of batch k lie in each set that is cut."""
        rows = self.places(seed)[k]
        return take_batch(self.problem.program, self.problem.data, self.plan, rows).positions

    def _unscaled(self, batch: Batch) -> Problem:
        """The batch with its rows counted as often as in the data."""
        data, whole = batch.data, self.problem.data
        kept = {n: w for n, w in data.weights.items() if n not in batch.positions}
        kept |= {n: whole.weights[n][p] for n, p in batch.positions.items() if n in whole.weights}
        return Problem(self.problem.program, replace(data, weights=kept))

    @cached_property
    def local_names(self) -> frozenset[str]:
        """Latents with an axis that batches cut."""
        out = set()
        for s in self.problem.plain.statements:
            if s.kind in ("latent", "param") and set(axis_sets(s)) & self.plan.cut:
                out.add(s.name)
            if s.imputes is not None and s.imputes[0] in self.plan.cut:
                out.add(".".join(s.imputes))
        return frozenset(out)

    def climb(self, problem: Problem) -> Ascent:
        """The energy of some rows, or of all, in blocks that are local or shared."""
        asked = wishes_of(problem.program, self.points, self.merge)
        wishes = replace(asked, local=self.local_names, torn=self.plan.cut)
        return climbing(problem, self.points, wishes, {})

    def _part(self, problem: Problem) -> Part:
        ascent = self.climb(problem)
        local: list[int] = []
        shared: list[int] = []
        graph = problem.plain
        for i, block in enumerate(ascent.blocks):
            if isinstance(block, SampledBlock):
                raise _refused(block.component.reason, block.component.span)
            names = {root(n) for n in members(block.names)}
            own_rows = isinstance(block, SiteBlock) or (
                isinstance(block, DiscreteBlock)
                and is_auxiliary(block)
                and self._cuts(graph, block.latent.statement)
            )
            (local if own_rows or names & self.local_names else shared).append(i)
        own = tuple(self._cuts(graph, p.origin) for p in ascent.polynomial.products)
        constants = ascent.plan.energy.constants
        mine = sum(c for s, c in constants if self._cuts(graph, s))
        return Part(ascent, tuple(local), tuple(shared), own, ascent.plan.energy.constant - mine, float(mine))

    def _cuts(self, graph: Graph, s: Statement | None) -> bool:
        """Whether a statement runs over elements that batches cut."""
        if s is None:
            return False
        plain = [d for p in s.place.plates for d in (graph.domains[p].plain if p in graph.domains else (p,))]
        return any(d.set in self.plan.cut for d in plain)

    def _like(self, part: Part, first: Part) -> Part:
        """The part, if its shared blocks are those of the first one."""
        mine = [part.ascent.blocks[i] for i in part.shared]
        others = [first.ascent.blocks[i] for i in first.shared]
        alike = len(mine) == len(others) and all(
            type(a) is type(b) and a.names == b.names and a.shapes() == b.shapes()
            for a, b in zip(mine, others, strict=True)
        )
        if not alike:
            raise _refused("batches differ in how their rows couple shared latents", None)
        return part

    def observed(self, seed: int) -> int:
        """About how many observations there are."""
        part = self.part(seed, 0)
        return int(observations(part.ascent) * self.scale(len(self.places(seed)[0])))

    def whole(self) -> Ascent:
        """The energy of all rows."""
        return self.climb(self.problem)


def batch_target(
    problem: Problem, batch: str, points: tuple[str, ...] = (), merge: bool = True
) -> BatchTarget:
    """Minibatches as ``plate=size`` asks for. Raises `UsageError`, and `ModelError` where rows need one another."""
    plate, size = parse_batch(batch)
    program = frozen(problem.program, statistics(problem.program, problem.data))
    plan = batch_plan(program, problem.data, plate)
    found = Problem(program, problem.data)
    refuse_batches(found.plain, plan.cut, whole_groups(problem.data, plan))
    return BatchTarget(found, plan, min(size, problem.data.sets[plate].size), points, merge)


def _refused(why: str, span: Any) -> PplError:
    help = "fit without `--batch`, or in batches by `--method advi --batch ...`"
    return FitError((Diagnostic("E608", f"minibatches need closed forms: {why}", span=span, help=help),))
