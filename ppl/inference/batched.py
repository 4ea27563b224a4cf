"""Stochastic variational inference by minibatches, and incremental EM.

    local blocks of the batch at the present globals, then for each global block
    eta <- (1 - rho) eta + rho (shared part + n/b * batch's part),   rho = (tau + t)^-kappa

(Hoffman, Blei, Wang & Paisley 2013); a single batch of all rows has no noise, and is taken whole. Incremental EM keeps
the parts of all batches instead, so that no step lowers the bound (Neal & Hinton 1998): eta = shared part + sum over
batches of their parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy.ascent import State
from ppl.energy.blocks.base import Factor
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.blocks.site import SiteBlock
from ppl.energy.damped import blended
from ppl.energy.operands import Key
from ppl.energy.starting import first
from ppl.inference.batched_gathering import gathered
from ppl.inference.batched_target import BatchTarget, Part
from ppl.inference.draws import stream
from ppl.inference.windows import levelled, window_of

Array = Any
TAU, KAPPA = 1.0, 0.7
LEADING = 3  # sweeps over the first batches, to begin with
INNER = 2  # passes over the local blocks of a batch
FINAL = 5  # passes over all local blocks when the globals are settled
HALVINGS = 8
ORDER, START = 22, 23  # purposes of streams: the order of batches, and random starts of local blocks


@dataclass(frozen=True, eq=False)
class Batched:
    """Where minibatches have led: global factors with their natural parameters, and each batch's local factors.

    ``estimates``: one of the bound for each step so far.
    """

    shared: tuple[Factor, ...]
    etas: tuple[Mapping[Key, Array], ...]
    locals: tuple[tuple[Factor, ...] | None, ...]
    estimates: Array
    step: int = 0


def begun(target: BatchTarget, seed: int) -> Batched:
    """Globals fitted to the first batches together, by the seeding that coordinate ascent uses.

    A start on one batch alone sees too few rows: topics and components that it lacks are not found later.
    """
    part, rows = target.lead(seed)
    factors = first(part.ascent, stream(seed, 0)).factors
    for _ in range(LEADING):
        factors = part.ascent.sweep(State(factors)).factors
    whole = part.ascent.completed(factors)
    etas = tuple(part.gradient(i, whole, target.scale(rows)) for i in part.shared)
    shared = tuple(
        part.ascent.blocks[i].best(eta, factors[i]) for i, eta in zip(part.shared, etas, strict=True)
    )
    return Batched(shared, etas, (None,) * target.count, np.zeros(0))


def stepped(target: BatchTarget, seed: int, state: Batched) -> Batched:
    """One batch: its local blocks, a natural-gradient step of each global block, an estimate of the bound."""
    k = _which(target, seed, state.step)
    part, scale = target.part(seed, k), target.scale(len(target.places(seed)[k]))
    factors = local_passes(part, _assembled(part, state, k, seed), INNER)
    shared, mine = part.values(part.ascent.completed(factors))
    rho = 1.0 if target.count == 1 else (TAU + target.leading + state.step) ** -KAPPA
    etas = []
    for j, i in enumerate(part.shared):
        aim = part.gradient(i, part.ascent.completed(factors), scale)
        factors, eta = _towards(part, i, factors, state.etas[j], aim, rho)
        etas.append(eta)
    return Batched(
        tuple(factors[i] for i in part.shared),
        tuple(etas),
        _replaced(state.locals, k, tuple(factors[i] for i in part.local)),
        np.append(state.estimates, shared + scale * mine),
        state.step + 1,
    )


def _which(target: BatchTarget, seed: int, step: int) -> int:
    """Every batch once a pass, in an order of its own."""
    epoch, place = divmod(step, target.count)
    return int(stream(seed, ORDER, epoch).permutation(target.count)[place])


def _towards(
    part: Part,
    i: int,
    factors: tuple[Factor, ...],
    origin: Mapping[Key, Array],
    aim: Mapping[Key, Array],
    rho: float,
) -> tuple[tuple[Factor, ...], Mapping[Key, Array]]:
    """Block i moved by a share of the way, a smaller one where that has no normaliser. Raises `NotProper`."""
    block = part.ascent.blocks[i]
    for halving in range(HALVINGS):
        eta = blended(origin, aim, rho if origin else 1.0)
        try:
            new = block.best(eta, factors[i])
        except NotProper:
            if halving == HALVINGS - 1 or not origin:
                raise
            rho *= 0.5
            continue
        return (*factors[:i], new, *factors[i + 1 :]), eta
    return factors, origin


def _replaced(items: tuple[Any, ...], k: int, new: Any) -> tuple[Any, ...]:
    return (*items[:k], new, *items[k + 1 :])


def _assembled(part: Part, state: Batched, k: int, seed: int) -> tuple[Factor, ...]:
    """The globals with the batch's local factors: those of its last visit, or first ones."""
    out: list[Any] = [None] * len(part.ascent.blocks)
    for j, i in enumerate(part.shared):
        out[i] = state.shared[j]
    known = state.locals[k]
    for j, i in enumerate(part.local):
        out[i] = part.ascent.blocks[i].start(stream(seed, START, k, j), 0.0) if known is None else known[j]
    return tuple(out)


