"""Topics start from tables that lean to one document each, with the weights of documents begun afresh in each pass."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppl.energy import grouped_starts, starting
from ppl.energy.ascent import Ascent, State
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.grouped_starts import FEWEST, PASSES, grouped, passes, seeded
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


def test_every_state_is_seeded_by_a_group_of_its_own(topics: Ascent) -> None:
    z = next(i for i, b in enumerate(topics.blocks) if isinstance(b, DiscreteBlock))
    found = grouped(topics, z)
    assert found is not None
    factors = [b.start(np.random.default_rng(1), 0.0) for b in topics.blocks]
    started = seeded(topics, factors, found, np.random.default_rng(2))
    phi = topics.blocks[found.shared[0]].moments(started[found.shared[0]])["phi"][0]
    data = corpus(0)
    counts = np.zeros((80, 60))
    np.add.at(counts, (data["doc"], data["word"] - 1), data["count"])
    lean = phi - phi.min(1, keepdims=True)
    profile = counts / counts.sum(1, keepdims=True)
    near = np.abs(lean[:, None] / lean.sum(1)[:, None, None] - profile).sum(2)
    assert near.min(1) == pytest.approx(np.zeros(4), abs=1e-9)
    assert len(set(near.argmin(1))) == 4


def test_fewer_passes_where_data_are_large(topics: Ascent) -> None:
    z = next(i for i, b in enumerate(topics.blocks) if isinstance(b, DiscreteBlock))
    found = grouped(topics, z)
    assert found is not None and passes(topics, found) == PASSES
    block = topics.blocks[z]
    assert isinstance(block, DiscreteBlock)
    huge = replace(block)
    huge.__dict__["rows"] = replace(block.rows, elements=10**9)
    plan = replace(topics.plan, blocks=tuple(huge if i == z else b for i, b in enumerate(topics.blocks)))
    assert passes(replace(topics, plan=plan), found) == FEWEST


def test_fewer_restarts_where_data_are_large(topics: Ascent, monkeypatch: pytest.MonkeyPatch) -> None:
    assert starting.restarts(topics) == 10
    monkeypatch.setattr(starting, "SMALL_CELLS", 0)
    assert starting.restarts(topics) == 5
    monkeypatch.setattr(starting, "LARGE_CELLS", 1000)
    assert starting.restarts(topics) == 1


def _ends(ascent: Ascent) -> list[float]:
    return [_end(ascent, seed, 30) for seed in range(6)]


def _end(ascent: Ascent, seed: int, sweeps: int) -> float:
    state: State = first(ascent, np.random.default_rng(seed))
    for _ in range(sweeps):
        state = ascent.sweep(state)
    return state.elbo


def test_passes_end_higher_than_labels(topics: Ascent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six starts of each kind; the broken twin is the start from labels of documents."""
    ours = _ends(topics)
    monkeypatch.setattr(starting, "grouped", lambda ascent, i: None)
    labels = _ends(topics)
    assert np.mean(ours) > np.mean(labels) + 20.0


def test_fewer_groups_than_states_start_at_random() -> None:
    data = corpus(0)
    few = data["doc"] < 3
    ascent = climb(TOPICS, {name: column[few] for name, column in data.items()})
    ends = {round(e, 6) for e in _ends(ascent)}
    assert all(np.isfinite(e) for e in ends) and len(ends) > 1


def _stories() -> dict[str, Any]:
    """Fifty news stories as counts of words."""
    path = Path(__file__).parents[2] / "examples" / "reuters" / "data.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    words = {w: i + 1 for i, w in enumerate(sorted({r["word"] for r in rows}))}
    return {
        "doc": np.array([int(r["doc"]) for r in rows]),
        "word": np.array([words[r["word"]] for r in rows]),
        "count": np.array([int(r["count"]) for r in rows]),
    }


def test_seeds_end_higher_than_tables_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve starts of each kind ended 750 nats apart with sds of 200 and 400; the broken twin has no seeds."""
    data = _stories()
    text = TOPICS.replace("topics = 4", "topics = 8").replace("vocab = 60", f"vocab = {data['word'].max()}")
    ascent = climb(text, data)
    ours = [_end(ascent, seed, 10) for seed in range(2)]
    monkeypatch.setattr(grouped_starts, "_shares", lambda *_: None)
    assert min(ours) > max(_end(ascent, seed, 10) for seed in range(2))
