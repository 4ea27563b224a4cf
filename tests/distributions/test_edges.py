"""Values off the support, parameters at and beyond their bounds, and exact zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_settings import Setting, label, rebuilt, settings

from ppl.backend.autograd_bridge import anp, grad
from ppl.distributions import Applied, find
from ppl.supports import Interval

ALL = settings()
SCALAR = [s for s in ALL if s.values.ndim == 1 and not s.kind.wrapper and s.name != "Flat"]


@pytest.mark.parametrize("setting", ALL, ids=label)
def test_values_off_the_support_have_no_density(setting: Setting) -> None:
    off = np.full_like(setting.values, np.nan)
    assert np.all(setting.applied.log_density(off) == -np.inf)
    if setting.name not in ("Flat", "Censored"):
        assert np.all(setting.applied.log_density(np.full_like(setting.values, np.inf)) == -np.inf)
    if setting.kind.element != "real":
        assert np.all(setting.applied.log_density(setting.values + 0.5) == -np.inf)
    if setting.kind.support in ("count",):
        assert np.all(setting.applied.log_density(setting.values - 100) == -np.inf)


@pytest.mark.parametrize(
    ("name", "value", "given"),
    [
        ("Exponential", -1.0, {"rate": 1.0}),
        ("Gamma", 0.0, {"shape": 2.0, "rate": 1.0}),
        ("Beta", 1.5, {"a": 2.0, "b": 1.0}),
        ("Uniform", 2.5, {"lower": 0.0, "upper": 2.0}),
        ("Pareto", 0.5, {"scale": 1.0, "shape": 2.0}),
        ("Poisson", -1, {"rate": 2.0}),
        ("Binomial", 7, {"n": 5, "p": 0.5}),
        ("BetaBinomial", 7, {"n": 5, "a": 0.5, "b": 1.0}),
        ("Bernoulli", 2, {"p": 0.5}),
        ("Geometric", -1, {"p": 0.5}),
        ("NegativeBinomial", -1, {"mean": 0.5, "concentration": 1.0}),
        ("DiscreteUniform", 7, {"lower": 0, "upper": 6}),
        ("Categorical", 3, {"p": np.array([0.2, 0.3, 0.5])}),
        ("Categorical", -1, {"logit": np.array([0.2, 0.3, 0.5])}),
        ("OrderedLogistic", 3, {"eta": 0.1, "cutpoints": np.array([0.0, 1.0])}),
        ("Dirichlet", np.array([0.5, 0.6]), {"concentration": np.array([1.0, 1.0])}),
        ("Multinomial", np.array([1.0, 1.0]), {"n": 3, "p": np.array([0.5, 0.5])}),
        ("ZeroSumNormal", np.array([1.0, 1.0]), {"sd": 1.0}),
        ("Wishart", np.array([[1.0, 2.0], [2.0, 1.0]]), {"df": 3.0, "scale": np.eye(2)}),
        ("LKJ", np.array([[1.0, 2.0], [2.0, 1.0]]), {"eta": 3.0}),
        ("LKJ", 2 * np.eye(2), {"eta": 3.0}),
        ("LKJCholesky", np.array([[1.0, 0.0], [0.5, 0.5]]), {"eta": 3.0}),
    ],
)
def test_outside(name: str, value: Any, given: dict[str, Any]) -> None:
    out = np.asarray(find(name).log_density(value, **given))
    assert not np.any(out > -np.inf)


@pytest.mark.parametrize("setting", SCALAR, ids=label)
def test_bad_parameters_are_never_a_number(setting: Setting) -> None:
    kinds = {p.name: p for p in setting.kind.parameters}
    for key, array in setting.given.items():
        support = kinds[key].support
        if not isinstance(support, Interval):
            continue
        bad = [np.nan]
        if np.isfinite(support.lower):
            bad.append(support.lower - 0.1)
            if not support.closed_lower:
                bad.append(support.lower)
        if np.isfinite(support.upper):
            bad.append(support.upper + 0.1)
        for value in bad:
            new = rebuilt(setting.given, {key: np.full_like(array, value)})
            out = Applied(setting.kind, new).log_density(setting.values)
            assert np.all(np.isnan(out) | (out == -np.inf)), (key, value, out)


@pytest.mark.parametrize("bad", [np.zeros((1, 2, 2)), -np.eye(2)[None], np.full((1, 2, 2), np.nan)])
@pytest.mark.parametrize("name", ["cov", "precision", "scale_tril"])
def test_matrices_that_are_not_positive_definite(name: str, bad: np.ndarray) -> None:
    out = find("MultivariateNormal").log_density(np.zeros((1, 2)), mean=np.zeros((1, 2)), **{name: bad})
    assert np.all(np.isnan(out) | (out == -np.inf))


DEGENERATE = [
    ("Bernoulli", {"p": 0.0}, 0, 1),
    ("Bernoulli", {"p": 1.0}, 1, 0),
    ("Bernoulli", {"logit": -np.inf}, 0, 1),
    ("Binomial", {"n": 3.0, "p": 0.0}, 0, 2),
    ("Binomial", {"n": 3.0, "p": 1.0}, 3, 2),
    ("Binomial", {"n": 0.0, "p": 0.3}, 0, 1),
    ("Poisson", {"rate": 0.0}, 0, 1),
    ("NegativeBinomial", {"mean": 0.0, "concentration": 2.0}, 0, 1),
    ("Geometric", {"p": 1.0}, 0, 1),
    ("Categorical", {"p": np.array([[0.0, 1.0]])}, 1, 0),
    ("Categorical", {"logit": np.array([[-np.inf, 1.0]])}, 1, 0),
]


@pytest.mark.parametrize(("name", "given", "sure", "impossible"), DEGENERATE)
def test_certain_events_are_exact_and_have_finite_slopes(
    name: str, given: dict[str, Any], sure: int, impossible: int
) -> None:
    kind = find(name)
    for value, true in ((sure, 0.0), (impossible, -np.inf)):
        x = np.array([float(value)])
        arrays = {k: np.atleast_1d(v) for k, v in given.items()}
        assert kind.log_density(x, **arrays) == true
        key = next(k for k in given if k not in ("n", "concentration"))

        def total(v: Any, key: str = key, x: Any = x, arrays: Any = arrays) -> Any:
            return anp.sum(kind.log_density(x, **{**arrays, key: v}))

        if np.all(np.isfinite(arrays[key])):
            with np.errstate(all="ignore"):
                assert np.all(np.isfinite(grad(total)(arrays[key])))


def test_zero_cells_of_a_multinomial() -> None:
    kind = find("Multinomial")
    p = np.array([[0.0, 0.4, 0.6]])
    assert np.isfinite(kind.log_density(np.array([[0.0, 1.0, 2.0]]), p=p))
    assert kind.log_density(np.array([[1.0, 1.0, 2.0]]), p=p) == -np.inf
    slope = grad(lambda v: anp.sum(kind.log_density(np.array([[0.0, 1.0, 2.0]]), p=v)))(p)
    assert np.all(np.isfinite(slope))


def test_infinite_cutpoints_close_a_category() -> None:
    kind = find("OrderedLogistic")
    cut = np.array([[0.0, np.inf]])
    got = np.exp(kind.log_density(np.arange(3.0), eta=np.zeros(1), cutpoints=cut))
    assert np.allclose(got, [0.5, 0.5, 0.0], atol=1e-15)
    with np.errstate(all="ignore"):
        slope = grad(lambda v: anp.sum(kind.log_density(np.arange(2.0), eta=v, cutpoints=cut)))(np.zeros(1))
    assert np.isfinite(slope).all()


def test_integers_may_come_as_integers_or_floats() -> None:
    for name, given in (("Poisson", {"rate": 2.0}), ("Categorical", {"p": np.array([0.1, 0.2, 0.7])})):
        a = find(name).log_density(np.array([0, 1, 2]), **given)
        b = find(name).log_density(np.array([0.0, 1.0, 2.0]), **given)
        assert np.array_equal(a, b)
