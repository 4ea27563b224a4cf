"""Arrow Gaussians: exact where the posterior is one, found from the gradient, and better than independent ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.errors import UsageError
from ppl.inference.advi_state import State
from ppl.inference.arrow import Arrow, Factor, arrow_draws, arrow_order, diagonal_frame
from ppl.inference.backends.advi import Backend
from ppl.inference.bending import FREE, BendObjective
from ppl.inference.checkpoint import flatten, unflatten
from ppl.inference.finite import FiniteTarget
from ppl.inference.separate import elements_of
from ppl.posterior.bend import straight
from ppl.posterior.target import Block
from tests.inference.problems import Problem, fit
from tests.inference.test_gaussian_targets import divergence

RNG = np.random.default_rng


def hierarchy(elements: int, own: int = 2, tie: float = 0.0, bend: float = 0.0) -> Problem:
    """Four coordinates, and ``own`` for each element in blocks (elements,); the head stands in the middle.

    ``tie`` makes every element depend on the next one, ``bend`` makes the density no Gaussian.
    """
    rng, size = RNG(0), 4 + elements * own
    head = np.arange(elements, elements + 4)
    places = np.stack([np.arange(elements) + (k > 0) * 4 + k * elements for k in range(own)], 1)
    root = np.diag(rng.uniform(0.5, 2.0, size))
    for place in places:
        root[np.ix_(place, head)] = 0.7 * rng.standard_normal((own, 4))
        root[np.ix_(place, place)] += np.tril(rng.standard_normal((own, own)), -1)
    precision = root.T @ root
    for a, b in itertools.pairwise(places):
        precision[a[0], b[0]] = precision[b[0], a[0]] = tie
    mean = 3.0 * rng.standard_normal(size)
    constant = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * size * np.log(2 * np.pi)

    def density(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        away = z - mean
        slopes = -away @ precision
        value = 0.5 * (away * slopes).sum(1) + constant
        warped = np.cosh(0.5 * away)
        return value - bend * warped.sum(1), slopes - 0.5 * bend * np.sinh(0.5 * away)

    blocks = [Block("z0", slice(0, elements), False), Block("head", slice(elements, elements + 4))]
    blocks += [Block(f"z{k}", slice(p.min(), p.max() + 1), False) for k, p in enumerate(places.T) if k]
    facts = {"mean": mean, "precision": precision, "places": places}
    return Problem(density, size, groups_are=tuple(blocks), facts=facts)


@pytest.mark.parametrize("own", [1, 3])
def test_an_arrow_is_exact_on_a_gaussian_hierarchy(own: int) -> None:
    problem = hierarchy(40, own)
    done, certificate = fit(problem, family="arrow")
    assert done.outcome.status == "converged"
    assert divergence(done.result, problem.facts) < 1e-6
    assert certificate.importance.exact
    cov = done.result.scale_tril @ done.result.scale_tril.T
    assert np.allclose(cov, np.linalg.inv(problem.facts["precision"]), rtol=1e-4, atol=1e-5)


def test_an_independent_gaussian_is_not_exact_there() -> None:
    problem = hierarchy(40, 1)
    done, certificate = fit(problem, family="mean_field", linear_response=False)
    assert certificate.elbo < -1.0
    assert done.outcome.status == "converged"


def test_full_rank_and_arrow_agree() -> None:
    problem = hierarchy(20, 1)
    full, _ = fit(problem, family="full_rank")
    arrow, _ = fit(problem, family="arrow")
    assert np.abs((full.result.mean - arrow.result.mean) / full.result.sd).max() < 1e-3
    assert np.abs(np.log(full.result.sd / arrow.result.sd)).max() < 1e-3
    assert abs(full.state.ascent.value - arrow.state.ascent.value) < 1e-6


def test_elements_are_found_and_not_imagined() -> None:
    found = elements_of(hierarchy(40), RNG(1))
    assert np.array_equal(found, hierarchy(40).facts["places"])
    assert elements_of(hierarchy(40, tie=0.1), RNG(1)).size == 0
    assert elements_of(hierarchy(10), RNG(1)).size == 0  # so few that full rank is as cheap


def test_large_hierarchies_get_an_arrow_unasked_and_tied_ones_do_not() -> None:
    backend = Backend()
    for problem, family in ((hierarchy(210), "arrow"), (hierarchy(210, tie=0.1), "mean_field")):
        assert backend.init(problem, RNG(0)).family == family


def test_draws_are_white_within_what_belongs_together() -> None:
    eps = arrow_draws(RNG(0), 20, 3, (50, 2))
    one = eps[:, [0, 1, 2, 9, 10]]
    assert np.allclose(one.T @ one / 20, np.eye(5))
    assert np.array_equal(eps[:10], -eps[10:])
    with pytest.raises(ValueError, match="at least 10 draws"):
        arrow_draws(RNG(0), 8, 3, (50, 2))


def test_gradient() -> None:
    problem = hierarchy(6, 2, bend=0.3)
    places, rng = problem.facts["places"], RNG(2)
    frame = diagonal_frame(problem.facts["mean"], 0.2 * rng.standard_normal(problem.size), places)
    objective = Arrow(FiniteTarget(problem), arrow_draws(rng, 24, 4, (6, 2)), frame, places)
    x = 0.3 * rng.standard_normal(len(objective.origin))
    grad = objective(x)[1]
    numeric = [
        (objective(x + 1e-5 * e)[0] - objective(x - 1e-5 * e)[0]) / 2e-5 for e in np.eye(len(x))
    ]  # fmt: skip
    assert np.allclose(grad, numeric, rtol=1e-5, atol=1e-6)


def test_one_newton_step_solves_a_gaussian() -> None:
    problem = hierarchy(6, 2)
    places, rng = problem.facts["places"], RNG(3)
    frame = diagonal_frame(problem.facts["mean"] + 0.1, np.full(problem.size, 2.0), places)
    objective = Arrow(FiniteTarget(problem), arrow_draws(rng, 24, 4, (6, 2)), frame, places)
    there = Arrow(
        objective.target, objective.eps, objective.newton(objective(objective.origin)[1], 1.0), places
    )
    assert np.abs(there(there.origin)[1]).max() < 1e-8
    assert np.allclose(there.frame.mean, problem.facts["mean"])


def test_products_of_factors() -> None:
    rng = RNG(4)
    a, b = (
        Factor(rng.standard_normal((3, 3)), rng.standard_normal((5, 2, 3)), rng.standard_normal((5, 2, 2)))
        for _ in range(2)
    )
    v, s = rng.standard_normal((2, 4, 13))
    assert np.allclose(a.of(b.of(v)), a.after(b).of(v))
    assert np.allclose((a.of(v) * s).sum(1), (v * a.back(s)).sum(1))
    assert sorted(arrow_order(np.array([[4, 1], [0, 3]]), 6)) == list(range(6))


def test_a_state_that_was_written_goes_on_to_the_same_bits() -> None:
    problem, backend = hierarchy(30, 2, bend=0.3), Backend(family="arrow")
    state = backend.init(problem, RNG(0))
    while state.phase == "centre":
        state = backend.step(problem, state)
    state = backend.step(problem, state)
    other = unflatten(State, flatten(state))
    for _ in range(3):
        state, other = backend.step(problem, state), backend.step(problem, other)
    assert state.family == "arrow"
    assert np.array_equal(state.ascent.x, other.ascent.x)


def test_what_no_arrow_fits_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 20 elements"):
        fit(hierarchy(30, tie=0.1), family="arrow")
    with pytest.raises(UsageError, match="an arrow fit of 64 coordinates needs at least 24 draws"):
        fit(hierarchy(30), family="arrow", draws=10)


MODEL = """
index classes
table pupils(class: classes, hours: real, mark: real)

