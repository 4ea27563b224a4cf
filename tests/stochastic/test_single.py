"""Single precision: everything that a step computes is float32, whatever literals and counts there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.backend import ops as xp
from ppl.backend.eager import gradients, replay
from ppl.backend.tape import Tape
from ppl.graph.flows import Wish
from ppl.graph.stochastic import StochasticElbo
from tests.stochastic.models import CASES, problem

COUNTS = """
index g
table rows(k: g, x: real, n: count, y: count)
tau ~ HalfNormal(1)
a[j] ~ Normal(0, tau) for j in g
b ~ Normal(0, 1)
phi ~ Gamma(2, 1)
w[g] ~ Dirichlet(2)
for i in rows:
    y[i] ~ NegativeBinomial(exp(a[k[i]] + b * log1p(n[i]) + log(w[k[i]])), phi)
"""
SUMMED = """
index k = 3, j = 2
table rows(x[k]: count = "x*", y: real, z: bool)
given off: real = 0.5
s ~ HalfCauchy(1)
nu ~ Gamma(2, 0.1)
b[k] ~ Normal(0, 1)
mix[j] ~ Normal(0, 3)
p[j] ~ Dirichlet(1)
u ~ Uniform(0, 1)
for i in rows:
    c[i] ~ Categorical(p)
    y[i] ~ StudentT(nu, dot(x[i], b) + mix[c[i]] + off, s)
    z[i] ~ Bernoulli(u)
"""


def more() -> dict[str, tuple[str, Any]]:
    rng, n = np.random.default_rng(0), 30
    counts = {"k": np.array(list("abc"))[np.arange(n) % 3], "x": rng.standard_normal(n)}
    counts |= {"n": rng.integers(0, 9, n), "y": rng.integers(0, 9, n)}
    summed = {f"x{k}": rng.integers(0, 3, n) for k in range(3)}
    summed |= {"y": rng.standard_normal(n), "z": rng.integers(0, 2, n)}
    return {"counts": (COUNTS, counts), "summed": (SUMMED, summed)}


ALL = {name: (text, data) for name, (text, data, _) in CASES.items()} | more()


# the guide of `coded` covers its only latent, which leaves nothing to share directions
PAIRS = [(name, None) for name in ALL] + [(name, Wish(rank=2)) for name in ALL if name != "coded"]


@pytest.mark.parametrize(("name", "flow"), PAIRS)
def test_every_step_computes_in_single_precision(name: str, flow: Wish | None) -> None:
    text, data = ALL[name]
    single = StochasticElbo(problem(text, data), single=True, flow=flow)
    double = StochasticElbo(problem(text, data), flow=flow)
    x = double.start(0, -1.0)
    made = single.record(x.astype(np.float32), single.everything, np.random.default_rng(0), 4, 1.0)
    kinds = {np.asarray(a).dtype for a in made.tape.examples[1:]}
    assert np.dtype(np.float64) not in kinds
    _same_slopes(single, double, x)


def _same_slopes(single: StochasticElbo, double: StochasticElbo, x: np.ndarray) -> None:
    """The draws of both are the same up to rounding, since single draws are given."""
    noise: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def given(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if (name, shape) not in noise:
            noise[name, shape] = np.random.default_rng(len(noise)).standard_normal(shape)
        return noise[name, shape]

    wide, _ = double.parts(x, double.everything, given, 4)
    narrow, _ = single.parts(
        x.astype(np.float32), single.everything, lambda n, s: given(n, s).astype(np.float32), 4
    )
    for a, b in zip(
        (narrow.log_likelihood, narrow.rate, narrow.kl),
        (wide.log_likelihood, wide.rate, wide.kl),
        strict=True,
    ):
        np.testing.assert_allclose(np.ravel(a), np.ravel(b), rtol=2e-4, atol=2e-3)


def test_a_tape_keeps_its_precision_when_it_is_replayed() -> None:
    tape = Tape(np.zeros(1), np.float32)
    x = tape.another_input(np.ones((1, 3), dtype=np.float32))
    y = xp.add(xp.multiply(x, np.array([[0.1, 0.2, 0.3]])), np.arange(3))
    replay(tape, [(x, np.full((1, 3), 2.0, dtype=np.float32))])
    assert {a.dtype for a in tape.examples[1:]} == {np.dtype(np.float32)}
    np.testing.assert_allclose(tape.examples[y.slot], [[0.2, 1.4, 2.6]], rtol=1e-6)
    _, (slope,) = gradients(tape, y, [x])
    assert slope.dtype == np.float32
