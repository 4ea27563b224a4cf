"""Backends with closed-form updates for single models, which end in a factored q."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ppl.inference.base import AbstractBackend, NotMonotone, Progress
from ppl.inference.outcome import Outcome, outcome
from ppl.posterior.diagnostics_findings import FitFacts
from ppl.posterior.factored import BlockReport, Factored

LOG_2PI = math.log(2 * math.pi)

NORMAL_GAMMA = """
table t(y: real)
mu ~ Normal(0, precision = 0.1)
tau ~ Gamma(2, 3)
y[i] ~ Normal(mu, precision = tau) for i in t
"""
KNOWN_SD = """
table t(y: real)
mu ~ Normal(0, 10)
y[i] ~ Normal(mu, 2) for i in t
"""
LIKELIHOOD = """
table t(y: real)
param mu
param sigma: positive
y[i] ~ Normal(mu, sigma) for i in t
"""
MIXTURE = """
table t(y: real)
index parts = 2
param w[parts]: simplex
param mu[parts]
param sigma[parts]: positive
z[i] ~ Categorical(w) for i in t
y[i] ~ Normal(mu[z[i]], sigma[z[i]]) for i in t
"""


def digamma(x: float) -> float:
    total = 0.0
    while x < 20:
        total -= 1 / x
        x += 1
    return total + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6)


@dataclass(frozen=True, eq=False)
class Answer(Factored):
    """Normal and Gamma factors, points, and probabilities, by name."""

    normals: dict[str, tuple[float, float]] = field(default_factory=dict)
    gammas: dict[str, tuple[float, float]] = field(default_factory=dict)
    points: dict[str, np.ndarray] = field(default_factory=dict)
    chances: dict[str, np.ndarray] = field(default_factory=dict)
    elbo: float = 0.0
    elbo_se: float = 0.0
    elbo_terms: dict[str, float] = field(default_factory=dict)
    log_evidence: float | None = None
    evidence_reason: str = ""
    restarts: tuple[float, ...] = ()

    @property
    def blocks(self):
        exact = self.log_evidence is not None
        found = [BlockReport((n,), "Normal", exact, "y", {"mean": np.array(m), "sd": np.array(s)})
                 for n, (m, s) in self.normals.items()]  # fmt: skip
        found += [BlockReport((n,), "Gamma", exact, "y", {"shape": np.array(a), "rate": np.array(b)})
                  for n, (a, b) in self.gammas.items()]  # fmt: skip
        found += [BlockReport((n,), "Delta", True, "point", {"value": v}) for n, v in self.points.items()]
        found += [BlockReport((n,), "Categorical", True, "y", {"p": v}) for n, v in self.chances.items()]
        return tuple(found)

    @property
    def means(self):
        known = {n: np.array(m) for n, (m, _) in self.normals.items()}
        return known | {n: np.array(a / b) for n, (a, b) in self.gammas.items()} | self.points

    @property
    def sds(self):
        known = {n: np.array(s) for n, (_, s) in self.normals.items()}
        known |= {n: np.array(math.sqrt(a) / b) for n, (a, b) in self.gammas.items()}
        return known | {n: np.zeros_like(v) for n, v in self.points.items()}

    def sample(self, rng, n):
        draws = {k: rng.normal(m, s, n) for k, (m, s) in self.normals.items()}
        draws |= {k: rng.gamma(a, 1 / b, n) for k, (a, b) in self.gammas.items()}
        return draws | {k: np.broadcast_to(v, (n, *v.shape)) for k, v in self.points.items()}

    def log_density(self, draws):
        total = np.zeros(len(next(iter(draws.values()))))
        for k, (m, s) in self.normals.items():
            total += -0.5 * ((draws[k] - m) / s) ** 2 - 0.5 * LOG_2PI - math.log(s)
        for k, (a, b) in self.gammas.items():
            total += a * math.log(b) - math.lgamma(a) + (a - 1) * np.log(draws[k]) - b * draws[k]
        return total

    def probabilities(self):
        return self.chances

    def arrays(self):
        return {"counts": np.array([1.0, 2.0])}


@dataclass(frozen=True)
class State:
    q_mu: tuple[float, float] = (0.0, 1.0)
    q_tau: tuple[float, float] = (2.0, 3.0)
    elbo: float = -math.inf
    step: int = 0
    done: bool = False


@dataclass(frozen=True)
class Base(AbstractBackend[np.ndarray, Any, Answer]):
    summary: ClassVar[str] = "closed form"
    restarts: int | None = field(default=None, metadata={"help": "starts of the fake"})
    max_sweeps: int = field(default=50, metadata={"help": "most sweeps"})
    tolerance: float = field(default=1e-12, metadata={"help": "gain at which it ends"})
    point: str = field(default="", metadata={"help": "names"})

    def target(self, problem):
        return problem.data.arrays[("t", "y")]

    def init(self, target, rng):
        return State()

    def step(self, target, state):
        return State(step=1, done=True)

    def done(self, state) -> Outcome | None:
        return (
            outcome("converged")
            if state.done
            else outcome("max_steps")
            if state.step >= self.max_sweeps
            else None
        )

    def facts(self, state, end):
        return FitFacts(end.status, end.sentence)

    def progress(self, state):
        return Progress(state.step, "sweep", state.elbo, 0.0)

    @classmethod
    def state_type(cls):
        return State


@dataclass(frozen=True)
class NormalGamma(Base):
    """Mean field of `NORMAL_GAMMA` by coordinate ascent (Bishop 2006, section 10.1.3)."""

    narrow: float = field(default=1.0, metadata={"help": "a wrong factor on the sd, for broken twins"})
    lie: float = field(default=0.0, metadata={"help": "added to the ELBO, for broken twins"})
    noise: float = field(default=0.0, metadata={"help": "the standard error claimed"})

    def step(self, target, state):
        y, (a, b) = target, state.q_tau
        precision = 0.1 + len(y) * a / b
        mean, var = y.sum() * a / b / precision, 1 / precision
        a, b = 2 + len(y) / 2, 3 + 0.5 * (np.square(y - mean).sum() + len(y) * var)
        value = sum(self.terms(y, mean, var, a, b).values())
        if value < state.elbo - 1e-9 * abs(value):
            raise NotMonotone("the update of `tau` lowered the ELBO by 0.5")
        gain = value - state.elbo
        return State((mean, math.sqrt(var)), (a, b), value, state.step + 1, gain < self.tolerance)

    @staticmethod
    def terms(y, mean, var, a, b):
        log_tau, tau = digamma(a) - math.log(b), a / b
        rows = np.square(y - mean).sum() + len(y) * var
        return {
            "mu": 0.5 * math.log(0.1) - 0.5 * LOG_2PI - 0.05 * (mean**2 + var),
            "tau": 2 * math.log(3) - math.lgamma(2) + log_tau - 3 * tau,
            "y": 0.5 * len(y) * (log_tau - LOG_2PI) - 0.5 * tau * rows,
            "entropy(mu)": 0.5 * (1 + LOG_2PI + math.log(var)),
            "entropy(tau)": a - math.log(b) + math.lgamma(a) + (1 - a) * digamma(a),
        }

    def finish(self, target, state, hurry=False):
        (mean, sd), (a, b) = state.q_mu, state.q_tau
        sd *= self.narrow
        terms = self.terms(target, mean, sd**2, a, b)
        terms["y"] += self.lie
        ends = tuple(sum(terms.values()) for _ in range(self.restarts or 1))
        return Answer(
            {"mu": (mean, sd)},
            {"tau": (a, b)},
            elbo=sum(terms.values()),
            elbo_se=self.noise,
            elbo_terms=terms,
            restarts=ends,
        )


@dataclass(frozen=True)
class KnownSd(Base):
    """The exact posterior of `KNOWN_SD`."""

    widen: float = field(default=1.0, metadata={"help": "a wrong factor on the sd, for broken twins"})

    def finish(self, target, state, hurry=False):
        y = target
        var = 1 / (1 / 100 + len(y) / 4)
        mean = var * y.sum() / 4
        energy = -0.5 * len(y) * (LOG_2PI + math.log(4)) - (np.square(y - mean).sum() + len(y) * var) / 8
        prior = -0.5 * (LOG_2PI + math.log(100)) - (mean**2 + var) / 200
        terms = {"mu": prior, "y": energy, "entropy(mu)": 0.5 * (1 + LOG_2PI + math.log(var))}
        value = sum(terms.values())
        return Answer({"mu": (mean, self.widen * math.sqrt(var))}, elbo=value, elbo_terms=terms, log_evidence=value,
                      evidence_reason="every factor is exact")  # fmt: skip


@dataclass(frozen=True)
class Likelihood(Base):
    """Maximum likelihood of `LIKELIHOOD`."""

    def finish(self, target, state, hurry=False):
        y, sd = target, target.std()
        value = -0.5 * len(y) * (LOG_2PI + 1) - len(y) * math.log(sd)
        points = {"mu": np.array(y.mean()), "sigma": np.array(sd)}
        return Answer(points=points, elbo=value, elbo_terms={"y": value}, log_evidence=value,
                      evidence_reason="the E-step is exact")  # fmt: skip


@dataclass(frozen=True)
class Mixture(Base):
    """EM of `MIXTURE`; ``dead`` leaves the second component empty."""

    dead: bool = field(default=False, metadata={"help": "empty the second component"})

    def finish(self, target, state, hurry=False):
        y = target
        w, mu, sd = np.array([0.5, 0.5]), np.quantile(y, [0.1, 0.9]), np.full(2, y.std())
        if self.dead:
            w, mu, sd = np.array([1.0, 0.0]), np.array([y.mean(), 0.0]), np.array([y.std(), 1e-7])
        for _ in range(0 if self.dead else 500):
            p = self.joint(y, w, mu, sd)
            p = p / p.sum(1, keepdims=True)
            w, mu = p.mean(0), (p * y[:, None]).sum(0) / p.sum(0)
            sd = np.sqrt((p * np.square(y[:, None] - mu)).sum(0) / p.sum(0))
        p = self.joint(y, w, mu, sd)
        value = float(np.log(p.sum(1)).sum())
        return Answer(points={"w": w, "mu": mu, "sigma": sd}, chances={"z": p / p.sum(1, keepdims=True)},
                      elbo=value, elbo_terms={"y": value}, log_evidence=value, restarts=(value, value))  # fmt: skip

    @staticmethod
    def joint(y, w, mu, sd):
        return w * np.exp(-0.5 * np.square((y[:, None] - mu) / sd)) / (sd * math.sqrt(2 * math.pi))


FAKES = {"normalgamma": NormalGamma, "knownsd": KnownSd, "likelihood": Likelihood, "mixture": Mixture}
