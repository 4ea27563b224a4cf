"""Recording guides on the tape of the log joint: pathwise values, log q, and the tables of all states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.backend.tape import Program, Tape
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.blocks import Block
from ppl.graph.drawn_guides import DrawnGuide, Kind, refused
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import own_value
from ppl.graph.guard import evaluating
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim
from ppl.graph.reductions import concatenated
from ppl.graph.store import axis_sets, stored_dims, to_stored

if TYPE_CHECKING:
    from ppl.graph.terms_at_draws import Discrete, TermsAtDraws

Array = Any
Weight = Callable[[Dim], Array | None]


def record_guide(
    tape: Tape, at: Evaluator, guide: g.Statement, s: g.Statement, of: Block | Discrete, weight: Weight,
    kind: Kind = "score",
) -> tuple[DrawnGuide, Named]:  # fmt: skip
    """What is needed to draw a guided latent, whose value ``at`` has, and log q in its cells."""
    shape = _stored_size(at, s)
    with evaluating(guide):
        density, consumed = log_density_of(at, guide)
        elements = _cell_elements(at, guide, density.dims, shape)
        parameters, shapes, fixed = (None, (), {}) if kind == "pathwise" else _arguments(tape, at, guide)
    discrete = None if isinstance(of, Block) else of
    q = DrawnGuide(
        s.name, guide, of.where, kind, tape.finish(_flat(at, density)), elements,
        _weights(at, density.dims, weight), density.dims, consumed, at,
        of if isinstance(of, Block) else None, discrete, parameters, shapes, fixed,
    )  # fmt: skip
    return q, density


def state_tables(terms: TermsAtDraws, q: DrawnGuide) -> Program:
    """Log q of every state of every cell of a discrete latent: draws to (S, n K)."""
    assert q.discrete is not None and isinstance(q.statement.body, g.Distribution)
    at, sizes, columns = terms.at, tuple(terms.at.size(d) for d in q.dims), []
    with evaluating(q.statement):
        for state in q.discrete.states:
            value = Named(np.full((1, *sizes), state), q.dims)
            found = at.log_density(q.statement.body, value, q.statement.event)
            array = xp.broadcast_last(aligned(found, q.dims), sizes) if sizes else found.array
            columns.append(xp.expand_dims(_flat(at, Named(array, q.dims)), (-1,)))
    count = q.count * len(q.discrete.states)
    return terms.tape.finish(xp.reshape_last(concatenated(columns, -1), count=2, shape=(count,)))


def _flat(at: Evaluator, value: Named) -> Array:
    count = int(np.prod([at.size(d) for d in value.dims], dtype=int))
    return xp.reshape_last(value.array, count=len(value.dims), shape=(count,))


def _weights(at: Evaluator, dims: tuple[Dim, ...], weight: Weight) -> Array:
    """How often each cell counts, where rows have weights: (n,)."""
    out = np.ones((1, *(at.size(d) for d in dims)))
    for dim in dims:
        own = weight(dim)
        if own is not None:
            out = out * aligned(Named(np.asarray(own, dtype=float)[None], (dim,)), dims)
    return np.asarray(out.ravel())


def pathwise_value(at: Evaluator, guide: g.Statement, eps: Array, s: g.Statement) -> Named:
    """The latent's value as a function of standard normal numbers (S, count), stored under its axes."""
    assert isinstance(guide.body, g.Distribution)
    ready = densities.prepare(at, guide.body, guide.event, None, guide.place.plates)
    given, dims = ready.applied.given, (*ready.batch, *ready.consumed)
    shape = tuple(at.size(d) for d in dims)
    if int(np.prod(shape, dtype=int)) != eps.shape[-1]:
        raise refused(guide, f"`q({guide.name})` leaves out elements of it", "give a q to every element")
    noise = xp.reshape_last(eps, count=1, shape=shape)
    if guide.body.name == "MultivariateNormal":
        u = given["mean"] + xp.matvec(_factor(given), noise)
    else:
        u = given["mean"] + densities.normal_sd(given) * noise
    value = Named(xp.exp(u) if guide.body.name == "LogNormal" else u, dims)
    at.values[s.name] = to_stored(at, guide, value)
    return at.values[s.name]


