"""Black-box variational inference with score-function gradients, discrete latents included.

Every latent is drawn from q, nothing is summed out: continuous latents are Gaussian on the real
line, each discrete element has a table of its own. Gradients are pathwise where the log joint is
smooth, an exact expectation over the element where its blanket is cheap, and the score function
with per-element Rao-Blackwellisation and a leave-one-out baseline elsewhere.
(Ranganath, Gerrish, Blei 2014, "Black box variational inference"; Kool, van Hoof, Welling 2019;
Titsias and Lazaro-Gredilla 2015, "Local expectation gradients"; Dong, Mnih, Tucker 2020.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from ppl.errors import UsageError, fail
from ppl.inference import score_ascent as ascent
from ppl.inference.base import AbstractBackend, NotFinite, Progress
from ppl.inference.draws import stream
from ppl.inference.outcome import Outcome, outcome
from ppl.inference.score_ascent import Ascent
from ppl.inference.score_estimate import Estimate, ScoreTarget, estimate
from ppl.inference.score_plan import Plan
from ppl.inference.score_result import ScoreFit, result_of
from ppl.inference.score_scaling import block_numbers, naturally_scaled, towards_conditionals
from ppl.inference.score_starts import best_start, usual_count
from ppl.inference.score_wishes import check_guides
from ppl.language.typed import Program
from ppl.posterior.diagnostics_findings import FitFacts
from ppl.posterior.target import Array

START, STEP, FINISH = 0, 1, 2  # purposes of random streams
PATIENCE = 50  # steps in a row that may be skipped because a draw is not finite


@dataclass(frozen=True)
class State:
    """Where a run stands. ``skipped``: steps in a row without a finite gradient."""

    ascent: Ascent
    seed: int
    steps: int
    skipped: int
    slope: float
    reason: str
    detail: str


@dataclass(frozen=True)
class Backend(AbstractBackend[ScoreTarget, State, ScoreFit]):
    """Options of a fit, each with what it does."""

    summary: ClassVar[str] = (
        "score-function gradients: any model, discrete latents drawn rather than summed out"
    )

    guided: ClassVar[bool] = True

    draws_per_step: int = field(default=8, metadata={"help": "draws of each gradient, at least 2"})
    estimator: Literal["auto", "local", "disarm", "score"] = field(
        default="auto",
        metadata={"help": "auto, local (exact in each element), disarm (pairs) or score (everywhere)"},
    )
    rate: float = field(default=0.05, metadata={"help": "first step size of Adam"})
    max_steps: int = field(default=20000, metadata={"help": "most steps"})
    starts: int = field(default=0, metadata={"help": "short runs from draws of the prior; 0 chooses"})
    sleep: float = field(
        default=0.0,
        metadata={
            "help": "share of the forward KL in what guides learn: 0 the ELBO alone, 1 simulations alone"
        },
    )
    start_log_sd: float = field(default=-1.0, metadata={"help": "log sd of the first Gaussians"})
    start_spread: float = field(
        default=0.1, metadata={"help": "sd of the first logits and of a shift of the start"}
    )

    def obeying(self, program: Program) -> Backend:
        """As it is. Raises `ModelError` for a guide that is not obeyed."""
        check_guides(program)
        return self

    def target(self, problem: Any) -> ScoreTarget:
        """The log joint term by term. Raises `UsageError` or `ModelError` for what cannot be obeyed."""
        self._check()
        check_guides(problem.program)
        target = ScoreTarget(problem)
        if self.sleep:
            target.dreams()
        return target

    def _check(self) -> None:
        if self.draws_per_step < 2:
            message = f"{self.draws_per_step} draw leaves nothing for the leave-one-out baseline"
            raise fail(UsageError, "E702", message, help="--draws-per-step 2, or more")
        if self.estimator not in ("auto", "local", "disarm", "score"):
            message = f"there is no estimator `{self.estimator}`: auto, local, disarm or score"
            raise fail(UsageError, "E705", message)
        if not 0.0 <= self.sleep <= 1.0:
            raise fail(UsageError, "E705", f"`--sleep {self.sleep:g}` is no share", help="from 0 to 1")
        if self.estimator == "disarm" and self.draws_per_step % 2:
            raise fail(UsageError, "E702", "pairs need an even number of draws", help="--draws-per-step 2")

    def plan(self, target: ScoreTarget) -> Plan:
        """How each latent's gradient is estimated."""
        return target.plan(self.draws_per_step, self.estimator)

    def explain(self, problem: Any) -> Iterator[str]:
        """A line for each latent, before any fitting."""
        return self.plan(self.target(problem)).sentences()

    def init(self, target: ScoreTarget, rng: np.random.Generator) -> State:
        """The best of several short runs from draws of the prior (one where nothing is discrete)."""
        seed = int(rng.integers(2**62))
        first = best_start(
            target,
            lambda at, draws: self._tried(target, at, draws),
            stream(seed, START),
            self.starts or usual_count(target),
            self.start_log_sd,
            self.start_spread,
            self.rate,
        )
        if target.amortised is not None:
            theta = target.amortised.distilled(first.theta, stream(seed, START, 1))
            first = ascent.begin(theta, len(first.rms), self.rate)
        return State(first, seed, 0, 0, float("nan"), "", "")

    def _tried(self, target: ScoreTarget, at: Ascent, rng: np.random.Generator) -> Ascent:
        """A step of a trial run, all tables free: they keep up with what they are conditional on."""
        found = self._estimate(target, at.theta, rng)
        moved = self._up(target, at, self._blended(target, at.theta, found.gradient, rng), found.elbo)
        family, plan = target.family, self.plan(target)
        theta = towards_conditionals(family, plan, at.theta, found.gradient, family.kept_near(moved.theta))
        return replace(moved, theta=family.kept_near(theta))

    def _moved(self, target: ScoreTarget, at: Ascent, rng: np.random.Generator) -> tuple[Ascent, Estimate]:
        found = self._estimate(target, at.theta, rng)
        slopes = self._blended(target, at.theta, target.chained(at.theta, found.gradient), rng)
        moved = self._up(target, at, slopes, found.elbo)
        return replace(moved, theta=target.settled(moved.theta)), found

    def _blended(self, target: ScoreTarget, theta: Array, gradient: Array, rng: np.random.Generator) -> Array:
        """The gradient, in what guides alone read a mixture with that of simulations."""
        if not self.sleep:
            return gradient
        dreams, out = target.dreams(), gradient.copy()
        own = np.flatnonzero(dreams.coordinates)
        asleep = dreams.slopes(target.draw(theta, rng, self.draws_per_step).x, rng)
        out[own] = (1.0 - self.sleep) * gradient[own] + self.sleep * asleep[own]
        return out

    def _up(self, target: ScoreTarget, at: Ascent, gradient: Array, elbo: float) -> Ascent:
        family, plan = target.family, self.plan(target)
        scaled = naturally_scaled(family, plan, at.theta, gradient)
        return ascent.move(at, scaled, elbo, block_numbers(family, plan))

    def _estimate(self, target: ScoreTarget, theta: Any, rng: np.random.Generator) -> Estimate:
        return estimate(target, self.plan(target), theta, rng, self.draws_per_step)

    def step(self, target: ScoreTarget, state: State) -> State:
        """One noisy gradient and one Adam step."""
        theta, family = state.ascent.theta, target.family
        try:
            moved, found = self._moved(target, state.ascent, stream(state.seed, STEP, state.steps))
        except NotFinite as trouble:
            return self._skipped(state, str(trouble))
        steps = state.steps + 1
        reason = "converged" if moved.finished else "max_steps" if steps >= self.max_steps else ""
        slope = np.abs(found.gradient[: family.size] * family.sd(theta)).max(initial=0.0)
        return replace(state, ascent=moved, steps=steps, skipped=0, slope=float(slope), reason=reason)

    def _skipped(self, state: State, detail: str) -> State:
        """A step not taken: now and then a far draw overflows; always is a failure."""
        reason = "failed" if state.skipped + 1 >= PATIENCE else ""
        return replace(state, steps=state.steps + 1, skipped=state.skipped + 1, reason=reason, detail=detail)

    def done(self, state: State) -> Outcome | None:
        """Converged when a smaller step no longer raises the ELBO."""
        return outcome(state.reason, state.detail) if state.reason else None

    def finish(self, target: ScoreTarget, state: State, hurry: bool = False) -> ScoreFit:
        """q at the averaged iterate, examined on fresh draws."""
        rng = stream(state.seed, FINISH)
        plan = self.plan(target)
        theta = target.settled(state.ascent.average)
        return result_of(target, plan, theta, rng, self.draws_per_step, hurry)

    def progress(self, state: State) -> Progress:
        """Step, stage, and the mean of the last noisy ELBOs."""
        recent = state.ascent.elbos[-50:]
        elbo = float(recent.mean()) if len(recent) else float(state.ascent.level[0])
        return Progress(state.steps, f"step size {state.ascent.rate:.2g}", elbo, state.slope)

    def facts(self, state: State, end: Outcome) -> FitFacts:
        """What the certificate needs to hear."""
        return FitFacts(end.status, end.sentence, fixed_elbo=self.progress(state).elbo)

    @classmethod
    def state_type(cls) -> type[State]:
        """`State`."""
        return State
