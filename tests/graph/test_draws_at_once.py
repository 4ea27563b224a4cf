"""Predictions of rows that each read a whole vector are made a few draws at a time."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import ppl
from ppl.graph import draws_at_once as at_once

TOPICS = """
index docs = 3, vocab = 400
index topics = 2
table tokens(doc: docs, word: vocab)
theta[d, topics] ~ Dirichlet(1)     for d in docs
phi[k, vocab]    ~ Dirichlet(1)     for k in topics
for n in tokens:
    z[n]    ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""


def _drawn() -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(0)
    data = {"doc": np.repeat([1, 2, 3], 50), "word": rng.integers(1, 401, 150)}
    problem = ppl.compile(TOPICS, path=False).bind(data).problem
    phi = np.zeros((40, 2, 400))
    phi[:, 0, :200], phi[:, 1, 200:] = 1 / 200, 1 / 200
    theta = np.zeros((40, 3, 2))
    theta[:20, :, 0], theta[20:, :, 1] = 1.0, 1.0
    tracemalloc.start()
    words = problem.predictive({"theta": theta, "phi": phi}, rng)
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
