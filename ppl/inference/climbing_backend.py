"""What coordinate ascent and EM share: starts, restarts, when to stop, and errors told apart."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from ppl.energy.ascent import Decrease, State
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.blocks.sampled import NoDensity
from ppl.energy.exactness import Inexact
from ppl.energy.starting import RESTARTS, first, restarts
from ppl.inference import batched
from ppl.inference.base import AbstractBackend, NotFinite, NotMonotone, Progress
from ppl.inference.batched_target import BatchTarget
from ppl.inference.coordinate import Coordinates
from ppl.inference.draws import stream
from ppl.inference.energy_target import (
    Climb,
    EnergyTarget,
    ahead,
    better,
    hopeless,
    rated,
    restarted,
    settled,
)
from ppl.inference.outcome import Outcome, outcome
from ppl.posterior.diagnostics_findings import FitFacts

ALIKE = 0.05  # nats between ends that it makes no odds to tell apart, besides what the tolerance leaves
Either = EnergyTarget | BatchTarget


class ClimbingBackend(AbstractBackend[Either, Climb, Coordinates]):
    """Sweeps from several starts, the best of which is kept, or steps on minibatches."""

    restarts: int
    max_sweeps: int
    tolerance: float
    anneal: int

    @abstractmethod
    def swept(self, target: EnergyTarget, state: Climb) -> State:
        """One sweep over all blocks, hidden states at `heat`."""

    @abstractmethod
    def begun(self, target: BatchTarget, seed: int) -> Climb:
        """The first state with minibatches."""

    @abstractmethod
    def batch_step(self, target: BatchTarget, state: Climb) -> Climb:
        """One step on a minibatch, with the reason where it is the last."""

    def verify(self, target: EnergyTarget, state: State, last: bool) -> None:
        """What must hold of a state besides a bound that rose; raises `Inexact` where it does not."""

    def heat(self, state: Climb) -> float:
        """The weight of hidden states' evidence in the next sweep: from 0.1 to 1 over the annealed ones."""
        annealed = min(self.anneal, self.max_sweeps - 1)
        if state.now.sweep >= annealed:
            return 1.0
        return float(0.1 ** (1.0 - (state.now.sweep + 1) / (annealed + 1)))

    def init(self, target: Either, rng: np.random.Generator) -> Climb:
        """Factors by seeding; the first sweep's ELBO is still to come."""
        seed = int(rng.integers(2**62))
        with _told_apart("give it a proper prior"):
            if isinstance(target, BatchTarget):
                return self.begun(target, seed)
            return self._begun(target, seed)

    def _begun(self, target: EnergyTarget, seed: int) -> Climb:
        """The first start whose seeds have a density; raises what the first one raised where none has."""
        ends: tuple[float, ...] = ()
        failure: NotProper | NoDensity | None = None
        while len(ends) < (self.restarts or restarts(target.ascent)):
            try:
                return Climb(seed, first(target.ascent, stream(seed, len(ends))), ends=ends)
            except (NotProper, NoDensity) as error:
                failure, ends = failure or error, (*ends, -np.inf)
        assert failure is not None
        raise failure

    def step(self, target: Either, state: Climb) -> Climb:
        """One sweep, or one minibatch; at the end of a start, the next one."""
        with _told_apart():
            if isinstance(target, BatchTarget):
                return self.batch_step(target, state)
            try:
                return self._stepped(target, state)
            except (NotProper, NoDensity):
                found = self._after(target, state)
                if found is None:
                    raise
                return found

    def _stepped(self, target: EnergyTarget, state: Climb) -> Climb:
        now = self.swept(target, state)
        if self.heat(state) < 1.0:
            return replace(state, now=now, steps=state.steps + 1)
        self.verify(target, now, False)
        quiet = settled(state.now, now, state.quiet, self.tolerance, target.observations)
        new = rated(replace(state, now=now, quiet=quiet, steps=state.steps + 1), state.now)
        if new.settled or now.sweep >= self.max_sweeps:
            return self._ended(target, new, "converged" if new.settled else "max_sweeps")
        if hopeless(new, state.now):
            return self._ended(target, new, "converged")
        return ahead(target, state.now, new)

    def _after(self, target: EnergyTarget, state: Climb) -> Climb | None:
        """The climb after a start that failed, which is a bad start; None where no other one was any good."""
        if (self.restarts or restarts(target.ascent)) <= 1:
            return None
        lost = replace(state, now=replace(state.now, elbo=-np.inf), steps=state.steps + 1)
        found = self._ended(target, lost, "converged")
        return None if found.reason and not np.isfinite(found.now.elbo) else found

    def _ended(self, target: EnergyTarget, state: Climb, reason: str) -> Climb:
        """The next start that can be made, or the end with the best of all."""
        best, ends = better(state.best, state.now), (*state.ends, state.now.elbo)
        while len(ends) < self._wanted(target, ends):
            try:
                return restarted(state, first(target.ascent, stream(state.seed, len(ends))), best, ends)
            except (NotProper, NoDensity):
                ends = (*ends, -np.inf)
        if np.isfinite(best.elbo):
            self.verify(target, best, True)
        return replace(state, now=best, best=best, ends=ends, reason=reason)

    def _wanted(self, target: EnergyTarget, ends: tuple[float, ...]) -> int:
        """How many starts to make: no more where the first ones all ended alike."""
        if not self.restarts and len(ends) >= RESTARTS:
            slack = ALIKE + self.tolerance * target.observations
            if max(ends) - min(ends) < slack and np.isfinite(min(ends)):
                return len(ends)
        return self.restarts or restarts(target.ascent)

    def done(self, state: Climb) -> Outcome | None:
        """Converged when next to nothing was left to gain at the end of the last start."""
        return outcome(state.reason) if state.reason else None

    def finish(self, target: Either, state: Climb, hurry: bool = False) -> Coordinates:
        """The factors of the best start; after minibatches, those of all rows at the globals found."""
        if isinstance(target, BatchTarget):
            assert state.batched is not None
            return Coordinates(*batched.finished(target, state.seed, state.batched))
        if not state.reason and self.heat(state) < 1.0:
            cold = replace(state, now=replace(state.now, sweep=self.max_sweeps))
            state = replace(state, now=self.swept(target, cold))
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


@contextmanager
def _told_apart(advice: str = "") -> Iterator[None]:
    """A bound that falls is a bug of ours; a factor without normaliser or density is the model's."""
    try:
        yield
    except (Decrease, Inexact) as error:
        raise NotMonotone(str(error)) from error
    except NoDensity as error:
        raise NotFinite(str(error)) from None
    except NotProper as error:
        raise NotFinite(f"{error}: {advice}" if advice else str(error)) from None
