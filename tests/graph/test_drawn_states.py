"""States looked up in a table of probabilities are those that a copy of a row for every cell would give."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import ppl
from ppl.graph import densities, draws_at_once
from ppl.graph.drawn_states import draw_rows

MODEL = """
index docs = 0..3, vocab = 0..6
index topics = 3
table tokens(doc: docs, word: vocab)
theta[d, topics] ~ Dirichlet(0.5) for d in docs
phi[k, vocab] ~ Dirichlet(0.5) for k in topics
for n in tokens:
    z[n] ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""
DATA = {"doc": np.arange(60) % 4, "word": np.arange(60) % 7}


def predicted() -> tuple[dict, dict]:
    problem = ppl.compile(MODEL, path=False).bind(DATA).problem
    rng = np.random.default_rng(3)
    draws = {"theta": rng.dirichlet(np.ones(3), (25, 4)), "phi": rng.dirichlet(np.ones(7), (25, 3))}
    draws["phi"][:, :, 2] = 0.0
    draws["phi"] /= draws["phi"].sum(-1, keepdims=True)
    return problem.predictive(draws, np.random.default_rng(0)), draws


def test_the_table_gives_the_draws_of_copied_rows(monkeypatch):
    found, _ = predicted()
    monkeypatch.setattr(densities, "draw_states", lambda *a: None)
    slow, _ = predicted()
    np.testing.assert_array_equal(found["word"], slow["word"])


def test_no_state_of_probability_zero_is_drawn():
    assert not (predicted()[0]["word"] == 2).any()


@pytest.mark.parametrize("wrong", [False, True])
def test_frequencies_are_the_probabilities(wrong):
    """Pearson's statistic of 100,000 draws on 5 degrees of freedom: above 30 with probability 1.5e-5."""
    table = np.array([[[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]], [[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]]])
    rows = np.tile([0, 1], (2, 50_000))
    codes = draw_rows(np.random.default_rng(5), 2, table, 1 - rows if wrong else rows)
    statistic = 0.0
    for k in range(2):
        counts = np.bincount(codes[0, rows[0] == k], minlength=3)
        statistic += float(((counts - 50_000 * table[0, k]) ** 2 / (50_000 * table[0, k])).sum())
    assert (statistic > 30.0) == wrong


def test_looked_up_states_do_not_lower_how_many_draws_are_worked_on_at_once(monkeypatch):
    monkeypatch.setattr(draws_at_once, "CELLS", 60 * 25)
    assert draws_at_once.draws_at_once(ppl.compile(MODEL, path=False).bind(DATA).problem._plain_layout) == 25


def test_predictions_need_no_copy_of_a_row_for_each_cell():
    """Twenty draws of 4,000 words among 400: 256 MB of rows were they copied, 1.3 MB of codes."""
    text = MODEL.replace("0..6", "0..399")
    problem = (
        ppl.compile(text, path=False)
        .bind({"doc": np.arange(4000) % 4, "word": np.arange(4000) % 400})
        .problem
    )
    rng = np.random.default_rng(3)
    draws = {"theta": rng.dirichlet(np.ones(3), (20, 4)), "phi": rng.dirichlet(np.ones(400), (20, 3))}
    tracemalloc.start()
    problem.predictive(draws, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6
