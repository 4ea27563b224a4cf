"""A model of five binary and ternary elements, small enough to enumerate, and its exact ELBO."""

from __future__ import annotations

from itertools import product

import numpy as np

from ppl.inference.score_estimate import ScoreTarget
from tests.graph.make import Case, problem_of

TEXT = """
index K = 3
table rows(y: real)
p0[K] = simplex([0.2, 0.3, 0.5])
m[K] = [-1, 0.5, 2]
a ~ Bernoulli(0.3)
for i in rows:
    z[i] ~ Categorical(p0)
    b[i] ~ Bernoulli(0.7 if a else 0.2)
    y[i] ~ Normal(m[z[i]] + 1.5 * b[i], 1)
0.5 ~ Normal(sum(b[i] for i in rows), 1)
"""
CHAIN = """
table rows(y: real)
for i in rows:
    s[i] ~ Bernoulli(0.4 if first(i) else (0.8 if s[i-1] else 0.3))
    y[i] ~ Normal(2 * s[i], 1)
"""


def target_of(text: str, rows: str = "y\n0.3\n1.8\n") -> ScoreTarget:
    """The target of a model with one table."""
    problem = problem_of(Case("small", text, {"rows": rows}))
    return ScoreTarget(problem)


def joint_states(target: ScoreTarget) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """All joint states of the discrete latents: draws (J, width) and state numbers (J, n) of each latent."""
    kinds = [d for d in target.family.discretes for _ in range(d.count)]
    codes = np.array(list(product(*(range(len(d.states)) for d in kinds))))
    stops = np.cumsum([d.count for d in target.family.discretes])
    parts = tuple(np.split(codes, stops[:-1], axis=1))
    x = np.concatenate([d.states[c] for d, c in zip(target.family.discretes, parts, strict=True)], axis=1)
    return x, parts


class Enumerated:
    """The exact ELBO of tables, over all joint states."""

    def __init__(self, target: ScoreTarget) -> None:
        self.family = target.family
        x, self.codes = joint_states(target)
        self.log_joint = target.log_joint(x)

    def elbo(self, theta: np.ndarray) -> float:
        """E_q[log p - log q]."""
        log_q = np.zeros(len(self.log_joint))
        for table, codes in zip(self.family.log_tables(theta), self.codes, strict=True):
            log_q = log_q + table[np.arange(len(table)), codes].sum(1)
        return float((np.exp(log_q) * (self.log_joint - log_q)).sum())

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """By central differences, to about 1e-9."""
        h = 1e-5
        steps = h * np.eye(len(theta))
        return np.array([(self.elbo(theta + e) - self.elbo(theta - e)) / (2 * h) for e in steps])