mean_level ~ Normal(0, 2)
mean_slope ~ Normal(0, 2)
sd_level   ~ HalfNormal(1)
sd_slope   ~ HalfNormal(1)
sigma      ~ HalfNormal(1)
for c in classes:
    level[c] ~ Normal(mean_level, sd_level)
    slope[c] ~ Normal(mean_slope, sd_slope)
for p in pupils:
    mark[p] ~ Normal(level[class[p]] + slope[class[p]] * hours[p], sigma)
"""


def marks(
    rng: np.random.Generator, groups: int, each: int, centre: float
) -> dict[str, dict[str, np.ndarray]]:
    """Lines of marks over hours about ``centre``, one for each class."""
    of = np.repeat(np.arange(groups), each)
    hours = rng.normal(centre, 1.0, len(of))
    line = rng.normal(1.0, 0.5, groups)[of] + rng.normal(0.5, 0.4, groups)[of] * hours
    return {"pupils": {"class": of, "hours": hours, "mark": line + rng.normal(0, 0.7, len(of))}}


def test_a_hierarchy_of_slopes_gets_nearer_than_by_an_independent_gaussian(tmp_path: Path) -> None:
    model, data = ppl.compile(MODEL, path=False), marks(RNG(5), 40, 6, 1.0)
    arrow = model.fit(data, options={"family": "arrow"})
    plain = model.fit(data, options={"family": "mean_field"})
    # the two ELBOs have standard errors of less than 0.2 nats, so that 2 nats are ten of them
    assert arrow.bound.elbo > plain.bound.elbo + 2.0
    arrow.save(str(tmp_path / "fit.ppl"))
    again = ppl.load(str(tmp_path / "fit.ppl"))
    assert np.array_equal(again.approximation.scale_tril, arrow.approximation.scale_tril)


def test_a_large_hierarchy_is_bent_along_its_scales() -> None:
    """Of 420 slopes and levels. Sds of scales from 4,000 draws have errors of 2 %, so that 1.2 is seven of them."""
    model, data = ppl.compile(MODEL, path=False), marks(RNG(6), 210, 5, 0.0)
    bent, unbent = (model.fit(data, options={"bend": bend}) for bend in (True, False))
    assert bent.approximation.scale_tril is not None
    assert bent.approximation.bend is not None
    assert bent.status == "ok"
    sds = {f: {e.name: e.values[0, 1] for e in fit.estimates} for f, fit in (("b", bent), ("u", unbent))}
    for name in ("sd_level", "sd_slope"):
        assert sds["b"][name] > 1.2 * sds["u"][name]


def test_a_bent_arrow_is_climbed_by_its_own_slope() -> None:
    problem, rng = hierarchy(6, 2, bend=0.3), RNG(7)
    places = problem.facts["places"]
    order, cov = arrow_order(places, problem.size), np.linalg.inv(problem.facts["precision"])
    root = np.linalg.cholesky(cov[np.ix_(order, order)])
    rows = np.arange(4, 16).reshape(6, 2)
    factor = Factor(root[:4, :4], root[4:, :4].reshape(6, 2, 4), root[rows[:, :, None], rows[:, None, :]])
    base = straight(order, problem.facts["mean"], root, 2)
    arrow = BendObjective(FiniteTarget(problem), arrow_draws(rng, 40, 4, (6, 2)), base, factor)
    plain = BendObjective(arrow.target, arrow.eps, base)
    x = 0.2 * rng.standard_normal(len(arrow.pack({n: getattr(base, n) for n in FREE}, np.zeros(0))))
    value, grad = arrow(x)
    assert np.isclose(value, plain(x)[0])
    assert np.allclose(grad, plain(x)[1])
    numeric = [(arrow(x + 1e-5 * e)[0] - arrow(x - 1e-5 * e)[0]) / 2e-5 for e in np.eye(len(x))]
    assert np.allclose(grad, numeric, rtol=1e-5, atol=1e-6)
