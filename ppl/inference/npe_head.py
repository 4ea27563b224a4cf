"""What a network's outputs mean: a density over whitened latents for each row of outputs.

A head has ``width`` outputs to read, and may have ``count`` weights of its own, trained with the network's.
To add one: the methods below, and its name in `head_of`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ppl.posterior.target import Array

NONE = np.zeros(0)


class Head(ABC):
    """A conditional density of t (n, D) given outputs (n, width) and the head's own weights (count,)."""

    size: int
    """D."""
    width: int
    count: int
    spread: float
    """Of the last layer's first weights, as a share of the usual."""

    @abstractmethod
    def start(self, rng: np.random.Generator) -> Array:
        """The head's own weights at first: (count,)."""

    @abstractmethod
    def log_density(self, out: Array, t: Array, own: Array = NONE) -> Array:
        """Log q of t (n, D) under outputs (n, width), or of all t under one row of them: (n,)."""

    @abstractmethod
    def slopes(self, out: Array, t: Array, own: Array = NONE) -> tuple[Array, Array, Array]:
        """Log densities (n,), their slopes in the outputs (n, width), and summed in the own weights (count,)."""

    @abstractmethod
    def sample(self, out: Array, rng: np.random.Generator, count: int, own: Array = NONE) -> Array:
        """Draws for each row of outputs: (n, count, D)."""

    @property
    @abstractmethod
    def held(self) -> int:
        """Numbers held for a draw while it is made."""

    @property
    @abstractmethod
    def family(self) -> str:
        """In words."""
