"""Log tables over the states of discrete latents, and how rows of them are picked out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import Diagnostic, ModelError, Span
from ppl.graph.evaluate import Evaluator
from ppl.graph.gathers import Index, gather
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim

Array = Any
Weight = Callable[[Dim], "np.ndarray | None"]


@dataclass(frozen=True, eq=False)
class Read:
    """A state dim of a potential: which latent, and at which cell of each of its axes.

    ``before``: the row before the one that the potential's other read of this latent names.
    """

    name: str
    dim: Dim
    cells: tuple[Index, ...]
    before: bool = False


@dataclass(frozen=True, eq=False)
class Potential:
    """A log table: ``named`` over state dims (one for each read) and plate dims."""

    named: Named
    reads: tuple[Read, ...]
    span: Span | None = None

    def of(self, name: str) -> tuple[Read, ...]:
        """The reads of one latent."""
        return tuple(r for r in self.reads if r.name == name)


@dataclass(frozen=True)
class Latent:
    """A summed-out latent: its name, its number of states, and the sets of its stored axes.

    ``defined`` marks the cells that its plates define (None: all of them).
    """

    name: str
    states: int
    sets: tuple[str, ...]
    defined: np.ndarray | None = None

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
        """The state dim of its own row."""
        return Dim(f"#{self.name}", "now")

    @property
    def previous(self) -> Dim:
        """The state dim of the row before."""
        return Dim(f"#{self.name}", "before")


def reads_of(at: Evaluator, named: Named) -> tuple[Read, ...]:
    """The state dims among a value's dims."""
    found = [at.reads[d] for d in named.dims if d in at.reads]
    return tuple(Read(s.name, s.dim, s.cells) for s in found)


def refuse(name: str, why: str, span: Span | None = None) -> ModelError:
    """E505: what cannot be summed out, and what to do."""
    message = f"the discrete latent `{name}` cannot be summed out exactly: {why}"
    help = "give it fewer states, split the factor, or write the marginal with `Mixture` or `factor`"
    return ModelError((Diagnostic("E505", message, span=span, help=help),))


def cell_dims(cells: Sequence[Index]) -> set[Dim]:
    """The plate dims along which cells vary."""
    return {d for c in cells for d in ([c.along] if c.along is not None else c.codes.dims)}


def full_codes(at: Evaluator, cell: Index, dims: tuple[Dim, ...]) -> np.ndarray:
    """The codes of a cell over dims, flat."""
    shape = tuple(at.size(d) for d in dims)
    return np.broadcast_to(aligned(cell.codes, dims)[0], shape).ravel()


def same_cell(at: Evaluator, a: Index, b: Index) -> bool:
    """Whether two cells name the same row everywhere."""
    if a.along is not None and a.along == b.along:
        return True
    dims = union((a.codes.dims, b.codes.dims), at.size)
    return bool(np.array_equal(full_codes(at, a, dims), full_codes(at, b, dims)))


def is_step(at: Evaluator, now: Read, before: Read) -> bool:
    """Whether ``before`` is the row just before ``now`` along exactly one axis (or no row)."""
    axes = [
        i for i, (a, b) in enumerate(zip(now.cells, before.cells, strict=True)) if not same_cell(at, a, b)
    ]
    if len(axes) != 1:
        return False
    a, b = now.cells[axes[0]], before.cells[axes[0]]
    dims = union((a.codes.dims, b.codes.dims), at.size)
    here, there = full_codes(at, a, dims), full_codes(at, b, dims)
    return bool(np.all((there < 0) | (here - there == 1)))


def step_axis(at: Evaluator, now: Read, before: Read) -> int:
    """The axis along which a chain steps."""
    return next(
        i for i, (a, b) in enumerate(zip(now.cells, before.cells, strict=True)) if not same_cell(at, a, b)
    )


