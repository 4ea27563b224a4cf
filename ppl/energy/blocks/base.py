"""A block of q: some latents, the arrays of mean parameters that terms read, and its best factor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ppl.energy.operands import Key

Array = Any
Gradients = Mapping[Key, Array]


@dataclass(frozen=True, eq=False)
class Factor:
    """One block's q: natural parameters, mean parameters by key, log-normaliser and entropy (nats).

    ``natural`` is what the block itself needs to sample and report, in its own form; ``made_from`` the gradients
    that it is the best factor for, where a damped step may need them.
    """

    means: Mapping[Key, Array]
    entropy: float
    natural: Mapping[str, Array] = field(default_factory=dict)
    notes: Mapping[str, Array] = field(default_factory=dict)
    made_from: Mapping[Key, Array] | None = None


class Block(ABC):
    """A set of latents that q keeps together."""

    family: ClassVar[str]
    exact: ClassVar[bool] = True
    names: tuple[str, ...]

    @property
    def holds(self) -> tuple[str, ...]:
        """The names that terms may read it by."""
        return self.names

    @abstractmethod
    def shapes(self) -> dict[Key, tuple[int, ...]]:
        """The mean-parameter arrays that terms may read, with their shapes."""

    @abstractmethod
    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        """The factor that maximises the ELBO, from the energy's gradient in each array.

        ``before`` is the factor it replaces, for blocks that search. Raises `NotProper`.
        """

    @abstractmethod
    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        """A first factor; ``spread`` scales the random part that breaks symmetry."""

    @abstractmethod
    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draws of its latents: name -> (n, *shape)."""

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        """Log q at draws (n,); 0 for points, None where it is not known."""
        return None

    def entropy_of(self, factor: Factor) -> float:
        """The entropy, from the probabilities themselves where they are at hand: another way than the factor's own."""
        return factor.entropy

    def log_normaliser(self, gradients: Gradients, before: Factor | None) -> float:
        """A(dE/dmu), the most that the block can add to the ELBO; by its best factor where there is no other way."""
        best = self.best(gradients, before)
        return inner(gradients, best.means) + best.entropy

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        """Mean and sd of every element in the model's own coordinates, where they are known."""
        return {}

    def parameters(self, factor: Factor) -> dict[str, Array]:
        """What to print of a factor."""
        return dict(factor.natural)


def inner(gradients: Gradients, means: Mapping[Key, Array]) -> float:
    """``<eta, mu>``: the part of the energy that a block carries; an impossible state counts nothing."""
    return float(sum(np.sum(product(g, means[k])) for k, g in gradients.items()))


def size_of(gradients: Gradients, means: Mapping[Key, Array]) -> float:
    """``sum |eta mu|``: the scale by which rounding in `inner` is judged."""
    return float(sum(np.sum(np.abs(product(g, means[k]))) for k, g in gradients.items()))


def product(eta: Array, mean: Array) -> Array:
    """eta * mean with (-inf) * 0 = 0."""
    with np.errstate(invalid="ignore"):
        out = eta * mean
    return np.where(mean == 0, 0.0, out) if not np.isfinite(np.min(eta, initial=0.0)) else out
