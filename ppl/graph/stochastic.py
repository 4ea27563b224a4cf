"""The ELBO of a bound problem at random draws and, if asked, random rows: value, parts and slopes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ppl.backend.eager import gradients, replay
from ppl.backend.tape import Tape, Value
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, layout
from ppl.graph.batch import Plan, batch_plan, take_batch, whole_groups
from ppl.graph.batch_checks import refuse_batches
from ppl.graph.bind_statistics import frozen, statistics
from ppl.graph.bind_types import BoundData
from ppl.graph.blocks import Block, unconstrained
from ppl.graph.evaluate import Evaluator
from ppl.graph.flow_reads import FLOW, is_flow
from ppl.graph.flows import Flow, Wish, flows_of, wishes_of
from ppl.graph.guard import evaluating
from ppl.graph.guides import BARE, PATHWISE, refuse_guides
from ppl.graph.lower import prior_start
from ppl.graph.named import Named
from ppl.graph.networks import initial_weights
from ppl.graph.parameters import Parameter, Piece, flow_parameters, parameters_of, pieces_of
from ppl.graph.problem import Problem
from ppl.graph.rows import check_support
from ppl.graph.store import stored_dims
from ppl.graph.variational import Elbo, Family, Noise, draw, evaluate, ordered

Array = Any


@dataclass(frozen=True)
class Slopes:
    """One estimate: the objective, the parts of the ELBO, and the slope of each parameter's piece."""

    objective: float
    log_likelihood: float
    rate: float
    kl: float
    pieces: tuple[Piece, ...]
    slopes: tuple[Array, ...]

    @property
    def elbo(self) -> float:
        """The estimate of the ELBO, whatever the weight of the rate."""
        return self.log_likelihood - self.rate - self.kl


@dataclass(frozen=True, eq=False)
class View:
    """What one evaluation looks at: all data, or a batch of them."""

    layout: Layout
    pieces: tuple[Piece, ...]
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Recording:
    """An evaluation on a tape: its parameters, standard normal numbers and data, and what it gives."""

    tape: Tape
    inputs: tuple[Value, ...]
    noise: tuple[Value, ...]
    data: tuple[Value, ...]
    objective: Value
    parts: tuple[Array, Array, Array]


