"""Automatic differentiation variational inference on fixed draws.

The ELBO of a Gaussian over the unconstrained coordinates, averaged over a fixed set of standard
normal draws with exact low moments, is a deterministic function: it is climbed by a
preconditioned quasi-Newton method to a zero gradient. A second, independent set of draws then
tells how far the answer depends on the draws; if too far, their number is doubled.
(Giordano, Ingram, Broderick 2024, "Black box variational inference with a deterministic objective".)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ppl.errors import DataError, UsageError, fail
from ppl.inference import advi_phases as phases
from ppl.inference.advi_guide import family_asked
from ppl.inference.advi_restarts import USUAL_JITTER, further_start
from ppl.inference.advi_state import (
    FRAMED,
    State,
    gaussian,
    measured,
    no_answer,
    no_frame,
    no_places,
    objective_of,
)
from ppl.inference.base import AbstractBackend, NotFinite, Progress
from ppl.inference.bending import fit_bend
from ppl.inference.draws import fixed, stream
from ppl.inference.finite import FiniteTarget
from ppl.inference.lbfgs import begin
from ppl.inference.outcome import Outcome, outcome
from ppl.inference.response import linear_response
from ppl.inference.scout import best_start
from ppl.inference.separate import elements_of
from ppl.inference.starts import find_start, point_scale
from ppl.language.typed import Program
from ppl.posterior.approximation import Approximation
from ppl.posterior.diagnostics_findings import FitFacts
from ppl.posterior.target import Array, Target

FULL_RANK_SIZE = 100  # the largest D that gets a full covariance by default
ARROW_SIZES = (400, 2000)  # D beyond which mean field is too narrow, and up to which a covariance is made
NO_ARROW = (
    "an arrow takes at least 20 elements that do not depend on each other given at most 50 other latents"
)
CHEAP = 2e4  # elements a draw touches below which fewer draws save no time
CHEAP_SET = 5e5  # elements a full-rank set of draws may touch without asking for it
AFFORDABLE = 2e6  # elements one evaluation of an objective may touch without anyone noticing
ATTEMPTS = 10  # to begin a further start where densities are finite
PHASES = {
    "centre": phases.centre,
    "frame": phases.frame,
    "climb": phases.climb,
    "replicate": phases.replicate,
}


@dataclass(frozen=True)
class Backend(AbstractBackend[Target, State, Approximation]):
    """Options of a fit, each with what it does."""

    summary: ClassVar[str] = "Gaussian approximation of any differentiable model, on fixed draws"

    guided: ClassVar[bool] = True

    family: Literal["auto", "mean_field", "full_rank", "arrow"] = field(
        default="auto", metadata={"help": "auto, mean_field, full_rank or (hierarchies) arrow Gaussian"}
    )
    draws: int = field(default=0, metadata={"help": "fixed draws of the objective; 0 chooses"})
    max_draws: int = field(default=480, metadata={"help": "most draws that doubling may reach"})
    tolerance: float = field(default=1e-3, metadata={"help": "largest slope in posterior sds at convergence"})
    max_steps: int = field(default=2000, metadata={"help": "most optimisation steps"})
    start_log_sd: float = field(default=-1.0, metadata={"help": "log sd of the first Gaussian"})
    start_jitter: float = field(default=0.0, metadata={"help": "sd of a random shift of the start"})
    restarts: int = field(default=1, metadata={"help": "starts to try; the best end is kept"})
    bend: bool = field(default=True, metadata={"help": "bend the Gaussian along skewed scales"})
    linear_response: bool = field(
        default=True, metadata={"help": "correct mean-field sds by linear response"}
    )

    def obeying(self, program: Program) -> Backend:
        """With the family that the guide asks for, unbent. Raises `UsageError` where an option says otherwise."""
        asked = family_asked(program)
        if not asked:
            return self
        if self.family not in ("auto", asked):
            raise fail(UsageError, "E705", f"`--family {self.family}`, but the guide asks for {asked}")
        return replace(self, family=asked, bend=False)

    def init(self, target: Target, rng: np.random.Generator) -> State:
        """A start with a finite density, and the first objective's value there."""
        seed = int(rng.integers(2**62))
        around = best_start(target, np.asarray(target.start, float), stream(seed, 4))
        return self._begun(target, seed, self.start_jitter, around)

    def _begun(self, target: Target, seed: int, jitter: float, around: Array) -> State:
        family, places = self._family(target, seed)
        framed = family in FRAMED
        count = self._rough_draws(target) if framed else self._draws(target, family)
        eps = np.where(target.point, 0.0, fixed(stream(seed, 0), count, target.size))
        finite = FiniteTarget(target)
        x = find_start(finite, eps, stream(seed, 1), jitter, self.start_log_sd, around)
        state = State(
            phase="centre" if framed else "climb",
            family=family,
            seed=seed,
            eps=eps,
            offender=np.zeros(0),
            affordable=int(min(AFFORDABLE / max(target.work, 1.0), 1e6)),
            ascent=begin(lambda _: (0.0, x), x),
            frame=no_frame(),
            point_scale=point_scale(target, x[: target.size]),
            answer=no_answer(),
            best=no_answer(),
            ends=np.zeros(0),
            places=places,
        )
        objective = objective_of(finite, state)
        return measured(replace(state, ascent=begin(objective, x)), objective)

    def step(self, target: Target, state: State) -> State:
        """One iteration of the phase the state is in."""
        draws = self._draws(target, state.family, state.places) if state.phase == "centre" else 0
        limits = phases.Limits(draws, self.max_draws, self.tolerance)
        new = self._moved(target, state, limits)
        same = new.phase_steps + 1 if new.phase == state.phase else 0
        new = replace(new, steps=state.steps + 1, phase_steps=same, best=state.best, ends=state.ends)
        new = further_start(new, self.restarts, lambda k: self._another(target, state, k))
        if not new.reason and new.steps >= self.max_steps:
            new = replace(new, reason="max_steps")
        if new.reason in ("stalled", "max_steps") and new.ascent.nonfinite > 50:
            return replace(new, detail=target.locate(new.offender))
        return new

    def _moved(self, target: Target, state: State, limits: phases.Limits) -> State:
        """The state after an iteration; a start that fails in its numbers is a bad one, where there are others."""
        try:
            return PHASES[state.phase](target, state, limits)
        except (NotFinite, DataError) as trouble:
            if self.restarts <= 1:
                raise
            return replace(state, reason="stalled", detail=str(trouble))

    def _another(self, target: Target, state: State, k: int) -> State:
        """The k-th further start: shifted; elsewhere, and nearer, where nothing near is finite."""
        start, jitter = np.asarray(target.start, float), self.start_jitter or USUAL_JITTER
        for attempt in range(ATTEMPTS):
            seed = int(stream(state.seed, 3, k, *([attempt] if attempt else [])).integers(2**62))
            try:
                return self._begun(target, seed, jitter * (1.0 - 0.5 * (attempt % 2)), start)
            except (NotFinite, DataError):
                continue
        return self._begun(target, seed, 0.0, start)

    def done(self, state: State) -> Outcome | None:
        """Converged only when the last gradient says so."""
        return outcome(state.reason, state.detail) if state.reason else None

    def finish(self, target: Target, state: State, hurry: bool = False) -> Approximation:
        """The Gaussian at the state's point, with its linear response (mean field) and bend."""
        q = gaussian(target, state)
        if hurry or state.reason != "converged" or not q.free.any():
            return q
        if self.linear_response and q.log_sd is not None:
            q = linear_response(target, q, state.eps)
        return replace(q, bend=fit_bend(target, q, stream(state.seed, 4), state.places)) if self.bend else q

    def progress(self, state: State) -> Progress:
        """Step, phase, fixed-draw ELBO and scaled gradient."""
        rank = state.eps.any(0).sum()
        constant = 0.5 * float(rank) * np.log(2.0 * np.pi * np.e)
        elbo = float(state.ascent.value + constant)
        return Progress(state.steps, state.phase, elbo, state.gradient)

    def facts(self, state: State, end: Outcome) -> FitFacts:
        """What the certificate needs to hear."""
        return FitFacts(
            end.status,
            end.sentence,
            gradient=state.gradient,
            fixed_elbo=self.progress(state).elbo,
            shift=max(state.shift_max, state.spread_max),
            ends=tuple(float(v) for v in state.ends),
        )

    @classmethod
    def state_type(cls) -> type[State]:
        """`State`."""
        return State

    def _family(self, target: Target, seed: int) -> tuple[str, NDArray[np.int64]]:
        """The family, and the places of an arrow's elements."""
        rank, none = int((~target.point).sum()), no_places()
        if self.family not in ("auto", "mean_field", "full_rank", "arrow"):
            message = f"there is no family `{self.family}`: auto, mean_field, full_rank or arrow"
            raise fail(UsageError, "E705", message)
        if self.family == "arrow" or (self.family == "auto" and ARROW_SIZES[0] < rank <= ARROW_SIZES[1]):
            places = elements_of(target, stream(seed, 5))
            if places.size and (self.family == "arrow" or self._affords(target, places)):
                return "arrow", places
            if self.family == "arrow":
                raise fail(UsageError, "E705", NO_ARROW, help="--family mean_field, or full_rank")
        if self.family == "auto":
            return "full_rank" if 1 < rank <= FULL_RANK_SIZE else "mean_field", none
        return self.family if rank > 0 else "mean_field", none

    def _affords(self, target: Target, places: NDArray[np.int64]) -> bool:
        """Whether the draws asked for, if any, suffice for the arrow that nobody asked for."""
        return not self.draws or self.draws >= _fewest(target, "arrow", places)

    def _rough_draws(self, target: Target) -> int:
        return 30 if target.work <= CHEAP else 8

    def _draws(self, target: Target, family: str, places: NDArray[np.int64] | None = None) -> int:
        """Draws of the objective: enough to whiten when that is cheap or needed."""
        rank = int((~target.point).sum())
        if rank == 0:
            return 2
        fewest = _fewest(target, family, no_places() if places is None else places)
        if self.draws:
            if self.draws < fewest:
                message = f"{NAMES[family]} fit of {rank} coordinates needs at least {fewest} draws, not {self.draws}"
                raise fail(UsageError, "E702", message, help=f"--advi-draws {fewest}, or --family mean_field")
            return self.draws + self.draws % 2
        if family in FRAMED:
            return max(60, fewest, int(min(CHEAP_SET / max(target.work, 1.0), self.max_draws)) // 2 * 2)
        return max(30, 2 * target.size if target.size <= 100 and target.work <= CHEAP else 0)


NAMES = {"full_rank": "a full-rank", "arrow": "an arrow"}


def _fewest(target: Target, family: str, places: NDArray[np.int64]) -> int:
    """Draws below which the objective has no maximum."""
    if family == "arrow":
        return 4 * int(target.size - places.size + places.shape[1])
    return 2 * int((~target.point).sum()) if family == "full_rank" else 0
