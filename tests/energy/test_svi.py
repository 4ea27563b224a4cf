"""Minibatches: parts of batches add up to the whole energy, and both methods end where whole sweeps do.

All checks are deterministic given their seeds; tolerances of SVI's ends are three standard errors of what its last
steps move by, found once (no false alarms: the seeds are fixed).
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppl.errors import FitError, ModelError, UsageError
from ppl.inference import batched
from ppl.inference.backends import cavi, em
from ppl.inference.batched_target import BatchTarget, batch_target
from ppl.inference.checkpoint import flatten
from ppl.inference.run import Options, run
from tests.energy.test_checkpoint_climbs import HIDDEN, same, stopping
from tests.energy.test_sampled import ROBUST
from tests.energy.tools import bound

RNG = np.random.default_rng(4)
N = 600
KIND = RNG.integers(0, 2, N)
MIXTURE = """
index kinds = 2
table t(x: real)
w[kinds] ~ Dirichlet(2)
m[kinds] ~ Normal(0, 5)
p[kinds] ~ Gamma(2, 1)
for i in t:
    z[i] ~ Categorical(w)
    x[i] ~ Normal(m[z[i]], 1 / sqrt(p[z[i]]))
"""
GROUPS = """
index groups
table t(g: groups, x: real, y: real)
a, b ~ Normal(0, 5)
v ~ InverseGamma(3, 2)
s ~ InverseGamma(3, 2)
u[k] ~ Normal(a, sqrt(v)) for k in groups
y[i] ~ Normal(u[g[i]] + b * x[i], sqrt(s)) for i in t
"""
LOGISTIC = """
table t(x: real, y: bool)
a, b ~ Normal(0, 3)
y[i] ~ Bernoulli(logit = a + b * x[i]) for i in t
"""
TOPICS = """
index docs, vocab
index topics = 3
table tokens(doc: docs, word: vocab, count: weight)
theta[d, topics] ~ Dirichlet(0.5) for d in docs
phi[k, vocab] ~ Dirichlet(0.2) for k in topics
for n in tokens:
    z[n] ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""
G = RNG.integers(0, 60, N)
X = RNG.normal(size=N)
DOC = np.repeat(np.arange(60), 12)
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "mixture": (MIXTURE, {"x": np.where(KIND, 3.0, -2.0) + RNG.normal(size=N)}, "t=60"),
    "groups": (
        GROUPS,
        {"g": G.astype(str), "x": X, "y": RNG.normal(size=60)[G] + X + RNG.normal(size=N)},
        "groups=10",
    ),
    "logistic": (LOGISTIC, {"x": X, "y": RNG.random(N) < 1 / (1 + np.exp(-X - 0.5))}, "t=60"),
    "topics": (
        TOPICS,
        {
            "doc": DOC.astype(str),
            "word": ((DOC % 3) * 7 + RNG.integers(0, 9, len(DOC))).astype(str),
            "count": RNG.integers(1, 5, len(DOC)),
        },
        "docs=10",
    ),
}


def target_of(name: str, points: tuple[str, ...] = ()) -> BatchTarget:
    text, data, batch = CASES[name]
    return batch_target(bound(text, data), batch, points)


@pytest.mark.parametrize("name", list(CASES))
def test_parts_of_batches_add_up_to_the_whole(name: str) -> None:
    target = target_of(name)
    assert target.count > 4
    state = batched.begun_whole(target, 1)
    whole, found = batched.finished(target, 1, state)
    assert batched.bound_of(target, 1, settled(target, state)) == pytest.approx(found.elbo, rel=1e-9)
    first = target.part(1, 0)
    for j, i in enumerate(first.shared):
        names = first.ascent.blocks[i].names
        at = next(k for k, b in enumerate(whole.blocks) if b.names == names)
        wanted = whole.polynomial.gradient(at, whole.completed(found.factors))
        got = batched._summed(target, 1, settled(target, state), j)
        assert got.keys() == wanted.keys()
        for key in got:
            assert np.allclose(got[key], wanted[key], rtol=1e-7, atol=1e-7)
    short = replace(target, _parts=dict(target._parts))
    assert batched.bound_of(lacking(short), 1, settled(target, state)) != pytest.approx(found.elbo, rel=1e-9)


