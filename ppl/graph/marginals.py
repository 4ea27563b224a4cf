"""Posterior probabilities of the discrete latents that the log joint sums out.

The gradient of a log partition function in the log potentials of single cells is their marginal
distribution, so one reverse sweep through the summation gives every cell's probabilities exactly,
at each draw of the continuous latents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.tape import Program, Tape
from ppl.graph.assemble import Layout, Terms, joint, walk
from ppl.graph.evaluate import Evaluator
from ppl.graph.gathers import Index
from ppl.graph.named import Named
from ppl.graph.potentials import Latent, Potential, Read

AT_ONCE = 2_000_000  # probabilities held at once


@dataclass(frozen=True)
class Marginal:
    """One discrete latent. states: (K,); probabilities: (*shape, K), averaged over draws."""

    name: str
    sets: tuple[str, ...]
    states: np.ndarray
    probabilities: np.ndarray


def marginals(lay: Layout, z: np.ndarray, largest: int = 1_000_000) -> tuple[Marginal, ...]:
    """The marginals of every discrete latent, averaged over draws z (S, D).

    Latents of more than ``largest`` probabilities in all are left out.
    """
    if not lay.discrete or not len(z):
        return ()
    program, parts = _trace(lay, z[:1], largest)
    if not parts:
        return ()
    total = parts[-1][1].stop - lay.size
    sums = np.zeros(total)
    step = max(1, AT_ONCE // max(total, int(program.widest)))
    for start in range(0, len(z), step):
        piece = z[start : start + step]
        full = np.concatenate([piece, np.zeros((len(piece), total))], axis=1)
        sums += program.value_and_grad(full)[1][:, lay.size :].sum(0)
    return tuple(_finished(latent, states, where, sums / len(z), lay) for (latent, states), where in parts)


def _trace(
    lay: Layout, z: np.ndarray, largest: int
) -> tuple[Program, list[tuple[tuple[_Shaped, np.ndarray], slice]]]:
    at = lay.evaluator()
    walk(lay, at, np.concatenate([z, z]), Terms())  # finds the states and the sizes
    shaped = list(cells_of(lay, at, largest))
    parts, stop = [], lay.size
    for latent, states in shaped:
        parts.append(((latent, states), slice(stop, stop + latent.count)))
        stop += latent.count
    start = np.concatenate([np.concatenate([z, z]), np.zeros((2, stop - lay.size))], axis=1)
    tape = Tape(start)
    at, terms = lay.evaluator(), Terms()
    with np.errstate(all="ignore"):
        walk(lay, at, tape.input, terms)
        for (latent, _), where in parts:
            terms.potentials.append(unary(at, tape, latent, where))
        prior, rest = joint(lay, at, terms)
    return tape.finish(prior.array + rest.array), parts


@dataclass(frozen=True)
class _Shaped:
    """A latent with the lengths of its stored axes."""

    latent: Latent
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Cells times states."""
        return int(np.prod(self.shape, dtype=int)) * self.latent.states


def cells_of(lay: Layout, at: Evaluator, largest: int) -> Iterator[tuple[_Shaped, np.ndarray]]:
    """Every discrete latent of at most ``largest`` probabilities, with its states."""
    for name in sorted(lay.discrete):
        states = np.asarray(at.states[name])
        sets = _sets_of(lay, name)
        one = _Shaped(Latent(name, len(states), sets), tuple(at.sets.size(s) for s in sets))
        if one.count <= largest:
            yield one, states


def _sets_of(lay: Layout, name: str) -> tuple[str, ...]:
    from ppl.graph.store import axis_sets

    if "." in name:
        return (name.split(".", 1)[0],)
    statement = lay.graph.statement(name)
    assert statement is not None
    return axis_sets(statement)


def unary(at: Evaluator, tape: Tape, one: _Shaped, where: slice) -> Potential:
    """A log table over a latent's own cells whose entries are further inputs of the tape."""
    latent = one.latent
    for d, n in zip(latent.plates, one.shape, strict=True):
        at.define_dim(d, n)
    at.define_dim(latent.current, latent.states)
    flat = xp.slice_last(tape.input, start=where.start, stop=where.stop)
    table = xp.reshape_last(flat, count=1, shape=(*one.shape, latent.states))
    cells = tuple(
        Index(Named(np.arange(n)[None], (d,)), d) for d, n in zip(latent.plates, one.shape, strict=True)
    )
    read = Read(latent.name, latent.current, cells)
    return Potential(Named(table, (*latent.plates, latent.current)), (read,))


def _finished(one: _Shaped, states: np.ndarray, where: slice, means: np.ndarray, lay: Layout) -> Marginal:
    part = means[where.start - lay.size : where.stop - lay.size]
    table = np.clip(part.reshape(*one.shape, one.latent.states), 0.0, 1.0)
    total = table.sum(-1, keepdims=True)  # 0 in cells that a filtered plate leaves out
    return Marginal(one.latent.name, one.latent.sets, states, table / np.where(total > 0, total, 1.0))
