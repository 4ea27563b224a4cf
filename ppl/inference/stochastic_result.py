"""What stochastic gradients hand on: a Gaussian on the real line, or draws by name where there is a guide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.graph.stochastic import StochasticElbo
from ppl.inference.stochastic_target import StochasticTarget
from ppl.inference.stochastic_weights import by_element, weighed
from ppl.posterior.approximation import Approximation
from ppl.posterior.element_weights import ElementWeights
from ppl.posterior.factored import POINT, BlockReport, Factored
from ppl.posterior.record import Bound, FitWarning
from ppl.posterior.target import Array

LARGEST = 20000  # coordinates of a Gaussian that is examined by its density
PASSES = 20  # draws of the ELBO that is reported
ROWS_AT_ONCE = 1000
ENCODABLE = 1e8  # numbers of the widest layer over all rows
ACTIVE = 0.01  # variance of a unit's mean over rows above which it tells rows apart
BITS = float(np.log2(np.e))


def result_of(
    target: StochasticTarget, x: Array, rng: np.random.Generator, rate_weight: float
) -> Approximation | Factored:
    """A Gaussian where every latent is free, there are not too many, and q saw all data; else draws by name."""
    estimates = target.estimates
    if not estimates.guides and target.size <= LARGEST and target.split is None:
        mean, log_sd = estimates.coordinates(x)
        return Approximation(mean, log_sd=np.where(target.point, -np.inf, log_sd), point=target.point)
    return Amortised(estimates, x, measure(target, x, rng), rate_weight, target.work)


@dataclass(frozen=True)
class Measured:
    """The ELBO over all rows, on fresh draws, with its standard error over passes, and its parts."""

    elbo: float
    error: float
    log_likelihood: float
    rate: float
    kl: float

    @property
    def bound(self) -> Bound:
        """As a fit keeps it."""
        return Bound(self.elbo, self.error, self.log_likelihood, self.rate + self.kl)


def measure(target: StochasticTarget, x: Array, rng: np.random.Generator) -> Measured:
    """Evaluate the ELBO at fresh draws."""
    passes = np.array([_one_pass(target, x, rng) for _ in range(PASSES)])
    elbos = passes @ np.array([1.0, -1.0, -1.0])
    error = float(elbos.std(ddof=1) / np.sqrt(PASSES))
    return Measured(float(elbos.mean()), error, *(float(v) for v in passes.mean(0)))


def _one_pass(target: StochasticTarget, x: Array, rng: np.random.Generator) -> tuple[float, float, float]:
    """Log likelihood, rate and divergence of globals at one draw, rows taken some at a time."""
    estimates = target.estimates
    noise = estimates.noise(rng)
    if not target.batch:
        return _parts(estimates, x, estimates.everything, noise)
    at_once = max(target.batch, ROWS_AT_ONCE)
    total = np.zeros(3)
    for first in range(0, target.rows, at_once):
        rows = np.arange(first, min(first + at_once, target.rows))
        share = len(rows) / target.rows
        total += share * np.array(_parts(estimates, x, estimates.batch(rows), noise))
    return float(total[0]), float(total[1]), float(total[2])


def _parts(estimates: StochasticElbo, x: Array, view: Any, noise: Any) -> tuple[float, float, float]:
    found, _ = estimates.parts(x, view, noise, 1)
    return float(np.mean(found.log_likelihood)), float(np.mean(found.rate)), float(np.mean(found.kl))


@dataclass(frozen=True, eq=False)
class Amortised(Factored):
    """q of a guide, or of more latents than a Gaussian is examined for: it draws by name."""

    estimates: StochasticElbo
    x: Array
    measured: Measured
    rate_weight: float
    work: float

    log_evidence = None
    evidence_reason = ""
    restarts = ()

    @property
    def elbo(self) -> float:  # type: ignore[override]
        """On fresh draws."""
        return self.measured.elbo

    @property
    def elbo_terms(self) -> Mapping[str, float]:  # type: ignore[override]
        """The log likelihood and the divergence."""
        return {
            "log likelihood": self.measured.log_likelihood,
            "divergence of rows": -self.measured.rate,
            "divergence of the rest": -self.measured.kl,
        }

    @property
    def blocks(self) -> tuple[BlockReport, ...]:  # type: ignore[override]
        """One factor for each latent."""
        guided = self.estimates.guides
        named = {p.block.name: p.block for p in self.estimates.parameters}
        free = [
            BlockReport((n,), POINT if b.point else "Normal on the real line", False, "free")
            for n, b in named.items()
        ]
        own = [BlockReport((n,), str(q.body.name), False, "guide") for n, q in guided.items()]  # type: ignore[attr-defined]
        return (*own, *free)

    @property
    def means(self) -> Mapping[str, Array]:  # type: ignore[override]
        """None in closed form: those of the draws are reported."""
        return {}

    @property
    def sds(self) -> Mapping[str, Array]:  # type: ignore[override]
        """None in closed form."""
        return {}

    def bound(self) -> Bound:
        """The ELBO on fresh draws and its two parts."""
        return self.measured.bound

    def findings(self) -> tuple[FitWarning, ...]:
        """The ELBO as a code's two costs, and how much of the code is in use."""
        rows = self._rows
        names = (*self.estimates.guides, *self.estimates.reading)
        if not rows or not names:
            return ()
        distortion, rate = -self.measured.log_likelihood / rows[1], self.measured.rate / rows[1]
        bits = f"{distortion * BITS:.2f} + {rate * BITS:.2f} bits"
        texts = [f"per row of `{rows[0]}`: distortion {distortion:.3f} + rate {rate:.3f} nats ({bits})"]
        if rows[1] * self._widest <= ENCODABLE:
            means = self.estimates.drawn(self.x, lambda name, shape: np.zeros(shape), 1)
            texts += [_active(name, means[name][0]) for name in names if means[name].ndim > 2]
        if self.rate_weight != 1.0:
            texts.append(f"the rate counted {self.rate_weight:g} times in the fit, once in the ELBO")
        return tuple(FitWarning("W723", text, (), "note") for text in texts)

    @property
    def _rows(self) -> tuple[str, int] | None:
        """The one table whose rows have latents of their own, and its size."""
        problem = self.estimates.problem
        found = {
            d.set
            for s in self.estimates.graph.statements
            if s.name in self.estimates.by_row
            for d in s.place.plates
            if d.set in problem.data_sets
        }
        return (name := found.pop(), problem.data.sets[name].size) if len(found) == 1 else None

    @property
    def _widest(self) -> int:
        at = self.estimates.layout.evaluator()
        layers = (dims for n in self.estimates.graph.networks for dims in n.layers)
        return max((int(np.prod([at.size(d) for d in dims])) for dims in layers), default=1)

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draws by name; arrays of networks repeat without a copy."""
        return self.estimates.sample(self.x, rng, n)

    def weighed(
        self, problem: Any, rng: np.random.Generator, n: int
    ) -> tuple[dict[str, Array], Array | None]:
        """Draws by name and ``log p - log q`` at them: on the real line, points counting 0; (n,)."""
        return weighed(self.estimates, self.x, self.work, rng, n)

    def element_weights(self, rng: np.random.Generator) -> ElementWeights | None:
        """Weights of single rows, where latents lie in one plate over data."""
        plate = self.estimates.plan.plate if self.estimates.plan else (self._rows or ("",))[0]
        return by_element(self.estimates, self.x, plate, self.work, rng) if plate else None

    def log_density(self, draws: Mapping[str, Array]) -> Array | None:
        """Not to be had in the model's own coordinates."""
        return None

    def probabilities(self) -> dict[str, Array]:
        """Of discrete latents, summed out in the fit: exact given draws of the others, averaged."""
        lay = self.estimates.layout
        if not lay.discrete:
            return {}
        draws = self.sample(np.random.default_rng(0), 50)
        found = self.estimates.problem.discrete(draws)
        return {name: np.asarray(p).mean(0) for name, p in found.items()}

    def arrays(self) -> dict[str, Array]:
        """The vector of parameters."""
        return {"parameters": self.x}


def _active(name: str, means: Array) -> str:
    flat = means.reshape(len(means), -1)
    count = int((flat.var(axis=0) > ACTIVE).sum())
    return f"{count} of {flat.shape[1]} units of `{name}` are active: their mean varies over rows by more than {ACTIVE}"
