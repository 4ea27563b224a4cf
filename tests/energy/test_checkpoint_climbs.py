"""Checkpoints of coordinate ascent and EM: the same bits after going on, and the best state after a stop."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppl.inference.backends import cavi, em
from ppl.inference.checkpoint import flatten, unflatten
from ppl.inference.energy_target import Climb
from ppl.inference.run import Options, run
from tests.energy.test_sampled import COUNTS, MIXED, OUTLIERS
from tests.energy.tools import bound

RNG = np.random.default_rng(2)
POINTS = np.concatenate([RNG.normal(-2, 1, (40, 2)), RNG.normal(2, 1, (60, 2))])
MIXTURE = """
index kinds = 3
table t(a: real, b: real)
w[kinds] ~ Dirichlet(2)
m[kinds], n[kinds] ~ Normal(0, 5)
s[kinds] ~ InverseGamma(3, 2)
for i in t:
    z[i] ~ Categorical(w)
    a[i] ~ Normal(m[z[i]], sqrt(s[z[i]]))
    b[i] ~ Normal(n[z[i]], 1)
"""
HIDDEN = """
index kinds = 2
table t(when: order, y: real)
A[kinds, kinds'] ~ Dirichlet(1)
m[kinds] ~ Normal(0, 5)
z[i] ~ DiscreteUniform(kinds) if first(i) else Categorical(A[z[i-1]]) for i in t
y[i] ~ Normal(m[z[i]], 1) for i in t
"""
LOGISTIC = """
table t(x: real, y: bool)
a, b ~ Normal(0, 3)
y[i] ~ Bernoulli(logit = a + b * x[i]) for i in t
"""
X = RNG.normal(size=50)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "mixture": (MIXTURE, {"a": POINTS[:, 0], "b": POINTS[:, 1]}),
    "asked for": (
        MIXTURE + "guide:\n    q(s) ~ LogNormal\n",
        {"a": POINTS[:, 0], "b": POINTS[:, 1]},
    ),
    "chain": (HIDDEN, {"when": np.arange(60), "y": RNG.normal(size=60)}),
    "sites": (LOGISTIC, {"x": X, "y": RNG.random(50) < 1 / (1 + np.exp(-X))}),
    "drawn": (MIXED, COUNTS),
    "drawn states": (OUTLIERS, {"x": X, "y": X + RNG.normal(size=50)}),
}


def stopping(backend: Any, steps: int) -> Any:
    """The backend, which stops after some steps."""
    left = iter(range(steps))

    class Stopping(type(backend)):  # type: ignore[misc]
        def step(self, target: Any, state: Any) -> Any:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return super().step(target, state)

    names = [f.name for f in fields(backend)]
    return Stopping(**{f: getattr(backend, f) for f in names})


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        kind = a.dtype.kind == "f"
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=kind)
    return bool(a == b)


EXACT = ("mixture", "chain")  # the models whose E-step is exact
PAIRS = [*(("cavi", name) for name in CASES), *(("em", name) for name in EXACT)]


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_going_on_gives_the_same_bits(name: str, method: str, tmp_path: Path) -> None:
    text, data = CASES[name]
    backend: Any = (cavi if method == "cavi" else em).Backend(max_sweeps=14, restarts=2)
    target = backend.target(bound(text, data))
    straight = run(backend, target, np.random.default_rng(1))
    how = Options(checkpoint=tmp_path / "c.npz", checkpoint_seconds=1e9)
    stopped = run(stopping(backend, 9), target, np.random.default_rng(1), how)
    assert stopped.outcome.status == "interrupted"
    assert stopped.state is not None
    again = backend.target(bound(text, data))
    resumed = run(backend, again, np.random.default_rng(99), replace(how, resume=True))
    assert straight.state is not None
    assert resumed.state is not None
    one, other = flatten(straight.state), flatten(resumed.state)
    assert one.keys() == other.keys()
    assert [k for k in one if not same(one[k], other[k])] == []
    assert np.array_equal(straight.trace[:, :3], resumed.trace[:, :3], equal_nan=True)
    fresh = run(backend, again, np.random.default_rng(99))
    assert fresh.state is not None
    assert fresh.state.seed != straight.state.seed, "equal bits would say nothing"


def test_a_stopped_run_keeps_the_best_start() -> None:
    text, data = CASES["mixture"]
    backend = cavi.Backend(max_sweeps=8, restarts=3)
    target = backend.target(bound(text, data))
    stopped = run(stopping(backend, 9), target, np.random.default_rng(0))
    assert stopped.state is not None
    assert stopped.state.best is not None
    assert stopped.result is not None
    assert stopped.result.elbo >= stopped.state.best.elbo
    assert stopped.state.now.elbo < stopped.state.best.elbo


def test_states_come_back_as_they_were() -> None:
    text, data = CASES["mixture"]
    backend = cavi.Backend()
    target = backend.target(bound(text, data))
    state = backend.step(target, backend.init(target, np.random.default_rng(0)))
    back = unflatten(Climb, flatten(state))
    assert ("is", "z") in back.now.factors[0].means, "made when it is asked for, and kept in a checkpoint"
    for f, h in zip(back.now.factors, state.now.factors, strict=True):
        assert set(h.means) <= set(f.means)
        for key in f.means:
            assert np.array_equal(f.means[key], h.means[key])
            assert f.means[key].strides == h.means[key].strides
