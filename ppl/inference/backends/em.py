"""Expectation maximisation: variational inference whose q of the latents is exact and whose parameters are points.

    E-step: q(z) = p(z | x, theta), so that ELBO = log p(x | theta) (+ log prior)
    M-step: theta = argmax E_q[log p(x, z, theta)], one block of parameters after another

(Dempster, Laird & Rubin 1977; Neal & Hinton 1998; one block at a time: ECM, Meng & Rubin 1993.)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, ClassVar

from ppl.energy.ascent import Ascent, State, moved
from ppl.energy.blocks.point import PointBlock
from ppl.energy.exactness import check
from ppl.energy.starting import observations
from ppl.errors import Diagnostic, FitError
from ppl.inference import batched
from ppl.inference.base import NotMonotone
from ppl.inference.batched_target import BatchTarget, batch_target
from ppl.inference.climbing_backend import ClimbingBackend
from ppl.inference.coordinate import evidence_reason, exact, is_point, tied
from ppl.inference.energy_build import ascent_of, continuous_globals
from ppl.inference.energy_target import Climb, EnergyTarget, settled
from ppl.supports import Structured

ORDERED = (Structured("ordered"), Structured("positive_ordered"))
EVERY = 10  # iterations after which the evidence is taken both ways where that costs something,
FEW = 100_000  # which is above this many means of the E-step; below it, after each iteration


@dataclass(frozen=True)
class Backend(ClimbingBackend):
    """Options of a fit, each with what it does."""

    summary: ClassVar[str] = "expectation maximisation: points for the parameters, exact q for the rest"
    guided: ClassVar[bool] = True

    restarts: int = field(default=0, metadata={"help": "starts to try, the best is kept; 0 chooses 1 to 10"})
    max_sweeps: int = field(default=1000, metadata={"help": "most iterations of one start"})
    tolerance: float = field(
        default=1e-7, metadata={"help": "gain still to come per observation, in nats, at convergence"}
    )
    anneal: int = field(
        default=0,
        metadata={"help": "iterations over which hidden states are cooled from a tenth to full weight"},
    )
    point: str = field(
        default="",
        metadata={
            "help": "latents to fit by points besides params; without it every global latent if need be"
        },
    )

    batch: str = field(
        default="",
        metadata={"help": "renew the latents of a minibatch at a time, such as docs=64: incremental EM"},
    )

    def target(self, problem: Any) -> EnergyTarget | BatchTarget:
        """The energy with points. Raises `FitError` where no choice of points makes the E-step exact."""
        names = tuple(n.strip() for n in self.point.split(",") if n.strip())
        if self.batch:
            return self._batches(problem, names)
        ascent = _planned(problem, names)
        _with_modes(ascent)
        if not exact(ascent) and not names:
            ascent = _planned(problem, continuous_globals(problem))
        if not exact(ascent):
            raise _refused(ascent)
        return EnergyTarget(problem, ascent, observations(ascent))

    def _batches(self, problem: Any, names: tuple[str, ...]) -> BatchTarget:
        """Minibatches whose E-step is exact. Raises `FitError` where it is not."""
        target = batch_target(problem, self.batch, names)
        if not exact(target.part(0, 0).ascent) and not names:
            points = tuple(n for n in continuous_globals(problem) if n not in target.local_names)
            target = batch_target(problem, self.batch, points)
        if not exact(target.part(0, 0).ascent):
            raise _refused(target.part(0, 0).ascent)
        return target

    def begun(self, target: BatchTarget, seed: int) -> Climb:
        """Statistics of every batch, once."""
        found = batched.begun_whole(target, seed)
        return Climb(seed, State((), float(found.estimates[-1])), batched=found)

    def swept(self, target: EnergyTarget, state: Climb) -> State:
        """One M-step and one E-step, so that the ELBO is the log likelihood at the new parameters.

        Annealed, q of hidden states is p(z | x, theta)^heat (Ueda & Nakano 1998, Neural Networks 11).
        """
        return target.ascent.sweep(state.now, self._order(target.ascent), self.heat(state))

    def verify(self, target: EnergyTarget, state: State, last: bool) -> None:
        """ELBO = log evidence: by log-normalisers and by energy and entropy, to 1e-9 of the sum of |terms|."""
        free = free_blocks(target.ascent)
        means = sum(prod(shape) for b in free for shape in target.ascent.blocks[b].shapes().values())
        if last or means <= FEW or state.sweep == 1 or state.sweep % EVERY == 0:
            check(target.ascent, state.factors, free)

    def batch_step(self, target: BatchTarget, state: Climb) -> Climb:
        """The latents of one batch and the parameters; after each pass the bound, which must not have fallen."""
        assert state.batched is not None
        found = batched.incremented(target, state.seed, state.batched)
        change = max(
            (moved(a, b) for a, b in zip(state.batched.shared, found.shared, strict=True)), default=0.0
        )
        new = replace(state, batched=found, steps=found.step)
        if found.step % target.count:
            return replace(new, now=replace(state.now, change=change))
        elbo = float(found.estimates[-1])
        gain = elbo - state.now.elbo
        if gain < -1e-9 * (1.0 + abs(elbo)):
            raise NotMonotone(f"a pass of incremental EM lowered the ELBO by {-gain:.3g} nats")
        now = State((), elbo, abs(elbo), state.now.sweep + 1, gain, change)
        quiet = settled(state.now, now, state.quiet, self.tolerance, target.observed(state.seed))
        new = replace(new, now=now, quiet=quiet)
        if quiet >= 2 or now.sweep >= self.max_sweeps:
            return replace(new, reason="converged" if quiet >= 2 else "max_sweeps")
        return new

    def _order(self, ascent: Ascent) -> list[int]:
        kinds = [is_point(b) for b in ascent.blocks]
        return [i for i, p in enumerate(kinds) if p] + [i for i, p in enumerate(kinds) if not p]


def free_blocks(ascent: Ascent) -> tuple[int, ...]:
    """The blocks that are distributions: neither points nor stand-ins."""
    return tuple(i for i, b in enumerate(ascent.blocks) if not is_point(b) and i not in ascent.sites)


def _planned(problem: Any, points: Collection[str]) -> Ascent:
    """The plan with points; small chains that meet are kept together where that makes the E-step exact."""
    apart = ascent_of(problem, points)
    if exact(apart):
        return apart
    together = ascent_of(problem, points, joint_chains=True)
    return together if exact(together) else apart


def _with_modes(ascent: Ascent) -> None:
    """Raises `FitError` where a point has an order to keep: no maximum in closed form does that."""
    for block in ascent.blocks:
        if isinstance(block, PointBlock) and block.latent.support in ORDERED and "outer" not in block.stats:
            name, kind = block.names[0], block.latent.support.kind
            text = f"the M-step has no closed form: `{name}` is {kind}, and its maximum may not be in order"
            help = f"leave the order of `{name}` free, or use `--method advi`"
            raise FitError((Diagnostic("E608", text, help=help),))


def _refused(ascent: Ascent) -> FitError:
    names, span = tied(ascent)
    text = f"the E-step is not exact: a factor ties {names}, and their joint posterior has no closed form"
    if not names:
        text = f"the E-step is not exact: {evidence_reason(ascent).removeprefix('a bound: ')}"
    help = "name the parameters with `--point`, or use `--method cavi`"
    return FitError((Diagnostic("E608", text, span=span, help=help),))
