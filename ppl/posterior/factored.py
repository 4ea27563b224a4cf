"""A factored approximation: what coordinate ascent and expectation maximisation hand on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.posterior.element_weights import ElementWeights
from ppl.posterior.estimates import Array
from ppl.posterior.record import Bound, FitWarning

POINT = "Delta"  # the family of a block that is a point estimate


@dataclass(frozen=True, eq=False)
class BlockReport:
    """One factor of q: the latents it covers, its family, and what it is worth.

    exact: whether it is the full conditional given the other factors; ``reason`` says what else, or why.
    parameters: name to array, the natural choice of the family (``mean``, ``sd``, ``shape``, ``rate`` ...).

    >>> BlockReport(("mu",), "Normal", True, "conjugate", {"mean": np.zeros(())}).sentence()
    'mu ~ Normal, exact: conjugate'
    """

    names: tuple[str, ...]
    family: str
    exact: bool
    reason: str = ""
    parameters: Mapping[str, Array] = field(default_factory=dict)

    @property
    def point(self) -> bool:
        """Whether it is a point estimate."""
        return self.family == POINT

    def sentence(self) -> str:
        """The factor in words."""
        kind = "exact" if self.exact else "not exact"
        return f"{', '.join(self.names)} ~ {self.family}, {kind}" + (
            f": {self.reason}" if self.reason else ""
        )


class Factored(ABC):
    """A product of factors over the model's own coordinates.

    Draws are by name: ``latent`` and ``param`` names to (n, *shape), ``table.column`` to (n, blank cells).
    Discrete latents are never drawn: they have probabilities. A point estimate repeats in every draw.
    """

    blocks: tuple[BlockReport, ...]
    elbo: float
    """The evidence lower bound, in closed form or estimated with the standard error `elbo_se`."""
    elbo_se: float  # left out where the bound is in closed form
    elbo_terms: Mapping[str, float]
    """Its parts: E log p of each statement by name, and ``entropy(NAME)`` of each latent; they add up to it."""
    log_evidence: float | None
    """The ELBO where it is no bound but the log evidence (given the point estimates), else None."""
    evidence_reason: str
    restarts: tuple[float, ...]
    """The ELBO at which each restart ended, -inf where it did not converge."""
    means: Mapping[str, Array]
    """Name -> (*shape), where known in closed form."""
    sds: Mapping[str, Array]
    """Name -> (*shape), where known in closed form; 0 for points."""

    @property
    def loose(self) -> bool:
        """Whether the ELBO is below that of the factors alone: q also has labels that the log joint sums out."""
        return False

    @property
    def corrected(self) -> bool:
        """Whether `draws` are not those of q, but corrected by importance weights."""
        return False

    @abstractmethod
    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Independent draws of every continuous latent, param and imputed column: name -> (n, *shape)."""

    def draws(self, seed: tuple[int, ...], n: int) -> Mapping[str, Array]:
        """The draws that a fit reports from; those of large latents may be made only when they are read."""
        return self.sample(np.random.default_rng(seed), n)

    @abstractmethod
    def log_density(self, draws: Mapping[str, Array]) -> Array | None:
        """Log q of draws: (n,). Points count 0. None where the factors also hold discrete latents.

        Densities are in the model's own coordinates: of a simplex in its first K - 1 entries.
        """

    def weighed(
        self, problem: Any, rng: np.random.Generator, n: int
    ) -> tuple[dict[str, Array], Array | None]:
        """Draws by name, and ``log p(x, y) - log q(x)`` at each: (n,); None where q has no density."""
        from ppl.posterior.factored_weights import log_ratios

        draws = self.sample(rng, n)
        return draws, log_ratios(problem, self, draws)

    def affordable(self, problem: Any, discrete: frozenset[str]) -> tuple[int, str]:
        """How many draws can be weighed, and why none; ``discrete`` names the latents with probabilities."""
        from ppl.posterior.factored_weights import affordable

        count, why = affordable(problem)
        free = [b for b in self.blocks if not b.point]
        if count and all(discrete.issuperset(b.names) for b in free):
            return 0, "all continuous latents are point estimates"
        return count, why

    def element_weights(self, rng: np.random.Generator) -> ElementWeights | None:
        """Weights of single elements of a plate, where q can be cut into these; None elsewhere."""
        return None

    @abstractmethod
    def probabilities(self) -> Mapping[str, Array]:
        """Discrete latent -> (*shape, K), states in order; a large array may be made when it is asked for."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """What else to keep with a saved fit, by name."""

    def bound(self) -> Bound:
        """The ELBO, its standard error, and its parts where they are known."""
        known = [v for k, v in self.elbo_terms.items() if k.startswith("entropy(")]
        entropy = float(sum(known)) if known else float("nan") if self.elbo_terms else 0.0
        error = float(getattr(self, "elbo_se", 0.0))
        return Bound(float(self.elbo), error, energy=float(self.elbo) - entropy, entropy=entropy)

    def findings(self) -> tuple[FitWarning, ...]:
        """What only the algorithm knows of: modes it clipped, floors it ran into."""
        return ()


@dataclass(frozen=True, eq=False)
class Probabilities(Mapping[str, Array]):
    """Probabilities of states by name, made when asked for; ``sizes`` tells how many numbers each has.

    >>> p = Probabilities({"z": lambda: np.full((2, 2), 0.5)}, {"z": 4})
    >>> list(p), p.within(3), p["z"].shape
    (['z'], [], (2, 2))
    """

    made: Mapping[str, Callable[[], Array]]
    sizes: Mapping[str, int]

    def __getitem__(self, name: str) -> Array:
        return self.made[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)

    def within(self, most: int) -> list[str]:
        """The names of arrays of at most so many numbers."""
        return [name for name in self.made if self.sizes[name] <= most]


def within(probabilities: Mapping[str, Array], most: int) -> list[str]:
    """The names of arrays of at most so many numbers, none of them made."""
    if isinstance(probabilities, Probabilities):
        return probabilities.within(most)
    return [name for name, array in probabilities.items() if array.size <= most]


@dataclass(frozen=True, eq=False)
class FactoredRecord:
    """What a fit keeps of a factored q: plain facts and arrays, the same from a run and from a file.

    evidence: the exact log evidence (given the points) where it is known, NaN elsewhere.
    """

    blocks: tuple[BlockReport, ...]
    elbo_terms: Mapping[str, float] = field(default_factory=dict)
    evidence_reason: str = ""
    restarts: tuple[float, ...] = ()
    arrays: Mapping[str, Array] = field(default_factory=dict)
    criteria: Mapping[str, float] = field(default_factory=dict)
    evidence: float = float("nan")

    @property
    def points(self) -> frozenset[str]:
        """The latents and params that have point estimates."""
        return frozenset(name for block in self.blocks if block.point for name in block.names)

    def to_dict(self) -> dict[str, object]:
        """Strict JSON values; the arrays stay out."""
        return {
            "blocks": [
                {"names": list(b.names), "family": b.family, "exact": b.exact, "reason": b.reason}
                for b in self.blocks
            ],
            "elbo_terms": {k: _number(v) for k, v in self.elbo_terms.items()},
            "evidence_reason": self.evidence_reason,
            "restarts": [_number(v) for v in self.restarts],
            "criteria": {k: _number(v) for k, v in self.criteria.items()},
            "evidence": _number(self.evidence),
        }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def record_of(q: Factored, criteria: Mapping[str, float], evidence: float = float("nan")) -> FactoredRecord:
    """The facts of a run's q."""
    blocks = tuple(q.blocks)
    held = [a for block in blocks for a in block.parameters.values()]
    more = {name: array for name, array in q.arrays().items() if not any(array is a for a in held)}
    return FactoredRecord(
        blocks, dict(q.elbo_terms), q.evidence_reason, tuple(q.restarts), more, dict(criteria), evidence
    )
