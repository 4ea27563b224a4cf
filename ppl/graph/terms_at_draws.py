"""The log joint term by term, at draws of continuous and discrete latents together.

Nothing is summed out: a draw is one row of coordinates, first those of the continuous latents on
the real line, then the value of every element of every discrete latent. One recorded computation
gives each statement's log density in every cell of its plates, and the slopes of their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.backend.tape import Program, Tape, Value
from ppl.errors import Diagnostic, ModelError
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, define_values, layout, own_cells, row_weights, states_of
from ppl.graph.bind_types import BoundData
from ppl.graph.blocks import Block, bijection_of
from ppl.graph.build import build
from ppl.graph.drawn_guides import DrawnGuide, Kind, drawing_order, drawn_guides, kind_of
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import own_value
from ppl.graph.guard import evaluating
from ppl.graph.guide_terms import covers, implicit_value, pathwise_value, record_guide
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim
from ppl.graph.noncentre import noncentre
from ppl.graph.order import sort_statements
from ppl.graph.passes import run_passes
from ppl.graph.reductions import concatenated
from ppl.graph.rows import check_support, checked
from ppl.graph.store import axis_sets, stored_dims, to_stored
from ppl.graph.variational import ordered
from ppl.language import typed as t

Array = Any


@dataclass(frozen=True, eq=False)
class Discrete:
    """A discrete latent, or the blank cells of a discrete column.

    Its elements lie in columns ``where`` of a draw, in the order of the flat positions ``cells`` of an
    array of shape ``shape``; states: (K,); weights: (n,), how often each element counts.
    """

    name: str
    statement: g.Statement
    where: slice
    shape: tuple[int, ...]
    cells: np.ndarray
    states: np.ndarray
    weights: np.ndarray

    @property
    def count(self) -> int:
        """Number of elements n."""
        return len(self.cells)


@dataclass(frozen=True, eq=False)
class Term:
    """The log density of one statement (or the Jacobian of one latent) over the cells of its plates.

    It fills columns ``where`` of the values, over ``dims`` of lengths ``sizes``.
    """

    statement: g.Statement
    kind: str
    dims: tuple[Dim, ...]
    sizes: tuple[int, ...]
    where: slice
    array: Any


@dataclass(frozen=True, eq=False)
class TermsAtDraws:
    """A traced log joint. ``size``: continuous coordinates D; ``width``: D plus discrete elements.

    ``constant`` is the sum of the terms that no latent enters, which are left out of ``terms``. ``discretes``
    have tables of their own; ``drawn`` are latents whose guides may read others, in an order in which they can
    be drawn, with minus their log q among the terms. ``width`` counts the columns of both.
    """

    layout: Layout
    at: Evaluator
    tape: Tape
    discretes: tuple[Discrete, ...]
    terms: tuple[Term, ...]
    constant: float
    drawn: tuple[DrawnGuide, ...] = ()

    @property
    def size(self) -> int:
        """D."""
        return self.layout.size

    @property
    def width(self) -> int:
        """Columns of a draw."""
        extra = sum(q.discrete.count for q in self.drawn if q.discrete is not None)
        return self.size + sum(d.count for d in self.discretes) + extra

    @property
    def held(self) -> np.ndarray:
        """Continuous coordinates that a guide draws: (D,)."""
        out = np.zeros(self.size, dtype=bool)
        for q in self.drawn:
            if q.discrete is None:
                out[q.where] = True
        return out

    @property
    def count(self) -> int:
        """Columns of the values: cells of all terms."""
        return self.terms[-1].where.stop if self.terms else 0

    @cached_property
    def program(self) -> Program:
        """All terms side by side: draws (S, width) to values (S, count)."""
        return self.part(self.terms)

    def part(self, terms: Sequence[Term]) -> Program:
        """The computation of some of the terms, side by side."""
        if not terms:
            return Program((), 1, None, np.zeros((1, 0)))
        return self.tape.finish(concatenated([t.array for t in terms], -1))

    def unpack(self, x: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Draws (S, width) by name in the user's coordinates: name -> (S, *shape).

        Imputed columns (``table.column``) give their blank cells alone.
        """
        arrays = [self.at.values[n].array for n in names]
        shapes = [np.shape(a.example if isinstance(a, Value) else a)[1:] for a in arrays]
        if not names:
            return {}
        flat = [
            xp.reshape_last(a, len(s), (int(np.prod(s, dtype=int)),))
            for a, s in zip(arrays, shapes, strict=True)
        ]
        whole = np.asarray(self.tape.finish(concatenated(flat, -1)).value(x))
        stops = np.cumsum([int(np.prod(s, dtype=int)) for s in shapes])
        parts = np.split(np.broadcast_to(whole, (len(x), whole.shape[-1])), stops[:-1], axis=-1)
        out = {}
        for name, part, shape in zip(names, parts, shapes, strict=True):
            if "." in name:
                table, column = name.split(".", 1)
                out[name] = part[:, np.flatnonzero(self.layout.data.missing[(table, column)])]
            else:
                out[name] = part.reshape(len(x), *shape)
        return out


