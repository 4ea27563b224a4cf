"""One EM iteration of hidden Markov models against hmmlearn (C++): 5 Gaussian states, 8 categorical states.

    python benchmarks/hmm.py [--repeats 3] [--json FILE]

100,000 steps in one series. Both programs compute forward and backward sums, the log likelihood and all
parameters in every iteration, from the same kind of start.
"""

from __future__ import annotations

import numpy as np
from sweeps.race import Peer, Race, main

STEPS, SYMBOLS = 100_000, 12

GAUSSIAN = """
index states = 5
table series(t: order, y: real)

param init[states]: simplex
param trans[s, states]: simplex               for s in states
param mu[states]: real
param var[states]: positive
for i in series:
    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])
    y[i] ~ Normal(mu[z[i]], var = var[z[i]])
"""

CATEGORICAL = """
index states = 8, symbols = 0..11
table series(t: order, y: symbols)

param init[states]: simplex
param trans[s, states]: simplex               for s in states
param emit[s, symbols]: simplex               for s in states
for i in series:
    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])
    y[i] ~ Categorical(emit[z[i]])
"""


def path(states: int, rng: np.random.Generator) -> np.ndarray:
    """A chain that moves on every tenth step or so."""
    return np.asarray(np.cumsum(rng.random(STEPS) < 0.1) % states)


def peers(states: int, emission: str) -> tuple[Peer, ...]:
    """hmmlearn with either way to keep its sums in range; `log` is its default."""
    asked = {"states": states, "emission": emission}
    return tuple(Peer("hmmlearn", {**asked, "sums": s}, f" ({s})") for s in ("scaling", "log"))


def races() -> tuple[Race, ...]:
    """Gaussian and categorical emissions."""
    rng = np.random.default_rng(0)
    gaussian = 1.5 * path(5, rng) + 0.7 * rng.normal(size=STEPS)
    probability = rng.dirichlet(np.full(SYMBOLS, 0.5), 8).cumsum(1)
    symbols = (rng.random(STEPS)[:, None] > probability[path(8, rng)]).sum(1).clip(max=SYMBOLS - 1)
    t, size = np.arange(STEPS), f"by EM, {STEPS} steps"
    of_reals, of_symbols = {"t": t, "y": gaussian}, {"t": t, "y": symbols}
    return (
        Race(f"Gaussian HMM {size}, 5 states", GAUSSIAN, of_reals, "em", peers(5, "gaussian")),
        Race(f"categorical HMM {size}, 8 states", CATEGORICAL, of_symbols, "em", peers(8, "categorical")),
    )


if __name__ == "__main__":
    raise SystemExit(main(races(), __doc__ or ""))
