"""Likeliest and sampled paths of a chain."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ppl.backend.chains import chain_marginals, likeliest_path, paths, sample_paths
from ppl.backend.chains.logs import backward_log_messages, log_messages
from tests.energy.chain_oracles import Array, log_loop, path_score


def problem(steps: int, k: int, seed: int = 0) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    pair = np.log(rng.dirichlet(np.full(k, 0.5), (2, k)) + 1e-9)
    return 2 * rng.standard_normal((k, steps)), pair, (rng.random(steps) < 0.1).astype(int)


def best_by_loop(unary: Array, pair: Array, codes: Array) -> float:
    best = unary[:, 0]
    for t in range(1, len(codes)):
        best = (best[:, None] + pair[codes[t]]).max(axis=0) + unary[:, t]
    return float(best.max())


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_best_of_all_paths(steps: int) -> None:
    args = problem(steps, 3)
    path, score = likeliest_path(*args)
    scores = [path_score(np.array(p), *args) for p in product(range(3), repeat=steps)]
    assert score == pytest.approx(max(scores))
    assert path_score(path, *args) == pytest.approx(max(scores))


@pytest.mark.parametrize("steps", [37, 1003, 5000])
def test_best_path_by_loop(steps: int) -> None:
    args = problem(steps, 4)
    path, score = likeliest_path(*args)
    assert score == pytest.approx(best_by_loop(*args), rel=1e-12)
    assert path_score(path, *args) == pytest.approx(score, rel=1e-12)


def test_ties_still_give_one_best_path() -> None:
    """Moves only to the next state or the one after, all alike: a path must obey them at block ends too."""
    pair = np.full((1, 6, 6), -np.inf)
    for i in range(6):
        pair[0, i, [(i + 1) % 6, (i + 2) % 6]] = 0.0
    args = (np.zeros((6, 2003)), pair, np.zeros(2003, dtype=int))
    path, score = likeliest_path(*args)
    assert score == 0.0
    assert path_score(path, *args) == 0.0


def test_log_messages_against_loop() -> None:
    unary, pair, codes = problem(1003, 3)
    total, node, _ = log_loop(unary, pair, codes)
    forward = log_messages(unary, pair, codes, hard=False)
    backward = backward_log_messages(unary, pair, codes)
    np.testing.assert_allclose(np.exp(forward + backward - unary - total), node, atol=1e-9)


@pytest.mark.parametrize(("steps", "in_logs"), [(5, False), (5, True), (200, False), (200, True)])
def test_sampled_paths_have_the_marginals(steps: int, in_logs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """z-scores of 3 x steps + 18 counts from 4000 draws, |z| < 5.5: false alarm below 1e-4; a twin fails."""
    if in_logs:
        monkeypatch.setattr(paths, "swept", lambda *_: None)
    unary, pair, codes = problem(steps, 3, seed=4)
    draws = sample_paths(unary, pair, codes, 4000, np.random.default_rng(1))
    found = chain_marginals(unary, pair, codes)
    assert worst_z(draws, found.node, found.pair_sums, codes) < 5.5
    wrong = sample_paths(unary, pair[::-1], codes, 4000, np.random.default_rng(1))
    assert worst_z(wrong, found.node, found.pair_sums, codes) > 5.5


def worst_z(draws: Array, node: Array, pairs: Array, codes: Array) -> float:
    n, out = len(draws), []
    for state in range(len(node)):
        sd = np.sqrt(np.maximum(node[state] * (1 - node[state]), 1e-3) / n)
        out.append(np.abs((draws == state).mean(axis=0) - node[state]) / sd)
    for u in range(len(pairs)):
        for i, j in product(range(len(node)), repeat=2):
            at = (draws[:, :-1] == i) & (draws[:, 1:] == j) & (codes[1:] == u)
            count = at.sum(axis=1)
            sd = max(count.std(), 0.05) / np.sqrt(n)
            out.append(np.array([abs(count.mean() - pairs[u, i, j]) / sd]))
    return float(np.concatenate(out).max())


def test_sampled_paths_obey_zeros() -> None:
    pair = np.where(np.eye(3, k=1) + np.eye(3), 0.0, -np.inf)[None]
    unary = np.zeros((3, 500))
    unary[:2, -1] = -np.inf
    unary[1:, 0] = -np.inf
    draws = sample_paths(unary, pair, np.zeros(500, dtype=int), 20, np.random.default_rng(0))
    assert set(np.diff(draws, axis=1).ravel()) <= {0, 1}
    assert (draws[:, 0] == 0).all()
    assert (draws[:, -1] == 2).all()


def test_no_path() -> None:
    pair = np.full((1, 2, 2), -np.inf)
    with pytest.raises(ValueError, match="no path"):
        sample_paths(np.zeros((2, 3)), pair, np.zeros(3, dtype=int), 1, np.random.default_rng(0))
