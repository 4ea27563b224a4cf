"""Scalars whose conditional is in no named family: q(x) ~ exp(sum_f eta_f f(x)) as it is, by quadrature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.blocks.defined import lent, log_density_of
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.blocks.point import PointBlock, at_value
from ppl.energy.families import NotProper as Endless
from ppl.energy.families.tabulated import Tabulated, tabulate
from ppl.energy.operands import Key
from ppl.energy.terms import Energy, Latent
from ppl.supports import Interval


@dataclass(frozen=True, eq=False)
class TabulatedBlock(Block):
    """Independent scalars with any statistics; the update is exact up to the quadrature's 1e-10."""

    latent: Latent
    stats: tuple[str, ...]
    functions: Mapping[str, Callable[[Any], Any]]
    family: ClassVar[str] = "Tabulated"

    @classmethod
    def of(cls, latent: Latent, energy: Energy) -> TabulatedBlock:
        """With the statistics that the energy's terms ask for."""
        found = PointBlock.of(latent, energy)
        return cls(latent, found.stats, found.functions)

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.latent.name,)

    @property
    def support(self) -> Interval:
        assert isinstance(self.latent.support, Interval)
        return self.latent.support

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        return {(s, self.latent.name): self.latent.shape for s in self.stats}

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        zero = np.zeros(self.latent.shape)
        eta = {s: zero + gradients.get((s, self.latent.name), 0.0) for s in self.stats}
        eta = lent(eta, self.latent.defined)
        try:
            q = tabulate(eta, self.support, self.functions)
        except Endless as error:
            raise NotProper(self.names, str(error)) from None
        means: dict[Key, Array] = {(s, self.latent.name): e for s, e in q.mean().items()}
        entropy = self._entropy(q, eta)
        if self.latent.defined is not None:
            entropy = np.where(self.latent.defined, entropy, 0.0)
        return Factor(means, float(np.sum(entropy)), dict(eta))

    def _entropy(self, q: Tabulated, eta: Mapping[str, Array]) -> Array:
        """A - <eta, E t>, from the very means that terms read."""
        mean = q.mean()
        return q.log_normaliser - sum(np.where(e == 0, 0.0, e * mean[s]) for s, e in eta.items())

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        """At a point inside the support, which has no density: any update gains from it."""
        noise = np.exp(0.3 * spread * rng.standard_normal(self.latent.shape))
        value = PointBlock(self.latent, self.stats, self.functions).start(rng, 0.0).natural["value"] * noise
        value = np.clip(value, self.support.lower + 1e-3, self.support.upper - 1e-3)
        means: dict[Key, Array] = {
            (s, self.latent.name): at_value(s, value, self.functions.get(s)) for s in self.stats
        }
        return Factor(means, -np.inf, {})

    def _table(self, factor: Factor) -> Tabulated:
        return tabulate(factor.natural, self.support, self.functions)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        return {self.latent.name: self._table(factor).sample(rng, n)}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        x = np.asarray(draws[self.latent.name])
        return log_density_of(self._table(factor).log_density, x, self.latent.defined)

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        return {self.latent.name: self._table(factor).moments()}

    def parameters(self, factor: Factor) -> dict[str, Array]:
        mean, sd = self._table(factor).moments()
        return {"mean": mean, "sd": sd}
