"""One pass of latent Dirichlet allocation over 20,000 documents against scikit-learn, with the memory of each.

    python benchmarks/lda.py [--repeats 3] [--json FILE]

About 1.6 million nonzero counts over 5,000 words, 20 topics. scikit-learn runs its batch method in one process
at its default of up to 100 inner iterations a document, and with a single one, as ours does. A pass of ours
also keeps the bound, which scikit-learn's does not.

Then the memory of a whole `ppl fit`, draws, checks, table and saved file included: the peak resident memory of its
process beyond that of a process that only reads and binds the same file.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from sweeps.race import ROOT, Peer, Race, main

from measure import measure, single_threaded  # isort: skip  (`sweeps.race` puts its folder on the path)

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


READ = """
import sys, ppl
from ppl.cli.allocator import keep_freed_memory
keep_freed_memory()
ppl.compile(sys.argv[1], path=True).bind(sys.argv[2])
"""


def write(folder: str) -> None:
    """The model, and the corpus in two kinds of file."""
    columns = corpus(np.random.default_rng(0))
    Path(folder, "lda.model").write_text(MODEL)
    np.savez(Path(folder, "lda.npz"), **columns)  # type: ignore[arg-type]
    with open(Path(folder, "lda.csv"), "w") as file:
        file.write(",".join(columns) + "\n")
        np.savetxt(file, np.column_stack(list(columns.values())), fmt="%d", delimiter=",")


def apart(function: Callable[..., None], *arguments: str) -> None:
    """Call it in a fresh process: a child's peak memory counts from that of the process it was forked from."""
    process = get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()


def whole_fits() -> None:
    """Print the peak memory of `ppl fit` on the same corpus in two kinds of file."""
    with tempfile.TemporaryDirectory() as folder:
        apart(write, folder)
        model, saved = str(Path(folder) / "lda.model"), str(Path(folder) / "lda.fit")
        print("peak memory of a whole `ppl fit` of 5 sweeps, in all and beyond reading and binding the file")
        for kind in ("npz", "csv"):
            path = str(Path(folder) / f"lda.{kind}")
            more = ["--method", "cavi", "--restarts", "1", "--max-sweeps", "5", "--out", saved]
            own = single_threaded(ROOT)
            read = measure([sys.executable, "-c", READ, model, path], own).peak / 2**20
            command = [sys.executable, "-m", "ppl", "fit", model, path, *more]
            fit = measure(command, own, allowed=(0, 4)).peak / 2**20
            print(f"  {kind:32} {fit:8.0f} MiB  {fit - read:7.0f} MiB", flush=True)


if __name__ == "__main__":
    status = main(races(), __doc__ or "")
    apart(whole_fits)
    raise SystemExit(status)
