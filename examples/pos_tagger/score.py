"""Tag the words of test.csv by a saved fit and count how many tags are right.

    python score.py FIT [FIT]

The probability of a tag is that of the exact chain over the sentence, averaged over 20 draws of the weights.
Of two fits, also the words that only one of them tags rightly are counted.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import ppl
from ppl.posterior.predict import bind_new, moved

HERE = Path(__file__).resolve().parent
DRAWS, AT_ONCE = 20, 2


def tagged(fit: ppl.Fit) -> list[str]:
    """The most probable tag of every word; a fit of `visible.model` lends its weights to the tagger."""
    fit = replace(fit, model_name="pos_tagger.model", model_text=(HERE / "pos_tagger.model").read_text())
    tables = {"words": str(HERE / "test.csv"), "active": str(HERE / "active.csv")}
    bound = bind_new(fit, None, tables, True, observed_too=False)
    step = max(1, len(next(iter(fit.draws.values()))) // DRAWS)
    kept = {name: draws[::step][:DRAWS] for name, draws in fit.draws.items()}
    parts = []
    for i in range(0, DRAWS, AT_ONCE):
        some = {name: draws[i : i + AT_ONCE] for name, draws in kept.items()}
        at = moved(fit, bound, some, np.random.default_rng(0))
        parts.append(bound.problem.discrete(at)["words.tag"].mean(axis=0))
    tags = fit.levels["tags"].labels or ()
    return [tags[k] for k in np.mean(parts, axis=0).argmax(axis=1)]


def main() -> None:
    with (HERE / "test.csv").open(encoding="utf-8", newline="") as file:
        truth = [row["truth"] for row in csv.DictReader(file)]
    right = []
    for name in sys.argv[1:]:
        right.append([a == b for a, b in zip(tagged(ppl.load(name)), truth, strict=True)])
        print(f"{name}: {sum(right[-1])} of {len(truth)} tags are right: {sum(right[-1]) / len(truth):.4f}")
    if len(right) == 2:
        only = [sum(a > b for a, b in zip(*pair, strict=True)) for pair in (right, right[::-1])]
        print(f"right in the first only: {only[0]}, in the second only: {only[1]}")


if __name__ == "__main__":
    main()
