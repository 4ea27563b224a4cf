"""What a search with flows hands on: draws by name, each with its importance weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.inference.stochastic_result import Amortised, Measured, measure
from ppl.inference.stochastic_target import StochasticTarget
from ppl.posterior.factored import BlockReport
from ppl.posterior.target import Array

AT_ONCE = 2e6  # array elements of draws that are evaluated together
MEASURED = 4000  # draws of the ELBO that is reported
WORK = 2e8  # array elements that reporting it may touch


@dataclass(frozen=True, eq=False)
class FlowFit(Amortised):
    """q with flows over some latents; Gaussians, points and guides for the others."""

    target: StochasticTarget

    @property
    def blocks(self) -> tuple[BlockReport, ...]:  # type: ignore[override]
        """One factor for each flow, and for each latent that is in none."""
        flows = self.estimates.flows
        flowing = {b.name for f in flows for b in f.blocks}
        rest = tuple(b for b in super().blocks if not flowing & set(b.names))
        own = (BlockReport(f.names, _family(f.coupling), False, "flow") for f in flows)
        return (*own, *rest)

    def weighed(
        self, problem: Any, rng: np.random.Generator, n: int
    ) -> tuple[dict[str, Array], Array | None]:
        """Draws by name and ``log p - log q`` at them: on the real line, points counting 0; (n,)."""
        found, ratios = [], []
        for count in _counts(self.target, n):
            noise = _Remembered(self.estimates, rng)
            parts, _ = self.estimates.parts(self.x, self.estimates.everything, noise, count, closed=False)
            ratios.append(np.broadcast_to(parts.objective(1.0), (count,)))
            found.append(self.estimates.drawn(self.x, noise, count))
        return {k: np.concatenate([p[k] for p in found]) for k in found[0]}, np.concatenate(ratios)


def _family(coupling: Any) -> str:
    return f"flow of {coupling.layers} coupling layers"


class _Remembered:
    """Standard normal numbers that are the same whenever they are asked for again."""

    def __init__(self, estimates: Any, rng: np.random.Generator) -> None:
        self._fresh = estimates.noise(rng)
        self._known: dict[tuple[str, tuple[int, ...]], Array] = {}

    def __call__(self, name: str, shape: tuple[int, ...]) -> Array:
        if (name, shape) not in self._known:
            self._known[name, shape] = self._fresh(name, shape)
        return self._known[name, shape]


def _counts(target: StochasticTarget, n: int) -> Iterator[int]:
    """n draws in parts that fit in memory."""
    step = int(np.clip(AT_ONCE / max(target.work, 1.0), 1, n))
    yield from (min(step, n - first) for first in range(0, n, step))


def flow_result(target: StochasticTarget, x: Array, rng: np.random.Generator, rate_weight: float) -> FlowFit:
    """The result of a search, its ELBO measured on many draws where that is cheap."""
    found = measure(target, x, rng) if target.batch else _measured(target, x, rng)
    return FlowFit(target.estimates, x, found, rate_weight, target)


def _measured(target: StochasticTarget, x: Array, rng: np.random.Generator) -> Measured:
    estimates = target.estimates
    n = int(np.clip(WORK / max(target.work, 1.0), 20, MEASURED))
    rows = []
    for count in _counts(target, n):
        found, _ = estimates.parts(x, estimates.everything, estimates.noise(rng), count, closed=False)
        parts = (found.log_likelihood, found.rate, found.kl)
        rows.append(np.stack([np.broadcast_to(p, (count,)) for p in parts]))
    every = np.concatenate(rows, axis=1)
    elbos = every[0] - every[1] - every[2]
    error = float(elbos.std(ddof=1) / np.sqrt(n))
    return Measured(float(elbos.mean()), error, *(float(v) for v in every.mean(1)))
