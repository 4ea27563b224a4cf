"""Neural posterior estimation: learn q(latents | data) from simulations of the model itself.

Data sets are drawn from the prior; a network reads each and is trained to give its latents a high
density under a Gaussian mixture or a flow. No density of the model is evaluated, so anything that can be
simulated can be fitted. The network then serves every further data set of the same shape.
(Papamakarios and Murray 2016; Greenberg, Nonnenmacher and Macke 2019; Bishop 1994 for mixture heads; Dinh,
Sohl-Dickstein and Bengio 2017 for flows.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from ppl.errors import PplError, UsageError, fail
from ppl.inference import npe_training as training
from ppl.inference.base import AbstractBackend, Progress
from ppl.inference.draws import stream
from ppl.inference.npe_heads import Sizes
from ppl.inference.npe_posterior import Amortised
from ppl.inference.npe_result import LearntFit, result_of, summary_distances
from ppl.inference.npe_target import Simulated
from ppl.inference.npe_training import Trained
from ppl.inference.outcome import Outcome, outcome
from ppl.posterior.diagnostics_findings import FitFacts

START, PASS, FINISH = 0, 1, 2  # purposes of random streams
SPREAD = 0.1  # of the first outputs
SMALLEST = 2 * training.BATCH
FALL = 0.05  # share of the first rate at the last pass


@dataclass(frozen=True)
class State:
    """Where training stands."""

    trained: Trained
    seed: int
    reason: str


@dataclass(frozen=True)
class Backend(AbstractBackend[Simulated, State, LearntFit]):
    """Options of a fit, each with what it does."""

    summary: ClassVar[str] = (
        "a network trained on simulations of the model: reuse it on new data with --network"
    )

    simulations: int = field(default=20000, metadata={"help": "data sets simulated for training"})
    head: Literal["mixture", "flow"] = field(
        default="mixture", metadata={"help": "what the network ends in: a mixture of Gaussians, or a flow"}
    )
    components: int = field(default=8, metadata={"help": "Gaussians of the mixture"})
    flow_layers: int = field(default=6, metadata={"help": "coupling layers of a flow"})
    flow_hidden: int = field(default=32, metadata={"help": "hidden units of each layer of a flow"})
    hidden: int = field(default=64, metadata={"help": "units of each of two hidden layers"})
    summary_of: Literal["auto", "flat", "pooled"] = field(
        default="auto",
        metadata={"help": "what the network reads: auto, flat (cell by cell) or pooled over rows"},
    )
    rate: float = field(default=1e-3, metadata={"help": "first step size of Adam"})
    passes: int = field(default=60, metadata={"help": "most passes over the simulations"})
    patience: int = field(
        default=10, metadata={"help": "passes without a better held-out loss before the end"}
    )
    correct: bool = field(
        default=True,
        metadata={"help": "reweight draws by the model's density, where it can be had and k-hat allows it"},
    )
    network: str = field(default="", metadata={"help": "a saved fit whose network is used again, untrained"})

    def target(self, problem: Any) -> Simulated:
        """The problem with its simulations. Raises `ModelError` for what cannot be simulated."""
        if self.simulations < SMALLEST:
            raise fail(
                UsageError, "E702", f"{self.simulations} simulations are too few", help=f"at least {SMALLEST}"
            )
        if self.summary_of not in ("auto", "flat", "pooled"):
            raise fail(UsageError, "E705", f"there is no summary `{self.summary_of}`: auto, flat or pooled")
        sizes = Sizes(self.head, self.components, self.hidden, self.flow_layers, self.flow_hidden)
        return Simulated(problem, self.simulations, sizes, self.summary_of)

    def explain(self, problem: Any) -> Iterator[str]:
        """What the network reads and gives."""
        target = self.target(problem)
        how = f"rows of {target.reading.pooled} pooled" if target.reading.pooled else "read cell by cell"
        yield f"observations: {how}, {target.data.cells.shape[1]} numbers"
        yield f"latents: {target.size} coordinates, a {target.head.family}"

    def init(self, target: Simulated, rng: np.random.Generator) -> State:
        """A network near the linear regression of the latents on the summaries."""
        seed = int(rng.integers(2**62))
        if self.network:
            return State(_nothing(), seed, "converged")
        data = target.examples(seed)[1]
        network = target.network(data.s.shape[1], 0 if data.rows is None else data.rows.shape[2])
        rng = stream(seed, START)
        weights = np.concatenate([network.start(rng, SPREAD, target.head.spread), target.head.start(rng)])
        return State(training.begin(weights, network, target.head, data), seed, "")

    def step(self, target: Simulated, state: State) -> State:
        """One pass over the simulations."""
        at = state.trained
        data = target.examples(state.seed)[1]
        network = target.network(data.s.shape[1], 0 if data.rows is None else data.rows.shape[2])
        share = at.passes / max(self.passes, 1)
        rate = self.rate * (FALL + (1.0 - FALL) * 0.5 * (1.0 + np.cos(np.pi * min(share, 1.0))))
        rng = stream(state.seed, PASS, at.passes)
        trained = training.one_pass(at, network, target.head, data, rng, rate)
        over = trained.waited >= self.patience or trained.passes >= self.passes
        return replace(state, trained=trained, reason="converged" if over else "")

    def done(self, state: State) -> Outcome | None:
        """After the last pass, or when the held-out loss has not fallen for a while."""
        return outcome(state.reason) if state.reason else None

    def finish(self, target: Simulated, state: State, hurry: bool = False) -> LearntFit:
        """The posterior of the data at hand, and how the network does on fresh simulations."""
        rng = stream(state.seed, FINISH)
        if self.network:
            return result_of(target, self._known(target), rng, None, hurry, self.correct)
        scaling, data = target.examples(state.seed)
        q = target.posterior(scaling, state.trained.best)
        return result_of(target, q, rng, summary_distances(data.s), hurry, self.correct)

    def _known(self, target: Simulated) -> Amortised:
        """The network of a saved fit. Raises `UsageError` where it does not suit the model and the data."""
        from ppl.posterior.store import load

        try:
            earlier = load(self.network)
            arrays = {} if earlier.factored is None else dict(earlier.factored.arrays)
            source = target.problem.program.source
            same = source is None or earlier.model_text == source.text
            found = target.posterior_of(arrays) if same else None
        except (PplError, OSError, KeyError, ValueError, TypeError) as error:
            raise fail(
                UsageError, "E705", f"`{self.network}` holds no network for this model and data"
            ) from error
        if found is None:
            raise fail(UsageError, "E705", f"`{self.network}` is a fit of another model")
        return found

    def progress(self, state: State) -> Progress:
        """Pass and held-out log density of the true latents."""
        return Progress(state.trained.passes, "training", -state.trained.last, float("nan"))

    def facts(self, state: State, end: Outcome) -> FitFacts:
        """What the certificate needs to hear."""
        return FitFacts(end.status, end.sentence, fixed_elbo=-state.trained.loss)

    @classmethod
    def state_type(cls) -> type[State]:
        """`State`."""
        return State


def _nothing() -> Trained:
    empty = np.zeros(0)
    return Trained(empty, empty, empty, empty, float("nan"), float("nan"), 0, 0)
