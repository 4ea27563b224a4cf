"""A Gaussian on the real line for latents whose factors are no polynomials, fitted on fixed draws.

    z_s = m + L eps_s,   F(m, L) = mean_s [ <eta, t(x(z_s))> + log f(x(z_s)) + log |dx/dz| ] + log |L|

eta comes from the other blocks; t are the statistics that their updates read, whose means are averages over the
same draws. The draws never change, so that F is a plain function and an update that does not lower it does not
lower the bound. (Kucukelbir et al. 2017; Giordano, Ingram & Broderick 2024 for the fixed draws.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.tape import Program, Tape
from ppl.energy.blocks.base import Array, Block, Factor, Gradients
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.operands import Key
from ppl.energy.sampled import Component, Joint
from ppl.energy.sampled_walk import (
    coordinate_counts,
    coordinates_of,
    latent_array,
    point_mask,
    walk,
    weighted,
)
from ppl.graph.assemble import row_weights
from ppl.graph.locate import locate
from ppl.graph.lower import prior_start
from ppl.graph.named import Named, aligned, total

LOWEST = -1e12  # stands for log 0, whose slope would be no number
REPORTED = 2000  # draws behind printed moments
ELEMENTS, AT_ONCE, MOST_PAIRS = 1e8, 2e6, 10_000  # that fresh draws may touch in all, and in one piece
FIRST_LOG_SD = -3.0


@dataclass(frozen=True)
class Climbed:
    """A Gaussian: mean (D,), Cholesky factor (R, R) or log sds (D,) of the coordinates with a spread."""

    mean: Array
    spread: Array


@dataclass(frozen=True, eq=False)
class Objective:
    """A log density with slopes at draws, for the search. ``counts``: how often each coordinate's spread counts."""

    function: Callable[[Array], tuple[Array, Array]]
    point: Array
    counts: Array

    groups: tuple[Any, ...] = ()
    work: float = 1.0

    @property
    def size(self) -> int:
        """D."""
        return len(self.point)

    @property
    def start(self) -> Array:
        """The origin."""
        return np.zeros(self.size)

    def value_and_grad(self, z: Array) -> tuple[Array, Array]:
        """(S, D) -> (S,), (S, D)."""
        return self.function(z)

    def log_density(self, z: Array) -> Array:
        """(S, D) -> (S,)."""
        return self.function(z)[0]

    def locate(self, z: Array) -> str:
        """A sentence on a place where the density is not finite."""
        return "the log density is not finite at a draw"


class NoDensity(NotProper):
    """No draw of a block has a finite density, wherever it is begun."""

    def __init__(self, names: tuple[str, ...], why: str) -> None:
        ArithmeticError.__init__(self, f"no start for {', '.join(names)} was found: {why}")
        self.names = names


Search = Callable[[Objective, Climbed, Array, bool], Climbed]