def _visited(target: BatchTarget, seed: int, state: Batched, k: int) -> tuple[Part, tuple[Factor, ...]]:
    part = target.part(seed, k)
    return part, _assembled(part, state, k, seed)


def local_passes(part: Part, factors: tuple[Factor, ...], passes: int) -> tuple[Factor, ...]:
    """Every local block to its optimum, a few times."""
    ascent = part.ascent
    for _ in range(passes):
        for i in part.local:
            block = ascent.blocks[i]
            if isinstance(block, SiteBlock):
                whole = ascent.completed(factors)
                new = block.stand_in(ascent.polynomial.gradient(i, whole))
                factors = (*factors[:i], new, *factors[i + 1 :])
            else:
                factors = ascent.update(factors, i)[0]
        if len(part.local) == 1 and not _touches_itself(part):
            break
    return factors


def _touches_itself(part: Part) -> bool:
    return isinstance(part.ascent.blocks[part.local[0]], SiteBlock)


def settled(target: BatchTarget, state: Batched) -> bool:
    """Whether the estimates of the bound have stopped rising, window by window."""
    return levelled(state.estimates, window_of(target.count))


def level(target: BatchTarget, state: Batched) -> float:
    """The mean estimate of the last pass."""
    last = state.estimates[-max(target.count, 1) :]
    return float(last.mean()) if len(last) else -np.inf


def finished(target: BatchTarget, seed: int, state: Batched) -> tuple[Any, State]:
    """All rows' local factors at the globals found, from where their batches left them, and the bound."""
    ascent = target.whole()
    part = target.part(seed, 0)
    known = {part.ascent.blocks[i].names: f for i, f in zip(part.shared, state.shared, strict=True)}
    if all(own is not None for own in state.locals):
        known |= gathered(target, seed, ascent, lambda k: _visited(target, seed, state, k))
    factors = tuple(
        known[b.names] if b.names in known else b.start(stream(seed, START, i), 0.0)
        for i, b in enumerate(ascent.blocks)
    )
    shared = {part.ascent.blocks[i].names for i in part.shared}
    local = [i for i, b in enumerate(ascent.blocks) if b.names not in shared]
    view = Part(ascent, tuple(local), (), (), 0.0, 0.0)
    factors = local_passes(view, factors, FINAL)
    elbo, scale = ascent.elbo(factors)
    return ascent, State(factors, elbo, scale, state.step)


# ---------------------------------------------------------------- incremental EM


def begun_whole(target: BatchTarget, seed: int) -> Batched:
    """The first batch's globals, and every batch's latents given these."""
    state = begun(target, seed)
    for k in range(target.count):
        part = target.part(seed, k)
        factors = local_passes(part, _assembled(part, state, k, seed), 1)
        own = tuple(factors[i] for i in part.local)
        state = replace(state, locals=_replaced(state.locals, k, own))
    return replace(state, estimates=np.array([bound_of(target, seed, state)]))


def incremented(target: BatchTarget, seed: int, state: Batched) -> Batched:
    """The latents of one batch, then every global block given the parts of all."""
    k = _which(target, seed, state.step)
    part = target.part(seed, k)
    factors = local_passes(part, _assembled(part, state, k, seed), 1)
    own = tuple(factors[i] for i in part.local)
    state = replace(state, locals=_replaced(state.locals, k, own), step=state.step + 1)
    shared = list(state.shared)
    for j, i in enumerate(part.shared):
        eta = _summed(target, seed, replace(state, shared=tuple(shared)), j)
        shared[j] = part.ascent.blocks[i].best(eta, shared[j])
    new = replace(state, shared=tuple(shared))
    if new.step % target.count:
        return new
    return replace(new, estimates=np.append(new.estimates, bound_of(target, seed, new)))


def _summed(target: BatchTarget, seed: int, state: Batched, j: int) -> dict[Key, Array]:
    """The shared part and the parts of all batches; contractions of batches at rest are remembered."""
    out: dict[Key, Array] = {}
    for k in range(target.count):
        part = target.part(seed, k)
        factors = part.ascent.completed(_assembled(part, state, k, seed))
        found = part.gradient(part.shared[j], factors, 1.0 if k == 0 else None)
        for key, array in found.items():
            out[key] = out[key] + array if key in out else array
    return out


def bound_of(target: BatchTarget, seed: int, state: Batched) -> float:
    """The bound over all batches."""
    total = 0.0
    for k in range(target.count):
        part = target.part(seed, k)
        shared, mine = part.values(part.ascent.completed(_assembled(part, state, k, seed)))
        total += mine + (shared if k == 0 else 0.0)
    return total
