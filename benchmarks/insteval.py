"""Held-out ratings of lectures: matrix factorisation by coordinate ascent against effects alone and alternating ridges.

    python benchmarks/insteval.py [--data insteval.csv.gz] [--splits 5]

Without --data the ratings of the example are used. A tenth of them, drawn with seeds 0, 1, ..., is held out; the figure
is the root mean squared error of their predictions.

- mean: of the ratings seen.
- effects: of student and lecturer, by 20 rounds of means shrunk with 10 and 5 ratings at the mean.
- alternating ridges: these effects and K factors on what they leave, each factor of a student or lecturer a ridge
  regression; the weight of the ridge is the best of 2, 5, 10, 20, 50, 100 on a tenth of the seen ratings.
- ours: the example's model, predictions at posterior means, with 0, 2 and 5 factors. No weight is chosen.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import ppl  # noqa: E402

Array = Any
FOLDER = HERE.parent / "examples" / "insteval"
TEXT = (FOLDER / "insteval.model").read_text()
RIDGES = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
ROUNDS = 20


def ratings(path: Path) -> tuple[Array, Array, Array]:
    """Students and lecturers from 0, and ratings."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        rows = [(r["student"], r["lecturer"], float(r["rating"])) for r in csv.DictReader(file)]
    students, lecturers, y = zip(*rows, strict=True)
    codes = [np.unique(x, return_inverse=True)[1] for x in (students, lecturers)]
    return codes[0], codes[1], np.array(y)


def rmse(error: Array) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(error))))


def effects(s: Array, t: Array, y: Array, sizes: tuple[int, int]) -> tuple[float, Array, Array]:
    """The mean and shrunken effects."""
    mean, u, v = y.mean(), np.zeros(sizes[0]), np.zeros(sizes[1])
    for _ in range(ROUNDS):
        v = np.bincount(t, y - mean - u[s], sizes[1]) / (np.bincount(t, minlength=sizes[1]) + 5)
        u = np.bincount(s, y - mean - v[t], sizes[0]) / (np.bincount(s, minlength=sizes[0]) + 10)
    return mean, u, v


def ridges(
    s: Array, t: Array, left: Array, sizes: tuple[int, int], k: int, weight: float
) -> tuple[Array, Array]:
    """Factors of students and lecturers, by turns."""
    rng = np.random.default_rng(0)
    p, q = 0.1 * rng.normal(size=(sizes[0], k)), 0.1 * rng.normal(size=(sizes[1], k))
    for _ in range(ROUNDS):
        p = one_side(s, q[t], left, sizes[0], weight)
        q = one_side(t, p[s], left, sizes[1], weight)
    return p, q


def one_side(codes: Array, x: Array, left: Array, count: int, weight: float) -> Array:
    """A ridge regression for each code, all at once: (count, k)."""
    k = x.shape[1]
    pairs = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    gram = np.stack([np.bincount(codes, c, count) for c in pairs.T], 1).reshape(count, k, k)
    right = np.stack([np.bincount(codes, c * left, count) for c in x.T], 1)
    return np.linalg.solve(gram + weight * np.eye(k), right[..., None])[..., 0]


def alternating(s: Array, t: Array, y: Array, test: Array, sizes: tuple[int, int], k: int) -> Array:
    """Predictions of the held-out ratings."""
    seen = np.flatnonzero(~test)
    inner = np.random.default_rng(1).random(len(seen)) < 0.1
    a, b = seen[~inner], seen[inner]

    def predict(rows: Array, at: Array, weight: float) -> Array:
        mean, u, v = effects(s[rows], t[rows], y[rows], sizes)
        left = y[rows] - mean - u[s[rows]] - v[t[rows]]
        p, q = ridges(s[rows], t[rows], left, sizes, k, weight)
        return mean + u[s[at]] + v[t[at]] + (p[s[at]] * q[t[at]]).sum(1)

    best = min(RIDGES, key=lambda w: rmse(y[b] - predict(a, b, w)))
    return predict(seen, np.flatnonzero(test), best)


def ours(s: Array, t: Array, y: Array, test: Array, k: int) -> Array:
    """Predictions at posterior means; students and lecturers that are not seen get 0."""
    text = TEXT.replace("factors = 2", f"factors = {max(k, 1)}")
    if k == 0:
        kept = [
            x for x in text.splitlines() if not x.startswith(("taste", "style", "    match", "index factors"))
        ]
        text = "\n".join(kept).replace(" + match[r]", "")
    seen = {"student": s[~test].astype(str), "lecturer": t[~test].astype(str), "rating": y[~test]}
    fit = ppl.compile(text, path=False).fit(seen, method="cavi", restarts=1, draws=10)
    means = {n: row["mean"] for n, row in fit.to_dict()["posterior"].items()}
    out = np.full(int(test.sum()), means["mean"])
    for i, (a, b) in enumerate(zip(s[test], t[test], strict=True)):
        out[i] += means.get(f"a[{a}]", 0.0) + means.get(f"b[{b}]", 0.0)
        pairs = [
            (means.get(f"taste[{a},{j + 1}]", 0.0), means.get(f"style[{b},{j + 1}]", 0.0)) for j in range(k)
        ]
        out[i] += sum(x * z for x, z in pairs)
    return out


def main() -> int:
    """Print the table: a column for each split, then the mean."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=FOLDER / "data.csv")
    parser.add_argument("--splits", type=int, default=5)
    given = parser.parse_args()
    s, t, y = ratings(given.data)
    sizes = int(s.max()) + 1, int(t.max()) + 1
    print(f"{len(y)} ratings of {sizes[1]} lecturers by {sizes[0]} students")
    found: dict[str, list[float]] = {}
    for seed in range(given.splits):
        test = np.random.default_rng(seed).random(len(y)) < 0.1
        mean, u, v = effects(s[~test], t[~test], y[~test], sizes)
        found.setdefault("mean", []).append(rmse(y[test] - mean))
        found.setdefault("effects", []).append(rmse(y[test] - mean - u[s[test]] - v[t[test]]))
        for k in (2, 5):
            error = y[test] - alternating(s, t, y, test, sizes, k)
            found.setdefault(f"alternating ridges, {k} factors", []).append(rmse(error))
        for k in (0, 2, 5):
            start = time.perf_counter()
            error = y[test] - ours(s, t, y, test, k)
            found.setdefault(f"ours, {k} factors", []).append(rmse(error))
            print(
                f"split {seed}, {k} factors: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True
            )
    for name, figures in found.items():
        print(f"{name:32}" + "".join(f"{x:8.4f}" for x in figures) + f"   mean {np.mean(figures):.4f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
