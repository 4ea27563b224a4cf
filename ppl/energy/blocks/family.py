"""Independent elements of one latent in an exponential family: eta = dE/dmu, mu = grad A(eta)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.blocks.defined import lent, log_density_of
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.families.base import Family
from ppl.energy.operands import Key
from ppl.energy.terms import Latent


@dataclass(frozen=True, eq=False)
class FamilyBlock(Block):
    """A latent whose conditional is in ``kind`` for each element (or event) by itself."""

    latent: Latent
    kind: type[Family]

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.latent.name,)

    @property
    def family(self) -> str:  # type: ignore[override]
        return self.kind.name

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the independent elements."""
        return self.latent.shape[: len(self.latent.shape) - self.kind.event_dims]

    def shape_of(self, stat: str) -> tuple[int, ...]:
        """Shape of the array of a statistic."""
        return self.latent.shape[: len(self.batch) + self.kind.axes[stat]]

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        return {(s, self.latent.name): self.shape_of(s) for s in self.kind.statistics}

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        eta: dict[str, Array] = {}
        for stat in self.kind.statistics:
            found = gradients.get((stat, self.latent.name), np.zeros(()))
            eta[stat] = np.broadcast_to(found, self.shape_of(stat))
        if self.latent.multiplicity is not None:
            eta = {s: e / _count(self.latent.multiplicity, e) for s, e in eta.items()}
        eta = lent(eta, self.latent.defined)
        if not np.all(self.kind.proper(eta)):
            raise NotProper(self.names, "its prior and the data together leave it without a normaliser")
        return self.of(eta)

    def of(self, eta: Mapping[str, Array]) -> Factor:
        """The factor with natural parameters ``eta``."""
        log_normaliser, mean = self.kind.solve(eta)
        entropy = log_normaliser - self.kind.inner(eta, mean)
        means: dict[Key, Array] = {(s, self.latent.name): mean[s] for s in self.kind.statistics}
        return Factor(means, self.counted(entropy), dict(eta))

    def counted(self, entropy: Array) -> float:
        """The sum over elements, each as often as it stands for."""
        if self.latent.defined is not None:
            entropy = np.where(self.latent.defined, entropy, 0.0)
        count = self.latent.multiplicity
        return float(np.sum(entropy if count is None else entropy * count))

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        """A factor about a neutral point, with random parts of relative size ``spread``."""
        noise = np.exp(0.3 * spread * rng.standard_normal(self.latent.shape))
        return self.of(neutral(self.kind, noise))

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        return {self.latent.name: self.kind.sample(rng, factor.natural, n)}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        x = np.asarray(draws[self.latent.name])
        defined = None if self.kind.event_dims else self.latent.defined
        return log_density_of(lambda v: self.kind.log_density(v, factor.natural), x, defined)

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        mean, sd = self.kind.moments(factor.natural)
        return {self.latent.name: (np.asarray(mean), np.asarray(sd))}

    def parameters(self, factor: Factor) -> dict[str, Array]:
        return dict(self.kind.parameters(factor.natural))


def _count(multiplicity: Array, eta: Array) -> Array:
    safe = np.where(multiplicity > 0, multiplicity, 1.0)
    return safe.reshape(safe.shape + (1,) * (eta.ndim - safe.ndim))


def neutral(kind: type[Family], noise: Array) -> dict[str, Any]:
    """A proper eta with its mean near 1 (positive), 1/2 (unit), uniform (simplex) or the identity (matrix)."""
    if kind.name == "Dirichlet":
        return {"log": noise / np.maximum(noise.mean(-1, keepdims=True), 1e-12) - 0.5}
    if kind.event_dims == 2:
        return _near_identity(kind, noise.shape)
    if kind.name == "Beta":
        return kind.from_moments(np.full(noise.shape, 0.5), np.full(noise.shape, 0.2))
    return kind.from_moments(noise, 0.5 * noise)


def _near_identity(kind: type[Family], shape: tuple[int, ...]) -> dict[str, Any]:
    """A Wishart or inverse Wishart with mean I."""
    p = shape[-1]
    eye = np.broadcast_to(np.eye(p), shape)
    if "inverse" in kind.axes:
        return {"logdet": np.full(shape[:-2], -(p + 2.5)), "inverse": -1.5 * eye}
    return {"logdet": np.full(shape[:-2], 1.5), "x": -0.5 * (p + 4.0) * eye}
