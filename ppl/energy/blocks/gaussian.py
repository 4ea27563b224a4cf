"""Jointly Gaussian elements of one or more latents: N(mean, J^-1), one for each cell of the batch axes.

    q(v) ~ exp(h'v - v'Jv / 2),    h = dE/dE[v],    J = -(G + G') with G = dE/dE[vv']

Terms never hold more than two elements of such a block, so this is the exact conditional.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.blocks.inverting import inverse_of
from ppl.energy.operands import Key, Size
from ppl.energy.terms import Atom, Latent
from ppl.graph.named import Named

LOG_TWO_PI = float(np.log(2.0 * np.pi))


class NotProper(ArithmeticError):
    """No normalisable factor exists: a prior or more data are needed. ``names`` says for what."""

    def __init__(self, names: tuple[str, ...], why: str) -> None:
        super().__init__(f"q of {', '.join(names)} has no finite normaliser: {why}")
        self.names = names


@dataclass(frozen=True, eq=False)
class Member:
    """A latent of a Gaussian block: which of its stored axes are batch axes (in the block's order)."""

    latent: Latent
    batch: tuple[int, ...]

    @property
    def joint(self) -> tuple[int, ...]:
        """The other axes, whose elements are coupled."""
        return tuple(i for i in range(len(self.latent.shape)) if i not in self.batch)

    @property
    def joint_shape(self) -> tuple[int, ...]:
        return tuple(self.latent.shape[i] for i in self.joint)

    @property
    def width(self) -> int:
        """Coupled elements in one cell."""
        return prod(self.joint_shape)

    def flat(self, array: Array) -> Array:
        """(…, *shape) to (…, batch cells, width)."""
        lead = array.ndim - len(self.latent.shape)
        order = [*range(lead), *(lead + i for i in (*self.batch, *self.joint))]
        return array.transpose(order).reshape((*array.shape[:lead], -1, self.width))

    def unflat(self, array: Array) -> Array:
        """(…, batch cells, width) to (…, *shape)."""
        order = (*self.batch, *self.joint)
        lead = array.ndim - 2
        moved = array.reshape((*array.shape[:lead], *(self.latent.shape[i] for i in order)))
        back = sorted(range(len(order)), key=order.__getitem__)
        return moved.transpose([*range(lead), *(lead + i for i in back)])


@dataclass(frozen=True, eq=False)
class GaussianMembers(Block):
    """What dense and chain blocks share: how arrays of members lie in the flat vector of a cell."""

    members: tuple[Member, ...]
    point: bool = False

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(m.latent.name for m in self.members)

    @property
    def chain_axis(self) -> int | None:
        """The place of a time axis among the batch axes, for chains."""
        return None

    def gap(self, a: Atom, b: Atom, live: Named, size: Size) -> int:
        """How many steps ``a`` lies after ``b`` along the time axis, where it counts."""
        return 0

    @cached_property
    def batch_shape(self) -> tuple[int, ...]:
        first = self.members[0]
        return tuple(first.latent.shape[i] for i in first.batch)

    @cached_property
    def cells(self) -> int:
        return prod(self.batch_shape)

    @cached_property
    def width(self) -> int:
        return sum(m.width for m in self.members)

    @cached_property
    def parts(self) -> dict[str, slice]:
        """Where each member lies in a cell's vector."""
        stops = np.cumsum([0, *(m.width for m in self.members)])
        return {
            m.latent.name: slice(int(a), int(b))
            for m, a, b in zip(self.members, stops, stops[1:], strict=False)
        }

    @cached_property
    def absent(self) -> Array:
        """1 where the model defines no element, (cells, width): a unit precision of its own keeps it apart."""
        out = np.zeros((self.cells, self.width))
        for m in self.members:
            if m.latent.defined is not None:
                out[:, self.parts[m.latent.name]] = m.flat(1.0 - m.latent.defined.astype(float))
        return out

    @cached_property
    def count(self) -> int:
        """Elements that the model defines."""
        return int(self.absent.size - self.absent.sum())

    def member(self, name: str) -> Member:
        return next(m for m in self.members if m.latent.name == name)

    def pair_shape(self, v: str, w: str) -> tuple[int, ...]:
        """Batch axes, then the coupled axes of v and of w."""
        return (*self.batch_shape, *self.member(v).joint_shape, *self.member(w).joint_shape)

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        out: dict[Key, tuple[int, ...]] = {}
        for m in self.members:
            out[("x", m.latent.name)] = m.latent.shape
            out[("power:2", m.latent.name)] = m.latent.shape
        for a, v in enumerate(self.names):
            for w in self.names[a:]:
                out[("pair", v, w)] = self.pair_shape(v, w)
        return out

    def linear(self, gradients: Gradients) -> Array:
        """h: (cells, width)."""
        h = np.zeros((self.cells, self.width))
        for m in self.members:
            found = gradients.get(("x", m.latent.name))
            if found is not None:
                h[:, self.parts[m.latent.name]] = m.flat(np.broadcast_to(found, m.latent.shape))
        return h

    def precision(self, gradients: Gradients) -> Array:
        """J: (cells, width, width), the blocks on the diagonal for a chain."""
        g = np.zeros((self.cells, self.width, self.width))
        for m in self.members:
            found = gradients.get(("power:2", m.latent.name))
            if found is not None:
                i = np.arange(self.width)[self.parts[m.latent.name]]
                g[:, i, i] += m.flat(np.broadcast_to(found, m.latent.shape))
        for key, found in gradients.items():
            if key[0] == "pair":
                p, q = self.parts[key[1]], self.parts[key[2]]
                shape = (self.cells, p.stop - p.start, q.stop - q.start)
                g[:, p, q] += np.broadcast_to(found, self.pair_shape(key[1], key[2])).reshape(shape)
        j = -(g + np.swapaxes(g, -1, -2))
        i = np.arange(self.width)
        j[:, i, i] += self.absent
        return j

    def mean_arrays(self, mean: Array, cov: Array) -> dict[Key, Array]:
        """Mean parameters by key, from means (cells, width) and covariances (cells, width, width)."""
        out: dict[Key, Array] = {}
        second = cov + mean[:, :, None] * mean[:, None, :]
        for m in self.members:
            p = self.parts[m.latent.name]
            out[("x", m.latent.name)] = m.unflat(mean[:, p])
            out[("power:2", m.latent.name)] = m.unflat(np.diagonal(second[:, p, p], axis1=1, axis2=2))
        for v, w in self._pairs():
            part = second[:, self.parts[v], self.parts[w]]
            out[("pair", v, w)] = part.reshape(self.pair_shape(v, w))
        return out

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for a, v in enumerate(self.names):
            for w in self.names[a:]:
                yield v, w

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        out = {}
        sd = np.sqrt(np.maximum(factor.natural["variance"], 0.0))
        for m in self.members:
            p = self.parts[m.latent.name]
            out[m.latent.name] = m.unflat(factor.natural["mean"][:, p]), m.unflat(sd[:, p])
        return out

    def spread_out(self, x: Array) -> dict[str, Array]:
        """Vectors (n, cells, width) to arrays by name."""
        return {m.latent.name: m.unflat(x[..., self.parts[m.latent.name]]) for m in self.members}

    def flat(self, draws: Mapping[str, Array]) -> Array:
        """Arrays by name (n, *shape) to vectors (n, cells, width)."""
        return np.concatenate([m.flat(np.asarray(draws[m.latent.name])) for m in self.members], -1)

    def parameters(self, factor: Factor) -> dict[str, Array]:
        out = {}
        for name, (mean, sd) in self.moments(factor).items():
            out[f"{name}.mean"], out[f"{name}.sd"] = mean, sd
        return out


@dataclass(frozen=True, eq=False)
class GaussianBlock(GaussianMembers):
    """Dense in a cell, independent between cells."""

    family: ClassVar[str] = "MultivariateNormal"

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        h, j = self.linear(gradients), self.precision(gradients)
        try:
            root = np.linalg.cholesky(j)
        except np.linalg.LinAlgError:
            raise NotProper(self.names, "its precision matrix is not positive definite") from None
        return self._factor(h, root)

    def _factor(self, h: Array, root: Array) -> Factor:
        """From h and the Cholesky factor of J."""
        cov = inverse_of(root)
        mean = (cov @ h[..., None])[..., 0]
        if self.point:
            zero = np.zeros_like(cov)
            return Factor(
                self.mean_arrays(mean, zero), 0.0, {"mean": mean, "variance": zero[..., 0], "root": root}
            )
        log_det = 2.0 * np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum()
        entropy = 0.5 * (self.count * (1.0 + LOG_TWO_PI) - log_det)
        variance = np.diagonal(cov, axis1=-2, axis2=-1)
        natural = {"mean": mean, "variance": variance, "root": root}
        return Factor(self.mean_arrays(mean, cov), float(entropy), natural)

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        mean = spread * rng.standard_normal((self.cells, self.width))
        root = np.broadcast_to(np.eye(self.width), (self.cells, self.width, self.width))
        return self._factor(mean, root)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        mean, root = factor.natural["mean"], factor.natural["root"]
        shape = (n, self.cells, self.width)
        if self.point:
            return self.spread_out(np.broadcast_to(mean, shape))
        eps = rng.standard_normal(shape)
        return self.spread_out(mean + _times(eps, np.linalg.inv(root)))

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        if self.point:
            return np.zeros(len(draws[self.names[0]]))
        mean, root = factor.natural["mean"], factor.natural["root"]
        z = _times((self.flat(draws) - mean) * (1.0 - self.absent), root)
        log_det = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum()
        out: Array = -0.5 * (np.square(z).sum((1, 2)) + self.count * LOG_TWO_PI) + log_det
        return out


def _times(x: Array, matrix: Array) -> Array:
    """x' M for each vector and cell: (n, cells, width) times (cells, width, width), as one product a cell."""
    out: Array = np.swapaxes(np.swapaxes(x, 0, 1) @ matrix, 0, 1)
    return out
