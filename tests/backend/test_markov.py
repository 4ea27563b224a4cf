"""Blocked sums over a chain's states against sums in logs, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.backend import distinct, markov
from ppl.backend import ops as xp
from ppl.backend.chains import Workspace
from ppl.backend.chains.discrete import swept
from ppl.backend.tape import Tape
from tests.backend.markov_logs import sums_in_logs

RNG = np.random.default_rng(5)


def tables(draws: int, k: int, count: int) -> np.ndarray:
    """Log transition tables (draws, 1, k, k, count)."""
    return np.log(np.moveaxis(RNG.dirichlet(np.ones(k), (draws, 1, k, count)), -1, -2))


def worst(pair: np.ndarray, unary: np.ndarray, codes: np.ndarray) -> float:
    """Largest difference from the sums in logs, marginals summed over steps relative to their number."""
    z = xp.markov_log_partition(pair, unary, codes)
    found = markov._sums(pair, unary, codes)
    errors = []
    for n in range(len(unary)):
        total, single, pairs = sums_in_logs(np.moveaxis(pair[n, 0], -1, 0), unary[n], codes)
        same = np.where(z[n] == total, 0.0, np.abs(z[n] - total) / np.maximum(np.abs(total), 1))
        errors += [same.max(), np.abs(found.single[n] - single).max()]
        errors.append(np.abs(found.pairs[n] - pairs).max() / unary.shape[-1])
    return float(max(errors))


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 37, 1003, 5000])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_agrees_with_sums_in_logs(steps: int, spread: float) -> None:
    codes = RNG.integers(0, 3, steps) * (RNG.random(steps) < 0.1)
    unary = spread * RNG.standard_normal((2, 3, 4, steps))
    assert worst(tables(2, 4, 3), unary, codes) < 1e-8


@pytest.mark.parametrize("steps", [3, 50, 2000])
def test_impossible_moves_and_states(steps: int) -> None:
    pair, unary = tables(2, 3, 2), RNG.standard_normal((2, 1, 3, steps))
    pair[:, :, 2, 0] = -np.inf
    unary[:, :, 1, ::4] = -np.inf
    assert worst(pair, unary, np.arange(steps) % 7 // 6) < 1e-8


def test_a_message_that_underflows_is_summed_in_logs() -> None:
    steps = 3000
    with np.errstate(divide="ignore"):
        never = np.log(np.eye(2))
    pair = np.stack([np.log(np.full((2, 2), 0.5)), never], axis=-1)[None, None]
    unary = np.zeros((1, 1, 2, steps))
    unary[0, 0, 1, : steps // 2] = -5.0
    unary[0, 0, 0, steps // 2 :] = -5.01
    codes = np.ones(steps, dtype=int)
    codes[0] = 0
    assert swept(unary[0, 0], np.moveaxis(pair[0, 0], -1, 0), codes, Workspace()) is None
    assert worst(pair, unary, codes) < 1e-9


def test_an_impossible_chain_has_no_mass() -> None:
    unary = np.zeros((1, 2, 50))
    unary[..., 20] = -np.inf
    pair, codes = tables(1, 2, 1)[:, 0], np.zeros(50, dtype=int)
    assert xp.markov_log_partition(pair, unary, codes) == -np.inf
    assert not np.any(markov._sums(pair, unary, codes).single)


def test_a_wrong_table_is_found() -> None:
    pair, unary, codes = tables(1, 3, 2), RNG.standard_normal((1, 1, 3, 300)), np.arange(300) % 2
    total, _, _ = sums_in_logs(np.moveaxis(pair[0, 0], -1, 0), unary[0], 1 - codes)
    assert abs(xp.markov_log_partition(pair, unary, codes) - total).max() > 1e-3


@pytest.mark.parametrize("codes", [np.arange(40) % 5 == 0, np.arange(40) == 0])
def test_choices_are_followed_on_their_slices(codes: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    z = RNG.standard_normal((3, 12))

    def traced() -> tuple[np.ndarray, np.ndarray]:
        tape = Tape(z[:2])
        a = xp.reshape_last(xp.slice_last(tape.input, start=0, stop=6), count=1, shape=(2, 1, 3))
        b = xp.reshape_last(xp.slice_last(tape.input, start=6, stop=12), count=1, shape=(2, 1, 3))
        chosen = xp.exp(xp.where(codes.reshape(1, 1, 40, 1), a, b) * 0.5)
        moved = xp.expand_dims(xp.transpose(chosen, (0, 3, 2, 1)), -2)
        picked = xp.take_along(moved, np.array([1, 0]).reshape(1, 1, 1, 2))
        return tape.finish(xp.sum(picked * np.arange(40.0)[:, None], axis=(-1, -2, -3))).value_and_grad(z)

    plain = traced()
    monkeypatch.setattr(distinct, "LONG", 10)
    for got, want in zip(traced(), plain, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)
