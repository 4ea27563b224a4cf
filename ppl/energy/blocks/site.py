"""A factor of one Gaussian predictor that is no polynomial: its best quadratic stand-in, by quadrature.

    E log f(u) over u ~ N(m, v),    c1 = g - h m,  c2 = h / 2,    g = dE/dm = E f',  h = 2 dE/dv = E f''

The natural gradient of E log f is that of c1 E[u] + c2 E[u^2], which joins the energy as one more polynomial
(conjugate-computation VI: Khan & Lin 2017). ``entropy`` holds what the stand-in misses, so that the ELBO is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.operands import Key

NODES = 20
NARROW = 1e-4  # variances below are taken as this in the derivatives, which differences could not resolve
FIRST: Key = ("c1",)
SECOND: Key = ("c2",)


@dataclass(frozen=True, eq=False)
class SiteBlock(Block):
    """One residual factor over its batch ``shape``; ``weight`` counts each element. It has no latents."""

    statement: str
    shape: tuple[int, ...]
    weight: Array
    density: Callable[[Array], Array]
    family: ClassVar[str] = "quadrature"
    exact: ClassVar[bool] = False
    names: tuple[str, ...] = ()

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        return {FIRST: self.shape, SECOND: self.shape}

    @cached_property
    def _rule(self) -> tuple[Array, Array]:
        x, w = np.polynomial.hermite_e.hermegauss(NODES)
        return x, w / w.sum()

    def expectation(self, mean: Array, variance: Array) -> Array:
        """E log f, element by element."""
        x, w = self._rule
        return np.tensordot(w, self._at(mean, variance, x), 1)

    def _at(self, mean: Array, variance: Array, x: Array) -> Array:
        nodes = x.reshape(-1, *(1,) * len(self.shape))
        return self.density(mean + np.sqrt(variance) * nodes)

    def predictor(self, gradients: Gradients) -> tuple[Array, Array]:
        """Mean and variance of the predictor: the energy's gradients in c1 and c2 are E u and E u^2."""
        mean = np.broadcast_to(gradients[FIRST], self.shape)
        square = np.broadcast_to(gradients[SECOND], self.shape)
        return mean, np.maximum(square - np.square(mean), 0.0)

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        return self.stand_in(gradients)

    def stand_in(self, gradients: Gradients, concave: bool = False) -> Factor:
        """The quadratic at the present predictor; ``concave`` drops curvature that would lower a precision."""
        mean, variance = self.predictor(gradients)
        x, w = self._rule
        wide = np.maximum(variance, NARROW * (1.0 + np.square(mean) * 1e-6))
        values = self._at(mean, wide, x)
        g = np.tensordot(w * x, values, 1) / np.sqrt(wide)
        h = np.tensordot(w * (np.square(x) - 1.0), values, 1) / wide
        h = np.minimum(h, 0.0) if concave else h
        first, second = self.weight * (g - h * mean), self.weight * 0.5 * h
        return self.priced({FIRST: first, SECOND: second}, mean, variance)

    def priced(self, means: dict[Key, Array], mean: Array, variance: Array) -> Factor:
        """The stand-in with its error at the present predictor as ``entropy``."""
        true = float(np.sum(self.weight * self.expectation(mean, variance)))
        square = variance + np.square(mean)
        stand_in = float(np.sum(means[FIRST] * mean) + np.sum(means[SECOND] * square))
        return Factor(means, true - stand_in, {"mean": mean, "variance": variance})

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        zero = np.zeros(self.shape)
        return Factor({FIRST: zero, SECOND: zero}, 0.0)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        return {}
