"""Topics start from shared tables at random, with the weights of documents begun afresh in each pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ppl.energy import starting
from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.grouped_starts import FEWEST, PASSES, grouped, passes
from ppl.energy.starting import first
from tests.energy.tools import climb

TOPICS = """
index docs, vocab = 60
index topics = 4
table tokens(doc: docs, word: vocab, count: weight)
theta[d, topics] ~ Dirichlet(0.1)             for d in docs
phi[k, vocab]    ~ Dirichlet(0.05)            for k in topics
for n in tokens:
    z[n]    ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""
UNIGRAMS = """
index vocab = 60
index topics = 4
table tokens(word: vocab)
share[topics] ~ Dirichlet(1)
phi[k, vocab] ~ Dirichlet(0.5)            for k in topics
for n in tokens:
    z[n]    ~ Categorical(share)
    word[n] ~ Categorical(phi[z[n]])
"""


def corpus(seed: int) -> dict[str, Any]:
    """Eighty documents of sixty tokens, of two topics each on average."""
    rng = np.random.default_rng(seed)
    phi, theta = rng.dirichlet(np.full(60, 0.1), 4), rng.dirichlet(np.full(4, 0.3), 80)
    doc = np.repeat(np.arange(80), 60)
    topic = (rng.random(len(doc))[:, None] > theta[doc].cumsum(1)).sum(1).clip(max=3)
    word = (rng.random(len(doc))[:, None] > phi[topic].cumsum(1)).sum(1).clip(max=59)
    cell, count = np.unique(doc * 60 + word, return_counts=True)
    return {"doc": cell // 60, "word": cell % 60 + 1, "count": count}


@pytest.fixture(scope="module")
def topics() -> Ascent:
    return climb(TOPICS, corpus(0))


def test_tables_of_groups_and_shared_ones_are_told_apart(topics: Ascent) -> None:
    names = [b.names[0] for b in topics.blocks]
    found = grouped(topics, names.index("z"))
    assert found is not None
    assert [b for b, _ in found.weights] == [names.index("theta")]
    assert found.shared == (names.index("phi"),)


def test_states_with_one_vector_of_weights_have_no_groups() -> None:
    data = {"word": corpus(0)["word"]}
    ascent = climb(UNIGRAMS, data)
    z = next(i for i, b in enumerate(ascent.blocks) if isinstance(b, DiscreteBlock))
    assert grouped(ascent, z) is None


def test_fewer_passes_where_data_are_large(topics: Ascent) -> None:
    z = next(i for i, b in enumerate(topics.blocks) if isinstance(b, DiscreteBlock))
    found = grouped(topics, z)
    assert found is not None and passes(topics, found) == PASSES
    huge = replace(topics.blocks[z])
    huge.__dict__["rows"] = replace(topics.blocks[z].rows, elements=10**9)  # type: ignore[attr-defined]
    plan = replace(topics.plan, blocks=tuple(huge if i == z else b for i, b in enumerate(topics.blocks)))
    assert passes(replace(topics, plan=plan), found) == FEWEST


def test_fewer_restarts_where_data_are_large(topics: Ascent, monkeypatch: pytest.MonkeyPatch) -> None:
    assert starting.restarts(topics) == 5
    monkeypatch.setattr(starting, "LARGE_CELLS", 1000)
    assert starting.restarts(topics) == 1


def _ends(ascent: Ascent) -> list[float]:
    out = []
    for seed in range(6):
        state: State = first(ascent, np.random.default_rng(seed))
        for _ in range(30):
            state = ascent.sweep(state)
        out.append(state.elbo)
    return out


def test_passes_end_higher_than_labels(topics: Ascent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six starts of each kind; the broken twin is the start from labels of documents."""
    ours = _ends(topics)
    monkeypatch.setattr(starting, "grouped", lambda ascent, i: None)
    labels = _ends(topics)
    assert np.mean(ours) > np.mean(labels) + 20.0
