"""Sum discrete latents out of the log joint, exactly.

A factor that reads summed-out latents is a `Potential`: a log table over state dims and plate
dims. Latents are eliminated deepest plates first by log-sum-exp; a latent read at two neighbouring
rows is a chain and goes through the chain log-partition; chains that meet in a factor are
eliminated as one joint chain. Plates outside all remaining latents are summed (times row weights).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import Diagnostic, ModelError
from ppl.graph.evaluate import Evaluator, StateRead
from ppl.graph.gathers import Index
from ppl.graph.named import Named, add, aligned, total, union
from ppl.graph.nodes import Dim, Lag

Array = Any
LARGEST_TABLE = 20_000_000


@dataclass(frozen=True, eq=False)
class Read:
    """A state dim of a potential: which latent, at its own row or the row before, at which cells."""

    name: str
    dim: Dim
    cells: tuple[Index, ...]
    lag: int | None = None


@dataclass(frozen=True, eq=False)
class Potential:
    """A log table: ``named`` over state dims (one for each read) and plate dims."""

    named: Named
    reads: tuple[Read, ...]


@dataclass(frozen=True)
class Latent:
    """A summed-out latent: its name, its number of states, and the sets of its stored axes."""

    name: str
    states: int
    sets: tuple[str, ...]

    @property
    def plates(self) -> tuple[Dim, ...]:
        """Canonical plate dims: shared by set between latents."""
        seen: dict[str, int] = {}
        out = []
        for s in self.sets:
            out.append(Dim(s, f"%{seen.get(s, 0)}"))
            seen[s] = seen.get(s, 0) + 1
        return tuple(out)

    @property
    def current(self) -> Dim:
        return Dim(f"#{self.name}", "now")

    @property
    def previous(self) -> Dim:
        return Dim(f"#{self.name}", "before")


def reads_of(at: Evaluator, named: Named) -> tuple[Read, ...]:
    """The state dims among a value's dims."""
    return tuple(_read(at.reads[d]) for d in named.dims if d in at.reads)


def _read(state: StateRead) -> Read:
    lags = [i for i, s in enumerate(state.selectors) if isinstance(s, Lag)]
    return Read(state.name, state.dim, state.cells, lags[0] if lags else None)


