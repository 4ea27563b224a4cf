"""Held-out chorales by Bach: factorial hidden Markov models against one chain, and against hmmlearn if installed.

    python benchmarks/chorales.py --data bach_chorales.csv [--train 66] [--restarts 5]

The file has a row a quaver with the columns chorale, step, soprano, alto, tenor, bass (MIDI pitches, blank in rests).
Every second row of chorales without rests is kept; every fifth of these chorales is held out, and of the others
--train, evenly spread, are fitted. A held-out chorale is scored by log2 p(pitches) a crotchet, at the posterior means
of the parameters, exactly: forward sums over all joint states, and of a pitch the probability of its semitone, from
half a unit below to half a unit above. hmmlearn fits Gaussians with diagonal covariances by EM, the best likelihood of
--restarts random starts.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import ppl  # noqa: E402

Array = Any
VOICES = ("soprano", "alto", "tenor", "bass")
TEXT = (HERE.parent / "examples" / "chorales" / "chorales.model").read_text()
LEAST = 1e-300
SIZES = ((1, 3), (1, 9), (1, 27), (2, 3), (3, 3), (2, 9))  # chains, states of each


def chorales(path: Path) -> dict[str, Array]:
    """Pitches of the chorales without rests, a crotchet a row."""
    found: dict[str, list[list[str]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if int(row["step"]) % 2 == 0:
                found.setdefault(row["chorale"], []).append([row[v] for v in VOICES])
    return {name: np.array(rows, dtype=float) for name, rows in found.items() if all(map(all, rows))}


def split(found: dict[str, Array], count: int) -> tuple[dict[str, Array], list[Array]]:
    """Those to fit, and those held out."""
    names = list(found)
    rest = [n for i, n in enumerate(names) if i % 5]
    chosen = [rest[i] for i in np.linspace(0, len(rest) - 1, min(count, len(rest))).round().astype(int)]
    return {n: found[n] for n in chosen}, [found[n] for i, n in enumerate(names) if i % 5 == 0]


def table(train: dict[str, Array]) -> dict[str, Array]:
    """The chorales as the columns of the example."""
    rows = np.concatenate(list(train.values()))
    out: dict[str, Array] = {f"pitch_{v}": rows[:, i] for i, v in enumerate(VOICES)}
    out["chorale"] = np.repeat(list(train), [len(x) for x in train.values()])
    out["step"] = np.concatenate([np.arange(len(x)) for x in train.values()])
    return out


def fitted(
    train: dict[str, Array], chains: int, states: int, restarts: int
) -> tuple[float, dict[str, Array]]:
    """The bound and the posterior means, arrays by name."""
    model = ppl.compile(TEXT.replace("states = 3", f"states = {states}"), path=False)
    fit = model.fit(table(train), method="cavi", settings={"M": chains}, restarts=restarts)
    means: dict[str, list[float]] = {}
    for name, row in fit.to_dict()["posterior"].items():
        means.setdefault(name.partition("[")[0], []).append(row["mean"])
    shapes = {"level": (chains, states, 4), "init": (chains, states), "trans": (chains, states, states)}
    return fit.elbo, {n: np.reshape(v, shapes.get(n, (-1,))) for n, v in means.items() if n != "z"}


def joint(q: dict[str, Array]) -> tuple[Array, Array, Array, Array]:
    """One chain of all joint states: first probabilities, moves, means and sds."""
    chains, states = q["init"].shape
    each = np.array(list(itertools.product(range(states), repeat=chains)))
    first = np.prod([q["init"][m, each[:, m]] for m in range(chains)], axis=0)
    move = np.prod([q["trans"][m][np.ix_(each[:, m], each[:, m])] for m in range(chains)], axis=0)
    mean = q["centre"] + sum(q["level"][m, each[:, m]] for m in range(chains))
    return first, move, mean, np.broadcast_to(1 / np.sqrt(q["tau"]), mean.shape)


def bits(first: Array, move: Array, mean: Array, sd: Array, held: Sequence[Array]) -> float:
    """-log2 p a crotchet."""
    total = 0.0
    for y in held:
        z = np.abs(y[:, None] - mean)
        emit = np.log(np.maximum(ndtr((0.5 - z) / sd) - ndtr((-0.5 - z) / sd), LEAST)).sum(-1)
        ahead = first
        for row in emit:
            top = row.max()
            weight = ahead * np.exp(row - top)
            total += top + np.log(weight.sum())
            ahead = weight / weight.sum() @ move
    return -total / np.log(2) / sum(map(len, held))


def hmmlearn_bits(train: dict[str, Array], held: list[Array], states: int, restarts: int) -> float:
    """The best of some starts by its own likelihood."""
    from hmmlearn.hmm import GaussianHMM  # type: ignore[import-not-found]

    rows, lengths = np.concatenate(list(train.values())), [len(x) for x in train.values()]
    best: Any = None
    for seed in range(restarts):
        found = GaussianHMM(states, "diag", n_iter=200, tol=1e-2, random_state=seed).fit(rows, lengths)
        if best is None or found.score(rows, lengths) > best.score(rows, lengths):
            best = found
    sd = np.sqrt(np.array([np.diag(c) for c in best.covars_]))
    return bits(best.startprob_, best.transmat_, best.means_, sd, held)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--train", type=int, default=66)
    parser.add_argument("--restarts", type=int, default=5)
    given = parser.parse_args()
    train, held = split(chorales(given.data), given.train)
    rows = np.concatenate(list(train.values()))
    lone = bits(np.ones(1), np.ones((1, 1)), rows.mean(0)[None], rows.std(0)[None], held)
    print(
        f"{len(train)} chorales, {len(rows)} crotchets; {len(held)} held out, {sum(map(len, held))} crotchets"
    )
    print(f"{'model':34} {'bound':>10} {'bits':>7} {'seconds':>8}\n{'independent Gaussians':45} {lone:7.3f}")
    for chains, states in SIZES:
        start = time.perf_counter()
        bound, q = fitted(train, chains, states, given.restarts)
        name = f"{chains} chain{'s' * (chains > 1)} of {states} states"
        print(
            f"{name:34} {bound:10.1f} {bits(*joint(q), held):7.3f} {time.perf_counter() - start:8.1f}",
            flush=True,
        )
    for states in (3, 9, 27):
        start = time.perf_counter()
        try:
            found = hmmlearn_bits(train, held, states, given.restarts)
        except ImportError:
            print("hmmlearn is not installed")
            break
        name = f"hmmlearn, {states} states"
        print(f"{name:45} {found:7.3f} {time.perf_counter() - start:8.1f}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
