"""Held-out perplexity of news stories, ours against scikit-learn's, and the seconds that each fit took.

    python benchmarks/reuters.py --data FILE [--topics 20] [--seeds 10-19]

The 395 stories of the package lda (the file is given by --data: columns doc, word, count). Every fifth story is
held out. Each of its counts is split in two by a fair coin; from one half a story's topics are inferred, the
other half is scored: perplexity = exp(-sum b log p / sum b), p = sum_k E theta_k E phi_kw.

Both programs are judged by the same code: only E phi is taken from them, and theta is inferred from the seen
half by the same fixed point, gamma_k = a + sum_w c_w r_kw, r_kw proportional to exp(digamma(gamma_k)) E phi_kw.
Both fit the same training stories with the same priors, 0.1 and 0.05.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.special import digamma
from sweeps.race import ROOT, interpreter, measure, single_threaded

Array = np.ndarray
PRIOR, HERE = 0.1, Path(__file__).resolve().parent

MODEL = """
given K: count = 20
index docs, vocab = {words}
index topics = K
table tokens(doc: docs, word: vocab, count: weight)

theta[d, topics] ~ Dirichlet(0.1)             for d in docs
phi[k, vocab]    ~ Dirichlet(0.05)            for k in topics
for n in tokens:
    z[n]    ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""


def read(path: Path) -> dict[str, Array]:
    """Documents and words from 0, and counts."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([int(r[name]) for r in rows]) for name in ("doc", "word", "count")}


def topics_of(phi: Array, counts: Array, steps: int = 500) -> Array:
    """(D, K): E theta of documents from their counts (D, V), given topics (K, V)."""
    gamma = np.full((len(counts), len(phi)), PRIOR + counts.sum(1, keepdims=True) / len(phi))
    for _ in range(steps):
        weight = np.exp(digamma(gamma))
        new = PRIOR + weight * ((counts / np.maximum(weight @ phi, 1e-300)) @ phi.T)
        if np.max(np.abs(new - gamma)) < 1e-6:
            break
        gamma = new
    return np.asarray(gamma / gamma.sum(1, keepdims=True))


def perplexity(phi: Array, seen: Array, hidden: Array) -> float:
    """Of the hidden halves, given the seen ones."""
    p = topics_of(phi, seen) @ phi
    return float(np.exp(-np.sum(hidden * np.log(np.maximum(p, 1e-300))) / hidden.sum()))


def halves(data: dict[str, Array], words: int) -> tuple[Array, Array]:
    """The counts of held-out stories, split by a fair coin: (stories, words) twice."""
    rng = np.random.default_rng(0)
    seen = rng.binomial(data["count"], 0.5)
    held = data["doc"] % 5 == 0
    story = np.unique(data["doc"][held], return_inverse=True)[1]
    out = np.zeros((2, story.max() + 1, words))
    for half, part in enumerate((seen, data["count"] - seen)):
        np.add.at(out[half], (story, data["word"][held]), part[held])
    return out[0], out[1]


def ours(train: dict[str, Array], words: int, topics: int, seed: int, **asked: int) -> tuple[float, Array]:
    """CPU seconds of our fit, compiling and binding included but importing not, and E phi."""
    import ppl
    import ppl.inference.backends.cavi

    start = time.process_time()
    model = ppl.compile(MODEL.format(words=words), path=False)
    columns = {**train, "word": train["word"] + 1}
    fit = model.fit(columns, "cavi", seed, settings={"K": topics}, draws=10, restarts=1, **asked)
    seconds = time.process_time() - start
    return seconds, np.asarray(fit.approximation.means["phi"])  # type: ignore[union-attr]


def theirs(train: dict[str, Array], words: int, topics: int, seed: int, passes: int) -> tuple[float, Array]:
    """CPU seconds of scikit-learn's fit and its topics, from its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "train.npz", Path(folder) / "phi.npy"
        np.savez(path, **train)  # type: ignore[arg-type]
        asked = {
            "data": str(path),
            "out": str(out),
            "words": words,
            "topics": topics,
            "seed": seed,
            "passes": passes,
        }
        command = [str(interpreter("sklearn")), str(HERE / "sweeps" / "topics_sklearn.py"), json.dumps(asked)]
        printed = measure(command, single_threaded(ROOT)).printed
        return float(printed), np.load(out)


def main() -> int:
    """Print both programs' perplexities and seconds, seed by seed, and their means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--topics", type=int, default=20)
    parser.add_argument("--data", type=Path, required=True, help="a CSV file: doc, word, count, both from 0")
    parser.add_argument("--seeds", default="10-19", help="first and last (the starts were chosen on 0-4)")
    asked = parser.parse_args()
    low, high = (int(s) for s in asked.seeds.split("-"))
    found: dict[str, list[tuple[float, float]]] = {}
    data = read(asked.data)
    words = int(data["word"].max()) + 1
    seen, hidden = halves(data, words)
    train = {name: column[data["doc"] % 5 != 0] for name, column in data.items()}
    sys.path.insert(0, str(ROOT))
    for seed in range(low, high + 1):
        for name, (seconds, phi) in (
            ("ppl, cavi", ours(train, words, asked.topics, seed)),
            ("ppl, cavi, 10 sweeps", ours(train, words, asked.topics, seed, max_sweeps=10)),
            ("sklearn, 10 passes (its default)", theirs(train, words, asked.topics, seed, 10)),
            ("sklearn, 40 passes", theirs(train, words, asked.topics, seed, 40)),
        ):
            found.setdefault(name, []).append((perplexity(phi, seen, hidden), seconds))
            print(f"seed {seed:2}  {name:34} {found[name][-1][0]:8.1f}  {seconds:6.2f} s", flush=True)
    for name, pairs in found.items():
        mean, seconds = np.mean(pairs, 0)
        print(f"mean     {name:34} {mean:8.1f}  {seconds:6.2f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
