"""What an exponential family is to the engine: q(x) = exp(<eta, t(x)> - A(eta)), with no base measure.

The gradient of the expected log joint in the mean parameters of a block is the natural parameter of its best
q, and the gradient of A takes natural parameters back to mean parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ppl.supports import Support

Array = Any
Eta = Mapping[str, Any]  # statistic -> array (*batch, *the axes of that statistic)


class NotProper(ArithmeticError):
    """A density that cannot be normalised (or has no mode); ``where`` holds the places, one row each."""

    def __init__(self, what: str, bad: Array) -> None:
        self.where = np.argwhere(bad)
        shown = ", ".join(str(tuple(int(i) for i in row)) for row in self.where[:5])
        more = "" if len(self.where) <= 5 else f" and {len(self.where) - 5} more"
        super().__init__(f"{what}{f' at {shown}{more}' if np.ndim(bad) else ''}")


def weighted(eta: Array, value: Array) -> np.ndarray:
    """eta * value with 0 * inf = 0: a statistic that does not enter the density does not count.

    >>> weighted(0.0, -np.inf).tolist()
    0.0
    """
    eta, value = np.asarray(eta, dtype=float), np.asarray(value, dtype=float)
    dead = (eta == 0) | (value == 0)
    if not dead.any():
        return np.asarray(eta * value)
    return np.where(dead, 0.0, np.where(dead, 0.0, eta) * np.where(dead, 0.0, value))


class Family(ABC):
    """An exponential family over a latent. Final subclasses; class methods from arrays to arrays.

    axes: the statistics as atoms name them, each with its number of trailing axes in ``eta`` and ``mean``.
    ``event_dims``: trailing axes of one draw. Densities are with respect to Lebesgue measure (any K - 1
    coordinates of a simplex, the lower triangle of a symmetric matrix) or counting measure.
    """

    name: ClassVar[str]
    axes: ClassVar[dict[str, int]]
    statistics: ClassVar[tuple[str, ...]]
    event_dims: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        cls.statistics = tuple(cls.axes)

    @classmethod
    @abstractmethod
    def fits(cls, support: Support) -> bool:
        """Whether it is a family over exactly this support (up to bounds of measure zero)."""

    @classmethod
    @abstractmethod
    def proper(cls, eta: Eta) -> Array:
        """(*batch) whether the normaliser is finite."""

    @classmethod
    @abstractmethod
    def log_normaliser(cls, eta: Eta) -> Array:
        """A (*batch) with q(x) = exp(<eta, t(x)> - A); NaN or infinite where q is not proper."""

    @classmethod
    @abstractmethod
    def mean(cls, eta: Eta) -> dict[str, Array]:
        """E t(x), the gradient of A, in the shapes of eta."""

    @classmethod
    def solve(cls, eta: Eta) -> tuple[Array, dict[str, Array]]:
        """A and E t(x) together, sharing what they share."""
        return cls.log_normaliser(eta), cls.mean(eta)

    @classmethod
    def expect(cls, stat: str, eta: Eta) -> Array | None:
        """E of a statistic in closed form; infinite where it is; None where no closed form is known."""
        return cls.mean(eta).get(stat)

    @classmethod
    @abstractmethod
    def moments(cls, eta: Eta) -> tuple[Array, Array]:
        """Mean and standard deviation of x, (*batch, *event) each; infinite or NaN where they are not finite."""

    @classmethod
    @abstractmethod
    def mode(cls, eta: Eta) -> tuple[Array, Array]:
        """The maximiser of the density over the closed support, and a mask of its shape: put on the boundary."""

    @classmethod
    @abstractmethod
    def sample(cls, rng: np.random.Generator, eta: Eta, n: int) -> Array:
        """(n, *batch, *event) independent draws."""

    @classmethod
    @abstractmethod
    def at(cls, x: Array, eta: Eta) -> dict[str, Array]:
        """t(x) of x (..., *event); only shapes are read off eta."""

    @classmethod
    def inner(cls, eta: Eta, values: Eta) -> Array:
        """<eta, values>, summed over statistics and their axes."""
        total: Any = 0.0
        for stat, axes in cls.axes.items():
            part = weighted(eta[stat], values[stat])
            total = total + (part.sum(axis=tuple(range(-axes, 0))) if axes else part)
        return total

    @classmethod
    def log_density(cls, x: Array, eta: Eta) -> Array:
        """log q(x) for x (..., *batch, *event) in the support."""
        return cls.inner(eta, cls.at(x, eta)) - cls.log_normaliser(eta)

    @classmethod
    def entropy(cls, eta: Eta) -> Array:
        """A - <eta, E t>, (*batch)."""
        normaliser, mean = cls.solve(eta)
        return normaliser - cls.inner(eta, mean)

    @classmethod
    @abstractmethod
    def parameters(cls, eta: Eta) -> dict[str, Array]:
        """Its parameters as the language names them."""

    @classmethod
    @abstractmethod
    def natural(cls, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """eta of the parameters that `parameters` returns."""

    @classmethod
    @abstractmethod
    def from_moments(cls, mean: Array, sd: Array) -> dict[str, Array]:
        """A proper eta with (where possible) this mean and sd: a start. Of discrete families: probabilities."""
