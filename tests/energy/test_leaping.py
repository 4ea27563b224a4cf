"""Leaps along slow sweeps: exact on a geometric path, never down, and starts that are given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import ppl
from ppl.energy import leaping
from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.gaussian import NotProper
from ppl.energy.leaping import leapers, leapt, statistics
from ppl.energy.starting import first
from ppl.inference import climbing_backend, energy_target
from ppl.inference.backends.em import Backend
from ppl.inference.base import NotFinite
from ppl.inference.energy_target import SHORT, Climb, EnergyTarget, hopeless
from tests.energy.test_stopping import SLOW
from tests.energy.tools import bound

KEY = ("x", "mu")
TWO = SLOW.replace("comps = 3", "comps = 2")


def _data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {"y": np.r_[rng.normal(0.0, 1.0, 60), rng.normal(3.0, 1.0, 60)]}


def _path(ascent: Ascent, order: list[int], seed: int = 0) -> tuple[State, tuple[leaping.Statistics, ...]]:
    """The state after twelve sweeps, with the statistics at the ends of the two before it."""
    state, trail = first(ascent, np.random.default_rng(seed)), []
    for _ in range(12):
        state = ascent.sweep(state, order)
        trail.append(statistics(ascent, state, leapers(ascent)))
    return state, tuple(trail[-3:-1])


@pytest.fixture(scope="module")
def mixture() -> tuple[Ascent, list[int]]:
    target = Backend().target(bound(SLOW, _data()))
    assert isinstance(target, EnergyTarget)
    return target.ascent, Backend()._order(target.ascent)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.999])
def test_a_geometric_path_is_followed_to_its_limit(rate: float) -> None:
    limit, direction = np.array([1.0, -2.0, 5.0]), np.array([0.3, 0.1, -0.2])
    path: list[leaping.Statistics] = [({KEY: limit + direction * rate**t},) for t in range(3)]
    length = leaping._length(path)
    assert length == pytest.approx(-1.0 / (1.0 - rate), rel=1e-6)
    assert leaping._extrapolated(path, length)[0][KEY] == pytest.approx(limit, abs=1e-6)


def test_states_follow_and_are_not_extrapolated(mixture: tuple[Ascent, list[int]]) -> None:
    ascent, _ = mixture
    assert {ascent.blocks[i].names[0] for i in leapers(ascent)} == {"share", "mu", "sigma"}


def test_a_leap_raises_the_bound_by_more_than_a_sweep(mixture: tuple[Ascent, list[int]]) -> None:
    ascent, order = mixture
    state, trail = _path(ascent, order)
    found = leapt(ascent, state, trail, leapers(ascent))[0]
    assert found is not None
    assert found.elbo - state.elbo > 2.0 * (ascent.sweep(state, order).elbo - state.elbo)
    assert found.elbo == pytest.approx(ascent.elbo(found.factors)[0], abs=1e-9)


def test_a_leap_that_would_lower_the_bound_is_not_taken(mixture: tuple[Ascent, list[int]]) -> None:
    """The path backwards leads down; the broken twin takes it all the same."""
    ascent, order = mixture
    state, trail = _path(ascent, order)
    over = leapers(ascent)
    now = statistics(ascent, state, over)
    away = tuple(
        {k: now[b][k] + 3.0 * (now[b][k] - trail[0][b][k]) for k in now[b]} for b in range(len(over))
    )
    nearer = tuple(
        {k: now[b][k] + 1.2 * (now[b][k] - trail[0][b][k]) for k in now[b]} for b in range(len(over))
    )
    assert leapt(ascent, state, (away, nearer), over)[0] is None
    blind = leaping._at(ascent, state, leaping._extrapolated((away, nearer, now), -20.0), over)
    assert blind is None or blind.elbo < state.elbo


def test_fewer_sweeps_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin that does not leap takes more than twice the sweeps."""

    def run() -> tuple[float, int]:
        backend = Backend(restarts=1, tolerance=1e-6)
        target = backend.target(bound(SLOW, _data()))
        state = backend.init(target, np.random.default_rng(0))
        while backend.done(state) is None:
            state = backend.step(target, state)
        return state.now.elbo, state.steps

    with_leaps, few = run()
    monkeypatch.setattr(energy_target, "leapt", lambda *_: (None, 1.0))
    without, many = run()
    assert with_leaps == pytest.approx(without, abs=1e-3) and 2 * few < many


