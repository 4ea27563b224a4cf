"""A chain of discrete states: exact forward-backward inside, whatever the rest of the energy says.

q(z) ~ exp(sum_t u_t(z_t) + sum_t w_t(z_{t-1}, z_t)),    u = dE/dr_t,   w = dE/d xi_t

or, where a guide asks for it, the best q(z) = prod_t q(z_t) for the same u and w.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from ppl.backend.chains.discrete import chain_marginals
from ppl.backend.chains.factorised import factorised_marginals
from ppl.backend.chains.paths import sample_paths
from ppl.energy.blocks.base import Array, Block, Factor, Gradients, inner
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.chain_steps import Steps
from ppl.energy.operands import Key
from ppl.energy.row_sums import Means, RowPart, RowSums
from ppl.energy.terms import Latent


@dataclass(frozen=True, eq=False)
class DiscreteChain(Block):
    """All chains of one latent along one axis; restarts and batches are steps without a pair table.

    ``parts``: what terms read of the states' probabilities as sums over cells; ``dense``: whether some term reads
    the probabilities themselves. ``factorised``: whether every element is by itself in q, to a better fit of the
    chain from update to update.
    """

    latent: Latent
    axis: int
    steps: Steps
    parts: tuple[RowPart, ...] = ()
    dense: bool = True
    factorised: bool = False

    @property
    def family(self) -> str:  # type: ignore[override]
        return "Categorical" if self.factorised else "MarkovChain"

    @property
    def exact(self) -> bool:  # type: ignore[override]
        return not self.factorised

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

    @property
    def key(self) -> Key:
        return ("is", self.latent.name)

    @property
    def strides(self) -> tuple[int, ...]:
        """Steps between cells along each axis: chain after chain, in time within."""
        shape = self.latent.shape
        order = [*(i for i in range(len(shape)) if i != self.axis), self.axis]
        steps = {axis: prod(shape[j] for j in order[place + 1 :]) for place, axis in enumerate(order)}
        return tuple(steps[i] for i in range(len(shape)))

    @cached_property
    def rows(self) -> RowSums:
        """The sums over cells."""
        allowed = self.latent.allowed
        front = None if allowed is None else self._front(np.broadcast_to(allowed, self.shapes()[self.key]))
        return RowSums(prod(self.latent.shape), self.states, self.parts, allowed=front)

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        unary, pair = self._potentials(gradients)
        if self.factorised:
            return self._elementwise(unary, pair, before)
        found = chain_marginals(unary, pair, self.steps.codes)
        node = found.node[0] if found.node.ndim == 3 else found.node
        means = self._means(node, found.pair_sums.reshape(pair.shape), self.dense or self.key in gradients)
        energy = inner(gradients, means)
        return Factor(means, float(found.log_partition[0]) - energy, {"unary": unary, "pair": pair})

    def _elementwise(self, unary: Array, pair: Array, before: Factor | None) -> Factor:
        """The best independent elements, from those before."""
        start = None if before is None else self._front(before.means[self.key])
        try:
            found = factorised_marginals(unary, pair, self.steps.codes, start)
        except ValueError as error:
            raise NotProper(self.names, str(error)) from None
        means = self._means(found.node, found.pair_sums, True)
        return Factor(means, found.entropy, {"unary": unary, "pair": pair})

    def _means(self, node: Array, pairs: Array, dense: bool) -> Means:
        kept = {**self.rows.of(node), ("pairs", self.latent.name): pairs}
        if dense:
            return Means({**kept, self.key: self._back(node)})
        return Means(kept, {self.key: lambda: self._back(node)})

    def completed(self, factor: Factor) -> Factor:
        """A factor that has r but not its sums, with these."""
        if all(p.key in factor.means for p in self.parts):
            return factor
        sums = self.rows.of(self._front(factor.means[self.key]))
        means = Means({**sums, **factor.means})
        return Factor(means, factor.entropy, factor.natural, factor.notes, factor.made_from)

    def _potentials(self, gradients: Gradients) -> tuple[Array, Array]:
        shapes, given = self.shapes(), gradients.get(self.key)
        dense = None if given is None else self._front(np.broadcast_to(given, shapes[self.key]))
        unary = self.rows.scores(self.rows.tables(gradients), dense, 0, self.rows.elements)
        key = ("pairs", self.latent.name)
        return unary, np.ascontiguousarray(np.broadcast_to(gradients.get(key, np.zeros(())), shapes[key]))

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

    def labelled(self, labels: Array, odds: float, stay: float = 0.0) -> Factor:
        """A factor that holds to labels (cells,), in the order of the latent's axes, by these log odds.

        ``stay``: the log odds of a step that keeps its state, for states whose labels come in runs.
        """
        shapes = self.shapes()
        unary = odds * (labels[:, None] == np.arange(self.states))
        pair = np.zeros(shapes["pairs", self.latent.name])
        pair[1:] = np.diag(stay * self._runs(labels))
        return self.best({self.key: unary.reshape(shapes[self.key]), ("pairs", self.latent.name): pair}, None)

    def _runs(self, labels: Array) -> Array:
        """Whether each label follows itself more often than by chance: (K,)."""
        front = np.moveaxis(labels.reshape(self.latent.shape), self.axis, -1).ravel()
        steps = np.flatnonzero(self.steps.codes > 0)
        count = np.bincount(front, minlength=self.states)
        left = np.bincount(front[steps - 1], minlength=self.states)
        kept = np.bincount(front[steps][front[steps] == front[steps - 1]], minlength=self.states)
        return np.asarray(kept * len(front) > left * count)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        if self.factorised:
            return self._sampled_elements(factor, rng, n)
        codes = sample_paths(factor.natural["unary"], factor.natural["pair"], self.steps.codes, n, rng)
        shape = self.latent.shape
        order = [n, *(m for i, m in enumerate(shape) if i != self.axis), shape[self.axis]]
        assert self.latent.states is not None
        return {self.latent.name: self.latent.states[np.moveaxis(codes.reshape(order), -1, 1 + self.axis)]}

    def _sampled_elements(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        u = rng.random((n, *self.latent.shape))
        codes = (u[..., None] > np.cumsum(factor.means[self.key], -1)[..., :-1]).sum(-1)
        assert self.latent.states is not None
        return {self.latent.name: self.latent.states[codes]}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        return None
