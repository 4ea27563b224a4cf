"""One pass of latent Dirichlet allocation over 20,000 documents against scikit-learn, with the memory of each.

    python benchmarks/lda.py [--repeats 3] [--json FILE]

About 1.6 million nonzero counts over 5,000 words, 20 topics. scikit-learn runs its batch method in one process
at its default of up to 100 inner iterations a document, and with a single one, as ours does. A pass of ours
also keeps the bound, which scikit-learn's does not.
"""

from __future__ import annotations

import numpy as np
from sweeps.race import Peer, Race, main

DOCS, WORDS, TOPICS = 20_000, 5_000, 20

MODEL = """
index docs = 0..19999, vocab = 0..4999
index topics = 20
table tokens(doc: docs, word: vocab, count: weight)

theta[d, topics] ~ Dirichlet(0.1)             for d in docs
phi[k, vocab]    ~ Dirichlet(0.05)            for k in topics
for n in tokens:
    z[n]    ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""


def corpus(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Documents of about 93 tokens, of topics that favour words by a power law; counts by document and word."""
    common = 1 / (10.0 + np.arange(WORDS))
    phi = rng.gamma(0.3, size=(TOPICS, WORDS)) * common
    cumulative = (phi / phi.sum(1, keepdims=True)).cumsum(1)
    theta = rng.dirichlet(np.full(TOPICS, 0.15), DOCS).cumsum(1)
    doc = np.repeat(np.arange(DOCS), rng.poisson(92.5, size=DOCS))
    topic = (rng.random(len(doc))[:, None] > theta[doc]).sum(1).clip(max=TOPICS - 1)
    word = np.empty(len(doc), dtype=np.int64)
    for k in range(TOPICS):
        mine = topic == k
        word[mine] = np.searchsorted(cumulative[k], rng.random(mine.sum())).clip(max=WORDS - 1)
    cell, count = np.unique(doc * WORDS + word, return_counts=True)
    return {"doc": cell // WORDS, "word": cell % WORDS, "count": count}


def races() -> tuple[Race, ...]:
    """One corpus."""
    columns = corpus(np.random.default_rng(0))
    peers = (
        Peer("sklearn", {"components": TOPICS}),
        Peer("sklearn", {"components": TOPICS, "inner": 1}, " (1 inner)"),
    )
    title = f"LDA, {DOCS} documents, {len(columns['doc'])} nonzeros, {TOPICS} topics"
    return (Race(title, MODEL, columns, "cavi", peers),)


if __name__ == "__main__":
    raise SystemExit(main(races(), __doc__ or ""))
