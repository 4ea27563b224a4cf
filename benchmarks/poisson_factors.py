"""Poisson factorisation of news stories: the bound by plain NumPy, and held-out words against scikit-learn.

    python benchmarks/poisson_factors.py [--held-out]

The data and priors are those of examples/poisson_factorisation. Without the option, the updates of Cemgil (2009) are
spelled out and climb from five random starts; nothing of the program is used. With it, four fifths of every count are
seen and the rest scored: perplexity = exp(-sum b log p / sum b), p proportional to the fitted rates of a story. NMF
gives probability 0 to words, so that its p is mixed with a fifth of the words' overall frequencies.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from scipy.special import digamma, gammaln

Array = np.ndarray
HERE = Path(__file__).resolve().parent.parent / "examples" / "poisson_factorisation"
K, SHAPE, SHARE, RATE = 12, 0.3, 0.3, 1.0
UNIGRAM = 0.2


def counts() -> tuple[list[str], Array]:
    """The words, and the stories by words."""
    with (HERE / "data.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    return head, np.array(rows, dtype=int)


def gain(a: Array, b: Array, rate: float) -> float:
    """E log Gamma(x | SHAPE, rate) + H of Gamma(a, b), over all x."""
    each = (SHAPE - a) * digamma(a) + gammaln(a) - gammaln(SHAPE) + SHAPE * (np.log(rate) - np.log(b))
    return float(np.sum(each + a * (1.0 - rate / b)))


def by_hand(y: Array, seed: int) -> float:
    """The bound at the end of one climb."""
    rng, (docs, words) = np.random.default_rng(seed), y.shape
    a, b = rng.gamma(100.0, 0.01, (docs, K)), np.ones((1, K))
    c, d = 0.3 * rng.gamma(100.0, 0.01, (K, words)), np.ones((K, 1))
    last = -np.inf
    while True:
        share, rate = np.exp(digamma(a)) / b, np.exp(digamma(c)) / d
        c, d = SHAPE + rate * (share.T @ (y / (share @ rate))), RATE + (a / b).sum(0)[:, None]
        rate = np.exp(digamma(c)) / d
        a, b = SHAPE + share * ((y / (share @ rate)) @ rate.T), SHARE + (c / d).sum(1)[None]
        share = np.exp(digamma(a)) / b
        bound = np.sum(y * np.log(share @ rate)) - (a / b).sum(0) @ (c / d).sum(1) - gammaln(y + 1.0).sum()
        bound += gain(a, b, SHARE) + gain(c, d, RATE)
        if bound - last < 1e-7 * abs(bound):
            return float(bound)
        last = bound


def perplexity(rates: Array, rest: Array) -> float:
    """Of the unseen words, one story's rates in a row."""
    p = rates / rates.sum(1, keepdims=True)
    return float(np.exp(-(rest * np.log(p)).sum() / rest.sum()))


def held_out(words: list[str], y: Array) -> None:
    """Three seeds of each program."""
    from sklearn.decomposition import NMF, LatentDirichletAllocation

    import ppl

    seen = np.random.default_rng(0).binomial(y, 0.8)
    rest, overall = y - seen, np.tile((seen.sum(0) + 0.5) / (seen.sum() + 0.5 * len(words)), (len(y), 1))
    print("words' frequencies", round(perplexity(overall, rest), 1))
    model = ppl.compile((HERE / "poisson_factorisation.model").read_text(), path=False)
    data = dict(zip(words, seen.T, strict=True))
    for seed in range(3):
        fit = model.fit(data, method="cavi", restarts=1, seed=seed, tolerance=1e-5, max_sweeps=2000)
        means = fit.approximation.means
        print("ppl", round(perplexity(means["share"] @ means["rate"], rest), 1))
        nmf = NMF(
            K, beta_loss="kullback-leibler", solver="mu", max_iter=1000, random_state=seed, init="nndsvdar"
        )
        rates = nmf.fit_transform(seen) @ nmf.components_
        mixed = (1.0 - UNIGRAM) * rates / rates.sum(1, keepdims=True) + UNIGRAM * overall
        print("NMF, Kullback-Leibler", round(perplexity(mixed, rest), 1))
        lda = LatentDirichletAllocation(
            K, max_iter=100, random_state=seed, doc_topic_prior=0.1, topic_word_prior=0.05
        )
        rates = lda.fit_transform(seen) @ (lda.components_ / lda.components_.sum(1, keepdims=True))
        print("LDA", round(perplexity(rates, rest), 1))


if __name__ == "__main__":
    if "--held-out" in sys.argv:
        held_out(*counts())
    else:
        for start in range(5):
            print(start, round(by_hand(counts()[1], start), 1), flush=True)
