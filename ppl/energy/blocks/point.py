"""Point estimates: the mode of the energy in the latent's own coordinates, all statistics taken there.

    x* = argmax sum_f eta_f f(x),   eta = dE/dmu

With flat priors this is the M-step of EM (maximum likelihood), with priors its MAP variant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients, product
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.families import NotProper as NoMode
from ppl.energy.families.point import mode
from ppl.energy.operands import Key
from ppl.energy.statistics import statistic
from ppl.energy.terms import Atom, Energy, Latent
from ppl.supports import Interval, Structured

FLOOR = 1e-6  # of the largest variance of the same latent: scales are kept from collapsing onto single points
IMPOSSIBLE = -1e30
FLOOR_EIGENVALUE = 1e-6  # of the mean variance: the same for covariance matrices

Functions = Mapping[str, Callable[[Any], Any]]


@dataclass(frozen=True, eq=False)
class PointBlock(Block):
    """A latent or param at one value."""

    latent: Latent
    stats: tuple[str, ...]
    functions: Functions
    family: ClassVar[str] = "Delta"

    @classmethod
    def of(cls, latent: Latent, energy: Energy) -> PointBlock:
        """With the statistics that the energy's terms ask for."""
        functions: dict[str, Callable[[Any], Any]] = {}
        stats: dict[str, None] = {}
        for term in energy.terms:
            reads = [a for a in term.atoms if a.name == latent.name]
            for atom in reads:
                stats[atom.stat] = None
                if atom.function is not None:
                    functions[atom.stat] = atom.function
            if len(reads) == 2:
                stats["power:2"] = None
        return cls(latent, tuple(stats), functions)

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.latent.name,)

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        shape = self.latent.shape
        cut = {s: shape[:-2] if s == "logdet" else shape for s in self.stats}
        return {(s, self.latent.name): cut[s] for s in self.stats}

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        shapes = self.shapes()
        eta = {k[0]: np.broadcast_to(g, shapes[k]) for k, g in gradients.items() if k in shapes}
        try:
            value, clipped = self._mode(eta)
        except NoMode as error:
            if before is None:
                raise NotProper(self.names, str(error)) from None
            value, clipped = self._rescued(eta, before.natural["value"])
        value, clipped = self._floored(value, clipped)
        floored = clipped if self._inverse_power() else np.zeros_like(clipped)
        if before is not None and "value" in before.natural:
            value = self._no_worse(eta, value, clipped, before.natural["value"])
        return self.at(value, clipped, floored)

    def _no_worse(self, eta: Mapping[str, Array], value: Array, clipped: Array, old: Array) -> Array:
        """Elements on a bound stay where they were if that is better: a floor moves with the largest element."""
        if not clipped.any():
            return value
        event = tuple(range(-self.latent.event, 0))

        def height(x: Array) -> Array:
            with np.errstate(all="ignore"):
                found = {s: at_value(s, x, self.functions.get(s)) for s in eta}
            parts = [product(eta[s], a) for s, a in found.items()]
            sums = [p if np.ndim(p) <= np.ndim(x) - len(event) else np.sum(p, axis=event) for p in parts]
            return np.asarray(sum(sums))

        worse = (height(old) > height(value)).reshape(clipped.shape[: clipped.ndim - len(event)])
        kept = worse.reshape(worse.shape + (1,) * len(event)) & clipped
        if self.latent.event:
            kept = np.broadcast_to(kept.any(axis=event, keepdims=True), clipped.shape)
        return np.where(kept, old, value)

    def _mode(self, eta: Mapping[str, Array]) -> tuple[Array, Array]:
        if not eta:
            raise NoMode("no factor mentions it", np.ones(()))
        return mode(eta, self.latent.support, self.functions)

    def _rescued(self, eta: Mapping[str, Array], old: Array) -> tuple[Array, Array]:
        """Elements with a mode take it; the others, which have lost all their data, stay where they are."""
        axes = self.latent.event
        batch = self.latent.shape[: len(self.latent.shape) - axes]
        value, clipped = np.array(old), np.zeros(self.latent.shape, dtype=bool)
        for where in np.ndindex(*batch):
            try:
                one = {s: e[where] for s, e in eta.items()}
                value[where], clipped[where] = mode(one, self.latent.support, self.functions)
            except NoMode:
                clipped[where] = True
        if clipped.all():
            raise NotProper(self.names, "the likelihood has no maximum in it")
        return value, clipped

    def _floored(self, value: Array, clipped: Array) -> tuple[Array, Array]:
        """Keep scales and covariances away from zero: the likelihood grows without bound there."""
        power = self._inverse_power()
        if self.latent.support == Structured("covariance"):
            return _floored_matrix(value, clipped)
        if not power or value.size < 2:
            return value, clipped
        least = FLOOR ** (1.0 / power) * float(np.max(value))
        low = value < least
        return np.where(low, least, value), clipped | low

    def _inverse_power(self) -> float:
        """p where 1 / x^p is asked for, as of variances (1) and sds (2) but not of rates; 0 for other latents."""
        support = self.latent.support
        if support == Structured("covariance"):
            return 1.0 if "inverse" in self.stats else 0.0
        found = [-float(s.removeprefix("power:")) for s in self.stats if s.startswith("power:-")]
        positive = isinstance(support, Interval) and support.lower == 0
        return max(found, default=0.0) if positive else 0.0

    def at(self, value: Array, clipped: Array | None = None, floored: Array | None = None) -> Factor:
        """The factor at a value; ``clipped`` marks elements on a bound, ``floored`` those kept from collapsing."""
        value = np.asarray(value, dtype=float)
        with np.errstate(divide="ignore"):
            means: dict[Key, Array] = {
                (s, self.latent.name): at_value(s, value, self.functions.get(s)) for s in self.stats
            }
        notes = {k: a for k, a in (("clipped", clipped), ("floored", floored)) if a is not None}
        return Factor(means, 0.0, {"value": value}, notes)

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        noise = np.exp(0.3 * spread * rng.standard_normal(self.latent.shape))
        return self.at(_inside(self.latent, noise))

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        value = factor.natural["value"]
        return {self.latent.name: np.broadcast_to(value, (n, *value.shape))}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        return np.zeros(len(draws[self.latent.name]))

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        value = factor.natural["value"]
        return {self.latent.name: (value, np.zeros_like(value))}


