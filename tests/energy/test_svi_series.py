"""Minibatches of whole series: chains of unequal lengths, with restarts inside a table or an element of a plate each.

Everything is deterministic given its seeds. Sums over the batches of a partition equal those of all series to rounding;
the ends of noisy steps lie within the distances that are stated, found once at these seeds (no false alarms).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ppl.energy.ascent import State
from ppl.errors import ModelError
from ppl.inference import batched
from ppl.inference.backends import cavi, em
from ppl.inference.batched_target import BatchTarget, batch_target
from ppl.inference.run import run
from tests.energy.tools import bound

RNG = np.random.default_rng(11)
LONG = """
index kinds = 2, pieces
table t(piece: pieces, when: order within piece, y: real)
"""
CHAIN = """
first_[kinds]    ~ Dirichlet(2)
move[k, kinds]   ~ Dirichlet(2) for k in kinds
m[kinds]         ~ Normal(0, 5)
p                ~ Gamma(2, 1)
"""
STATES = f"""{LONG}{CHAIN}
for i in t:
    z[i] ~ Categorical(first_ if first(i) else move[z[i-1]])
    y[i] ~ Normal(m[z[i]], precision = p)
"""
WIDE = f"""
index kinds = 2, times
table series(y[times]: real = "y*")
{CHAIN}
for i in series, t in times:
    z[i, t] ~ Categorical(first_ if first(t) else move[z[i, t-1]])
    y[i, t] ~ Normal(m[z[i, t]], precision = p)
"""
LEVELS = """
index pieces
table t(piece: pieces, when: order within piece, y: real)
a ~ Normal(0, 5)
v, s, w ~ Gamma(2, 2)
u[k] ~ Normal(a, precision = w) for k in pieces
for i in t:
    x[i] ~ Normal(0, 1) if first(i) else Normal(0.7 * x[i-1], precision = v)
    y[i] ~ Normal(u[piece[i]] + x[i], precision = s)
"""
WALKS = """
index pieces
table t(piece: pieces, when: order within piece, y: real)
v, s ~ Gamma(2, 2)
for i in t:
    x[i] ~ Normal(0, 1) if first(i) else Normal(x[i-1], precision = v)
    y[i] ~ Normal(x[i], precision = s)
"""
LINES = """
index pieces
table t(piece: pieces, when: order within piece, y: real)
a, b ~ Normal(0, 5)
v, w, s ~ Gamma(2, 2)
u[k] ~ Normal(a, precision = v) for k in pieces
r[k] ~ Normal(b, precision = w) for k in pieces
y[i] ~ Normal(u[piece[i]] + r[piece[i]] * (position(i) - 3), precision = s) for i in t
"""
SHIFTED = f"""{LONG}{CHAIN}
w ~ Gamma(2, 2)
u[k] ~ Normal(0, precision = w) for k in pieces
for i in t:
    z[i] ~ Categorical(first_ if first(i) else move[z[i-1]])
    y[i] ~ Normal(u[piece[i]] + m[z[i]], precision = p)
"""
FACTORIAL = """
index kinds = 2, chains = 2, pieces
table t(piece: pieces, when: order within piece, y: real)
first_[c, kinds]   ~ Dirichlet(2) for c in chains
move[c, k, kinds]  ~ Dirichlet(2) for c in chains, k in kinds
m[c, kinds]        ~ Normal(0, 3) for c in chains
p                  ~ Gamma(2, 1)
for i in t:
    z[c, i] ~ Categorical(first_[c] if first(i) else move[c, z[c, i-1]]) for c in chains
    y[i]    ~ Normal(sum(m[c, z[c, i]] for c in chains), precision = p)
