"""One gradient of each kind of folded observation, and the memory it takes.

    python benchmarks/fold_rows.py [--rows 100000] [--draws 20]

For each model: milliseconds of one value and gradient of all draws, folded and row by row, the largest relative
gap between the two, and the bytes that folding keeps and takes at its peak, over those of the columns read.
The exit status is 1 where a gap is above 1e-9.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc
from typing import Any

import numpy as np
from gradient_rows import seconds

import ppl
from ppl.cli.allocator import keep_freed_memory

MOST_GAP = 1e-9
LATENTS = """
mu ~ Normal(0, 1)
b ~ Normal(0, 1)
d ~ Normal(0, 1)
tau ~ HalfNormal(1)
sigma ~ HalfNormal(1)
a[j] ~ Normal(0, tau) for j in groups
e[j] ~ Normal(0, 1) for j in items
v[parts] ~ Normal(0, 1)
L[parts, parts'] ~ LKJCholesky(2)
"""
EFFECTS = "mu + b * x[i] + d * t[i] + a[g[i]] + e[h[i]]"
MODELS = {
    "Normal": ("g h x t y", f"y[i] ~ Normal({EFFECTS}, sigma) for i in rows"),
    "Normal, sd by row": ("g h x t y s", f"y[i] ~ Normal({EFFECTS}, s[i]) for i in rows"),
    "Poisson": ("g h x t c", f"c[i] ~ Poisson(log_rate = {EFFECTS}) for i in rows"),
    "Binomial": ("g h x t c", f"c[i] ~ Binomial(40, logit = {EFFECTS}) for i in rows"),
    "Bernoulli": ("g h x t z", f"z[i] ~ Bernoulli(logit = {EFFECTS}) for i in rows"),
    "Bernoulli, no groups": ("w z", "z[i] ~ Bernoulli(logit = mu + dot(w[i], v)) for i in rows"),
    "Categorical": ("g h", "h[i] ~ Categorical(logit = e * a[g[i]]) for i in rows"),
    "Multinomial": ("g n", "n[i, parts] ~ Multinomial(logit = v * a[g[i]]) for i in rows"),
    "MultivariateNormal": (
        "g w",
        "w[i, parts] ~ MultivariateNormal(v * a[g[i]], cov = sigma * (L @ transpose(L))) for i in rows",
    ),
}
TYPES = {
    **dict.fromkeys("xty", "real"),
    **{"g": "groups", "h": "items", "c": "count", "z": "bool", "s": "positive"},
}


def make_columns(n: int) -> dict[str, np.ndarray]:
    """Random columns of every type: 200 groups, 50 items, vectors of 4."""
    rng = np.random.default_rng(0)
    return {
        **{k: rng.standard_normal(n) for k in "xty"},
        "g": rng.integers(0, 200, n),
        "h": rng.integers(0, 50, n),
        "c": rng.poisson(1.0, n),
        "z": rng.random(n) < 0.4,
        "s": rng.gamma(3.0, 1.0, n),
        "n": rng.poisson(2.0, (n, 4)),
        "w": rng.standard_normal((n, 4)),
    }


def model_text(columns: list[str], statement: str) -> str:
    """A model of some columns with the latents that its statement reads."""
    kinds = {"n": "n[parts]: count", "w": "w[parts]: real"}
    table = ", ".join(kinds.get(c, f"{c}: {TYPES.get(c, 'real')}") for c in columns)
    needs = {"groups": "g" in columns, "items": "h" in columns, "parts": bool({"n", "w"} & set(columns))}
    latents = [
        line
        for line in LATENTS.strip().split("\n")
        if all(kept for name, kept in ((k, needs[k]) for k in needs if k in line))
    ]
    sets = [f"index {name}" for name, used in needs.items() if used]
    return "\n".join([*sets, f"table rows({table})", *latents, statement]) + "\n"


def memory(model: Any, columns: dict[str, np.ndarray]) -> tuple[float, float]:
    """Bytes kept and at the peak of folding and one gradient of one draw, over those of the columns."""
    few = model.bind({k: v[:1000] for k, v in columns.items()}).problem.target()
    few.value_and_grad(np.zeros((1, few.size)))  # imports take memory too
    problem = model.bind(columns).problem
    held = sum(a.nbytes for a in problem.data.arrays.values())
    tracemalloc.start()
    try:
        target = problem.target()
        target.value_and_grad(np.zeros((1, target.size)))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return kept / held, peak / held


def measure(name: str, columns: dict[str, np.ndarray], draws: int) -> float:
    """Print one line; the largest relative gap."""
    names, statement = MODELS[name]
    used = {k: columns[k] for k in names.split()}
    model = ppl.compile(model_text(names.split(), statement), prior=True)
    folded = model.bind(used).problem.target()
    plain = model.bind(used, fold=False).problem.target()
    z = 0.1 * np.random.default_rng(1).standard_normal((draws, folded.size))
    pairs = zip(folded.value_and_grad(z), plain.value_and_grad(z), strict=True)
    gap = max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)
    times = [1e3 * seconds(t.value_and_grad, z) for t in (folded, plain)]
    kept, peak = memory(model, used)
    print(
        f"{name:22}{times[0]:10.2f}{times[1]:12.2f}{gap:10.0e}{kept:8.2f}{peak:8.2f}  {folded.foldings[0].how}"
    )
    return gap


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=20)
    asked = parser.parse_args()
    keep_freed_memory()
    columns = make_columns(asked.rows)
    print(f"{asked.rows} rows, {asked.draws} draws; milliseconds, memory over the columns")
    print(f"{'':22}{'folded':>10}{'row by row':>12}{'gap':>10}{'kept':>8}{'peak':>8}")
    gaps = [measure(name, columns, asked.draws) for name in MODELS]
    return 0 if max(gaps) <= MOST_GAP else 1


if __name__ == "__main__":
    sys.exit(main())