def _arguments(
    tape: Tape, at: Evaluator, guide: g.Statement
) -> tuple[Program | None, tuple[tuple[str, tuple[int, ...]], ...], dict[str, Array]]:
    """The arguments of q that differ between draws, side by side, with their shapes; and those that do not."""
    assert isinstance(guide.body, g.Distribution)
    given = densities.prepare(at, guide.body, guide.event, None, guide.place.plates).applied.given
    traced = {name: a for name, a in given.items() if isinstance(a, Traced)}
    fixed = {name: a for name, a in given.items() if name not in traced and a is not None}
    shapes = tuple((name, _shape(a)) for name, a in traced.items())
    parts = [
        xp.reshape_last(a, len(shape), (int(np.prod(shape, dtype=int)),))
        for a, (_, shape) in zip(traced.values(), shapes, strict=True)
    ]
    return tape.finish(concatenated(parts, -1)) if parts else None, shapes, fixed


def _shape(a: Array) -> tuple[int, ...]:
    return tuple(np.shape(a.example)[1:])


def implicit_value(at: Evaluator, guide: g.Statement) -> None:
    """Give the latent's stored value, drawn from its guide, the slopes of its distribution function."""
    assert isinstance(guide.body, g.Distribution)
    value = own_value(guide, at)
    ready = densities.prepare(at, guide.body, guide.event, value, guide.place.plates)
    x = aligned(value, ready.batch)
    q = ready.applied
    moved = xp.implicit_draw(x, q.log_cdf(x), q.log_sf(x), q.log_density(x))
    shape = tuple(at.size(d) for d in ready.batch)
    at.values[guide.name] = to_stored(
        at, guide, Named(xp.broadcast_last(moved, shape) if shape else moved, ready.batch)
    )


def _factor(given: Mapping[str, Array]) -> Array:
    """A lower factor L of the covariance, L L' = cov."""
    if "scale_tril" in given:
        return given["scale_tril"]
    return xp.cholesky(given["cov"] if "cov" in given else xp.inverse(given["precision"]))


def log_density_of(at: Evaluator, guide: g.Statement) -> tuple[Named, tuple[Dim, ...]]:
    """Log q of the latent's stored value in each independent cell, and the dims that one draw fills.

    Raises `ModelError` (E605) where some elements have no q.
    """
    value = own_value(guide, at)
    assert isinstance(guide.body, g.Distribution)
    ready = densities.prepare(at, guide.body, guide.event, None, guide.place.plates)
    found = at.log_density(guide.body, value, guide.event)
    sizes = tuple(at.size(d) for d in ready.batch)
    array = aligned(found, ready.batch)
    return Named(xp.broadcast_last(array, sizes) if sizes else array, ready.batch), ready.consumed


def _cell_elements(at: Evaluator, guide: g.Statement, dims: tuple[Dim, ...], shape: tuple[int, ...]) -> Array:
    """For each cell of log q the flat position of (the first of) its elements in the stored array."""
    flat = np.zeros((1, *(1 for _ in dims)), dtype=np.int64)
    for axis, n in zip(guide.place.axes, shape, strict=True):
        if isinstance(axis, g.Node):
            code = aligned(at.named(axis), dims).astype(np.int64)
        else:
            code = aligned(Named(np.arange(at.size(axis))[None], (axis,)), dims) if axis in dims else 0
        flat = flat * n + code
    return np.asarray(np.broadcast_to(flat[0], tuple(at.size(d) for d in dims)).ravel())


def covers(at: Evaluator, guide: g.Statement, cells: Array | None) -> None:
    """Refuse a guide that leaves out elements (E605). cells: those that are drawn, None for all."""
    whole = to_stored(at, guide, Named(np.ones((1,))))
    if whole.invalid is None:
        return
    out = whole.invalid.numpy.reshape(-1)
    if out.any() if cells is None else out[cells].any():
        raise refused(guide, f"`q({guide.name})` leaves out elements of it", "give a q to every element")


def _stored_size(at: Evaluator, s: g.Statement) -> tuple[int, ...]:
    """Lengths of a statement's stored axes, made known to the evaluator."""
    shape = tuple(at.sets.size(n) for n in axis_sets(s))
    for d, n in zip(stored_dims(s.name, len(shape)), shape, strict=True):
        at.define_dim(d, n)
    return shape
