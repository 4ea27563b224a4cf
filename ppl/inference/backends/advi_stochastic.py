"""Stochastic gradients of the ELBO: minibatches, networks, guides, and models too large for fixed draws.

Every step draws the latents anew, and rows if batches were asked for, and moves all parameters by Adam.
The answer is an average over the end of the path; the search ends when windows of ELBO estimates have
stopped rising, by more than a standard error, at four sizes of step.
(Kingma & Ba 2015; Kucukelbir et al. 2017; Dhaka et al. 2020, on averaging iterates.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from ppl.backend.coupling import Coupling
from ppl.backend.low_rank import LowRank
from ppl.errors import UsageError, fail
from ppl.graph.flows import Wish
from ppl.graph.parameters import Parameter
from ppl.inference import adam
from ppl.inference.advi_guide import check_elementwise
from ppl.inference.base import AbstractBackend, NotFinite, Progress
from ppl.inference.draws import stream
from ppl.inference.flow_result import flow_result
from ppl.inference.low_rank_result import low_rank_result
from ppl.inference.outcome import Outcome, outcome
from ppl.inference.stochastic_plan import plan_lines
from ppl.inference.stochastic_result import result_of
from ppl.inference.stochastic_target import StochasticTarget
from ppl.inference.validation import Held, looked, split_of
from ppl.inference.windows import levelled, mean_and_error, window_of
from ppl.language.typed import Program
from ppl.posterior.approximation import Approximation
from ppl.posterior.diagnostics_findings import FitFacts
from ppl.posterior.factored import Factored
from ppl.posterior.target import Array

NETWORK_PACE = 0.02  # of the learning rate, for the weights of networks that are points
FLOW_PACE, TRIANGLE_PACE = 0.05, 0.3  # of the learning rate, for layers of flows and what comes after them
DIRECTION_PACE = 2.0  # times the learning rate, for the shared directions of a low-rank Gaussian
FLOW_DRAWS, FLOW_WORK = (30, 100), 1000.0  # draws a step takes with a flow; more where they are cheap
DIRECTION_DRAWS = 16, 50  # least and most fours of draws where directions are shared; else as many as these
SLOWER, PLATEAUS = 0.3, 4  # each plateau slows the search; the last one ends it
CHUNK = 50  # steps between two looks of the loop
LOST = 20  # estimates in a row that may be infinite


@dataclass(frozen=True)
class State:
    """Where the search stands. ``values``: ELBO estimates since the last plateau, the latest last."""

    moments: adam.Moments
    values: Array
    seed: int
    plateaus: int
    lost: int
    reason: str = ""
    detail: str = ""
    held: Held = field(default_factory=Held)


@dataclass(frozen=True)
class Backend(AbstractBackend[StochasticTarget, State, Approximation | Factored]):
    """Options of a fit, each with what it does."""

    summary: ClassVar[str] = "stochastic gradients: minibatches, networks, guides, very many latents"
    guided: ClassVar[bool] = True

    batch: str = field(default="", metadata={"help": "rows a step looks at, as PLATE=SIZE: images=128"})
    learning_rate: float = field(default=0.1, metadata={"help": "Adam's step; 1/50 of it for networks"})
    gradient_draws: int = field(
        default=0,
        metadata={
            "help": "draws of the latents a step takes; 0: 1 with networks, 30 to 100 with flows, "
            "64 to 200 with low rank, else 10"
        },
    )
    max_steps: int = field(default=20000, metadata={"help": "most optimisation steps"})
    start_log_sd: float = field(default=-1.0, metadata={"help": "log sd of the first Gaussian"})
    rate_weight: float = field(
        default=1.0, metadata={"help": "weight of the divergence of latents in plates over data"}
    )
    family: Literal["auto", "mean_field", "low_rank", "flow"] = field(
        default="auto",
        metadata={
            "help": "q of latents without a guide: independent Gaussians, or over all of them a Gaussian of "
            "low rank plus diagonal or a flow"
        },
    )
    rank: int = field(
        default=0, metadata={"help": "directions that a low-rank Gaussian shares; 0: the root of its size"}
    )
    flow_layers: int = field(default=6, metadata={"help": "coupling layers of a flow"})
    flow_hidden: int = field(default=32, metadata={"help": "hidden units of each layer of a flow"})
    single: bool = field(default=False, metadata={"help": "compute in single precision"})
    validate: str = field(
        default="",
        metadata={"help": "elements to hold out, whose bound ends the search, as PLATE=SHARE: images=0.1"},
    )

    def obeying(self, program: Program) -> Backend:
        """As it is. Raises `ModelError` for names in the guide that are not each latent by itself."""
        check_elementwise(program)
        return self

    def target(self, problem: Any) -> StochasticTarget:
        """Estimates of the ELBO. Raises `UsageError` or `ModelError` for batches that there cannot be."""
        if self.family not in ("auto", "mean_field", "low_rank", "flow"):
            known = "auto, mean_field, low_rank or flow"
            raise fail(UsageError, "E705", f"there is no family `{self.family}`: {known}")
        if self.rank < 0:
            raise fail(UsageError, "E702", "a rank is a whole number from 1, or 0 for the usual one")
        if self.flow_layers < 1 or self.flow_hidden < 1:
            raise fail(UsageError, "E702", "a flow needs at least one layer and one hidden unit")
        flow = Wish(None, self.flow_layers, self.flow_hidden) if self.family == "flow" else None
        if self.family == "low_rank":
            flow = Wish(rank=self.rank)
        made = partial(StochasticTarget, batch=self.batch, single=self.single, flow=flow)
        return made(problem, split=split_of(problem, self.validate, made) if self.validate else None)

    def explain(self, problem: Any) -> Iterator[str]:
        """What q is for each latent."""
        yield from plan_lines(self.target(problem).estimates)

    def init(self, target: StochasticTarget, rng: np.random.Generator) -> State:
        """Prior medians and fresh weights."""
        seed = int(rng.integers(2**62))
        x = target.estimates.start(seed % 2**31, self.start_log_sd)
        return State(adam.begin(x), np.zeros(0), seed, 0, 0)

    def step(self, target: StochasticTarget, state: State) -> State:
        """Fifty Adam steps. Raises `NotFinite` where the ELBO stays infinite."""
        moments, lost, values = state.moments.copy(), state.lost, []
        count = min(CHUNK, self.max_steps - moments.steps)
        whole, target = target, target.training
        rng = stream(state.seed, 1, moments.steps)
        pace = self.learning_rate * SLOWER**state.plateaus
        steps, shares = target.steps(self._draws(target), self.rate_weight), _shares(target)
        for rows in self._rows(target, state.seed, moments.steps, count):
            found = steps.slopes(moments.x, rows, rng)
            if not (np.isfinite(found.objective) and np.isfinite(adam.norm_of(found.slopes))):
                lost += 1
                if lost > LOST:
                    raise NotFinite(_where(target, moments.x))
                continue
            lost = 0
            rates = [pace * shares[p.parameter] for p in found.pieces]
            share = 1.0 if rows is None else len(rows) / target.rows
            moments = adam.moved(moments, found.pieces, found.slopes, rates, share)
            values.append(found.objective)
        new = replace(state, moments=moments, lost=lost, values=np.concatenate([state.values, values]))
        return self._judged(target, self._looked(whole, target, state, new))

    def _looked(self, whole: StochasticTarget, target: StochasticTarget, before: State, now: State) -> State:
        """Once in a pass, or in fifty steps: the bound on held-out elements at the averaged parameters."""
        every = max(CHUNK, target.batches)
        if whole.split is None or now.moments.steps // every == before.moments.steps // every:
            return now
        x, rows = now.moments.average, whole.split.held.rows
        held = looked(now.held, x, whole.split.values(x), now.moments.steps, rows)
        return replace(now, held=held, reason="converged" if held.over else now.reason)

    def _judged(self, target: StochasticTarget, state: State) -> State:
        """Compare windows when another one is full: the search slows where they have levelled, and ends."""
        window = window_of(target.batches)
        if state.reason:
            return state
        if len(state.values) >= 2 * window:
            level = levelled(state.values[: 2 * window], window)
            plateaus = state.plateaus + int(level)
            state = replace(state, plateaus=plateaus, values=state.values[2 * window if level else window :])
            if plateaus >= PLATEAUS:
                return replace(state, reason="converged")
        return replace(state, reason="max_steps") if state.moments.steps >= self.max_steps else state

    def _rows(self, target: StochasticTarget, seed: int, first: int, count: int) -> Iterator[Array | None]:
        """None for all data, or batches that go through a fresh shuffle of the plate in every pass."""
        if not target.batch or target.batch == target.rows:
            yield from (None for _ in range(count))
            return
        pass_before, order = -1, np.zeros(0, dtype=np.int64)
        for step in range(first, first + count):
            number, place = divmod(step, target.batches)
            if number != pass_before:
                pass_before, order = number, stream(seed, 2, number).permutation(target.rows)
            yield np.sort(order[place * target.batch : (place + 1) * target.batch])

    def _draws(self, target: StochasticTarget) -> int:
        if self.gradient_draws > 0:
            return self.gradient_draws
        if target.estimates.graph.networks:
            return 1
        rank = max(
            (f.coupling.rank for f in target.estimates.flows if isinstance(f.coupling, LowRank)), default=0
        )
        if rank:
            return 4 * int(np.clip(rank, *DIRECTION_DRAWS))
        return FLOW_DRAWS[target.work <= FLOW_WORK] if target.estimates.flows else 10

    def done(self, state: State) -> Outcome | None:
        """Converged at the last plateau."""
        return outcome(state.reason, state.detail) if state.reason else None

    def finish(self, target: StochasticTarget, state: State, hurry: bool = False) -> Approximation | Factored:
        """The averaged parameters, and the ELBO there on fresh draws over all rows."""
        x = state.moments.average if state.moments.steps >= adam.EVERY else state.moments.x
        x = state.held.x if len(state.held.x) else x
        rng = stream(state.seed, 3)
        if target.estimates.flows:
            found = low_rank_result(target, x.astype(float)) if target.split is None else None
            if found is not None:
                return found
            return flow_result(target, x.astype(float), rng, self.rate_weight, hurry)
        return result_of(target, x.astype(float), rng, self.rate_weight)

    def progress(self, state: State) -> Progress:
        """Steps, the plateau, the mean of the latest estimates, and the norm of the slopes."""
        value = mean_and_error(state.values[-100:])[0] if len(state.values) else np.nan
        return Progress(state.moments.steps, f"pace {state.plateaus + 1}", value, state.moments.norm)

    def facts(self, state: State, end: Outcome) -> FitFacts:
        """How the run ended."""
        return FitFacts(
            end.status, end.sentence, remark=state.held.remark(self.validate.partition("=")[0].strip())
        )

    @classmethod
    def state_type(cls) -> type[State]:
        """`State`."""
        return State


def _shares(target: StochasticTarget) -> dict[Parameter, Array]:
    """Of the learning rate, what each parameter moves by; the triangle of a flow moves faster than its layers."""
    flows, found = iter(target.estimates.flows), {}
    for p in target.estimates.parameters:
        share = np.array(NETWORK_PACE if p.weight and p.block.point else 1.0)
        if p.role == "flow":
            flow = next(flows)
            coupling = flow.coupling
            share = np.array(DIRECTION_PACE)
            if isinstance(coupling, Coupling):
                places = np.arange(flow.count)
                share = np.where(places < coupling.layers * coupling.each, FLOW_PACE, TRIANGLE_PACE)
                share[coupling.count :] = 1.0
        found[p] = share
    return found


def _where(target: StochasticTarget, x: Array) -> str:
    if target.estimates.guides or target.estimates.reading or target.size > 20000:
        return "the ELBO stays infinite; give a smaller --learning-rate or check the scales of the data"
    z = target.estimates.coordinates(x)[0]
    return target.locate(z) or "the ELBO stays infinite"