def test_a_start_is_given_up_when_it_heads_for_less_than_the_best() -> None:
    before = State((), elbo=-101.0, gain=1.0, sweep=SHORT - 1)
    now = State((), elbo=-100.5, gain=0.5, sweep=SHORT)
    lost = Climb(0, now, best=State((), elbo=-90.0), rates=(0.5, 0.5))
    assert hopeless(lost, before)
    assert not hopeless(replace(lost, best=State((), elbo=-100.0)), before)
    assert not hopeless(replace(lost, best=None), before)
    assert not hopeless(replace(lost, now=replace(now, sweep=SHORT - 1)), before)
    assert not hopeless(replace(lost, now=replace(now, gain=2.0)), before)  # gains grow: it may go anywhere
    assert not hopeless(replace(lost, rates=(0.4, 0.5)), before)  # at no steady rate: it may end a plateau


def _failing(starts: set[int], seen: list[int]) -> Callable[[Backend, EnergyTarget, Climb], State]:
    """Sweeps that fail at the fifth of some starts."""

    def swept(self: Backend, target: EnergyTarget, state: Climb) -> State:
        if len(state.ends) in starts and state.now.sweep == 4:
            seen.append(len(state.ends))
            raise NotProper(("mu",), "nothing is left of it")
        return target.ascent.sweep(state.now, self._order(target.ascent))

    return swept


def test_a_start_that_fails_is_a_bad_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every start fails the fit is marked as failed, with the reason."""
    seen: list[int] = []
    model = ppl.compile(SLOW, path=False)
    monkeypatch.setattr(Backend, "swept", _failing({0, 2}, seen))
    fit = model.fit(_data(), "em", 0, draws=10, restarts=4)
    assert seen == [0, 2] and np.isfinite(fit.elbo)
    monkeypatch.setattr(Backend, "swept", _failing({0, 1, 2, 3}, seen))
    fit = model.fit(_data(), "em", 0, draws=10, restarts=4)
    assert fit.status == "failed" and "nothing is left" in fit.verdict


def test_seeds_that_fail_are_a_bad_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no start can be seeded the first failure is told; with one start there is no other."""
    model, left = ppl.compile(SLOW, path=False), [2]

    def failing(ascent: Ascent, rng: np.random.Generator) -> State:
        left[0] -= 1
        if left[0] >= 0:
            raise NotProper(("mu",), "nothing is left of it")
        return first(ascent, rng)

    monkeypatch.setattr(climbing_backend, "first", failing)
    fit = model.fit(_data(), "em", 0, draws=10, restarts=4)
    assert fit.status != "failed" and np.isfinite(fit.elbo)
    for starts in (1, 3):
        left[0] = starts
        with pytest.raises(NotFinite, match="nothing is left"):
            Backend(restarts=starts).init(Backend().target(bound(SLOW, _data())), np.random.default_rng(0))


@pytest.mark.parametrize("sweeps", [3, 1000])
def test_annealed_em_ends_at_an_optimum_of_the_likelihood(sweeps: int) -> None:
    """Checks of exactness begin when the states see all of their evidence; heat never outlasts the sweeps."""
    fit = ppl.compile(TWO, path=False).fit(
        _data(), "em", 0, draws=10, anneal=5, restarts=2, max_sweeps=sweeps
    )
    plain = ppl.compile(TWO, path=False).fit(_data(), "em", 0, draws=10, restarts=1)
    assert fit.elbo < plain.elbo + 1e-3 if sweeps == 3 else abs(fit.elbo - plain.elbo) < 1e-3


def test_heat_rises_from_a_tenth_to_one() -> None:
    backend = Backend(anneal=4)
    heats = [backend.heat(Climb(0, State((), sweep=t))) for t in range(6)]
    assert 0.1 < heats[0] < heats[1] < heats[3] < 1.0 == heats[4] == heats[5]
    assert Backend(anneal=4, max_sweeps=1).heat(Climb(0, State(()))) == 1.0


@pytest.mark.parametrize(("last", "starts"), [(-10.0, 5), (-11.0, 10)])
def test_five_starts_that_end_alike_are_enough(last: float, starts: int) -> None:
    target = Backend().target(bound(SLOW, _data()))
    assert isinstance(target, EnergyTarget)
    ends = (-10.0, -10.001, -10.0, -10.002, last)
    assert Backend()._wanted(target, ends) == starts
    assert Backend(restarts=7)._wanted(target, ends) == 7
    assert Backend()._wanted(target, (-np.inf,) * 5) == 10
