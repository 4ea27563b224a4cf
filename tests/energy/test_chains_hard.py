"""Chains with potentials of all sizes and many impossible states and moves, against a loop in logs."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.backend.chains import chain_marginals, chain_pair_marginals, likeliest_path, sample_paths
from tests.energy.chain_oracles import Array, log_loop, path_score


def problem(seed: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    k, steps, count = rng.integers(1, 7), int(rng.choice([1, 2, 5, 61, 63, 130, 257])), rng.integers(1, 5)
    unary = 10.0 ** rng.uniform(-2, 3.3) * rng.standard_normal((k, steps))
    pair = 10.0 ** rng.uniform(-2, 3) * rng.standard_normal((count, k, k))
    if rng.random() < 0.5:
        pair[rng.random(pair.shape) < rng.uniform(0, 0.7)] = -np.inf
    if rng.random() < 0.3:
        unary[rng.random(unary.shape) < rng.uniform(0, 0.3)] = -np.inf
    if rng.random() < 0.3:
        pair = np.where(np.eye(k), 0.0, pair - 30 * np.abs(pair))
    return unary, pair, rng.choice(count, steps, p=rng.dirichlet(np.full(count, 0.2)))


def check(seed: int) -> None:
    unary, pair, codes = problem(seed)
    total, node, pairs = log_loop(unary, pair, codes)
    found = chain_marginals(unary, pair, codes)
    if total == -np.inf:
        assert found.log_partition[0] == -np.inf
        assert not found.node.any()
        with pytest.raises(ValueError, match="no path"):
            sample_paths(unary, pair, codes, 1, np.random.default_rng(0))
        return
    size = abs(total)
    assert found.log_partition[0] == pytest.approx(total, rel=1e-10, abs=1e-8)
    np.testing.assert_allclose(found.node, node, atol=max(1e-8, 1e-13 * size))
    np.testing.assert_allclose(found.pair_sums, pairs, atol=max(1e-7, len(codes) * 1e-13 * size))
    varying = chain_pair_marginals(unary, np.moveaxis(pair, 0, -1)[:, :, codes])
    np.testing.assert_allclose(varying.node, node, atol=max(1e-8, 1e-13 * size))
    apart = chain_marginals(np.stack([unary] * 30), pair, codes)
    np.testing.assert_allclose(apart.node[17], node, atol=max(1e-8, 1e-13 * size))
    assert apart.log_partition[17] == pytest.approx(total, rel=1e-10, abs=1e-8)
    check_paths(unary, pair, codes)


def check_paths(unary: Array, pair: Array, codes: Array) -> None:
    path, score = likeliest_path(unary, pair, codes)
    assert path_score(path, unary, pair, codes) == pytest.approx(score, rel=1e-9, abs=1e-8)
    for drawn in sample_paths(unary, pair, codes, 3, np.random.default_rng(0)):
        own = path_score(drawn, unary, pair, codes)
        assert -np.inf < own <= score + 1e-9 * abs(score) + 1e-8


@pytest.mark.parametrize("seed", range(60))
def test_hard_chains(seed: int) -> None:
    check(seed)


@pytest.mark.soak
def test_many_hard_chains() -> None:
    for seed in range(100, 3000):
        check(seed)