"""


def made(series: int, longest: int, moves: tuple[float, ...] = (0.1,)) -> dict[str, Any]:
    """Series of unequal lengths about switching levels."""
    lengths = RNG.integers(2, longest + 1, series)
    piece = np.repeat(np.arange(series), lengths)
    when = np.concatenate([np.arange(n) for n in lengths])
    states = [np.cumsum(RNG.random(len(piece)) < move) % 2 for move in moves]
    y = 2.0 * states[0] + sum(5.0 * s for s in states[1:]) + 0.7 * RNG.normal(size=len(piece))
    return {"piece": piece.astype(str), "when": when, "y": y}


def wide(series: int, steps: int) -> dict[str, Any]:
    """The same in a row for each series."""
    states = np.cumsum(RNG.random((series, steps)) < 0.1, axis=1) % 2
    y = 3.0 * states + 0.7 * RNG.normal(size=states.shape)
    return {f"y{t:02d}": y[:, t] for t in range(steps)}


DATA = made(30, 12)
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "states": (STATES, DATA, "pieces=6"),
    "rows": (WIDE, wide(24, 6), "series=5"),
    "levels": (LEVELS, DATA, "pieces=6"),
    "walks": (WALKS, DATA, "pieces=6"),
    "lines": (LINES, DATA, "pieces=6"),
    "shifted": (SHIFTED, DATA, "pieces=6"),
    "factorial": (FACTORIAL, made(30, 12, (0.1, 0.2)), "pieces=6"),
}
POINTS = {"states": ("first_", "move", "m", "p"), "walks": ("v", "s")}


def target_of(name: str, points: tuple[str, ...] = (), batch: str = "") -> BatchTarget:
    text, data, size = CASES[name]
    return batch_target(bound(text, data), batch or size, points)


def settled(target: BatchTarget, state: batched.Batched, passes: int) -> batched.Batched:
    """The local factors of every batch after some passes at the present globals."""
    for k in range(target.count):
        part = target.part(1, k)
        factors = batched.local_passes(part, batched._assembled(part, state, k, 1), passes)
        own = tuple(factors[i] for i in part.local)
        state = replace(state, locals=(*state.locals[:k], own, *state.locals[k + 1 :]))
    return state


def direction(target: BatchTarget, state: batched.Batched, k: int, j: int) -> dict[Any, Any]:
    """Where a step on batch k would lead the natural parameters of global block j."""
    part = target.part(1, k)
    factors = part.ascent.completed(batched._assembled(part, state, k, 1))
    return part.gradient(part.shared[j], factors, target.scale(len(target.places(1)[k])))


def gaps(target: BatchTarget, state: batched.Batched, batches: range) -> float:
    """How far the mean of directions lies from the best natural parameters for all series."""
    whole, found = batched.finished(target, 1, state)
    worst, rows = 0.0, [len(target.places(1)[k]) for k in batches]
    first = target.part(1, 0)
    for j, i in enumerate(first.shared):
        names = first.ascent.blocks[i].names
        at = next(b for b, block in enumerate(whole.blocks) if block.names == names)
        wanted = whole.polynomial.gradient(at, whole.completed(found.factors))
        steps = [direction(target, state, k, j) for k in batches]
        assert steps[0].keys() == wanted.keys()
        for key, aim in wanted.items():
            mean = sum(n * s[key] for n, s in zip(rows, steps, strict=True)) / sum(rows)
            worst = max(worst, float(np.max(np.abs(mean - aim) / (1.0 + np.abs(aim)))))
    return worst


@pytest.mark.parametrize("name", list(CASES))
def test_the_mean_direction_over_all_batches_is_that_of_all_series(name: str) -> None:
    target = target_of(name)
    assert target.count >= 5
    state = settled(target, batched.begun_whole(target, 1), 60)
    assert gaps(target, state, range(target.count)) < 1e-6
    assert gaps(target, state, range(target.count - 1)) > 1e-3  # the twin lacks a batch


@pytest.mark.parametrize("name", list(CASES))
def test_one_batch_of_all_series_steps_as_a_sweep_does(name: str) -> None:
    size = {"rows": "series=24"}.get(name, "pieces=30")
    target = target_of(name, batch=size)
    assert target.count == 1
    state = batched.stepped(target, 1, batched.begun(target, 1))
    part = target.part(1, 0)
    factors = batched._assembled(part, state, 0, 1)
    ascent = target.whole()
    assert [b.names for b in ascent.blocks] == [b.names for b in part.ascent.blocks]
    order = [*part.local, *part.local, *part.shared]
    by_sweep = ascent.sweep(State(factors), order if len(part.local) > 1 else order[1:])
    by_step = batched._assembled(part, batched.stepped(target, 1, state), 0, 1)
    for a, b in zip(by_sweep.factors, by_step, strict=True):
        for key in a.means:
            assert np.allclose(a.means[key], b.means[key], rtol=1e-8, atol=1e-8)
    assert ascent.elbo(by_step)[0] > ascent.elbo(factors)[0]


@pytest.mark.parametrize("name", list(CASES))
def test_local_factors_of_batches_are_found_again_in_the_whole(name: str) -> None:
    target = target_of(name)
    state = settled(target, batched.begun_whole(target, 1), 60)
    _, found = batched.finished(target, 1, state)
    assert found.elbo == pytest.approx(batched.bound_of(target, 1, state), abs=1e-3)


@pytest.mark.parametrize("name", ["states", "walks"])
def test_incremental_em_on_series_ends_where_em_does(name: str) -> None:
    text, data, batch = CASES[name]
    target = target_of(name, POINTS[name])
    state = batched.begun_whole(target, 3)
    values = [batched.bound_of(target, 3, state)]
    for _ in range(2 * target.count):
        state = batched.incremented(target, 3, state)
        values.append(batched.bound_of(target, 3, state))
    assert np.all(np.diff(values) >= -1e-8)
    ends = []
    for b in ("", batch):
        backend = em.Backend(batch=b, point=",".join(POINTS[name]), restarts=1, tolerance=1e-9)
        found = run(backend, backend.target(bound(text, data)), np.random.default_rng(1))
        assert found.result is not None
        ends.append(found.result.elbo)
    assert ends[1] == pytest.approx(ends[0], abs=0.02)


def test_steps_on_200_series_end_where_sweeps_do() -> None:
    problem = bound(STATES, made(200, 30))
    found = {}
    for batch in ("", "pieces=20"):
        backend = cavi.Backend(batch=batch, restarts=1, max_sweeps=60)
        result = run(backend, backend.target(problem), np.random.default_rng(1)).result
        assert result is not None
        found[batch] = result
    whole, noisy = found[""], found["pieces=20"]
    assert -1.0 < noisy.elbo - whole.elbo < 1e-3
    order = [np.argsort(r.means["m"]) for r in (whole, noisy)]
    assert np.allclose(
        noisy.means["m"][order[1]], whole.means["m"][order[0]], atol=0.5 * whole.sds["m"].max()
    )
    moves = [r.means["move"][o][:, o] for r, o in zip((whole, noisy), order, strict=True)]
    assert np.allclose(*moves, atol=0.5 * whole.sds["move"].max())


def test_a_batch_along_time_is_refused_where_it_reads_the_past() -> None:
    with pytest.raises(ModelError, match="reads earlier rows|asks for the place"):
        batch_target(bound(STATES, DATA), "t=10")
    torn = STATES.replace("order within piece", "order")
    data = {**DATA, "when": np.arange(len(DATA["y"]))}
    with pytest.raises(ModelError, match="reads earlier rows|asks for the place"):
        batch_target(bound(torn, data), "pieces=6")


def test_local_gaussians_of_one_element_stay_together() -> None:
    target = target_of("lines")
    names = [set(b.names) for b in target.part(1, 0).ascent.blocks]
    assert {"u", "r"} in names
    assert {"u"} in [set(b.names) for b in target_of("levels").part(1, 0).ascent.blocks]
    assert target.whole().blocks[0].names == target.part(1, 0).ascent.blocks[0].names
