"""Independent discrete latents: q(z = k) ~ exp(dE / dr_k), one softmax for each element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.operands import Key
from ppl.energy.terms import Latent


@dataclass(frozen=True, eq=False)
class DiscreteBlock(Block):
    """Elements of one discrete latent, each with its own probabilities r: (*shape, K).

    An element that stands for m equal ones (a weighted row) counts m times.
    """

    latent: Latent
    family: ClassVar[str] = "Categorical"

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.latent.name,)

    @property
    def key(self) -> Key:
        return ("is", self.latent.name)

    @property
    def shape(self) -> tuple[int, ...]:
        assert self.latent.states is not None
        return (*self.latent.shape, len(self.latent.states))

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        return {self.key: self.shape}

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        potential = np.broadcast_to(gradients.get(self.key, np.zeros(())), self.shape)
        count = self.latent.multiplicity
        if count is not None:
            safe = np.where(count > 0, count, 1.0)[..., None]
            potential = potential / safe
        return self.from_potential(potential)

    def from_potential(self, potential: Array) -> Factor:
        """Softmax down the last axis; states that data rule out get none."""
        if self.latent.allowed is not None:
            potential = np.where(self.latent.allowed, potential, -np.inf)
        top = potential.max(-1, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        r = np.exp(potential - top)
        total = r.sum(-1, keepdims=True)
        r /= total
        log_normaliser = (np.log(total) + top)[..., 0]
        finite = np.where(r > 0, potential, 0.0)
        entropy = log_normaliser - np.einsum("...k,...k->...", r, finite)
        return Factor({self.key: r}, self.counted(entropy), {"probabilities": r})

    def counted(self, per_element: Array) -> float:
        """A sum over elements, as often as each counts."""
        weight = self.latent.multiplicity
        if self.latent.defined is not None:
            per_element = np.where(self.latent.defined, per_element, 0.0)
        return float(np.sum(per_element if weight is None else weight * per_element))

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        return self.from_potential(spread * rng.standard_normal(self.shape))

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        r = factor.means[self.key]
        u = rng.random((n, *self.latent.shape))
        codes = (u[..., None] > np.cumsum(r, -1)[..., :-1]).sum(-1)
        assert self.latent.states is not None
        return {self.latent.name: self.latent.states[codes]}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        return None
