"""Covariances and precisions in the one of Wishart and inverse Wishart that is not their conditional's.

For L ~ Wishart(n, V) given the rest and q(L) = InverseWishart(m, S), K x K, KL(q || p) is least at

    S = n (m - K - 1) V,   so that E_q L = n V = E_p L,   with   n K / (m - K - 1) + K = (n + m) psi'_K(m / 2) / 2,

psi'_K(a) = sum_{k<K} psi'(a - k / 2). The other case is the same in the inverse of L.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ppl.backend.lazy import special
from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.blocks.family import FamilyBlock
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.families import find
from ppl.energy.families.base import Family
from ppl.energy.operands import Key
from ppl.energy.terms import Latent

MATRICES = ("Wishart", "InverseWishart")
HALVINGS = 60  # of an interval of log(m - K - 1): to the last bits


def closest_df(df: Array, size: int) -> np.ndarray:
    """The degrees of freedom m of the nearest mirror image of Wishart(df, V), by bisection on log(m - K - 1).

    >>> m = closest_df(np.array(8.0), 1)  # a Gamma of shape 4 by an inverse Gamma of shape m / 2
    >>> bool(abs(8 / (m - 2) + 1 - (8 + m) * special.polygamma(1, m / 2) / 2) < 1e-12)
    True
    """
    n = np.asarray(df, dtype=float)
    low, high = np.full(n.shape, -12.0), np.log(n) + 8.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        m = size + 1.0 + np.exp(middle)
        slope = special.polygamma(1, 0.5 * m[..., None] - 0.5 * np.arange(size)).sum(-1)
        rising = n * size * np.exp(-middle) + size > 0.5 * (n + m) * slope
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.asarray(size + 1.0 + np.exp(0.5 * (low + high)))


@dataclass(frozen=True, eq=False)
class MirroredBlock(Block):
    """Independent matrices whose q is ``kind`` while their conditional is in the family of ``own``."""

    own: FamilyBlock
    kind: type[Family]
    exact: ClassVar[bool] = False

    @classmethod
    def of(cls, latent: Latent, conditional: type[Family], name: str) -> MirroredBlock:
        """With q in the family called ``name``."""
        kind = find(name)
        assert kind is not None
        return cls(FamilyBlock(latent, conditional), kind)

    @property
    def latent(self) -> Latent:
        return self.own.latent

    @property
    def conditional(self) -> str:
        """The family that the latent would have."""
        return self.own.family

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.own.names

    @property
    def family(self) -> str:  # type: ignore[override]
        return self.kind.name

    @property
    def shown(self) -> FamilyBlock:
        """A block of the family that q is in: densities, draws and moments."""
        return FamilyBlock(self.latent, self.kind)

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        return self.own.shapes()

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        return self._mirrored(self.own.best(gradients, before).natural)

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        return self._mirrored(self.own.start(rng, spread).natural)

    def _mirrored(self, eta: Mapping[str, Array]) -> Factor:
        found = self.own.kind.parameters(eta)
        n, scale = np.asarray(found["df"], dtype=float), found["scale"]
        m = closest_df(n, scale.shape[-1])
        ratio = (n * (m - scale.shape[-1] - 1.0))[..., None, None]
        q = self.kind.natural(
            {"df": m, "scale": ratio * scale if self.conditional == "Wishart" else scale / ratio}
        )
        log_normaliser, mean = self.kind.solve(q)
        entropy = log_normaliser - self.kind.inner(q, mean)
        means: dict[Key, Any] = {
            (s, self.latent.name): self.kind.expect(s, q) for s in self.own.kind.statistics
        }
        if not all(np.isfinite(e).all() for e in means.values()):
            raise NotProper(self.names, f"no {self.family} is near its conditional")
        return Factor(means, self.own.counted(entropy), q)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        return self.shown.sample(factor, rng, n)

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        return self.shown.log_density(factor, draws)

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        return self.shown.moments(factor)

    def parameters(self, factor: Factor) -> dict[str, Array]:
        return self.shown.parameters(factor)