def _floored_matrix(value: Array, clipped: Array) -> tuple[Array, Array]:
    roots, vectors = np.linalg.eigh(value)
    least = FLOOR_EIGENVALUE * np.max(roots)
    if (roots >= least).all():
        return value, clipped
    low = (roots < least).any(-1)[..., None, None]
    raised = (vectors * np.maximum(roots, least)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return np.where(low, raised, value), clipped | low


def _inside(latent: Latent, noise: Array) -> Array:
    """A value inside the support, near its middle; ``noise`` is positive and near 1."""
    support = latent.support
    if isinstance(support, Structured):
        if support.kind == "simplex":
            return np.asarray(noise / noise.sum(-1, keepdims=True))
        if support.kind in ("covariance", "correlation"):
            return np.broadcast_to(np.eye(noise.shape[-1]), noise.shape)
        return np.sort(np.log(noise), axis=-1) if "ordered" in support.kind else noise
    low, high = support.lower, support.upper
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) * noise / (1.0 + noise)
    if np.isfinite(low):
        return low + noise
    return high - noise if np.isfinite(high) else np.log(noise)


def at_value(stat: str, value: Array, function: Callable[[Any], Any] | None) -> Array:
    """A statistic of a value known for certain."""
    if stat == "logdet":
        return np.linalg.slogdet(value)[1]
    if stat == "inverse":
        return np.linalg.inv(value)
    with np.errstate(all="ignore"):
        out = np.asarray(statistic(Atom("", stat, function=function))(value), dtype=float)
    return np.maximum(out, IMPOSSIBLE)  # log 0, so that an impossible state times no evidence is nothing
