"""One sweep of a factorial hidden Markov model, 3 chains of 4 states over 100,000 steps; no peer has one.

    python benchmarks/fhmm.py [--repeats 3] [--json FILE]

Structured mean field: exact inside each chain (Ghahramani and Jordan 1997). The limit is 200 ms a sweep.
"""

from __future__ import annotations

import numpy as np
from sweeps.race import Race, main

STEPS, CHAINS, STATES = 100_000, 3, 4

MODEL = """
index chains = 3, states = 4
table series(t: order, y: real)

init[m, states]     ~ Dirichlet(1)            for m in chains
trans[m, s, states] ~ Dirichlet(1)            for m in chains, s in states
level[m, s]         ~ Normal(0, 5)            for m in chains, s in states
tau                 ~ Gamma(2, 2)
for i in series:
    z[m, i] ~ Categorical(init[m] if first(i) else trans[m, z[m, i-1]])  for m in chains
    y[i]    ~ Normal(sum(level[m, z[m, i]] for m in chains), precision = tau)
"""


def races() -> tuple[Race, ...]:
    """The sum of three switching levels and noise."""
    rng = np.random.default_rng(0)
    level = rng.normal(scale=2.0, size=(CHAINS, STATES))
    y = 0.5 * rng.normal(size=STEPS)
    for m, move in enumerate((0.02, 0.1, 0.3)):
        y += level[m, np.cumsum(rng.random(STEPS) < move) % STATES]
    title = f"factorial HMM, {STEPS} steps, {CHAINS} chains of {STATES} states"
    return (Race(title, MODEL, {"t": np.arange(STEPS), "y": y}, "cavi"),)


if __name__ == "__main__":
    raise SystemExit(main(races(), __doc__ or ""))
