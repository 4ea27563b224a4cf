"""Recording the log joint of a bound program, term by term; see `ppl.graph.terms_at_draws`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.backend.tape import Tape
from ppl.errors import Diagnostic, ModelError
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, define_values, layout, own_cells, row_weights, states_of
from ppl.graph.bind_types import BoundData
from ppl.graph.blocks import Block, bijection_of
from ppl.graph.build import build
from ppl.graph.divergence import Gaussian, closed_form, mean_log_normal
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
from ppl.graph.rows import check_support, checked
from ppl.graph.store import axis_sets, stored_dims, to_stored
from ppl.graph.terms_at_draws import Discrete, Moments, Term, TermsAtDraws
from ppl.graph.variational import ordered
from ppl.language import typed as t
from ppl.supports import REAL

Array = Any


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


def trace_terms(lay: Layout, correlated: frozenset[str] = frozenset()) -> TermsAtDraws:
    """Record the log joint of a layout. ``correlated`` latents have no closed forms.

    Raises `ModelError` (E505) for discrete latents drawn as vectors.
    """
    counts = {name: _cells(lay, name) for name in sorted(lay.discrete)}
    moments = _moments(lay, lay.size + sum(len(c) for c, _ in counts.values()), correlated)
    width = moments[-1].sd.stop if moments else lay.size + sum(len(c) for c, _ in counts.values())
    tape = Tape(np.stack([np.zeros(width), np.full(width, 0.1)]))
    at = lay.evaluator()
    out = _Trace(lay, at, tape, counts, moments)
    with np.errstate(all="ignore"):
        for group in lay.groups:
            out.group(group)
    return out.finish()


def _moments(lay: Layout, start: int, correlated: frozenset[str]) -> tuple[Moments, ...]:
    """Free Gaussians of latents with a Normal prior, in the model's own coordinates."""
    out, guided = [], drawn_guides(lay.graph)
    for block in lay.blocks.values():
        s = block.statement
        own = s.kind == "latent" and block.cells is None and not block.point
        if own and closed_form(s) and block.support == REAL and s.name not in guided.keys() | correlated:
            count = block.where.stop - block.where.start
            mean, sd = slice(start, start + count), slice(start + count, start + 2 * count)
            out.append(Moments(block, mean, sd))
            start = sd.stop
    return tuple(out)


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
        moments: tuple[Moments, ...] = (),
    ) -> None:
        self.moments = {m.block.name: m for m in moments}
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
            tuple(self.drawn), tuple(self.moments.values()),
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
        averaged = self._averaged(s) if s.kind == "latent" and s.name in self.moments else None
        self._add(s, s.kind, density, (*density.dims, *missing), averaged)

    def _averaged(self, s: g.Statement) -> Named:
        """The mean of a Normal log density over the latent's own Gaussian."""
        m = self.moments[s.name]
        shape = tuple(self.at.size(d) for d in m.block.batch)
        mean, sd = (
            Named(
                xp.reshape_last(xp.slice_last(self.tape.input, start=w.start, stop=w.stop), 1, shape),
                m.block.dims,
            )
            for w in (m.mean, m.sd)
        )
        return mean_log_normal(self.at, s, Gaussian(mean, sd))

    def _add(
        self, s: g.Statement, kind: str, value: Named, dims: tuple[Dim, ...], averaged: Named | None = None
    ) -> None:
        sizes = tuple(self.at.size(d) for d in dims)
        array = self._weighted(value, dims)
        if not isinstance(array, Traced):
            self.constant += float(np.broadcast_to(array, (1, *sizes)).sum())
            return
        count = int(np.prod(sizes, dtype=int))
        flat, mean = (
            None
            if a is None
            else xp.reshape_last(xp.broadcast_last(a, sizes) if dims else a, count=len(dims), shape=(count,))
            for a in (array, None if averaged is None else self._weighted(averaged, dims))
        )
        where = slice(self.stop, self.stop + count)
        self.terms.append(Term(s, kind, dims, sizes, where, flat, mean))
        self.stop += count

    def _weighted(self, value: Named, dims: tuple[Dim, ...]) -> Array:
        array = aligned(value, dims)
        for dim in dims:
            weights = self.weight(dim)
            if weights is not None:
                array = array * aligned(Named(np.asarray(weights)[None], (dim,)), dims)
        return array
