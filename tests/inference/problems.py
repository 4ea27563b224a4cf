"""Log densities written by hand, with what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.inference.backends.advi import Backend
from ppl.inference.outcome import Outcome
from ppl.inference.run import Options, Run, run
from ppl.posterior.diagnostics import Certificate, certify
from ppl.posterior.target import Block

Density = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Problem:
    """A target from a function z: (S, D) -> values (S,), slopes (S, D)."""

    density: Density
    size: int
    work: float = 10.0
    start_at: Any = None
    groups_are: tuple[Block, ...] = ()
    points: tuple[int, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def point(self) -> np.ndarray:
        return np.isin(np.arange(self.size), self.points)

    @property
    def groups(self) -> tuple[Block, ...]:
        return self.groups_are or (Block("z", slice(0, self.size)),)

    @property
    def start(self) -> np.ndarray:
        return np.zeros(self.size) if self.start_at is None else np.asarray(self.start_at, float)

    def log_density(self, z: np.ndarray) -> np.ndarray:
        return self.density(z)[0]

    def value_and_grad(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.density(z)

    def locate(self, z: np.ndarray) -> str:
        return f"`z` at data row 7 (first coordinate {z[0]:.3g})"


def gaussian(size: int, condition: float = 100.0, seed: int = 0) -> Problem:
    """A normalised correlated Gaussian; facts: mean, precision."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    precision = (basis * np.geomspace(1.0, condition, size)) @ basis.T
    mean = 3.0 * rng.standard_normal(size)
    constant = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * size * np.log(2 * np.pi)

    def density(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        away = z - mean
        slopes = -away @ precision
        return 0.5 * (away * slopes).sum(1) + constant, slopes

    return Problem(density, size, facts={"mean": mean, "precision": precision})


EFFECT = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERROR = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def _schools(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    raw, mu, log_tau = z[:, :8], z[:, 8], z[:, 9]
    with np.errstate(all="ignore"):
        tau = np.exp(log_tau)
        away = (EFFECT - mu[:, None] - tau[:, None] * raw) / ERROR
        value = -0.5 * (raw**2).sum(1) - 0.5 * (away**2).sum(1) - 0.5 * (mu / 5) ** 2
        value += log_tau - np.log1p((tau / 5) ** 2)
        pull = away / ERROR
        in_tau = (pull * raw).sum(1) * tau + 1 - 2 * (tau / 5) ** 2 / (1 + (tau / 5) ** 2)
        slopes = np.column_stack([pull * tau[:, None] - raw, pull.sum(1) - mu / 25, in_tau])
    return value, slopes


def eight_schools() -> Problem:
    """Rubin's eight schools, non-centred, mu ~ N(0, 5), tau ~ half-Cauchy(0, 5).

    facts: mean and sd of mu, tau and the effect of the first school, from a long reference run.
    """
    facts = {"mu": (4.41, 3.31), "tau": (3.60, 3.20), "first": (6.15, 5.62)}
    groups = (Block("raw", slice(0, 8), False), Block("mu", slice(8, 9)), Block("tau", slice(9, 10)))
    return Problem(_schools, 10, work=30.0, groups_are=groups, facts=facts)


def schools_quantities(z: np.ndarray) -> dict[str, np.ndarray]:
    """mu, tau and the first school's effect from unconstrained draws."""
    tau = np.exp(z[:, 9])
    return {"mu": z[:, 8], "tau": tau, "first": z[:, 8] + tau * z[:, 0]}


def funnel(size: int = 10) -> Problem:
    """Neal's funnel: no Gaussian is near it."""

    def density(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        v, x = z[:, 0], z[:, 1:]
        narrow, n = np.exp(-v), size - 1
        square = (x**2).sum(1)
        slopes = np.column_stack([-v / 9 - n / 2 + 0.5 * narrow * square, -x * narrow[:, None]])
        return -v * v / 18 - n * v / 2 - 0.5 * narrow * square, slopes

    return Problem(density, size)


def log_gamma(shape: float) -> Problem:
    """The log of a Gamma(shape, 1) variable; facts: mean and sd of the variable itself."""

    def density(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = np.exp(z)
        return (shape * z - x)[:, 0], shape - x

    return Problem(density, 1, facts={"mean": shape, "sd": np.sqrt(shape)})


def logistic(rows: int = 500, size: int = 6, seed: int = 3) -> Problem:
    """A logistic regression; facts: mean and sd from a random-walk-free grid are not known, see tests."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(rows), rng.standard_normal((rows, size - 1))])
    beta = rng.standard_normal(size)
    signed = x * np.where(rng.random(rows) < 1 / (1 + np.exp(-x @ beta)), 1.0, -1.0)[:, None]

    def density(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        margin = z @ signed.T
        wrong = 1 / (1 + np.exp(margin))
        return -np.logaddexp(0.0, -margin).sum(1) - (z**2).sum(1) / 8, wrong @ signed - z / 4

    return Problem(density, size, work=float(rows * size), facts={"x": x})


def fit(
    problem: Problem, seed: int = 0, how: Options | None = None, **options: Any
) -> tuple[Run[Any, Any], Certificate]:
    """Run and certify."""
    backend = Backend(**options)
    done = run(backend, problem, np.random.default_rng(seed), how)
    assert done.result is not None
    facts = backend.facts(done.state, done.outcome)
    return done, certify(problem, done.result, np.random.default_rng([seed, 1]), facts)


def spoiled(problem: Problem, at: int, kind: str, forever: bool = True) -> Problem:
    """The same problem whose ``at``-th evaluation, and all later ones, are NaN in value or gradient."""
    calls = [0]

    def density(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls[0] += 1
        values, slopes = problem.density(z)
        if calls[0] == at or (forever and calls[0] > at):
            values, slopes = values.copy(), slopes.copy()
            if kind == "value":
                values[len(z) // 2] = np.nan
            elif kind == "infinite":
                values[len(z) // 2] = np.inf
            else:
                slopes[len(z) // 2, 0] = np.nan
        return values, slopes

    return replace(problem, density=density)


def ended(done: Run[Any, Any]) -> Outcome:
    """How a run ended."""
    return done.outcome
