"""Chain marginals against enumeration and against a loop in logs."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.backend.chains import (
    ChainResult,
    Workspace,
    chain_marginals,
    chain_pair_marginals,
    emission_scores,
    statistics,
)
from tests.energy.chain_oracles import enumerated, log_loop

LENGTHS = (1, 2, 3, 7, 37, 1003, 5000)
Problem = tuple[np.ndarray, np.ndarray, np.ndarray]


def problem(steps: int, k: int, seed: int = 0, spread: float = 2.0) -> Problem:
    rng = np.random.default_rng(seed)
    pair = np.log(rng.dirichlet(np.full(k, 0.5), (1, k)) + 1e-6)
    return spread * rng.standard_normal((k, steps)), pair, np.zeros(steps, dtype=int)


def ragged(steps: int, k: int, seed: int = 1) -> Problem:
    """Series of unequal length: table 0 starts one, table 1 moves it, table 2 moves it now and then."""
    rng = np.random.default_rng(seed)
    unary, move, _ = problem(steps, k, seed)
    start = np.log(np.tile(rng.dirichlet(np.ones(k)), (1, k, 1)))
    other = np.log(rng.dirichlet(np.ones(k), (1, k)))
    return unary, np.concatenate([start, move, other]), rng.choice(3, steps, p=[0.02, 0.95, 0.03])


def agree(found: ChainResult, known: tuple[float, np.ndarray, np.ndarray], tolerance: float = 1e-9) -> None:
    total, node, pairs = known
    assert found.log_partition[0] == pytest.approx(total, rel=1e-11, abs=1e-9)
    np.testing.assert_allclose(found.node, node, atol=tolerance)
    np.testing.assert_allclose(found.pair_sums, pairs, atol=tolerance * max(node.shape[1], 100))


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_against_loop(steps: int, k: int) -> None:
    args = problem(steps, k)
    agree(chain_marginals(*args), log_loop(*args))


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("make", [problem, ragged])
def test_against_enumeration(steps: int, make) -> None:
    args = make(steps, 3)
    agree(chain_marginals(*args), enumerated(*args))


@pytest.mark.parametrize("steps", LENGTHS)
def test_ragged(steps: int) -> None:
    args = ragged(steps, 4)
    agree(chain_marginals(*args), log_loop(*args))


@pytest.mark.parametrize("steps", [37, 1003])
@pytest.mark.parametrize("count", [2, 12, 2000])
def test_many_tables(steps: int, count: int) -> None:
    rng = np.random.default_rng(2)
    pair, codes = rng.standard_normal((count, 3, 3)), rng.integers(0, count, steps)
    args = (rng.standard_normal((3, steps)), pair, codes)
    agree(chain_marginals(*args), log_loop(*args))


def test_series_apart_equal_series_together() -> None:
    """The sum over concatenated series is the sum of their sums."""
    unary, pair, _ = ragged(700, 4)
    codes = np.ones(700, dtype=int)
    codes[[123, 124, 500]] = 0
    whole = chain_marginals(unary, pair, codes)
    total = 0.0
    for a, b in ((0, 123), (123, 124), (124, 500), (500, 700)):
        own = unary[:, a:b].copy()
        own[:, 0] += pair[0, 0] if a else 0.0
        part = chain_marginals(own, pair, codes[a:b])
        total += part.log_partition[0]
        np.testing.assert_allclose(whole.node[:, a:b], part.node, atol=1e-12)
    assert whole.log_partition[0] == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("tiny", [-700.0, -np.inf])
@pytest.mark.parametrize("steps", [7, 1003])
def test_left_right(steps: int, tiny: float) -> None:
    """States that are never left but for the next, and evidence for the last one at the start."""
    k = 4
    pair = np.full((1, k, k), tiny)
    for i in range(k):
        pair[0, i, i] = np.log(0.9)
        pair[0, i, (i + 1) % k] = np.log(0.1) if i + 1 < k else tiny
    unary = np.zeros((k, steps))
    unary[1:, 0] = tiny
    unary[0, 1:] = -400.0
    unary[k - 1, steps // 2] = -1000.0
    args = (unary, pair, np.zeros(steps, dtype=int))
    agree(chain_marginals(*args), log_loop(*args))


@pytest.mark.parametrize("spread", [50.0, 500.0])
def test_sharp_evidence_near_zero_moves(spread: float) -> None:
    unary, _, codes = problem(1003, 3, spread=spread)
    pair = np.where(np.eye(3), 0.0, -600.0)[None]
    agree(chain_marginals(unary, pair, codes), log_loop(unary, pair, codes), 1e-7)


def test_certain_alternation() -> None:
    pair, unary = np.where(np.eye(2), -np.inf, 0.0)[None], np.zeros((2, 2001))
    unary[0, 0] = -np.inf
    found = chain_marginals(unary, pair, np.zeros(2001, dtype=int))
    np.testing.assert_array_equal(found.node[1], np.arange(2001) % 2 == 0)
    assert found.log_partition[0] == 0.0


def test_impossible_chain_has_no_mass() -> None:
    pair, unary = np.where(np.eye(2), 0.0, -np.inf)[None], np.zeros((2, 500))
    unary[0, 10] = unary[1, 400] = -np.inf
    found = chain_marginals(unary, pair, np.zeros(500, dtype=int))
    assert found.log_partition[0] == -np.inf
    assert not found.node.any()


def test_equal_states_are_uniform() -> None:
    found = chain_marginals(np.zeros((5, 1003)), np.zeros((1, 5, 5)), np.zeros(1003, dtype=int))
    np.testing.assert_allclose(found.node, 0.2, rtol=1e-12)
    np.testing.assert_allclose(found.pair_sums, 1002 / 25, rtol=1e-12)
    assert found.log_partition[0] == pytest.approx(1003 * np.log(5))


def test_marginals_add_up() -> None:
    unary, pair, codes = ragged(3000, 6)
    found = chain_marginals(unary, pair, codes)
    np.testing.assert_allclose(found.node.sum(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.pair_sums.sum(), 2999, rtol=1e-10)
    np.testing.assert_allclose(found.pair_sums.sum(axis=(0, 1)), found.node[:, 1:].sum(axis=1), rtol=1e-9)


def test_batches_and_a_workspace_used_again() -> None:
    unary, pair, codes = ragged(400, 3)
    more = np.stack([unary, unary[::-1], -unary])
    work = Workspace()
    both = chain_marginals(more, np.stack([pair, pair[:, ::-1], 0.5 * pair]), codes, work=work)
    first = both.node.copy()
    chain_marginals(unary[:, :50], pair, codes[:50], work=work)
    np.testing.assert_array_equal(both.node, first)
    for n, table in enumerate((pair, pair[:, ::-1], 0.5 * pair)):
        agree(
            ChainResult(both.log_partition[n : n + 1], both.node[n], both.pair_sums[n]),
            log_loop(more[n], table, codes),
        )


@pytest.mark.parametrize("steps", [1, 2, 40])
@pytest.mark.parametrize("own", [False, True])
def test_many_short_chains(steps: int, own: bool) -> None:
    rng = np.random.default_rng(7)
    unary, codes = 3 * rng.standard_normal((60, 3, steps)), rng.integers(0, 2, steps)
    pair = np.log(rng.dirichlet(np.ones(3), (60, 2, 3)))
    found = chain_marginals(unary, pair if own else pair[0], codes)
    for n in range(60):
        one = ChainResult(found.log_partition[n : n + 1], found.node[n], found.pair_sums[n])
        agree(one, log_loop(unary[n], pair[n] if own else pair[0], codes))


def test_one_hard_chain_among_many() -> None:
    unary, pair = np.zeros((60, 2, 40)), np.where(np.eye(2), 0.0, -600.0)[None]
    unary[3, 0, 5::2] = unary[3, 1, 4::2] = -5000.0
    codes = np.zeros(40, dtype=int)
    found = chain_marginals(unary, pair, codes)
    for n in (2, 3):
        one = ChainResult(found.log_partition[n : n + 1], found.node[n], found.pair_sums[n])
        agree(one, log_loop(unary[n], pair, codes))


@pytest.mark.parametrize("steps", [1, 2, 7, 1003])
@pytest.mark.parametrize("spread", [1.0, 300.0])
def test_tables_that_vary(steps: int, spread: float) -> None:
    rng = np.random.default_rng(8)
    unary, pair = rng.standard_normal((4, steps)), spread * rng.standard_normal((4, 4, steps))
    found = chain_pair_marginals(unary, pair)
    total, node, pairs = log_loop(unary, np.moveaxis(pair, -1, 0), np.arange(steps))
    assert found.log_partition[0] == pytest.approx(total, rel=1e-11)
    np.testing.assert_allclose(found.node, node, atol=1e-8)
    np.testing.assert_allclose(found.pairs, np.moveaxis(pairs, 0, -1), atol=1e-8)


def test_first_code_is_not_read_and_the_comparison_can_fail() -> None:
    unary, pair, codes = ragged(200, 3)
    codes[0] = 0
    found = chain_marginals(unary, pair, codes)
    codes[0] = 2
    agree(found, log_loop(unary, pair, codes))
    codes[100] = (codes[100] + 1) % 3
    with pytest.raises(AssertionError):
        agree(found, log_loop(unary, pair, codes))


def test_emission_products() -> None:
    rng = np.random.default_rng(3)
    y, mean, sd = rng.standard_normal(50), np.array([-1.0, 2.0]), np.array([0.5, 1.5])
    features = np.stack([np.ones(50), y, y * y])
    natural = np.stack([-0.5 * (mean / sd) ** 2 - np.log(sd), mean / sd**2, -0.5 / sd**2], axis=1)
    known = -0.5 * ((y - mean[:, None]) / sd[:, None]) ** 2 - np.log(sd)[:, None]
    np.testing.assert_allclose(emission_scores(features, natural), known, atol=1e-12)
    node = rng.dirichlet([1.0, 1.0], 50).T
    np.testing.assert_allclose(statistics(node, features)[:, 1], (node * y).sum(axis=1))
