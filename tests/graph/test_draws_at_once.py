"""Predictions of rows that each read a whole vector are made a few draws at a time."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import ppl
from ppl.graph import draws_at_once as at_once

WORDS = """
index groups = 3, vocab = 400
table tokens(group: groups, word: vocab)
share[g, vocab] ~ Dirichlet(1) for g in groups
word[n] ~ Categorical(logit = 1e6 * share[group[n]]) for n in tokens
"""


def _drawn() -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(0)
    data = {"group": np.repeat([1, 2, 3], 50), "word": rng.integers(1, 401, 150)}
    problem = ppl.compile(WORDS, path=False).bind(data).problem
    share = np.zeros((40, 3, 400))
    share[:20, :, :200], share[20:, :, 200:] = 1 / 200, 1 / 200
    tracemalloc.start()
    words = problem.predictive({"share": share}, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return next(iter(words.values())), peak


def test_draws_in_pieces_keep_their_order_and_need_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first twenty draws have the first half of the words, the others the second; no chance of another."""
    whole, most = _drawn()
    monkeypatch.setattr(at_once, "CELLS", 150 * 400 * 3)
    parts, less = _drawn()
    assert whole.shape == parts.shape == (40, 150)
    for found in (whole, parts):
        assert (found[:20] < 200).all() and (found[20:] >= 200).all()
    assert less < most / 4
