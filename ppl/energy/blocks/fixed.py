"""Scalars in a family that a guide asks for and that is not their conditional's.

    q = argmin over the family of KL(q || p(x | rest)),    p(x | rest) ~ exp(sum_f eta_f f(x)),   eta = dE/dmu

The update is the optimum of the bound within the family, element by element: it never lowers the bound, and a
free q, the conditional, would be at least as good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.blocks.defined import log_density_of
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.blocks.mirrored import MATRICES, MirroredBlock
from ppl.energy.blocks.point import PointBlock
from ppl.energy.families import Family
from ppl.energy.families import NotProper as Endless
from ppl.energy.families._closest import Closest
from ppl.energy.families._forms import FORMS, Form
from ppl.energy.families._tilts import TILTS
from ppl.energy.operands import Key
from ppl.energy.terms import Energy, Latent
from ppl.supports import Interval, Structured, Support

FIRST_SDS = (0.5, 0.1, 0.02)  # of a start, on the unconstrained line: the first whose expectations are finite


@dataclass(frozen=True, eq=False)
class FixedBlock(Block):
    """Independent scalars in the family of ``form``; ``conditional`` names the family that they would have."""

    latent: Latent
    form: type[Form]
    stats: tuple[str, ...]
    functions: Mapping[str, Callable[[Any], Any]]
    conditional: str
    exact: ClassVar[bool] = False

    @classmethod
    def of(cls, latent: Latent, energy: Energy, name: str, conditional: str) -> FixedBlock:
        """With the statistics that the energy's terms ask for."""
        found = PointBlock.of(latent, energy)
        return cls(latent, FORMS[name], found.stats, found.functions, conditional)

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.latent.name,)

    @property
    def family(self) -> str:  # type: ignore[override]
        return self.form.name

    @property
    def kind(self) -> type[Family]:
        """The family's densities and draws."""
        return self.form.kind()

    @cached_property
    def closest(self) -> Closest:
        """What an update solves."""
        assert isinstance(self.latent.support, Interval)
        return Closest(self.form, self.latent.support, self.stats, self.functions)

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        return {(s, self.latent.name): self.latent.shape for s in self.stats}

    @cached_property
    def _count(self) -> Array:
        """How many elements each one stands for."""
        count = 1.0 if self.latent.multiplicity is None else self.latent.multiplicity
        defined = 1.0 if self.latent.defined is None else self.latent.defined
        return np.broadcast_to(np.asarray(count * np.asarray(defined, dtype=float)), self.latent.shape)

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        own = np.flatnonzero(self._count.ravel() > 0)
        safe = np.where(self._count > 0, self._count, 1.0)
        eta = {s: (gradients.get((s, self.latent.name), 0.0) / safe).ravel()[own] for s in self.stats}
        theta = self._before(before)
        try:
            if before is None or "start" in before.notes:
                theta[:, own] = self.closest.begin(eta)
            theta[:, own] = self.closest.climb(eta, theta[:, own])
        except Endless as error:
            raise NotProper(self.names, str(error)) from None
        return self.at(theta.reshape(len(theta), *self.latent.shape))

    def _before(self, factor: Factor | None) -> Array:
        """Coordinates (D, elements) to begin with."""
        if factor is None:
            return self._first(np.ones(self.latent.shape)).reshape(-1, self._count.size)
        theta = self.form.theta(dict(factor.natural))
        return np.array(theta.reshape(len(theta), -1))

    def at(self, theta: Array, notes: Mapping[str, Array] | None = None) -> Factor:
        """The factor at coordinates (D, *shape)."""
        means: dict[Key, Array] = {
            (s, self.latent.name): e for s, e in self.closest.expectations(theta).items()
        }
        entropy = float(np.sum(self.form.entropy(theta) * self._count))
        return Factor(means, entropy, self.form.parameters(theta), notes or {})

    def _first(self, noise: Array) -> Array:
        place = np.log(noise)
        for sd in FIRST_SDS:
            theta = self.form.about(place, np.full(noise.shape, sd**2))
            if all(np.isfinite(e).all() for e in self.closest.expectations(theta).values()):
                break
        return theta

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        """About a neutral point, with random parts of relative size ``spread``."""
        noise = np.exp(0.3 * spread * rng.standard_normal(self.latent.shape))
        return self.at(self._first(noise), {"start": np.ones(())})

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        return {self.latent.name: self.kind.sample(rng, self.kind.natural(factor.natural), n)}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        x = np.asarray(draws[self.latent.name])
        eta = self.kind.natural(factor.natural)
        return log_density_of(lambda v: self.kind.log_density(v, eta), x, self.latent.defined)

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        mean, sd = self.kind.moments(self.kind.natural(factor.natural))
        return {self.latent.name: (np.asarray(mean), np.asarray(sd))}


def is_fixed(block: Block) -> bool:
    """Whether a block is in a family that a guide asks for instead of the conditional's."""
    asked = isinstance(block, FixedBlock | MirroredBlock)
    return asked or (isinstance(block, DiscreteBlock) and block.form is not None)


def fitting(support: Support) -> tuple[str, ...]:
    """The families that a latent with this support may be asked to have.

    >>> from ppl.supports import COUNT, UNIT
    >>> fitting(UNIT), fitting(COUNT)
    (('Beta',), ('Poisson', 'Binomial', 'Geometric'))
    """
    if isinstance(support, Interval) and support.integer:
        return tuple(TILTS) if support.lower == 0 and support.upper > 1 else ()
    if support == Structured("covariance"):
        return MATRICES
    return tuple(name for name, form in FORMS.items() if form.kind().fits(support))


def endless(name: str, stats: tuple[str, ...]) -> str | None:
    """A statistic that has no finite expectation under any member of a family; None where all have one.

    >>> endless("Exponential", ("log", "power:-2")), endless("LogNormal", ("log", "power:-2"))
    ('power:-2', None)
    """
    form = FORMS[name]
    eta = form.kind().natural(form.parameters(form.about(np.zeros(()), np.full((), 1e-3))))
    for stat in stats:
        with np.errstate(all="ignore"):
            found = form.kind().expect(stat, eta)
        if found is not None and not np.isfinite(found):
            return stat
    return None
