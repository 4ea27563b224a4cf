"""Coordinate ascent variational inference: every block of q to its exact optimum in turn.

    eta_i = dE/dmu_i,   mu_i = grad A_i(eta_i)

The energy E is found from the model's graph, and so are the blocks: conjugate latents, plates of discrete
states, chains, the coefficients of one predictor. (Bishop 2006, ch. 10; Winn & Bishop 2005; Blei, Kucukelbir &
McAuliffe 2017.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ppl.energy.ascent import State, moved
from ppl.energy.starting import observations
from ppl.inference import batched
from ppl.inference.batched_target import BatchTarget, batch_target
from ppl.inference.climbing_backend import ClimbingBackend
from ppl.inference.energy_build import ascent_of
from ppl.inference.energy_target import Climb, EnergyTarget


@dataclass(frozen=True)
class Backend(ClimbingBackend):
    """Options of a fit, each with what it does."""

    summary: ClassVar[str] = "coordinate ascent with conjugate blocks found from the model"
    guided: ClassVar[bool] = True

    restarts: int = field(default=0, metadata={"help": "starts to try, the best is kept; 0 chooses 1 to 10"})
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

    def begun(self, target: BatchTarget, seed: int) -> Climb:
        """Globals from some batches together."""
        return Climb(seed, State(()), batched=batched.begun(target, seed))

    def swept(self, target: EnergyTarget, state: Climb) -> State:
        """Every block once, hidden states perhaps annealed."""
        return target.ascent.sweep(state.now, heat=self.heat(state))

    def batch_step(self, target: BatchTarget, state: Climb) -> Climb:
        """One step on a batch, until estimates of the bound no longer rise."""
        assert state.batched is not None
        found = batched.stepped(target, state.seed, state.batched)
        change = max(
            (moved(a, b) for a, b in zip(state.batched.shared, found.shared, strict=True)), default=0.0
        )
        now = State((), batched.level(target, found), sweep=found.step, change=change)
        new = replace(state, now=now, batched=found, steps=found.step)
        if batched.settled(target, found):
            return replace(new, reason="converged")
        return replace(new, reason="max_sweeps") if found.step >= self.max_sweeps * target.count else new
