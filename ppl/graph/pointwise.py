"""The log density of each observation given all the others, discrete latents summed out.

Without discrete latents this is the log density itself. With them, let f(z) be the observation's
log table over the states that it reads and m(z) their joint marginals given all observations:

    1 / p(y_n | the others) = sum_z m(z) exp(-f(z)),

and m is the gradient of the log partition in f. For latents of the row alone (a mixture) this is
the row's own marginal density.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.tape import Tape
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, Terms, add_factor, joint
from ppl.graph.draws_at_once import pieces
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import Part, missing_value, walk_given
from ppl.graph.marginals import cells_of, unary
from ppl.graph.named import LARGEST_TABLE, Named, aligned
from ppl.graph.nodes import Dim
from ppl.graph.potentials import Potential

Array = Any
CELLS_AT_ONCE = 4_000_000
PAIRS_AT_ONCE = 2_000_000  # of states of neighbours, over all draws taken together
FORBIDDEN = 200.0  # exp(-200) is a probability of nothing, and its inverse is still a number


def log_likelihood(lay: Layout, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Observed name -> (S, *plates, *event axes that are independent)."""
    count = len(next(iter(draws.values()))) if draws else 1
    cells = max((int(np.size(a)) for a in lay.data.arrays.values()), default=1)
    step = max(1, CELLS_AT_ONCE // max(16 * cells, 1))
    parts = [
        _piece(lay, {n: a[i : i + step] for n, a in draws.items()}, min(step, count - i))
        for i in range(0, count, step)
    ]
    return {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}


def values_of(draws: Mapping[str, np.ndarray]) -> Part:
    """The values of named draws. Raises `UsageError` (E606) for others."""

    def part(name: str) -> Array:
        if name not in draws:
            raise missing_value(name)
        return draws[name]

    return part


def state_probabilities(lay: Layout, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Name of each discrete latent -> (S, *shape, K): its marginals at each draw of the others.

    The gradient of the log partition in the log potential of a single cell is its distribution.
    """
    count = len(next(iter(draws.values()))) if draws else 1
    found = _states_at(lay, {name: a[:1] for name, a in draws.items()}, 1)
    if count == 1 or not found:
        return found
    widest = max(array.size * array.shape[-1] for array in found.values())  # pairs of neighbours in a chain
    step = max(1, PAIRS_AT_ONCE // max(widest, 1))
    parts = [
        _states_at(lay, d, min(step, count - i * step)) for i, d in enumerate(pieces(draws, count, step))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in found}


def _states_at(lay: Layout, draws: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    lay = replace(lay, fold=False)
    at, terms = lay.evaluator(), Terms()
    with np.errstate(all="ignore"):
        walk_given(lay, at, values_of(draws), None)
        for group in lay.groups:
            for s in group:
                found = _terms_of(lay, at, s, terms)
                terms.potentials += [found] if isinstance(found, Potential) else []
        shaped = [one for one, _ in cells_of(lay, at, LARGEST_TABLE)]
        stops = np.cumsum([0, *(one.count for one in shaped)])
        zero = np.zeros((count, int(stops[-1])))
        tape = Tape(zero)
        for one, start, stop in zip(shaped, stops[:-1], stops[1:], strict=True):
            terms.potentials.append(unary(at, tape, one, slice(int(start), int(stop))))
        _, rest = joint(lay, at, Terms(potentials=terms.potentials))
        _, gradient = tape.finish(rest.array).value_and_grad(zero)
    return {
        one.latent.name: gradient[:, start:stop].reshape(count, *one.shape, one.latent.states)
        for one, start, stop in zip(shaped, stops[:-1], stops[1:], strict=True)
    }


def _piece(lay: Layout, draws: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    lay = replace(lay, fold=False)
    at, terms = lay.evaluator(), Terms()

    with np.errstate(all="ignore"):
        walk_given(lay, at, values_of(draws), None)
        own = {s: _terms_of(lay, at, s, terms) for group in lay.groups for s in group}
        shared = _leave_one_out(
            lay, at, terms, {s: p for s, p in own.items() if isinstance(p, Potential)}, count
        )
        plain = {s: p for s, p in own.items() if isinstance(p, Named)}
    return {s.name: _full(at, s, x, count) for s, x in {**plain, **shared}.items()}


def _terms_of(lay: Layout, at: Evaluator, s: g.Statement, terms: Terms) -> Named | Potential | None:
    """Add a statement's log terms; give back those of an observation."""
    own = Terms()
    if s.kind == "observed" or s.name in lay.discrete:
        add_factor(lay, at, own, s)
    elif s.kind == "latent":
        from ppl.graph.given_values import own_value

        add_factor(lay, at, own, s, own_value(s, at))
    elif s.kind == "factor":
        add_factor(lay, at, own, s)
    if s.kind == "observed":
        if own.likelihood:
            return own.likelihood[0]
        terms.potentials += own.potentials[1:]
        return own.potentials[0]
    terms.potentials += own.potentials
    return None


def _leave_one_out(
    lay: Layout, at: Evaluator, terms: Terms, own: dict[g.Statement, Potential], count: int
) -> dict[g.Statement, Named]:
    if not own:
        return {}
    own = {s: _possible(p) for s, p in own.items()}
    sizes = [int(np.prod([at.size(d) for d in p.named.dims], dtype=int)) for p in own.values()]
    stops = np.cumsum([0, *sizes])
    zero = np.zeros((count, int(stops[-1])))
    tape = Tape(zero)
    for k, p in enumerate(own.values()):
        shape = tuple(at.size(d) for d in p.named.dims)
        probe = xp.slice_last(tape.input, start=int(stops[k]), stop=int(stops[k + 1]))
        table = p.named.array + xp.reshape_last(probe, count=1, shape=shape)
        terms.potentials.append(Potential(Named(table, p.named.dims), p.reads, p.span))
    _, rest = joint(lay, at, Terms(potentials=terms.potentials))
    _, gradient = tape.finish(rest.array).value_and_grad(zero)
    out = {}
    for k, (s, p) in enumerate(own.items()):
        shape = tuple(at.size(d) for d in p.named.dims)
        share = gradient[:, stops[k] : stops[k + 1]].reshape(count, *shape)
        out[s] = _predictive(p, share)
    return out


def _possible(p: Potential) -> Potential:
    """States that forbid the observation get a tiny weight: the others may allow them."""
    axes = tuple(1 + i for i, d in enumerate(p.named.dims) if d in {r.dim for r in p.reads})
    table = np.asarray(p.named.array)
    return Potential(
        Named(np.maximum(table, table.max(axes, keepdims=True) - FORBIDDEN), p.named.dims), p.reads, p.span
    )


def _predictive(p: Potential, share: np.ndarray) -> Named:
    """-log sum_z m(z) exp(-f(z)); states of no weight count nothing."""
    states = {r.dim for r in p.reads}
    rest = tuple(d for d in p.named.dims if d not in states)
    order = (*(d for d in p.named.dims if d in states), *rest)
    weights = np.asarray(aligned(Named(share, p.named.dims), order))
    table = np.broadcast_to(np.asarray(aligned(p.named, order)), weights.shape)
    axes = tuple(range(1, 1 + len(states)))
    weights = np.maximum(weights, 0.0)
    weights = weights / weights.sum(axis=axes, keepdims=True)
    terms = np.where(weights > 0, np.log(np.where(weights > 0, weights, 1.0)) - table, -np.inf)
    return Named(
        -np.logaddexp.reduce(terms.reshape(len(terms), -1, *terms.shape[1 + len(states) :]), axis=1), rest
    )


def _full(at: Evaluator, s: g.Statement, x: Named, count: int) -> np.ndarray:
    """Over all plates of the statement, then the event dims left."""
    dims: tuple[Dim, ...] = (*s.place.plates, *(d for d in s.event if d in x.dims))
    return np.broadcast_to(np.asarray(aligned(x, dims)), (count, *(at.size(d) for d in dims))).copy()
