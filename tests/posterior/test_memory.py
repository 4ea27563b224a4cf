"""What reading, binding and a whole fit of topics take, beyond the columns of their data."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.posterior import redrawn

DOCS, WORDS, TOPICS, ROWS = 6_000, 400, 20, 100_000
MODEL = f"""
index docs = 0..{DOCS - 1}, vocab = 0..{WORDS - 1}
index topics = {TOPICS}
table tokens(doc: docs, word: vocab, count: weight)
theta[d, topics] ~ Dirichlet(0.1) for d in docs
phi[k, vocab] ~ Dirichlet(0.05) for k in topics
for n in tokens:
    z[n] ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""
COLUMNS = 3 * 8 * ROWS  # bytes


def tokens() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    cell = rng.choice(DOCS * WORDS, ROWS, replace=False)
    return {"doc": cell // WORDS, "word": cell % WORDS, "count": rng.integers(1, 5, ROWS)}


def peak(action: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def warm() -> ppl.Model:
    """The model, after a small fit: what the modules themselves take does not count."""
    model = ppl.compile(MODEL, path=False)
    few = {name: column[:2000] for name, column in tokens().items()}
    model.fit(few, "cavi", restarts=1, max_sweeps=2, draws=10)
    return model


def test_binding_takes_at_most_twice_the_columns(warm: ppl.Model) -> None:
    data = tokens()
    assert peak(lambda: warm.bind(data)) < 2 * COLUMNS


def test_sorted_copies_would_be_noticed(warm: ppl.Model) -> None:
    """The twin: three sorted copies with their orders take more than the budget of binding."""
    data = tokens()
    assert (
        peak(lambda: [np.unique(c, return_index=True, return_inverse=True) for c in data.values()])
        > 2 * COLUMNS
    )


@pytest.mark.parametrize("kept", [False, True])
def test_a_whole_fit_of_topics_with_its_draws_and_file(
    warm: ppl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """Fifty draws are 51 MB, the topics of each token with their names 27 MB, and the budget 85 in all.

    The twin keeps the draws, and must be above it.
    """
    monkeypatch.setattr(redrawn, "LARGE", 10**12 if kept else redrawn.LARGE)
    data = tokens()

    def whole() -> None:
        warm.fit(data, "cavi", restarts=1, max_sweeps=2, draws=50).save(tmp_path / "topics.fit")

    assert (peak(whole) > COLUMNS + 85e6) == kept


def test_texts_of_a_file_are_gone_once_its_columns_are_bound(tmp_path: Path) -> None:
    model = ppl.compile("table t(x: real)\nm ~ Normal(0, 1)\nx[i] ~ Normal(m, 1) for i in t\n", path=False)
    path = tmp_path / "x.csv"
    path.write_text(
        "x\n" + "\n".join(f"{v:.4f}" for v in np.random.default_rng(0).normal(size=20_000)) + "\n"
    )
    bound = model.bind(str(path))
    assert bound.inputs.frames == ()
    assert bound.inputs.sources[0].sha256