class StochasticElbo:
    """Estimates of the ELBO of free Gaussians, points and guides over a problem's latents.

    ``plate``: the set that batches are taken of, or nothing. ``single``: arrays of float32.
    ``flow``: one over all free latents, where the guide asks for none.
    """

    def __init__(
        self, problem: Problem, plate: str = "", single: bool = False, flow: Wish | None = None
    ) -> None:
        data = problem.data
        program = frozen(problem.program, statistics(problem.program, data)) if plate else problem.program
        whole = Problem(program, data, noncentre=not _moves_guided(problem)) if plate else problem
        self.problem, self.program = whole, program
        self.data = _single(data) if single else data
        self.kind = np.float32 if single else np.float64
        graph = whole.plain if _moves_guided(whole) else whole.graph
        refuse_guides(program, graph, (*PATHWISE, FLOW), "this method", (*BARE, FLOW))
        self.plan: Plan | None = batch_plan(program, data, plate) if plate else None
        if self.plan is not None:
            refuse_batches(graph, self.plan.cut, whole_groups(data, self.plan))
        self.graph = graph
        self._groups = ordered(graph)
        self.layout = self._layout(self.data)
        _check_supports(self.layout)
        self.guides: Mapping[str, g.Statement] = {q.name: q for q in graph.guide if not is_flow(q)}
        wishes = wishes_of(program) or (() if flow is None else (flow,))
        self.flows: tuple[Flow, ...] = flows_of(self.layout, wishes, self.guides, self._cut)
        free = parameters_of(self.layout, frozenset({*self.guides, *self.reading}))
        self.parameters: tuple[Parameter, ...] = (
            *free,
            *flow_parameters(self.flows, free[-1].where.stop if free else 0),
        )
        self.size = self.parameters[-1].where.stop if self.parameters else 0

    @property
    def reading(self) -> tuple[str, ...]:
        """Latents in flows that read something."""
        return tuple(name for f in self.flows if f.reads is not None for name in f.names)

    @property
    def by_row(self) -> tuple[str, ...]:
        """Latents with a guide, and those of which every element flows by itself."""
        return (*self.guides, *(name for f in self.flows if f.plates for name in f.names))

    def _layout(self, data: BoundData) -> Layout:
        found = layout(self.graph, data, self.problem.data_sets, self._groups)
        return replace(found, fold=False, checked=True)

    @property
    def rows(self) -> int:
        """Elements of the plate that batches are taken of; 0 without one."""
        return 0 if self.plan is None else self.data.sets[self.plan.plate].size

    def _cut(self, block: Block) -> bool:
        """Whether batches take a part of a block."""
        cut = () if self.plan is None else self.plan.cut
        own = block.statement.imputes
        return _touches(self._whole, block, cut) or (own is not None and own[0] in cut)

    @cached_property
    def _whole(self) -> Evaluator:
        return self.layout.evaluator()

    # ---------------------------------------------------------------- where a search starts

    def start(self, seed: int, log_sd: float) -> Array:
        """Prior medians, network weights by their usual rule, and one log sd: (L,)."""
        out = np.full(self.size, log_sd, dtype=self.kind)
        z = prior_start(self.layout)
        weights = initial_weights(self.graph.networks, self._whole.size, seed)
        flows = iter(self.flows)
        for p in self.parameters:
            if p.role == "flow":
                out[p.where] = next(flows).start(
                    np.random.default_rng([seed, p.where.start]), z, log_sd, self._whole.size
                )
            if p.role == "mean":
                at = z[p.block.where]
                if p.block.name in weights:
                    named = Named(weights[p.block.name][None], p.block.dims)
                    at = unconstrained(self._whole, p.block, named)[0]
                out[p.where] = at
        return out

    # ---------------------------------------------------------------- evaluations

    @cached_property
    def everything(self) -> View:
        """All data."""
        return View(self.layout, tuple(Piece(p, None, ()) for p in self.parameters))

    def batch(self, rows: Array) -> View:
        """Some elements of the plate, at rising places."""
        assert self.plan is not None
        taken = take_batch(self.program, self.data, self.plan, rows)
        known = self._layouts.get(len(rows)) if self.steady else None
        lay = self._layout(taken.data) if known is None else replace(known, data=taken.data)
        self._layouts[len(rows)] = lay
        return View(lay, self.pieces(lay, taken.positions), taken.scale)

    def pieces(self, lay: Layout, cut: Mapping[str, Array]) -> tuple[Piece, ...]:
        """Where the blocks of a batch lie in the parameters; ``cut``: the places of its elements by set."""
        touched = [
            p.role != "flow" and (p.block.cells is not None or _touches(self._whole, p.block, cut))
            for p in self.parameters
        ]
        moved = tuple(p for p, t in zip(self.parameters, touched, strict=True) if t)
        found = iter(pieces_of(moved, self._whole, lay, cut))
        return tuple(
            next(found) if t else Piece(p, None, ()) for p, t in zip(self.parameters, touched, strict=True)
        )

    def slopes(
        self, x: Array, view: View, rng: np.random.Generator, draws: int, rate_weight: float = 1.0
    ) -> Slopes:
        """The objective averaged over draws, and its slopes."""
        if view is not self.everything:
            found = self.record(x, view, rng, draws, rate_weight)
            slopes = slopes_of(found, view.pieces)
            found.tape.release()
            return slopes
        known = self._recordings.get((draws, rate_weight))
        if known is None:
            known = self._recordings[(draws, rate_weight)] = self.record(x, view, rng, draws, rate_weight)
        else:
            self.replay(known, x, view.pieces, rng)
        return slopes_of(known, view.pieces)

    def record(
        self,
        x: Array,
        view: View,
        rng: np.random.Generator,
        draws: int,
        rate_weight: float,
        columns: Mapping[str, Array] | None = None,
    ) -> Recording:
        """One evaluation on a tape. columns: data by name that are inputs too, so that others may take their place."""
        tape, at = Tape(np.zeros(1), self.kind), view.layout.evaluator()
        inputs = [tape.another_input(p.take(x)) for p in view.pieces]
        data = {name: tape.another_input(array[None]) for name, array in (columns or {}).items()}
        for name, value in data.items():
            at.values[name] = Named(value, stored_dims(name, value.ndim - 1))
        drawn: list[Value] = []

        def noise(name: str, shape: tuple[int, ...]) -> Array:
            drawn.append(tape.another_input(self.noise(rng)(name, shape)))
            return drawn[-1]

        found = evaluate(view.layout, self._family(view, inputs, noise, draws), at)
        parts = (found.log_likelihood, found.rate, found.kl)
        objective = found.objective(rate_weight)
        return Recording(tape, tuple(inputs), tuple(drawn), tuple(data.values()), objective, parts)

    def replay(
        self, known: Recording, x: Array, pieces: Sequence[Piece], rng: np.random.Generator,
        columns: Sequence[Array] = (),
    ) -> None:  # fmt: skip
        """Evaluate a recording at other parameters, fresh draws, and other data."""
        noise = [(v, self.noise(rng)("", v.shape)) for v in known.noise]
        taken = zip(known.inputs, (p.take(x) for p in pieces), strict=True)
        data = zip(known.data, (c[None] for c in columns), strict=False)
        replay(known.tape, [*taken, *noise, *data])

    @cached_property
    def _recordings(self) -> dict[tuple[int, float], Recording]:
        return {}

    def parts(
        self, x: Array, view: View, noise: Noise, draws: int, closed: bool = True
    ) -> tuple[Elbo, Evaluator]:
        """The parts of the ELBO at draws, as plain arrays, with the evaluator that has every value."""
        at = view.layout.evaluator()
        with np.errstate(all="ignore"):
            arrays = [p.take(x) for p in view.pieces]
            q = replace(self._family(view, arrays, noise, draws), closed=closed)
            return evaluate(view.layout, q, at), at

    def _family(self, view: View, arrays: Sequence[Array], noise: Noise, draws: int) -> Family:
        roles: dict[str, dict[str, Array]] = {"mean": {}, "log_sd": {}, "flow": {}}
        for piece, array in zip(view.pieces, arrays, strict=True):
            roles[piece.parameter.role][piece.parameter.block.name] = array
        flows = tuple(zip(self.flows, roles["flow"].values(), strict=True))
        return Family(self.guides, roles["mean"], roles["log_sd"], noise, draws, flows=flows)

    def noise(self, rng: np.random.Generator) -> Noise:
        """Fresh standard normal numbers for every latent."""
        return lambda name, shape: rng.standard_normal(shape, dtype=self.kind)

    # ---------------------------------------------------------------- what is found

    def coordinates(self, x: Array) -> tuple[Array, Array]:
        """Mean and log sd (0 for points) of every unconstrained coordinate: (D,) each, without a guide."""
        mean, log_sd = np.zeros(self.layout.size), np.zeros(self.layout.size)
        for p in self.parameters:
            if p.role != "flow":
                (mean if p.role == "mean" else log_sd)[p.block.where] = x[p.where]
        return mean, log_sd

    def sample(self, x: Array, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draws by name in the model's own coordinates: name -> (n, *shape); points repeat without a copy."""
        return self.drawn(x, self.noise(rng), n)

    def drawn(self, x: Array, noise: Noise, n: int) -> dict[str, Array]:
        """The same at given standard normal numbers."""
        arrays = [p.take(x) for p in self.everything.pieces]
        with np.errstate(all="ignore"):
            at = draw(self.layout, self._family(self.everything, arrays, noise, n))
            names = [s.name for s in self.problem.plain.statements if s.kind in ("latent", "param")]
            found = {k: v for k, v in at.values.items() if k in names or k in self.layout.blocks}
            for name in names:
                if name not in found and name in at.deferred:
                    found[name] = at.deferred[name]()
        out = {k: np.asarray(v.array) for k, v in found.items() if not k.endswith(".raw")}
        for key, mask in self.data.missing.items():
            name = ".".join(str(k) for k in key)
            if name in out:
                out[name] = out[name][:, mask]
        return {k: np.broadcast_to(a, (n, *a.shape[1:])) for k, a in out.items()}

    # ---------------------------------------------------------------- batches of one shape

    @cached_property
    def steady(self) -> bool:
        """Whether batches of equal size have blocks of equal shape."""
        assert self.plan is not None
        ragged = bool(self.plan.follows) or bool(self.plan.derived)
        flat = any(d.set in self.plan.cut for x in self.graph.domains.values() for d in x.plain)
        return not ragged and not flat and not any(s.imputes for s in self.graph.statements)

    @cached_property
    def _layouts(self) -> dict[int, Layout]:
        return {}


def slopes_of(known: Recording, pieces: tuple[Piece, ...]) -> Slopes:
    """What a recording gives at its latest inputs, averaged over draws."""
    whole, slopes = gradients(known.tape, known.objective, known.inputs)
    likelihood, rate, kl = (_mean(known.tape, v) for v in known.parts)
    count = len(whole)
    own = tuple(p.put(s) / count if count > 1 else p.put(s) for p, s in zip(pieces, slopes, strict=True))
    return Slopes(float(np.mean(whole)), likelihood, rate, kl, pieces, own)


def _check_supports(lay: Layout) -> None:
    """Look at every observation once, so that no step needs to."""
    at = lay.evaluator()
    for s in lay.graph.statements:
        if s.observed is not None:
            with evaluating(s):
                check_support(at, s, at.named(s.observed))


def _mean(tape: Tape, x: Array) -> float:
    """The mean over draws of a part that may be on the tape."""
    return float(np.mean(tape.examples[x.slot] if isinstance(x, Value) else x))


def _touches(at: Evaluator, block: Block, cut: Collection[str]) -> bool:
    plain = [x for d in block.batch for x in (at.domains[d].plain if d in at.domains else (d,))]
    return any(d.set in cut for d in plain)


def _moves_guided(problem: Problem) -> bool:
    """Whether non-centring renames a latent that the guide speaks of."""
    kept = {s.name for s in problem.graph.statements if s.kind == "latent"}
    return any(q.name not in kept for q in problem.graph.guide)


def _single(data: BoundData) -> BoundData:
    """Numbers as float32; codes and counts of labels as they are."""
    arrays = {k: a.astype(np.float32) if a.dtype.kind in "fb" else a for k, a in data.arrays.items()}
    return replace(data, arrays=arrays)