def sampled_layout(program: t.Program, data: BoundData, data_sets: frozenset[str]) -> Layout:
    """The layout of a program whose discrete latents are drawn: values that depend on them stay values.

    Latents that a guide speaks of keep the scale they are written on; those with a point are points.
    """
    guided = {name for q in program.guide for name in q.names}
    graph = run_passes(build(program), ("inline_discrete", "noncentre", "sort_statements"))
    graph = sort_statements(noncentre(graph, lambda s: s.name not in guided))
    found = replace(layout(graph, data, data_sets, tuple(ordered(graph))), fold=False)
    points = {name for q in program.guide if q.strategy == "Point" for name in q.names}
    blocks = {name: replace(b, point=b.point or name in points) for name, b in found.blocks.items()}
    return replace(found, blocks=blocks)


def trace_terms(lay: Layout) -> TermsAtDraws:
    """Record the log joint of a layout. Raises `ModelError` (E505) for discrete latents drawn as vectors."""
    counts = {name: _cells(lay, name) for name in sorted(lay.discrete)}
    width = lay.size + sum(len(c) for c, _ in counts.values())
    tape = Tape(np.stack([np.zeros(width), np.full(width, 0.1)]))
    at = lay.evaluator()
    out = _Trace(lay, at, tape, counts)
    with np.errstate(all="ignore"):
        for group in lay.groups:
            out.group(group)
    return out.finish()