class Elimination:
    """Eliminates every latent from a list of potentials; ``weight(dim)`` is a plate's row weights."""

    def __init__(
        self, at: Evaluator, latents: dict[str, Latent], weight: Callable[[Dim], np.ndarray | None]
    ) -> None:
        self.at = at
        self.latents = latents
        self.weight = weight
        for latent in latents.values():
            at.define_dim(latent.current, latent.states)
            at.define_dim(latent.previous, latent.states)

    def run(self, potentials: Sequence[Potential]) -> Named:
        """The log of the sum over all joint states, over the draw axis alone."""
        left = [self.settle(p) for p in potentials]
        remaining = dict(self.latents)
        while remaining:
            group = self._next(left, remaining)
            touched = [p for p in left if any(r.name in group for r in p.reads)]
            left = [p for p in left if p not in touched]
            if touched:
                left.append(self.settle(self._eliminate(group, touched)))
            for name in group:
                del remaining[name]
        return add([self.plate_sum(p.named, ()) for p in left], self.at.size)

    # ---------------------------------------------------------------- plates

    def plate_sum(self, x: Named, keep: Sequence[Dim]) -> Named:
        """Sum out plates, each row as often as its weight says."""
        for dim in x.dims:
            weights = None if dim in keep else self.weight(dim)
            if weights is not None:
                x = Named(x.array * aligned(Named(weights[None], (dim,)), x.dims), x.dims)
        return total(x, keep)

    def settle(self, p: Potential) -> Potential:
        """Sum the plates no read uses, rename aligned ones canonically, gather-transpose the rest."""
        used = {d for r in p.reads for c in r.cells for d in ([c.along] if c.along else c.codes.dims)}
        keep = [*(r.dim for r in p.reads), *used]
        p = replace(p, named=self.plate_sum(p.named, keep))
        if len({r.name for r in p.reads}) == 1:
            return self._canonical(p)
        return self._aligned(p)

    def _aligned(self, p: Potential) -> Potential:
        """Rename the plates of a potential over several latents where every read runs along them."""
        names: dict[Dim, Dim] = {}
        for r in sorted(p.reads, key=lambda r: -len(r.cells)):
            for cell, plate in zip(r.cells, self.latents[r.name].plates, strict=True):
                if cell.along is not None and cell.along not in names and plate not in names.values():
                    names[cell.along] = plate
        return self._renamed(p, names)

    def _renamed(self, p: Potential, names: dict[Dim, Dim]) -> Potential:
        for old, new in names.items():
            self.at.define_dim(new, self.at.size(old))
        reads = []
        for r in p.reads:
            cells = tuple(
                Index(c.codes.renamed(names), None if c.along is None else names.get(c.along, c.along))
                for c in r.cells
            )
            reads.append(replace(r, cells=cells))
        return Potential(p.named.renamed(names), tuple(reads))

    def _canonical(self, p: Potential) -> Potential:
        """One latent (perhaps at two rows): move the potential onto the latent's own plates."""
        latent = self.latents[p.reads[0].name]
        main = next((r for r in p.reads if r.lag is None), p.reads[0])
        lagged = next((r for r in p.reads if r.lag is not None and r is not main), None)
        names = {main.dim: latent.current} | ({lagged.dim: latent.previous} if lagged else {})
        if len(p.reads) > 2:
            raise _refuse(latent.name, "it is read at more than two rows at once")
        along = [c.along for c in main.cells]
        if None not in along and len(set(along)) == len(along) and main.lag is None:
            plates = {a: b for a, b in zip(along, latent.plates, strict=True) if a is not None}
            named = self._with_plates(p.named, tuple(plates))
            moved = self._renamed(Potential(named, p.reads), {**names, **plates})
        else:
            moved = Potential(self._scattered(p, main, latent, names), p.reads)
        cells = tuple(Index(Named(np.arange(self.at.size(d))[None], (d,)), d) for d in latent.plates)
        kept = [Read(latent.name, latent.current, cells)]
        if lagged is not None:
            kept.append(Read(latent.name, latent.previous, cells, lagged.lag))
        return Potential(moved.named, tuple(kept))

    def _with_plates(self, x: Named, plates: tuple[Dim, ...]) -> Named:
        """Spread a table that is the same at every row over all its rows (a stationary potential)."""
        missing = tuple(d for d in plates if d not in x.dims)
        if not missing:
            return x
        dims = (*x.dims, *missing)
        array = xp.broadcast_last(aligned(x, dims), tuple(self.at.size(d) for d in dims))
        return Named(array, dims)

    def _scattered(self, p: Potential, main: Read, latent: Latent, names: dict[Dim, Dim]) -> Named:
        """Add the rows of a table to the cells that their codes point at."""
        rows = union((c.codes.dims for c in main.cells), self.at.size)
        shape = tuple(self.at.size(d) for d in latent.plates)
        flat: Array = np.zeros((1,) * (1 + len(rows)), dtype=np.int64)
        bad: Array = np.zeros_like(flat, dtype=bool)
        for cell, n in zip(main.cells, shape, strict=True):
            codes = aligned(cell.codes, rows)
            bad = bad | (codes < 0)
            flat = flat * n + np.clip(codes, 0, n - 1)
        lengths = tuple(self.at.size(d) for d in rows)
        index = np.broadcast_to(flat, (1, *lengths)).ravel()
        lost = np.broadcast_to(bad, (1, *lengths)).ravel()
        table = self._with_plates(p.named, rows)
        rest = tuple(d for d in table.dims if d not in rows)
        array = aligned(table, (*rest, *rows))
        array = xp.reshape_last(array, count=len(rows), shape=(len(index),))
        if lost.any():
            array = xp.where(lost, 0.0, array)
        out = xp.segment_sum(array, index, size=int(np.prod(shape, dtype=int)), axis=-1)
        out = xp.reshape_last(out, count=1, shape=shape)
        for d, n in zip(latent.plates, shape, strict=True):
            self.at.define_dim(d, n)
        moved = Named(out, (*rest, *latent.plates)).renamed(names)
        if latent.previous in moved.dims:
            moved = self._identity_elsewhere(moved, latent, np.unique(index[~lost]))
        return moved

    def _identity_elsewhere(self, x: Named, latent: Latent, covered: np.ndarray) -> Named:
        """Rows that no factor touches pass the state on unchanged."""
        shape = tuple(self.at.size(d) for d in latent.plates)
        seen = np.zeros(int(np.prod(shape, dtype=int)), dtype=bool)
        seen[covered] = True
        if seen.all():
            return x
        dims = (*(d for d in x.dims if d not in {latent.previous, latent.current, *latent.plates}),)
        order = (*dims, latent.previous, latent.current, *latent.plates)
        with np.errstate(divide="ignore"):
            stay = np.log(np.eye(latent.states))[(..., *(None for _ in shape))]
        out = xp.where(seen.reshape(shape)[None], aligned(x, order), stay[None])
        return Named(out, order)

    # ---------------------------------------------------------------- order

    def _next(self, left: Sequence[Potential], remaining: dict[str, Latent]) -> tuple[str, ...]:
        """The latents to eliminate together next: most plates first, coupled chains as one."""
        name = max(remaining, key=lambda n: (len(remaining[n].plates), -self._chained(left, n), n))
        if not self._chained(left, name):
            return (name,)
        group = {name}
        while True:
            touching = {
                r.name
                for p in left
                if any(q.name in group for q in p.reads)
                for r in p.reads
                if remaining[r.name].plates == remaining[name].plates and self._chained(left, r.name)
            }
            if touching <= group:
                return tuple(sorted(group))
            group |= touching

    def _chained(self, left: Sequence[Potential], name: str) -> bool:
        return any(r.name == name and r.lag is not None for p in left for r in p.reads)

    # ---------------------------------------------------------------- elimination

    def _eliminate(self, group: tuple[str, ...], touched: list[Potential]) -> Potential:
        latents = [self.latents[n] for n in group]
        for p in touched:
            self._check_aligned(p, group)
        plain = [self._state_renamed(p) for p in touched]
        joined = add([p.named for p in plain], self.at.size)
        others = {r.dim: r for p in plain for r in p.reads if r.name not in group}
        joined = self._with_plates(joined, latents[0].plates)
        states = [d for latent in latents for d in (latent.current, latent.previous) if d in joined.dims]
        self._check_size(joined, group)
        lag = next((r.lag for p in touched for r in p.reads if r.lag is not None and r.name in group), None)
        if lag is None:
            rest = tuple(d for d in joined.dims if d not in states)
            out = xp.logsumexp(aligned(joined, (*rest, *states)), axis=tuple(range(-len(states), 0)))
            return Potential(Named(out, rest), tuple(others.values()))
        return Potential(self._chain(joined, latents, latents[0].plates[lag]), tuple(others.values()))

    def _state_renamed(self, p: Potential) -> Potential:
        """State dims under their canonical names, so that tables of several factors meet."""
        names = {}
        for r in p.reads:
            latent = self.latents[r.name]
            names[r.dim] = latent.current if r.lag is None else latent.previous
        moved = self._renamed(p, {})
        reads = tuple(replace(r, dim=names[r.dim]) for r in moved.reads)
        return Potential(moved.named.renamed(names), reads)

    def _chain(self, x: Named, latents: list[Latent], time: Dim) -> Named:
        before = [latent.previous for latent in latents]
        now = [latent.current for latent in latents]
        rest = tuple(d for d in x.dims if d not in {*before, *now, time})
        order = (*rest, time, *before, *now)
        full = xp.broadcast_last(aligned(x, order), tuple(self.at.size(d) for d in order))
        k = int(np.prod([latent.states for latent in latents]))
        table = xp.reshape_last(full, count=2 * len(latents), shape=(k, k))
        return Named(xp.chain_log_partition(table), rest)

    # ---------------------------------------------------------------- refusals

    def _check_aligned(self, p: Potential, group: tuple[str, ...]) -> None:
        for r in p.reads:
            if r.name in group and any(c.along is None for c in r.cells):
                raise _refuse(r.name, "a factor joins it with another discrete latent through a lookup")

    def _check_size(self, x: Named, group: tuple[str, ...]) -> None:
        cells = float(np.prod([float(self.at.size(d)) for d in x.dims]))
        if cells > LARGEST_TABLE:
            raise _refuse(group[0], f"summing it out needs a table of {cells:.2g} cells")


def _refuse(name: str, why: str) -> ModelError:
    return ModelError(
        (
            Diagnostic(
                "E505",
                f"the discrete latent `{name}` cannot be summed out exactly: {why}",
                help="give it fewer states, split the factor, or write the marginal with `Mixture` or `factor`",
            ),
        )
    )
