"""A chain of discrete states: exact forward-backward inside, whatever the rest of the energy says.

q(z) ~ exp(sum_t u_t(z_t) + sum_t w_t(z_{t-1}, z_t)),    u = dE/dr_t,   w = dE/d xi_t
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients, inner
from ppl.energy.chain_steps import Steps
from ppl.energy.chains.discrete import chain_marginals
from ppl.energy.chains.paths import sample_paths
from ppl.energy.operands import Key
from ppl.energy.terms import Latent


@dataclass(frozen=True, eq=False)
class DiscreteChain(Block):
    """All chains of one latent along one axis; restarts and batches are steps without a pair table."""

    latent: Latent
    axis: int
    steps: Steps
    family: ClassVar[str] = "MarkovChain"

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.latent.name,)

    @property
    def states(self) -> int:
        assert self.latent.states is not None
        return len(self.latent.states)

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        k = self.states
        return {
            ("is", self.latent.name): (*self.latent.shape, k),
            ("pairs", self.latent.name): (self.steps.classes, k, k),
        }

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        unary, pair = self._potentials(gradients)
        found = chain_marginals(unary, pair, self.steps.codes)
        means: dict[Key, Array] = {
            ("is", self.latent.name): self._back(found.node),
            ("pairs", self.latent.name): found.pair_sums,
        }
        energy = inner({k: g for k, g in gradients.items() if k in means}, means)
        return Factor(means, float(found.log_partition[0]) - energy, {"unary": unary, "pair": pair})

    def _potentials(self, gradients: Gradients) -> tuple[Array, Array]:
        name, shapes = self.latent.name, self.shapes()
        unary = np.broadcast_to(gradients.get(("is", name), np.zeros(())), shapes[("is", name)])
        if self.latent.allowed is not None:
            unary = np.where(self.latent.allowed, unary, -np.inf)
        pair = np.broadcast_to(gradients.get(("pairs", name), np.zeros(())), shapes[("pairs", name)])
        return self._front(unary), np.ascontiguousarray(pair)

    def _front(self, unary: Array) -> Array:
        """(*shape, K) to (K, cells)."""
        moved = np.moveaxis(unary, self.axis, -2).reshape(-1, self.states)
        return np.ascontiguousarray(moved.T)

    def _back(self, node: Array) -> Array:
        """(K, cells) to (*shape, K)."""
        shape = self.latent.shape
        order = [*(n for i, n in enumerate(shape) if i != self.axis), shape[self.axis], self.states]
        return np.moveaxis(node.T.reshape(order), -2, self.axis)

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        shape = self.shapes()[("is", self.latent.name)]
        return self.best({("is", self.latent.name): spread * rng.standard_normal(shape)}, None)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        codes = sample_paths(factor.natural["unary"], factor.natural["pair"], self.steps.codes, n, rng)
        shape = self.latent.shape
        order = [n, *(m for i, m in enumerate(shape) if i != self.axis), shape[self.axis]]
        assert self.latent.states is not None
        return {self.latent.name: self.latent.states[np.moveaxis(codes.reshape(order), -1, 1 + self.axis)]}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        return None