def settled(target: BatchTarget, state: batched.Batched) -> batched.Batched:
    """Every batch's local factors as well settled as `batched.finished` makes them."""
    for k in range(target.count):
        part = target.part(1, k)
        factors = batched._assembled(part, state, k, 1)
        factors = batched.local_passes(part, factors, batched.FINAL)
        own = tuple(factors[i] for i in part.local)
        state = replace(state, locals=(*state.locals[:k], own, *state.locals[k + 1 :]))
    return state


class _Lacking(BatchTarget):
    @property
    def count(self) -> int:
        return super().count - 1


def lacking(target: BatchTarget) -> BatchTarget:
    return _Lacking(target.problem, target.plan, target.size, target.points, target.merge, target._parts)


@pytest.mark.parametrize("name", list(CASES))
def test_svi_ends_where_sweeps_do(name: str) -> None:
    text, data, batch = CASES[name]
    problem = bound(text, data)
    q = {}
    for b in ("", batch):
        backend = cavi.Backend(batch=b, restarts=3, max_sweeps=60)
        found = run(backend, backend.target(problem), np.random.default_rng(1))
        assert found.result is not None
        q[b] = found.result
    near = 4.0 if name == "topics" else 1.0
    assert q[batch].elbo > q[""].elbo - near
    assert set(q[batch].means) == set(q[""].means)
    if name == "groups":
        for n in ("a", "b", "v", "s"):
            assert abs(q[batch].means[n] - q[""].means[n]) < 0.5 * q[""].sds[n], n


def test_a_step_touches_its_batch_alone() -> None:
    peaks = []
    for n in (2_000, 20_000):
        x = np.random.default_rng(0).normal(size=n)
        target = batch_target(bound(MIXTURE, {"x": x}), "t=100")
        state = batched.begun(target, 0)
        for _ in range(3):
            state = batched.stepped(target, 0, state)
        state = replace(state, step=0)
        tracemalloc.start()
        batched.stepped(target, 0, state)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize(("name", "points"), [("mixture", ("w", "m", "p")), ("groups", ("a", "b", "v", "s"))])
def test_incremental_em_never_falls_and_ends_where_em_does(name: str, points: tuple[str, ...]) -> None:
    target = target_of(name, points)
    state = batched.begun_whole(target, 3)
    values = [batched.bound_of(target, 3, state)]
    for _ in range(2 * target.count):
        state = batched.incremented(target, 3, state)
        values.append(batched.bound_of(target, 3, state))
    assert np.all(np.diff(values) >= -1e-8)
    assert values[-1] > values[0] + 1e-4
    text, data, batch = CASES[name]
    problem = bound(text, data)
    ends = []
    for b in ("", batch):
        backend = em.Backend(batch=b, point=",".join(points), restarts=1, tolerance=1e-9)
        found = run(backend, backend.target(problem), np.random.default_rng(1))
        assert found.result is not None
        ends.append(found.result.elbo)
    assert ends[1] == pytest.approx(ends[0], abs=2e-3)


@pytest.mark.parametrize("method", ["cavi", "em"])
def test_going_on_gives_the_same_bits(method: str, tmp_path: Path) -> None:
    text, data, batch = CASES["mixture"]
    backend: Any = (cavi if method == "cavi" else em).Backend(batch=batch, max_sweeps=3)
    target = backend.target(bound(text, data))
    straight = run(backend, target, np.random.default_rng(1))
    how = Options(checkpoint=tmp_path / "c.npz", checkpoint_seconds=1e9)
    run(stopping(backend, 13), target, np.random.default_rng(1), how)
    again = backend.target(bound(text, data))
    resumed = run(backend, again, np.random.default_rng(9), replace(how, resume=True))
    one, other = flatten(straight.state), flatten(resumed.state)
    assert one.keys() == other.keys()
    assert [k for k in one if not same(one[k], other[k])] == []


def test_what_minibatches_cannot_do_is_refused() -> None:
    x = RNG.normal(size=40)
    problem = bound(ROBUST, {"x": x, "y": x})
    with pytest.raises(FitError, match="minibatches need closed forms"):
        batched.begun(batch_target(problem, "t=10"), 0)
    with pytest.raises(ModelError, match="reads earlier rows|asks for the place"):
        batch_target(bound(HIDDEN, {"when": np.arange(40), "y": x}), "t=10")
    with pytest.raises(UsageError, match="no plate"):
        batch_target(problem, "rows=10")