@dataclass
class Rows:
    """Picks rows of potentials into fresh flat dims, remembering their weights."""

    at: Evaluator
    weight_of: Weight
    _weights: dict[Dim, np.ndarray | None] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self._weights = {}

    def weight(self, dim: Dim) -> np.ndarray | None:
        """How often each row along a dim counts."""
        return self._weights[dim] if dim in self._weights else self.weight_of(dim)

    def times(self, time: Dim, name: str) -> Callable[[Array], Array]:
        """A chain's log sum as often as each of its rows counts, on which they must agree: the chain stays whole."""
        weight = self.weight(time)
        if weight is None or not len(weight):
            return lambda x: x
        if (weight != weight[0]).any():
            raise refuse(name, "rows of a chain cannot stand for several each (`weight`)")
        return lambda x: xp.multiply(x, float(weight[0]))

    def select(self, p: Potential, dims: tuple[Dim, ...], index: np.ndarray) -> Potential:
        """The rows ``index`` of the flattened ``dims``, along one fresh dim."""
        if not dims:
            return p
        at = self.at
        shape = tuple(at.size(d) for d in dims)
        flat = Dim("+".join(d.set for d in dims), f"rows.{len(self._weights)}")
        at.define_dim(flat, len(index))
        self._weights[flat] = self._joint_weight(dims, shape, index)
        rest = tuple(d for d in p.named.dims if d not in dims)
        array = xp.broadcast_last(aligned(p.named, (*rest, *dims)), shape)
        array = xp.take(xp.reshape_last(array, count=len(dims), shape=(int(np.prod(shape)),)), index, axis=-1)
        reads = tuple(
            replace(r, cells=tuple(self._moved(c, dims, index, flat) for c in r.cells)) for r in p.reads
        )
        return Potential(Named(array, (*rest, flat)), reads, p.span)

    def _joint_weight(
        self, dims: tuple[Dim, ...], shape: tuple[int, ...], index: np.ndarray
    ) -> np.ndarray | None:
        out: np.ndarray | None = None
        places = np.unravel_index(index, shape)
        for d, place in zip(dims, places, strict=True):
            own = self.weight(d)
            if own is not None:
                out = own[place] if out is None else out * own[place]
        return out

    def _moved(self, cell: Index, dims: tuple[Dim, ...], index: np.ndarray, flat: Dim) -> Index:
        if not set(cell.codes.dims) & set(dims):
            return cell
        rest = tuple(d for d in cell.codes.dims if d not in dims)
        shape = tuple(self.at.size(d) for d in dims)
        lengths = tuple(self.at.size(d) for d in rest)
        codes = np.broadcast_to(aligned(cell.codes, (*rest, *dims))[0], (*lengths, *shape))
        return Index(Named(codes.reshape(*lengths, -1)[..., index][None], (*rest, flat)))

    def at_state(self, p: Potential, read: Read) -> Potential:
        """The table at one state of a read that it does not depend on."""
        place = p.named.dims.index(read.dim) - len(p.named.dims)
        array = xp.take(p.named.array, 0, axis=place)
        dims = tuple(d for d in p.named.dims if d != read.dim)
        return Potential(Named(array, dims), tuple(r for r in p.reads if r is not read), p.span)

    def merged(self, p: Potential) -> Potential:
        """Reads of one cell become one: the diagonal of their state dims."""
        for i, r in enumerate(p.reads):
            for q in p.reads[:i]:
                equal = q.name == r.name and all(
                    same_cell(self.at, a, b) for a, b in zip(q.cells, r.cells, strict=True)
                )
                if equal:
                    states = Named(np.arange(self.at.size(q.dim))[None], (q.dim,))
                    named = gather(p.named, (r.dim,), (Index(states),), self.at.size)
                    left = tuple(x for x in p.reads if x is not r)
                    return self.merged(Potential(named, left, p.span))
        return p

    def valid(self, p: Potential, chained: Callable[[Read], bool]) -> list[Potential]:
        """Rows at which a read names no row (its table does not depend on it) lose that read."""
        for r in p.reads:
            if chained(r):
                continue
            dims = union((c.codes.dims for c in r.cells), self.at.size)
            bad = np.zeros(int(np.prod([self.at.size(d) for d in dims], dtype=int)), dtype=bool)
            for c in r.cells:
                bad |= full_codes(self.at, c, dims) < 0
            if not bad.any():
                continue
            inside, outside = np.flatnonzero(~bad), np.flatnonzero(bad)
            without = self.select(p, dims, outside)
            dropped = self.at_state(without, next(x for x in without.reads if x.dim == r.dim))
            parts = [self.select(p, dims, inside), dropped] if len(inside) else [dropped]
            return [q for part in parts for q in self.valid(part, chained)]
        return [p]
