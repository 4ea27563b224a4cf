"""What a search with flows hands on: draws by name, each with its importance weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ppl.backend.low_rank import LowRank
from ppl.graph.flows import Flow
from ppl.inference.reweighted import Reweighted, reweighted
from ppl.inference.stochastic_result import Amortised, Measured, measure
from ppl.inference.stochastic_target import StochasticTarget
from ppl.inference.stochastic_weights import counts
from ppl.posterior.factored import BlockReport
from ppl.posterior.target import Array

MEASURED = 4000  # draws of the ELBO that is reported
WORK = 2e8  # array elements that reporting it may touch
AT_ONCE = 1e7  # numbers of a layer over the draws that are made together


@dataclass(frozen=True, eq=False)
class FlowFit(Amortised):
    """q with flows over some latents; Gaussians, points and guides for the others."""

    better: Reweighted | None = None

    def draws(self, seed: tuple[int, ...], n: int) -> Mapping[str, Array]:
        """The draws to report from: corrected where k-hat allows it."""
        rng = np.random.default_rng(seed)
        return self.sample(rng, n) if self.better is None else self.better.resampled(rng, n)

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draws by name, some at a time where layers over many elements are wide."""
        at = self.estimates.layout.evaluator()
        width = max(
            int(np.prod([at.size(d) for d in f.plates], dtype=int)) * _width(f) for f in self.estimates.flows
        )
        step = max(1, int(AT_ONCE / width))
        parts = [self.estimates.sample(self.x, rng, min(step, n - first)) for first in range(0, n, step)]
        return parts[0] if len(parts) == 1 else {k: _joined([p[k] for p in parts], n) for k in parts[0]}

    @property
    def corrected(self) -> bool:
        """Whether `draws` are."""
        return self.better is not None

    @property
    def blocks(self) -> tuple[BlockReport, ...]:  # type: ignore[override]
        """One factor for each flow, and for each latent that is in none."""
        flows = self.estimates.flows
        flowing = {b.name for f in flows for b in f.blocks}
        rest = tuple(b for b in super().blocks if not flowing & set(b.names))
        own = (BlockReport(f.names, _family(f), False, "guide" if f.reads else "") for f in flows)
        return (*own, *rest)


def _width(flow: Flow) -> int:
    """Numbers of a layer for one draw of one element."""
    return flow.coupling.size + getattr(flow.coupling, "hidden", 0)


def _joined(parts: list[Array], n: int) -> Array:
    """All draws; points repeat without a copy."""
    one = parts[0]
    return np.broadcast_to(one[:1], (n, *one.shape[1:])) if one.strides[0] == 0 else np.concatenate(parts)


def _family(flow: Flow) -> str:
    if isinstance(flow.coupling, LowRank):
        return flow.coupling.words
    words = f"flow of {flow.coupling.layers} coupling layers"
    return words if flow.reads is None else f"{words} that read {' and '.join(flow.reads.given)}"


def flow_result(
    target: StochasticTarget, x: Array, rng: np.random.Generator, rate_weight: float, hurry: bool = False
) -> FlowFit:
    """The result of a search, its ELBO measured on many draws where that is cheap, its draws corrected."""
    found = measure(target, x, rng) if target.batch else _measured(target, x, rng)
    q = FlowFit(target.estimates, x, found, rate_weight, target.work)
    return q if hurry else replace(q, better=reweighted(q, target.problem, rng))


def _measured(target: StochasticTarget, x: Array, rng: np.random.Generator) -> Measured:
    estimates = target.estimates
    n = int(np.clip(WORK / max(target.work, 1.0), 20, MEASURED))
    rows = []
    for count in counts(target.work, n):
        found, _ = estimates.parts(x, estimates.everything, estimates.noise(rng), count, closed=False)
        parts = (found.log_likelihood, found.rate, found.kl)
        rows.append(np.stack([np.broadcast_to(p, (count,)) for p in parts]))
    every = np.concatenate(rows, axis=1)
    elbos = every[0] - every[1] - every[2]
    error = float(elbos.std(ddof=1) / np.sqrt(n))
    return Measured(float(elbos.mean()), error, *(float(v) for v in every.mean(1)))