@dataclass(frozen=True, eq=False)
class SampledBlock(Block):
    """The latents of a component. ``eps``: (S, R) fixed draws; ``search`` climbs its objective on them.

    ``apart``: its coordinates are to be independent.
    """

    component: Component
    eps: Array
    search: Search
    apart: bool = False
    family: ClassVar[str] = "Gaussian"

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.component.names

    @property
    def holds(self) -> tuple[str, ...]:
        """Its latents, and the statistics that go by names of their own."""
        c = self.component
        return (*c.names, *(j.name for j in c.joints), *(t.name for t in c.tables))

    @property
    def exact(self) -> bool:  # type: ignore[override]
        """Only points are."""
        return bool(self.point.all())

    @cached_property
    def point(self) -> Array:
        """Coordinates without a spread: (D,)."""
        c = self.component
        return point_mask(c.part, dict(zip(c.names, c.points, strict=True)))

    @cached_property
    def counts(self) -> Array:
        """Rows' weights of each coordinate: (D,)."""
        return coordinate_counts(self.component.part)

    @property
    def dense(self) -> bool:
        """Whether its covariance is full."""
        return not self.apart and bool(
            self.eps.shape[1] > 1 and len(self.eps) >= 2 * self.eps.shape[1] and (self.counts == 1).all()
        )

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        c = self.component
        shapes = {x.name: x.shape for x in c.latents}
        out: dict[Key, tuple[int, ...]] = {(stat, name): shapes[name] for stat, name in c.singles}
        out |= {("x", j.name): j.shape for j in c.joints}
        return out | {("x", t.name): t.shape for t in c.tables}

    @cached_property
    def _slots(self) -> dict[Key, slice]:
        out, start = {}, self.component.part.size
        for key, shape in self.shapes().items():
            stop = start + int(np.prod(shape, dtype=int))
            out[key] = slice(start, stop)
            start = stop
        return out

    @cached_property
    def _program(self) -> Program:
        """Coordinates and eta side by side to ``<eta, t> + log densities + log |dx/dz|``."""
        c = self.component
        start = c.start
        width = max((s.stop for s in self._slots.values()), default=len(start))
        example = np.zeros((2, width))
        example[:, : len(start)] = np.stack([start, start + 0.1])
        tape = Tape(example)
        z = xp.slice_last(tape.input, start=0, stop=len(start))
        found = walk(c.part, z)
        at = found.at
        weight = row_weights(c.part.layout, at)
        out: Any = found.log_det
        times = {id(s): n for s, n in c.whole}
        tables = {id(t.statement): t for t in c.tables}
        statistics: dict[Key, Any] = {}
        for s, density in found.densities:
            if id(s) in times:
                own = total(weighted(density, weight)).array
                out = out + (own if times[id(s)] == 1.0 else own * times[id(s)])
                continue
            table = tables[id(s)]
            flat = xp.maximum(aligned(Named(density.array, density.dims), table.raw), LOWEST)
            flat = xp.broadcast_last(flat, tuple(at.size(d) for d in table.raw))
            flat = xp.reshape_last(flat, count=len(table.raw), shape=(-1,))
            statistics[("x", table.name)] = flat if table.take is None else xp.take(flat, table.take, axis=-1)
        arrays = {n: latent_array(at, b) for n, b in c.part.blocks.items()}
        for stat, name in c.singles:
            statistics[(stat, name)] = _flat(_statistic(stat, arrays[name]))
        for j in c.joints:
            statistics[("x", j.name)] = _product(j, arrays)
        for key, where in self._slots.items():
            eta = xp.slice_last(tape.input, start=where.start, stop=where.stop)
            out = out + xp.sum(eta * statistics[key], axis=(-1,))
        return tape.finish(out)

    def _eta(self, gradients: Gradients) -> Array:
        parts = [
            np.broadcast_to(gradients.get(key, np.zeros(())), shape).ravel()
            for key, shape in self.shapes().items()
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _function(self, gradients: Gradients) -> Callable[[Array], tuple[Array, Array]]:
        """Coordinates (S, D) to ``<eta, t> + local`` (S,) and its slopes (S, D)."""
        eta = np.maximum(self._eta(gradients), LOWEST)
        size = self.component.part.size

        def function(z: Array) -> tuple[Array, Array]:
            whole = np.concatenate([z, np.broadcast_to(eta, (len(z), len(eta)))], 1)
            values, slopes = self._program.value_and_grad(whole)
            return np.broadcast_to(np.asarray(values), (len(z),)), slopes[:, :size]

        return function

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        function = self._function(gradients)
        fresh = before is None or "spread" not in before.natural
        at = (
            self._first()
            if fresh or before is None
            else Climbed(before.natural["mean"], before.natural["spread"])
        )
        target = Objective(function, self.point, self.counts)
        found = self.at(self.search(target, at, self.eps, fresh or bool(before and "start" in before.notes)))
        if not np.isfinite(found.entropy):
            raise NoDensity(self.names, self._nowhere(at))
        return found

    def _nowhere(self, at: Climbed) -> str:
        """Why no draw near a start has a density."""
        part = self.component.part
        z = prior_start(part.layout)
        for name, block in part.blocks.items():
            z[part.layout.blocks[name].where] = at.mean[block.where]
        return locate(part.layout, z) or "its log density is not finite near the middle of the prior"

    @property
    def work(self) -> float:
        """Elements that one draw touches."""
        return float(self._program.work)

    def _first(self) -> Climbed:
        rank = int((~self.point).sum())
        sd = np.exp(FIRST_LOG_SD)
        spread = sd * np.eye(rank) if self.dense else np.full(len(self.point), FIRST_LOG_SD)
        return Climbed(self.component.start, spread)

    def coordinates(self, at: Climbed, eps: Array) -> Array:
        """Draws on the real line (S, D)."""
        free = ~self.point
        z = np.repeat(at.mean[None], len(eps), 0)
        z[:, free] += eps @ at.spread.T if self.dense else eps * np.exp(at.spread[free])
        return z

    def at(self, found: Climbed) -> Factor:
        """The factor of a Gaussian: means over the fixed draws, and the bound's part that only it enters."""
        means, local = self.averages(self._fixed(found))
        return Factor(means, local + self.entropy(found), {"mean": found.mean, "spread": found.spread}, {})

    def averages(self, z: Array) -> tuple[dict[Key, Array], float]:
        """Means of the statistics over draws, and of all that only this block enters."""
        width = sum(s.stop - s.start for s in self._slots.values())
        values, slopes = self._program.value_and_grad(np.concatenate([z, np.zeros((len(z), width))], 1))
        shapes = self.shapes()
        means = {key: slopes[:, where].mean(0).reshape(shapes[key]) for key, where in self._slots.items()}
        return means, float(np.mean(values))

    def entropy(self, at: Climbed) -> float:
        """Of the Gaussian, in nats; points have none."""
        free = ~self.point
        scales = np.log(np.diag(at.spread)) if self.dense else at.spread[free]
        return float(np.sum(self.counts[free] * (scales + 0.5 * (1.0 + np.log(2.0 * np.pi)))))

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        """Narrow about the middle of the prior; without a bound, so that any update gains."""
        at = self._first()
        means, _ = self.averages(at.mean[None])
        clean = {k: np.nan_to_num(m, nan=0.0, posinf=0.0, neginf=LOWEST) for k, m in means.items()}
        return Factor(clean, -np.inf, {"mean": at.mean, "spread": at.spread}, {"start": np.ones(())})

    # ---------------------------------------------------------------- reports

    def parts(self, factor: Factor) -> tuple[dict[str, float], float]:
        """E log p of each statement that only this block enters, and the entropy in the model's own coordinates."""
        c, at = self.component, self._climbed(factor)
        found = walk(c.part, self._fixed(at))
        weight = row_weights(c.part.layout, found.at)
        times = {id(s): n for s, n in c.whole}
        out: dict[str, float] = {}
        for s, density in found.densities:
            if id(s) in times:
                own = times[id(s)] * float(np.mean(total(weighted(density, weight)).numpy))
                out[s.name] = out.get(s.name, 0.0) + own
        return out, factor.entropy - sum(out.values())

    def anew(self, factor: Factor, gradients: Gradients, rng: np.random.Generator) -> tuple[float, float]:
        """What the bound gains on draws that it was not fitted on, and the standard error of that."""
        if self.point.all():
            return 0.0, 0.0
        function, at = self._function(gradients), self._climbed(factor)
        here = float(np.mean(function(self._fixed(at))[0]))
        count = int(np.clip(ELEMENTS / max(self.work, 1.0), 2, MOST_PAIRS))
        piece = int(np.clip(AT_ONCE / max(self.work, 1.0), 1, count))
        pairs = []
        for start in range(0, count, piece):
            half = rng.standard_normal((min(piece, count - start), self.eps.shape[1]))
            up, down = (function(self.coordinates(at, e))[0] for e in (half, -half))
            pairs.append(0.5 * (up + down))
        found = np.concatenate(pairs)
        return float(found.mean() - here), float(found.std(ddof=1) / np.sqrt(count))

    def _fixed(self, at: Climbed) -> Array:
        return self.coordinates(at, self.eps)

    def _values(self, z: Array) -> dict[str, Array]:
        """Latents at coordinates, as the energy lays them out; blank cells alone of a column."""
        part = self.component.part
        at = walk(part, z).at
        out = {}
        for name, block in part.blocks.items():
            array = np.asarray(latent_array(at, block))
            array = np.broadcast_to(array, (len(z), *array.shape[1:]))
            if block.cells is not None:
                array = array.reshape(len(z), -1)[:, block.cells]
            out[name] = array
        return out

    def _climbed(self, factor: Factor) -> Climbed:
        return Climbed(factor.natural["mean"], factor.natural["spread"])

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        if self.exact:
            one = self._values(factor.natural["mean"][None])
            return {name: np.broadcast_to(x, (n, *x.shape[1:])) for name, x in one.items()}
        eps = rng.standard_normal((n, self.eps.shape[1]))
        return self._values(self.coordinates(self._climbed(factor), eps))

    def moments(self, factor: Factor) -> dict[str, tuple[Array, Array]]:
        if self.exact:
            one = self._values(factor.natural["mean"][None])
            return {name: (x[0], np.zeros_like(x[0])) for name, x in one.items()}
        half = np.random.default_rng(0).standard_normal((REPORTED // 2, self.eps.shape[1]))
        z = self.coordinates(self._climbed(factor), np.concatenate([half, -half]))
        return {
            name: (x.mean(0), np.where(np.ptp(x, 0) > 0, x.std(0), 0.0))
            for name, x in self._values(z).items()
        }

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        part = self.component.part
        z, log_det = coordinates_of(part, {n: np.asarray(draws[n]) for n in self.names})
        at, free = self._climbed(factor), ~self.point
        away = (z - at.mean)[:, free]
        if self.dense:
            white = np.linalg.solve(at.spread, away.T).T
            log_scale = np.log(np.diag(at.spread)).sum()
        else:
            white, log_scale = away * np.exp(-at.spread[free]), at.spread[free].sum()
        rank = int(free.sum())
        log_q = -0.5 * np.square(white).sum(1) - log_scale - 0.5 * rank * np.log(2.0 * np.pi)
        return np.asarray(log_q - log_det)

    def parameters(self, factor: Factor) -> dict[str, Array]:
        spread = factor.natural["spread"]
        sd = np.sqrt(np.square(spread).sum(1)) if self.dense else np.exp(spread)
        return {"mean": factor.natural["mean"], "sd": sd}


def _flat(value: Any) -> Any:
    """(draws, *shape) to (draws, count)."""
    return xp.reshape_last(value, count=value.ndim - 1, shape=(int(np.prod(value.shape[1:], dtype=int)),))


def _statistic(stat: str, x: Any) -> Any:
    if stat == "x":
        return x
    if stat == "log":
        return xp.log(x)
    if stat == "log1m":
        return xp.log1p(-x)
    return xp.power(x, float(stat.removeprefix("power:")))


def _product(joint: Joint, arrays: Mapping[str, Any]) -> Any:
    """The product of statistics at every cell: (draws, cells)."""
    out: Any = None
    for stat, name, where in joint.factors:
        one = _statistic(stat, xp.take(_flat(arrays[name]), where, axis=-1))
        out = one if out is None else out * one
    return out
