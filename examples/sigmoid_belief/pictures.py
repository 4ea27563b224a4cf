"""What a sigmoid belief network makes of digits it has not seen: its figures, and pictures.svg.

    ppl fit sigmoid_belief.model data.csv --method bbvi ... --out sbn.fit
    python pictures.py sbn.fit

Run it in this folder. Upper rows: test digits and the probabilities of their pixels given one draw of their causes.
Lower rows: probabilities of pixels given causes drawn from the model alone.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

import ppl

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from digit_sheets import COUNT, sheet  # noqa: E402

Weights = dict[str, np.ndarray]


def pixels(name: str) -> np.ndarray:
    """The pictures of a file: (n, 64)."""
    with (HERE / name).open() as file:
        return np.array([[float(v) for v in row] for row in list(csv.reader(file))[1:]])


def linear(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    """Logits of a network with one layer."""
    return np.asarray(x @ w[f"{name}/logit/weight"] + w[f"{name}/logit/bias"])


def log_p(logit: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Log probability of binary x, summed over the last axis."""
    return np.asarray((x * logit - np.logaddexp(0.0, logit)).sum(-1))


def drawn(logit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Binary draws."""
    return np.asarray(rng.random(logit.shape) < 1.0 / (1.0 + np.exp(-logit)), dtype=float)


def log_likelihood(w: Weights, x: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """``log mean_k p(x, h_k, a_k) / q(h_k, a_k | x)`` of every picture, a bound that rises with draws."""
    seen, total = linear(w, "seen", x), np.full(len(x), -np.inf)
    for _ in range(draws):
        h = drawn(seen, rng)
        above = linear(w, "above", h)
        a = drawn(above, rng)
        joint = log_p(w["odds"], a) + log_p(linear(w, "middle", a), h) + log_p(linear(w, "picture", h), x)
        total = np.logaddexp(total, joint - log_p(seen, h) - log_p(above, a))
    return np.asarray(total - np.log(draws))


def independent(train: np.ndarray, test: np.ndarray) -> float:
    """Log likelihood of a test picture by pixels of their own frequencies."""
    p = (train.sum(0) + 0.5) / (len(train) + 1.0)
    return float(log_p(np.log(p / (1.0 - p)), test).mean())


def mixture(train: np.ndarray, test: np.ndarray, count: int, rng: np.random.Generator) -> float:
    """The same by a mixture of independent pixels: EM, each frequency with one picture of prior weight."""
    share = rng.dirichlet(np.ones(count), size=len(train))
    for _ in range(100):
        weight = share.sum(0)
        p = (share.T @ train + train.mean(0) + 1e-3) / (weight[:, None] + 1.0 + 2e-3)
        each = train @ np.log(p.T) + (1.0 - train) @ np.log1p(-p.T) + np.log((weight + 1e-9) / weight.sum())
        share = np.exp(each - np.logaddexp.reduce(each, axis=1, keepdims=True))
    each = test @ np.log(p.T) + (1.0 - test) @ np.log1p(-p.T) + np.log((weight + 1e-9) / weight.sum())
    return float(np.logaddexp.reduce(each, axis=1).mean())


def main() -> None:
    """Print the figures and write pictures.svg."""
    draws, rng = ppl.load(sys.argv[1]).draws, np.random.default_rng(0)
    w = {name: np.asarray(draws[name])[0] for name in draws if "/" in name or name == "odds"}
    train, test = pixels("data.csv"), pixels("test.csv")
    print(f"log likelihood of {len(test)} test pictures, nats a picture:")
    print(f"  independent pixels            {independent(train, test):.2f}")
    for count in (10, 30, 60):
        print(f"  mixture of {count} components      {mixture(train, test, count, rng):.2f}")
    for count in (1, 100, 1000):
        found = log_likelihood(w, test, count, rng)
        print(f"  this network, {count} draws      {found.mean():.2f}")
    print(f"  of the training pictures, 100 draws      {log_likelihood(w, train, 100, rng).mean():.2f}")
    back = 1.0 / (1.0 + np.exp(-linear(w, "picture", drawn(linear(w, "seen", test), rng))))
    top = drawn(np.broadcast_to(w["odds"], (3 * COUNT, len(w["odds"]))), rng)
    new = 1.0 / (1.0 + np.exp(-linear(w, "picture", drawn(linear(w, "middle", top), rng))))
    rows = []
    for k in range(2):
        part = slice(k * COUNT, (k + 1) * COUNT)
        rows += [("seen", test[part]), ("by its causes", back[part])]
    rows += [("new", new[k * COUNT : (k + 1) * COUNT]) for k in range(3)]
    (HERE / "pictures.svg").write_text(sheet(rows))


if __name__ == "__main__":
    main()
