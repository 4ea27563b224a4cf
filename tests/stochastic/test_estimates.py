"""Estimates of the ELBO: slopes, unbiased batches, closed forms, and what a batch is refused for."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from ppl.errors import ModelError, UsageError
from ppl.graph.by_row import by_row
from ppl.graph.replayed import Steps
from ppl.graph.stochastic import StochasticElbo, View
from tests.stochastic.models import CASES, CODED, pictures, problem

PARTS = 4


def estimates(name: str, batched: bool = True) -> StochasticElbo:
    text, data, plate = CASES[name]
    return StochasticElbo(problem(text, data), plate if batched else "")


def somewhere(found: StochasticElbo) -> np.ndarray:
    return found.start(0, -1.0) + 0.3 * np.random.default_rng(5).standard_normal(found.size)


@pytest.mark.parametrize("name", CASES)
def test_slopes_are_those_of_the_objective(name: str) -> None:
    found = estimates(name)
    x, rows = somewhere(found), np.arange(found.rows)[: found.rows // 2]

    def objective(at: np.ndarray) -> float:
        return found.slopes(at, found.batch(rows), np.random.default_rng(1), 3, 0.7).objective

    here = found.slopes(x, found.batch(rows), np.random.default_rng(1), 3, 0.7)
    whole = np.zeros(found.size)
    for piece, slope in zip(here.pieces, here.slopes, strict=True):
        own = piece.parameter.of(whole)
        own[... if piece.index is None else piece.index] = slope
    for k in range(0, found.size, max(found.size // 12, 1)):
        step = 1e-5 * np.eye(found.size)[k]
        numeric = (objective(x + step) - objective(x - step)) / 2e-5
        assert whole[k] == pytest.approx(numeric, rel=1e-5, abs=1e-5)


def at_means(found: StochasticElbo, x: np.ndarray, view: View) -> float:
    """The ELBO's terms with every draw at its mean: a sum over rows, so batches average to it exactly."""
    parts, _ = found.parts(x, view, lambda name, shape: np.zeros(shape), 1)
    return float(np.ravel(parts.objective(1.0))[0])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("twin", [False, True], ids=["right", "unweighted"])
def test_batches_average_to_the_whole(name: str, twin: bool) -> None:
    found = estimates(name)
    x = somewhere(found)
    order = np.random.default_rng(3).permutation(found.rows)
    views = [found.batch(np.sort(part)) for part in np.split(order, PARTS)]
    if twin:
        views = [_unweighted(v) for v in views]
    mean = np.mean([at_means(found, x, v) for v in views])
    agrees = mean == pytest.approx(at_means(found, x, found.everything), rel=1e-10)
    assert agrees != twin


def _unweighted(view: View) -> View:
    from dataclasses import replace

    data = replace(view.layout.data, weights={})
    return View(replace(view.layout, data=data), view.pieces)


@pytest.mark.parametrize("name", CASES)
def test_the_whole_is_the_log_joint_and_the_entropy(name: str) -> None:
    """At point masses the ELBO's terms are the log joint of the unconstrained coordinates, plus log sds."""
    text, data, _ = CASES[name]
    if name == "coded":
        text = text.split("guide:")[0]
    bound = problem(text, data)
    found = StochasticElbo(bound)
    x = somewhere(found)
    mean, log_sd = found.coordinates(x)
    parts, _ = found.parts(x, found.everything, lambda n, shape: np.zeros(shape), 1, closed=False)
    free = ~bound.target().point
    minus_log_q = (log_sd[free] + 0.5 * np.log(2 * np.pi)).sum()
    wanted = bound.target().log_density(mean[None])[0] + minus_log_q
    assert float(np.ravel(parts.objective(1.0))[0]) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1.05], ids=["right", "wider"])