def _cells(lay: Layout, name: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Flat positions of the elements that are drawn, in an array of which shape."""
    if "." in name:
        table, column = name.split(".", 1)
        mask = lay.data.missing[(table, column)]
        return np.flatnonzero(mask), mask.shape
    s = lay.graph.statement(name)
    assert s is not None
    at = lay.evaluator()
    shape = tuple(at.sets.size(n) for n in axis_sets(s))
    with evaluating(s):
        inside = to_stored(at, s, Named(np.ones((1,)))) if shape else Named(np.ones((1,)))
    return np.flatnonzero(np.broadcast_to(inside.numpy[0], shape)), shape


class _Trace:
    """Walks the statements once, recording every term."""

    def __init__(
        self,
        lay: Layout,
        at: Evaluator,
        tape: Tape,
        cells: dict[str, tuple[np.ndarray, tuple[int, ...]]],
    ) -> None:
        self.lay, self.at, self.tape, self.cells = lay, at, tape, cells
        self.weight = row_weights(lay, at)
        self.column = lay.size
        self.stop = 0
        self.constant = 0.0
        self.guides = drawn_guides(lay.graph)
        self.discretes: list[Discrete] = []
        self.drawn: list[DrawnGuide] = []
        self.terms: list[Term] = []

    def group(self, group: tuple[g.Statement, ...]) -> None:
        """Values of all latents of a group, then its deterministic values, then its log terms."""
        drawn: dict[str, Named | None] = {}
        guided = any(s.name in self.guides for s in group if s.kind == "latent")
        for s in drawing_order(group, self.guides) if guided else group:
            with evaluating(s):
                drawn[s.name] = self._define(s)
            if guided:
                define_values(self.at, (s,))
        if not guided:
            define_values(self.at, group)
        for s in group:
            with evaluating(s):
                self._term(s, drawn[s.name])

    def finish(self) -> TermsAtDraws:
        """What was recorded."""
        return TermsAtDraws(
            self.lay, self.at, self.tape, tuple(self.discretes), tuple(self.terms), self.constant,
            tuple(self.drawn),
        )  # fmt: skip

    def _define(self, s: g.Statement) -> Named | None:
        column = None if s.imputes is None else ".".join(s.imputes)
        name = column or s.name
        if name in self.lay.discrete and (column or s.kind == "latent"):
            self._discrete(s, name)
        elif name in self.lay.blocks and (column or s.kind in ("latent", "param")):
            guide = self.guides.get(name) if s.kind == "latent" else None
            block = self.lay.blocks[name]
            return self._continuous(s, block) if guide is None else self._drawn(s, guide, block)
        return None

    def _drawn(self, s: g.Statement, guide: g.Statement, block: Block) -> Named:
        """A continuous latent that its guide draws."""
        covers(self.at, guide, None)
        kind = kind_of(self.lay.graph, guide)
        if kind == "pathwise":
            eps = xp.slice_last(self.tape.input, start=block.where.start, stop=block.where.stop)
            pathwise_value(self.at, guide, eps, s)
        else:
            self._continuous(s, block, free=False)
        if kind == "implicit":
            implicit_value(self.at, guide)
        self._guided(guide, s, block, kind)
        return own_value(s, self.at)

    def _guided(self, guide: g.Statement, s: g.Statement, of: Block | Discrete, kind: Kind = "score") -> None:
        """Note what is needed to draw a guided latent; minus its log q is a term."""
        q, density = record_guide(self.tape, self.at, guide, s, of, self.weight, kind)
        self.drawn.append(q)
        self._add(guide, "guide", Named(xp.negative(density.array), density.dims), density.dims)

    def _continuous(self, s: g.Statement, block: Block, free: bool = True) -> Named | None:
        shape = (*(self.at.size(d) for d in block.batch), *block.inner)
        u = xp.slice_last(self.tape.input, start=block.where.start, stop=block.where.stop)
        value, log_det = bijection_of(self.at, block).forward(xp.reshape_last(u, count=1, shape=shape))
        if free and not block.point:
            self._add(s, "jacobian", Named(log_det, block.batch), block.batch)
        if block.cells is not None:
            self._imputed(s, block.name, value, block.cells)
            return None
        drawn = Named(value, block.dims)
        self.at.values[s.name] = to_stored(self.at, s, drawn)
        return drawn

    def _imputed(self, s: g.Statement, name: str, cells: Array, where: np.ndarray) -> None:
        assert s.imputes is not None
        base = self.lay.data.arrays[s.imputes].astype(float)
        known = np.where(self.lay.data.missing[s.imputes], 0.0, base)[None]
        full = xp.place(cells, where, shape=base.shape) + known
        self.at.values[name] = Named(full, stored_dims(s.imputes, base.ndim))

    def _discrete(self, s: g.Statement, name: str) -> None:
        cells, shape = self.cells[name]
        if any(isinstance(a, Dim) for a in s.place.axes) and s.imputes is None:
            message = f"the discrete latent `{s.name}` is drawn as a whole vector, which no method fits"
            raise ModelError((Diagnostic("E505", message, span=s.span),))
        where = slice(self.column, self.column + len(cells))
        self.column = where.stop
        flat = xp.slice_last(self.tape.input, start=where.start, stop=where.stop)
        if s.imputes is not None:
            self._imputed(s, name, flat, cells)
        else:
            names = stored_dims(s.name, len(shape))
            for d, n in zip(names, shape, strict=True):
                self.at.define_dim(d, n)
            full = xp.place(flat, cells, shape=shape) if len(cells) < int(np.prod(shape)) else flat
            array = xp.reshape_last(full, 1, shape) if full is flat else full
            self.at.values[s.name] = Named(array, names)
        states = np.asarray(states_of(self.lay, self.at, s), dtype=float)
        weights = self._element_weights(s, name, shape)[cells]
        found = Discrete(name, s, where, shape, cells, states, weights)
        if s.imputes is None and name in self.guides:
            covers(self.at, self.guides[name], cells)
            self._guided(self.guides[name], s, found)
        else:
            self.discretes.append(found)

    def _element_weights(self, s: g.Statement, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """How often each element of a plate over weighted rows counts: flat."""
        out = np.ones(shape)
        sets = (name.split(".", 1)[0],) if s.imputes is not None else axis_sets(s)
        for axis, set_name in enumerate(sets):
            own = self.lay.data.weights.get(set_name)
            if own is not None:
                out = out * np.asarray(own).reshape((-1,) + (1,) * (len(shape) - axis - 1))
        return np.asarray(out.ravel())

    def _term(self, s: g.Statement, drawn: Named | None) -> None:
        if s.kind == "factor":
            density = self.at.named(s.body)
        elif s.kind == "observed":
            assert s.observed is not None
            value = self.at.named(s.observed)
            check_support(self.at, s, value)
            density = self.at.log_density(s.body, value, s.event)
        elif s.kind == "latent" and s.name in self.lay.discrete:
            density = self.at.log_density(s.body, own_cells(self.at, s), s.event)
        elif s.kind == "latent" and drawn is not None:
            density = self.at.log_density(s.body, drawn, s.event)
        else:
            return
        density = checked(self.at, s, density)
        missing = () if s.kind == "latent" else tuple(d for d in s.place.plates if d not in density.dims)
        self._add(s, s.kind, density, (*density.dims, *missing))

    def _add(self, s: g.Statement, kind: str, value: Named, dims: tuple[Dim, ...]) -> None:
        sizes = tuple(self.at.size(d) for d in dims)
        array = aligned(value, dims)
        for dim in dims:
            weights = self.weight(dim)
            if weights is not None:
                array = array * aligned(Named(np.asarray(weights)[None], (dim,)), dims)
        if not isinstance(array, Traced):
            self.constant += float(np.broadcast_to(array, (1, *sizes)).sum())
            return
        array = xp.broadcast_last(array, sizes) if dims else array
        count = int(np.prod(sizes, dtype=int))
        array = xp.reshape_last(array, count=len(dims), shape=(count,))
        self.terms.append(Term(s, kind, dims, sizes, slice(self.stop, self.stop + count), array))
        self.stop += count
