"""Latent Dirichlet allocation with both sides smoothed (Blei, Ng and Jordan 2003; Hoffman et al. 2013)."""

from __future__ import annotations

import numpy as np

from tests.energy.reference import expect as e
from tests.energy.reference.case import Array, Case, Data, State

DOCS, WORDS, K = 6, 8, 3

MODEL = """
index docs = 6, vocab = 8
index topics = 3
table tokens(doc: docs, word: vocab, count: weight)

theta[d, topics] ~ Dirichlet(0.4)           for d in docs
phi[k, vocab]    ~ Dirichlet(0.2)           for k in topics
for n in tokens:
    z[n]    ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""


def columns(rng: np.random.Generator) -> dict[str, Array]:
    """Counts of words by document, labels from 1, no zero rows."""
    phi, theta = rng.dirichlet(np.full(WORDS, 0.3), K), rng.dirichlet(np.full(K, 0.5), DOCS)
    counts = rng.poisson(20 * theta @ phi)
    counts[np.arange(WORDS) % DOCS, np.arange(WORDS)] += 1
    doc, word = np.nonzero(counts)
    return {"doc": doc + 1, "word": word + 1, "count": counts[doc, word]}


def start(data: Data, rng: np.random.Generator) -> State:
    """A random q of the topics; the rest by updates."""
    state = {
        "theta": e.q(concentration=rng.gamma(100.0, 0.01, size=(DOCS, K))),
        "phi": e.q(concentration=rng.gamma(100.0, 0.01, size=(K, WORDS))),
    }
    return update(state, data, "z")


def scores(state: State, data: Data) -> Array:
    """(N, K)."""
    theta, phi = e.dirichlet_log(state["theta"]), e.dirichlet_log(state["phi"])
    return np.asarray(theta[data["doc"] - 1] + phi.T[data["word"] - 1])


def update(state: State, data: Data, block: str) -> State:
    """One factor."""
    if block == "z":
        return {**state, "z": e.q(p=e.softmax(scores(state, data)))}
    part = data["count"][:, None] * state["z"]["p"]
    if block == "theta":
        total = np.zeros((DOCS, K))
        np.add.at(total, data["doc"] - 1, part)
        return {**state, "theta": e.q(concentration=0.4 + total)}
    total = np.zeros((WORDS, K))
    np.add.at(total, data["word"] - 1, part)
    return {**state, "phi": e.q(concentration=0.2 + total.T)}


def elbo(state: State, data: Data) -> float:
    """The bound: a row of count c stands for c tokens, each with its own z."""
    p = state["z"]["p"]
    each = np.sum(p * (scores(state, data) - np.log(np.where(p > 0, p, 1.0))), axis=1)
    gains = e.dirichlet_gain(state["theta"], 0.4) + e.dirichlet_gain(state["phi"], 0.2)
    return float(data["count"] @ each) + gains


CASES = (
    Case(
        "latent Dirichlet allocation",
        MODEL,
        "cavi",
        ("z", "theta", "phi"),
        {"z": "Categorical", "theta": "Dirichlet", "phi": "Dirichlet"},
        columns,
        start,
        update,
        elbo,
    ),
)