def test_closed_forms_are_the_means_of_draws(scale: float) -> None:
    """|z| < 5 with 20,000 draws: one false alarm in 1.7 million; draws 5 % too wide are caught."""
    found = estimates("coded")
    x, rng = somewhere(found), np.random.default_rng(0)
    closed, _ = found.parts(x, found.everything, found.noise(rng), 1)

    def noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
        return scale * rng.standard_normal(shape)

    drawn, _ = found.parts(x, found.everything, noise, 20000, closed=False)
    rates = np.asarray(drawn.rate)
    error = rates.std() / np.sqrt(len(rates))
    z = (rates.mean() - float(np.ravel(closed.rate)[0])) / error
    assert (abs(z) < 5.0) == (scale == 1.0)


def test_terms_by_row_add_up() -> None:
    found = estimates("ragged")
    x = somewhere(found)
    parts, at = found.parts(x, found.everything, lambda n, shape: np.zeros(shape), 1)
    assert found.plan is not None
    rows = by_row(at, found.plan, parts.factors)
    assert rows.shape == (1, 8)
    assert rows.sum() == pytest.approx(float(np.ravel(parts.log_likelihood)[0]))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("table t(d: order, y: real)\nfor i in t:\n    y[i] ~ Normal(0 if first(i) else y[i-1], s)", "earlier"),
        ("table t(y: real)\nu[i] ~ Normal(0, 1) for i in t\ny[i] ~ Normal(sum(u[j] for j in t), s) for i in t", "sums"),
        ("table t(y: real)\nb ~ Normal(0, 1)\ny[i] ~ Normal(b * position(i), s) for i in t", "place of a row"),
        ("index k = 2\ntable t(y: real)\nu[t] ~ Normal(0, 1)\ny[i] ~ Normal(u[i], s) for i in t", "whole plate"),
    ],
)  # fmt: skip
def test_batches_that_would_be_biased_are_refused(text: str, why: str) -> None:
    data = {"y": np.arange(4.0), "d": np.arange(4.0)}
    bound = problem(f"{text}\ns ~ HalfNormal(1)\n", {k: v for k, v in data.items() if f"{k}:" in text})
    with pytest.raises(ModelError, match=f"E607.*{why}"):
        StochasticElbo(bound, "t")


def test_a_plate_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="E705.*`faces`"):
        StochasticElbo(problem(CODED, pictures()), "faces")


@pytest.mark.parametrize("name", ["coded", "filtered", "holes"])
def test_recorded_batches_are_those_traced_anew(name: str) -> None:
    found = estimates(name)
    x, steps = somewhere(found), Steps(found, 2, 1.0)
    for k in range(4):
        rows = np.sort(np.random.default_rng(k).permutation(found.rows)[:8])
        ours = steps.slopes(x, rows, np.random.default_rng(k))
        traced = found.slopes(x, found.batch(rows), np.random.default_rng(k), 2)
        assert ours.objective == pytest.approx(traced.objective, rel=1e-10)
        for a, b in zip(ours.slopes, traced.slopes, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    assert bool(steps.columns) == (name == "coded")


def test_a_traced_step_lets_go_of_its_arrays_without_the_collector() -> None:
    found = estimates("ragged")
    x, rows = somewhere(found), np.arange(6)
    view, seen = found.batch(rows), []
    record = found.record

    def watched(*args: object) -> object:
        known = record(*args)  # type: ignore[arg-type]
        seen.extend(
            weakref.ref(a) for a in known.tape.examples if isinstance(a, np.ndarray) and a.base is None
        )
        return known

    found.record = watched  # type: ignore[assignment, method-assign]
    gc.disable()
    try:
        slopes = found.slopes(x, view, np.random.default_rng(0), 2)
        left = [a for a in (r() for r in seen) if a is not None]
    finally:
        gc.enable()
    assert len(seen) > 20
    kept = {id(s) for s in slopes.slopes} | {id(view.layout)}
    assert sum(a.size for a in left if id(a) not in kept) <= found.size + 6
