"""Coordinate ascent variational inference: every block of q to its exact optimum in turn.

    eta_i = dE/dmu_i,   mu_i = grad A_i(eta_i)

The energy E is found from the model's graph, and so are the blocks: conjugate latents, plates of discrete
states, chains, the coefficients of one predictor. (Bishop 2006, ch. 10; Winn & Bishop 2005; Blei, Kucukelbir &
McAuliffe 2017.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ppl.energy.ascent import Decrease, State, moved
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.blocks.sampled import NoDensity
from ppl.energy.starting import first, observations, restarts
from ppl.inference import batched
from ppl.inference.base import AbstractBackend, NotFinite, NotMonotone, Progress
from ppl.inference.batched_target import BatchTarget, batch_target
from ppl.inference.coordinate import Coordinates
from ppl.inference.draws import stream
from ppl.inference.energy_build import ascent_of
from ppl.inference.energy_target import Climb, EnergyTarget, better, restarted, settled
from ppl.inference.outcome import Outcome, outcome
from ppl.posterior.diagnostics_findings import FitFacts


@dataclass(frozen=True)
class Backend(AbstractBackend[EnergyTarget | BatchTarget, Climb, Coordinates]):
    """Options of a fit, each with what it does."""

    summary: ClassVar[str] = "coordinate ascent with conjugate blocks found from the model"
    guided: ClassVar[bool] = True

    restarts: int = field(default=0, metadata={"help": "starts to try, the best is kept; 0 chooses 5 or 1"})
    max_sweeps: int = field(default=500, metadata={"help": "most sweeps of one start"})
    tolerance: float = field(
        default=1e-6, metadata={"help": "gain still to come per observation, in nats, at convergence"}
    )
    anneal: int = field(
        default=0, metadata={"help": "sweeps over which hidden states are cooled from a tenth to full weight"}
    )
    point: str = field(default="", metadata={"help": "latents to fit by points, separated by commas"})
    separate: bool = field(default=False, metadata={"help": "keep the coefficients of one predictor apart"})
    joint_chains: bool = field(
        default=False, metadata={"help": "keep small chains that meet together: exact, at prod K <= 64"}
    )

    batch: str = field(
        default="", metadata={"help": "steps on minibatches of a plate, such as docs=64, in place of sweeps"}
    )

    def target(self, problem: Any) -> EnergyTarget | BatchTarget:
        """The problem's energy in blocks. Raises `FitError` where a latent has no factor."""
        names = tuple(n.strip() for n in self.point.split(",") if n.strip())
        if self.batch:
            return batch_target(problem, self.batch, names, not self.separate)
        ascent = ascent_of(problem, names, merge=not self.separate, joint_chains=self.joint_chains)
        return EnergyTarget(problem, ascent, observations(ascent))

    def init(self, target: EnergyTarget | BatchTarget, rng: np.random.Generator) -> Climb:
        """Factors by seeding, then the first sweep's ELBO is still to come."""
        seed = int(rng.integers(2**62))
        try:
            if isinstance(target, BatchTarget):
                return Climb(seed, State(()), batched=batched.begun(target, seed))
            return Climb(seed, first(target.ascent, stream(seed, 0)))
        except NoDensity as error:
            raise NotFinite(str(error)) from None
        except NotProper as error:
            raise NotFinite(f"{error}: give it a proper prior") from None

    def step(self, target: EnergyTarget | BatchTarget, state: Climb) -> Climb:
        """One sweep, or one minibatch; at the end of a start, the next one."""
        if isinstance(target, BatchTarget):
            return self._minibatch(target, state)
        try:
            now = target.ascent.sweep(state.now, heat=self._heat(state))
        except Decrease as error:
            raise NotMonotone(str(error)) from error
        except NotProper as error:
            raise NotFinite(str(error)) from None
        quiet = settled(state.now, now, state.quiet, self.tolerance, target.observations)
        new = replace(state, now=now, quiet=quiet, steps=state.steps + 1)
        if (quiet >= 2 and self._heat(new) == 1.0) or now.sweep >= self.max_sweeps:
            return self._ended(target, new, "converged" if quiet >= 2 else "max_sweeps")
        return new

    def _minibatch(self, target: BatchTarget, state: Climb) -> Climb:
        """One step on a batch, until estimates of the bound no longer rise."""
        assert state.batched is not None
        try:
            found = batched.stepped(target, state.seed, state.batched)
        except NotProper as error:
            raise NotFinite(str(error)) from None
        change = max(
            (moved(a, b) for a, b in zip(state.batched.shared, found.shared, strict=True)), default=0.0
        )
        now = State((), batched.level(target, found), sweep=found.step, change=change)
        new = replace(state, now=now, batched=found, steps=found.step)
        if batched.settled(target, found):
            return replace(new, reason="converged")
        return replace(new, reason="max_sweeps") if found.step >= self.max_sweeps * target.count else new

    def _heat(self, state: Climb) -> float:
        """The weight of hidden states' evidence: from 0.1 to 1 over the annealed sweeps."""
        if state.now.sweep >= self.anneal:
            return 1.0
        return float(0.1 ** (1.0 - (state.now.sweep + 1) / (self.anneal + 1)))

    def _ended(self, target: EnergyTarget, state: Climb, reason: str) -> Climb:
        wanted = self.restarts or restarts(target.ascent)
        if len(state.ends) + 1 < wanted:
            return restarted(state, first(target.ascent, stream(state.seed, len(state.ends) + 1)))
        best = better(state.best, state.now)
        return replace(state, now=best, best=best, ends=(*state.ends, state.now.elbo), reason=reason)

    def done(self, state: Climb) -> Outcome | None:
        """Converged when the last sweeps of the last start gained nothing."""
        return outcome(state.reason) if state.reason else None

    def finish(self, target: EnergyTarget | BatchTarget, state: Climb, hurry: bool = False) -> Coordinates:
        """The factors of the best start; after minibatches, those of all rows at the globals found."""
        if isinstance(target, BatchTarget):
            assert state.batched is not None
            return Coordinates(*batched.finished(target, state.seed, state.batched))
        now = better(state.best, state.now)
        if not np.isfinite(now.elbo):
            elbo, scale = target.ascent.elbo(now.factors)
            now = replace(now, elbo=elbo, scale=scale)
        return Coordinates(target.ascent, now, state.ends)

    def progress(self, state: Climb) -> Progress:
        """Sweep, start, ELBO and relative change."""
        return Progress(state.steps, f"start {len(state.ends) + 1}", state.now.elbo, state.now.change)

    def facts(self, state: Climb, end: Outcome) -> FitFacts:
        """What the certificate needs to hear."""
        return FitFacts(end.status, end.sentence, gradient=state.now.change, ends=state.ends)

    @classmethod
    def state_type(cls) -> type[Climb]:
        """`Climb`."""
        return Climb
