"""Sum discrete latents out of the log joint, exactly.

A factor that reads summed-out latents is a `Potential`: a log table over state dims and plate
dims. Latents are eliminated deepest plates first by log-sum-exp; a latent read at two neighbouring
rows is a chain and goes through the chain log-partition; chains that meet in a factor are
eliminated as one joint chain; a latent of which a factor reads several other cells is split into
its cells first. Plates outside all remaining latents are summed (times row weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.distinct import slices_of
from ppl.graph.evaluate import Evaluator
from ppl.graph.gathers import Index
from ppl.graph.grounding import MustSplitError, Split, axes_to_split
from ppl.graph.named import LARGEST_TABLE, Named, add, aligned, total, union
from ppl.graph.nodes import Dim
from ppl.graph.potentials import (
    Latent,
    Potential,
    Read,
    Rows,
    Weight,
    cell_dims,
    is_step,
    refuse,
    same_cell,
    step_axis,
)

Array = Any
MANY_CELLS = 5000  # of a chain's transitions at every step, from which fewer distinct ones save time


def log_partition(
    at: Evaluator, latents: dict[str, Latent], weight: Weight, potentials: Sequence[Potential]
) -> Named:
    """log of the sum over all joint states of exp(sum of potentials), over the draw axis alone.

    Raises `ModelError` (E505) where no exact order of elimination is known.
    """
    axes = axes_to_split(at, list(potentials))
    while True:
        rows = Rows(at, weight)
        split = Split(at, rows, latents, axes)
        cut = split.run(list(potentials)) if axes else list(potentials)
        if not axes:
            split.latents = dict(latents)
        try:
            return _Elimination(at, rows, split.latents).run(cut)
        except MustSplitError as more:
            axes = _widened(axes, more.axes, latents)


def _widened(
    axes: dict[str, frozenset[int]], more: Any, latents: dict[str, Latent]
) -> dict[str, frozenset[int]]:
    """The axes split so far and the further ones; refused where nothing new is left to split."""
    out = dict(axes)
    for name, extra in more.items():
        if name not in latents:
            whole = name.split("[", 1)[0]
            out[whole] = frozenset(range(len(latents[whole].sets)))
        else:
            out[name] = out.get(name, frozenset()) | extra
    if out == axes:
        raise refuse(next(iter(more)), "a factor joins it with another discrete latent through a lookup")
    return out


def plate_sum(at: Evaluator, weight: Weight, x: Named, keep: Sequence[Dim] = ()) -> Named:
    """Sum out plates, each row as often as its weight says."""
    for dim in x.dims:
        weights = None if dim in keep else weight(dim)
        if weights is not None:
            x = Named(x.array * aligned(Named(weights[None], (dim,)), x.dims), x.dims)
    return total(x, keep)


@dataclass
class _Standing:
    """How a latent stands in the potentials left."""

    met: set[str] = field(default_factory=set)
    chained: bool = False
    blocked: bool = False


@dataclass
class _Elimination:
    """Eliminates every latent from a list of potentials."""

    at: Evaluator
    rows: Rows
    latents: dict[str, Latent]
    steps: dict[str, int] = field(default_factory=dict)

    def run(self, potentials: Sequence[Potential]) -> Named:
        for latent in self.latents.values():
            self.at.define_dim(latent.current, latent.states)
            self.at.define_dim(latent.previous, latent.states)
        left = [q for p in potentials for q in self._settled(self._stepped(p))]
        remaining = dict(self.latents)
        while remaining:
            group = self._next(left, remaining)
            touched = [p for p in left if any(r.name in group for r in p.reads)]
            left = [p for p in left if p not in touched]
            if touched:
                left += self._settled(self._eliminate(group, touched))
            for name in group:
                del remaining[name]
        zero = Named(np.zeros(1))
        return add([zero, *(plate_sum(self.at, self.rows.weight, p.named) for p in left)], self.at.size)

    # ---------------------------------------------------------------- canonical form

    def _stepped(self, p: Potential) -> Potential:
        """Mark which of two reads of one latent is that of the row before."""
        reads = list(p.reads)
        for name in {r.name for r in reads}:
            own = p.of(name)
            if len(own) == 1:
                continue
            a, b = own
            now, before = (a, b) if is_step(self.at, a, b) else (b, a)
            axis = step_axis(self.at, now, before)
            if self.steps.setdefault(name, axis) != axis:
                raise refuse(name, "it is a chain along two axes at once", p.span)
            reads[reads.index(before)] = replace(before, before=True)
        return replace(p, reads=tuple(reads))

    def _settled(self, p: Potential) -> list[Potential]:
        """Sum plates that no read uses, drop reads of no row, use the latents' own plates."""
        out = []
        for q in self.rows.valid(p, lambda r: len(p.of(r.name)) > 1):
            keep = [*(r.dim for r in q.reads), *(d for r in q.reads for d in cell_dims(r.cells))]
            q = replace(q, named=plate_sum(self.at, self.rows.weight, q.named, keep))
            if not q.reads:
                out.append(q)
            elif len({r.name for r in q.reads if r.cells}) <= 1 and self._scatters(q):
                out.append(self._canonical(q))
            else:
                out.append(self._aligned(q))
        return out

    def _aligned(self, p: Potential) -> Potential:
        """Rename the plates of a potential over several latents where every read runs along them."""
        names: dict[Dim, Dim] = {}
        for r in sorted(p.reads, key=lambda r: -len(r.cells)):
            for cell, plate in zip(r.cells, self.latents[r.name].plates, strict=True):
                if cell.along is not None and cell.along not in names and plate not in names.values():
                    names[cell.along] = plate
        return self._state_renamed(self._renamed(p, names))

    def _renamed(self, p: Potential, names: dict[Dim, Dim]) -> Potential:
        names = {a: b for a, b in names.items() if a != b}
        for old, new in names.items():
            self.at.define_dim(new, self.at.size(old))
        reads = []
        for r in p.reads:
            cells = tuple(
                Index(c.codes.renamed(names), None if c.along is None else names.get(c.along, c.along))
                for c in r.cells
            )
            reads.append(replace(r, cells=cells))
        return Potential(p.named.renamed(names), tuple(reads), p.span)

    def _state_renamed(self, p: Potential) -> Potential:
        """State dims under their canonical names, so that tables of several factors meet."""
        names = {r.dim: self._state_dim(r) for r in p.reads}
        reads = tuple(replace(r, dim=names[r.dim]) for r in p.reads)
        return Potential(p.named.renamed(names), reads, p.span)

    def _state_dim(self, r: Read) -> Dim:
        latent = self.latents[r.name]
        return latent.previous if r.before else latent.current

    def _scatters(self, p: Potential) -> bool:
        """Whether every plate of a potential is one that its latent's cells vary along."""
        dims = {d for r in p.reads for d in (r.dim, *cell_dims(r.cells))}
        return set(p.named.dims) <= dims

    def _canonical(self, p: Potential) -> Potential:
        """One latent with rows (perhaps at two of them): move the potential onto its own plates."""
        main = max((r for r in p.reads if not r.before), key=lambda r: len(r.cells))
        latent = self.latents[main.name]
        along = [c.along for c in main.cells]
        if None not in along and len(set(along)) == len(along):
            plates = {a: b for a, b in zip(along, latent.plates, strict=True) if a is not None}
            moved = self._renamed(replace(p, named=self._with_plates(p.named, tuple(plates))), plates)
        else:
            moved = replace(p, named=self._scattered(p, main, latent))
        named = self._state_renamed(moved).named
        cells = tuple(Index(Named(np.arange(self.at.size(d))[None], (d,)), d) for d in latent.plates)
        reads = tuple(
            replace(r, dim=self._state_dim(r), cells=cells if r.name == latent.name else ()) for r in p.reads
        )
        return Potential(named, reads, p.span)

    def _with_plates(self, x: Named, plates: tuple[Dim, ...]) -> Named:
        """Spread a table that is the same at every row over all its rows (a stationary potential)."""
        missing = tuple(d for d in plates if d not in x.dims)
        if not missing:
            return x
        dims = (*x.dims, *missing)
        return Named(xp.broadcast_last(aligned(x, dims), tuple(self.at.size(d) for d in dims)), dims)

    def _scattered(self, p: Potential, main: Read, latent: Latent) -> Named:
        """Add the rows of a table to the cells that their codes point at."""
        rows = union((c.codes.dims for c in main.cells), self.at.size)
        shape = tuple(self.at.size(d) for d in latent.plates)
        flat: Array = np.zeros((1,) * (1 + len(rows)), dtype=np.int64)
        for cell, n in zip(main.cells, shape, strict=True):
            flat = flat * n + aligned(cell.codes, rows)
        lengths = tuple(self.at.size(d) for d in rows)
        index = np.broadcast_to(flat, (1, *lengths)).ravel()
        table = self._with_plates(p.named, rows)
        rest = tuple(d for d in table.dims if d not in rows)
        array = aligned(table, (*rest, *rows))
        array = xp.reshape_last(array, count=len(rows), shape=(len(index),))
        out = xp.segment_sum(array, index, size=int(np.prod(shape, dtype=int)), axis=-1)
        return Named(xp.reshape_last(out, count=1, shape=shape), (*rest, *latent.plates))

    # ---------------------------------------------------------------- order

    def _next(self, left: Sequence[Potential], remaining: dict[str, Latent]) -> tuple[str, ...]:
        """The latents to eliminate together next: those free to go, most plates first, coupled chains as one."""
        known = self._standing(left, remaining)

        def rank(name: str) -> tuple[bool, int, bool, float, str]:
            own = known[name]
            cost = float(np.prod([float(self.latents[n].states) for n in own.met]))
            return (own.blocked, -len(self.latents[name].plates), own.chained, cost, name)

        name = min(remaining, key=rank)
        group, new = {name}, {name} if known[name].chained else set()
        while new:
            met = {n for one in new for n in known[one].met}
            plates = self.latents[name].plates
            new = {n for n in met - group if known[n].chained and self.latents[n].plates == plates}
            group |= new
        return tuple(sorted(group))

    def _standing(self, left: Sequence[Potential], remaining: dict[str, Latent]) -> dict[str, _Standing]:
        """For each latent left: whom it meets, whether it is a chain, whether a lookup holds it back."""
        out = {n: _Standing() for n in remaining}
        for p in left:
            names = {r.name for r in p.reads}
            for r in p.reads:
                own = out[r.name]
                own.met |= names
                own.chained |= r.before
                own.blocked |= not self._runs_along(p, r)
        return out

    def _runs_along(self, p: Potential, r: Read) -> bool:
        """Whether a potential has just the latent's plates, and reads it at its own rows."""
        plates = self.latents[r.name].plates
        states = {q.dim for q in p.reads}
        along = r.before or all(c.along == d for c, d in zip(r.cells, plates, strict=True))
        return along and {d for d in p.named.dims if d not in states} <= set(plates)

    # ---------------------------------------------------------------- elimination

    def _eliminate(self, group: tuple[str, ...], touched: list[Potential]) -> Potential:
        latents = [self.latents[n] for n in group]
        for p in touched:
            self._check_aligned(p, group)
        others = self._others(group, touched)
        steady = self._steady_chain(latents, touched)
        if steady is not None:
            return Potential(steady, others, touched[0].span)
        joined = add([p.named for p in touched], self.at.size)
        joined = self._with_plates(joined, latents[0].plates)
        states = [d for latent in latents for d in (latent.current, latent.previous) if d in joined.dims]
        self._check_size(joined, group)
        if not any(latent.previous in joined.dims for latent in latents):
            rest = tuple(d for d in joined.dims if d not in states)
            axes = tuple(range(-len(joined.dims), -len(rest)))
            out = xp.logsumexp(aligned(joined, (*states, *rest)), axis=axes)
            return Potential(_only_defined(Named(out, rest), latents[0]), others, touched[0].span)
        along = {self.steps[n] for n in group if n in self.steps}
        if len(along) != 1:
            raise refuse(group[0], "chains along different axes meet in one factor", touched[0].span)
        chain = self._chain(joined, latents, latents[0].plates[along.pop()])
        return Potential(chain, others, touched[0].span)

    def _others(self, group: tuple[str, ...], touched: list[Potential]) -> tuple[Read, ...]:
        """The reads of latents that stay; one at two different cells must be split first."""
        found: dict[Dim, Read] = {}
        for p in touched:
            for r in p.reads:
                if r.name in group:
                    continue
                known = found.setdefault(r.dim, r)
                differ = [
                    i
                    for i, (a, b) in enumerate(zip(known.cells, r.cells, strict=True))
                    if not same_cell(self.at, a, b)
                ]
                if differ:
                    raise MustSplitError({r.name: frozenset(differ)})
        return tuple(found.values())

    def _steady_chain(self, latents: list[Latent], touched: list[Potential]) -> Named | None:
        """The log-partition of a long chain whose transitions take few distinct values, if it is one."""
        previous = {latent.previous for latent in latents}
        pairs = [p.named for p in touched if previous & set(p.named.dims)]
        along = {self.steps[latent.name] for latent in latents if latent.name in self.steps}
        if len(pairs) != 1 or len(along) != 1 or any(latent.defined is not None for latent in latents):
            return None
        time = latents[0].plates[along.pop()]
        cells = self.at.size(time) * np.prod([float(latent.states) ** 2 for latent in latents])
        slices = slices_of(pairs[0].array) if cells >= MANY_CELLS else None
        if slices is None or slices.axis != pairs[0].dims.index(time) - len(pairs[0].dims):
            return None
        times = self.rows.times(time, latents[0].name)
        states = [[latent.previous for latent in latents], [latent.current for latent in latents]]
        rest = add(
            [p.named for p in touched if p.named is not pairs[0]] or [Named(np.zeros(1))], self.at.size
        )
        rest = self._with_plates(rest, tuple(d for d in latents[0].plates if d != time))
        plates = (*latents[0].plates, *rest.dims, *pairs[0].dims)
        lead = tuple(d for d in dict.fromkeys(plates) if d not in {*states[0], *states[1], time})
        count = len(slices.distinct.shape) + slices.axis
        pair = self._square(
            Named(slices.distinct, pairs[0].dims), lead, states, slices.distinct.shape[count], time
        )
        unary = self._square(rest, lead, states[1:], self.at.size(time), time)
        return Named(times(xp.markov_log_partition(pair, unary, slices.codes)), lead)

    def _square(
        self, x: Named, lead: tuple[Dim, ...], states: list[list[Dim]], steps: int, time: Dim
    ) -> Array:
        """A table as (..., joint states of each group, steps)."""
        flat = [d for group in states for d in group]
        full = (*(self.at.size(d) for d in flat), steps)
        joint = [int(np.prod([self.at.size(d) for d in group])) for group in states]
        array = xp.broadcast_last(aligned(x, (*lead, *flat, time)), full)
        return xp.reshape_last(array, count=len(full), shape=(*joint, steps))

    def _chain(self, x: Named, latents: list[Latent], time: Dim) -> Named:
        times = self.rows.times(time, latents[0].name)
        before = [latent.previous for latent in latents]
        now = [latent.current for latent in latents]
        rest = tuple(d for d in x.dims if d not in {*before, *now, time})
        order = (*rest, *before, *now, time)
        x = self._passed_on(x, latents, (*before, *now), order)
        full = xp.broadcast_last(aligned(x, order), tuple(self.at.size(d) for d in order))
        k = int(np.prod([latent.states for latent in latents]))
        table = xp.reshape_last(full, count=2 * len(latents) + 1, shape=(k, k, self.at.size(time)))
        return Named(times(xp.chain_log_partition(table)), rest)

    def _passed_on(
        self, x: Named, latents: list[Latent], states: tuple[Dim, ...], order: tuple[Dim, ...]
    ) -> Named:
        """Rows outside the plates that define a chain pass its state on unchanged."""
        masks = [latent.defined for latent in latents]
        if all(m is None for m in masks):
            return x
        mask = masks[0]
        if mask is None or any(m is None or not np.array_equal(m, mask) for m in masks):
            raise refuse(latents[0].name, "it meets a chain over other rows")
        plates = latents[0].plates
        k = [latent.states for latent in latents]
        with np.errstate(divide="ignore"):
            stay = np.log(np.eye(int(np.prod(k)))).reshape(1, *k, *k)
        seen = aligned(Named(mask[None], plates), order)
        return Named(xp.where(seen, aligned(x, order), aligned(Named(stay, states), order)), order)

    # ---------------------------------------------------------------- refusals

    def _check_aligned(self, p: Potential, group: tuple[str, ...]) -> None:
        """Each read of the group runs along the latent's own plates, and there are no others."""
        if not all(self._runs_along(p, r) for r in p.reads if r.name in group):
            raise MustSplitError({r.name: frozenset(range(len(r.cells))) for r in p.reads if r.cells})

    def _check_size(self, x: Named, group: tuple[str, ...]) -> None:
        cells = float(np.prod([float(self.at.size(d)) for d in x.dims]))
        if cells > LARGEST_TABLE:
            raise refuse(group[0], f"summing it out needs a table of {cells:.2g} cells")


def _only_defined(x: Named, latent: Latent) -> Named:
    """Nothing from cells that no plate defines."""
    if latent.defined is None:
        return x
    mask = aligned(Named(latent.defined[None], latent.plates), x.dims)
    return Named(xp.where(mask, x.array, 0.0), x.dims)
