"""Densities integrate to one, and masses sum to one, to 1e-9."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.distributions import Applied, find
from ppl.supports import Interval, Structured
from ppl.supports.bijections import for_support


def by_points(each: int, dims: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """u = sinh(t) on a grid of every coordinate: points (n, dims), log weights (n,)."""
    t = np.linspace(-reach, reach, each)
    axes = np.meshgrid(*[t] * dims, indexing="ij")
    flat = np.stack([a.ravel() for a in axes], axis=-1)
    log_weight = np.log(np.cosh(flat)).sum(-1) + dims * np.log(t[1] - t[0])
    return np.sinh(flat), log_weight


def integral(
    applied: Applied, support: Any, event: tuple[int, ...], each: int, reach: float, **bounds: Any
) -> float:
    bijection = for_support(support, **bounds)
    free = bijection.unconstrained_shape(event)
    u, log_weight = by_points(each, int(np.prod(free, dtype=int)), reach)
    with np.errstate(all="ignore"):
        x, log_det = bijection.forward(u.reshape(-1, *free))
        log_p = applied.log_density(np.asarray(x)) + log_det + log_weight
    return float(np.exp(log_p[np.isfinite(log_p)]).sum())


POSITIVE, UNIT, REAL = Interval(0.0, np.inf), Interval(0.0, 1.0), Interval()
SCALES = (0.2, 0.9, 1.0, 3.0, 12.0)
CONTINUOUS: dict[str, tuple[Any, list[dict[str, float]]]] = {
    "Normal": (REAL, [{"mean": m, "sd": s} for m, s in zip((-2, 0, 1, 5, 0.1), SCALES, strict=True)]),
    "Cauchy": (REAL, [{"loc": m, "scale": s} for m, s in zip((-2, 0, 1, 5, 0.1), SCALES, strict=True)]),
    "StudentT": (
        REAL,
        [{"df": d, "loc": 0.5, "scale": s} for d, s in zip((0.9, 2, 3.5, 9, 400), SCALES, strict=True)],
    ),
    "Logistic": (REAL, [{"loc": m, "scale": s} for m, s in zip((-2, 0, 1, 5, 0.1), SCALES, strict=True)]),
    "HalfNormal": (POSITIVE, [{"scale": s} for s in SCALES]),
    "HalfCauchy": (POSITIVE, [{"scale": s} for s in SCALES]),
    "Exponential": (POSITIVE, [{"rate": s} for s in SCALES]),
    "LogNormal": (POSITIVE, [{"mean": 0.4, "sd": s} for s in SCALES[:4]] + [{"mean": -2.0, "sd": 1.0}]),
    "Gamma": (POSITIVE, [{"shape": a, "rate": s} for a, s in zip((0.3, 1, 2.5, 40, 9), SCALES, strict=True)]),
    "InverseGamma": (
        POSITIVE,
        [{"shape": a, "scale": s} for a, s in zip((0.3, 1, 2.5, 40, 9), SCALES, strict=True)],
    ),
    "Weibull": (
        POSITIVE,
        [{"shape": a, "scale": s} for a, s in zip((0.3, 1, 2.5, 4, 9), SCALES, strict=True)],
    ),
    "Beta": (
        UNIT,
        [{"a": a, "b": b} for a, b in zip((0.6, 1, 2.5, 40, 9), (2.0, 0.9, 1.0, 3.0, 12.0), strict=True)],
    ),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name: str) -> None:
    support, grid = CONTINUOUS[name]
    for given in grid:
        reach = 30.0 if support == REAL else 12.0
        assert integral(Applied(find(name), given), support, (), 20001, reach) == pytest.approx(1, abs=1e-9)


def test_kinks_and_poles_are_split() -> None:
    for scale in SCALES:
        for name, given in (("Laplace", {"loc": 0.0, "scale": scale}), ("Horseshoe", {"scale": scale})):
            half = integral(Applied(find(name), given), POSITIVE, (), 20001, 12.0)
            assert half == pytest.approx(0.5, abs=1e-9)


def test_bounds_that_depend_on_arguments() -> None:
    for low, high in ((0, 1), (-3, 4), (5, 5.1), (-1e3, 1e3), (0, 1e-4)):
        uniform = Applied(find("Uniform"), {"lower": low, "upper": high})
        assert integral(uniform, REAL, (), 4001, 8.0, lower=float(low), upper=float(high)) == pytest.approx(
            1, abs=1e-9
        )
    for scale in SCALES:
        pareto = Applied(find("Pareto"), {"scale": scale, "shape": 2.0})
        assert integral(pareto, REAL, (), 20001, 12.0, lower=scale) == pytest.approx(1, abs=1e-9)


DISCRETE = [
    *[("Poisson", {"rate": r}) for r in (0.1, 1.0, 7.5, 60.0, 900.0)],
    *[
        ("NegativeBinomial", {"mean": m, "concentration": c})
        for m, c in ((0.1, 1), (3, 0.5), (9, 30), (50, 2), (1, 1e4))
    ],
    *[("Geometric", {"p": p}) for p in (0.01, 0.2, 0.5, 0.9, 1.0)],
    *[("Binomial", {"n": n, "p": p}) for n, p in ((1, 0.3), (5, 0.01), (40, 0.5), (300, 0.9), (0, 0.5))],
    *[("Binomial", {"n": n, "logit": p}) for n, p in ((1, 0.3), (5, -4), (40, 0.5), (300, 9), (0, 0.5))],
    *[
        ("BetaBinomial", {"n": n, "a": a, "b": 1.4})
        for n, a in ((1, 0.3), (5, 4), (40, 0.5), (300, 9), (0, 0.5))
    ],
    *[("Bernoulli", {"p": p}) for p in (0.0, 0.2, 0.5, 0.9, 1.0)],
    *[("DiscreteUniform", {"lower": 0, "upper": u}) for u in (0, 1, 5, 17, 800)],
]


@pytest.mark.parametrize(("name", "given"), DISCRETE)
def test_counts(name: str, given: dict[str, float]) -> None:
    assert np.exp(find(name).log_density(np.arange(20000), **given)).sum() == pytest.approx(1, abs=1e-9)


def test_labels() -> None:
    rng = np.random.default_rng(1)
    for k in (1, 2, 3, 6, 20):
        logit = rng.standard_normal(k)
        assert np.exp(find("Categorical").log_density(np.arange(k), logit=logit)).sum() == pytest.approx(1)
        cut = np.sort(rng.standard_normal((1, k)))
        labels = find("OrderedLogistic").log_density(np.arange(k + 1), eta=np.array([0.4]), cutpoints=cut)
        assert np.exp(labels).sum() == pytest.approx(1, abs=1e-12)


def test_multinomial() -> None:
    for n in (0, 1, 3, 8, 20):
        x = np.array([[i, j, n - i - j] for i in range(n + 1) for j in range(n + 1 - i)], dtype=float)
        log_p = find("Multinomial").log_density(x, n=np.array([n]), p=np.array([[0.2, 0.5, 0.3]]))
        assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-9)


COV = np.array([[[1.4, 0.3], [0.3, 0.8]]])
VECTORS: list[tuple[str, dict[str, Any], Any, tuple[int, ...], int, float]] = [
    ("Dirichlet", {"concentration": np.array([[2.0, 0.7, 1.5]])}, Structured("simplex"), (3,), 401, 5.0),
    ("Dirichlet", {"concentration": np.array([[20.0, 3.0]])}, Structured("simplex"), (2,), 2001, 6.0),
    ("MultivariateNormal", {"mean": np.array([[0.3, -1.0]]), "cov": COV}, REAL, (2,), 301, 4.0),
    ("MultivariateNormal", {"mean": np.array([[0.3, -1.0]]), "precision": COV}, REAL, (2,), 301, 4.0),
    ("MultivariateStudentT", {"df": 3.0, "loc": np.array([[0.3, -1.0]]), "cov": COV}, REAL, (2,), 801, 12.0),
    ("ZeroSumNormal", {"sd": np.array([1.3])}, Structured("zero_sum"), (3,), 301, 4.0),
    ("Wishart", {"df": 4.5, "scale": COV}, Structured("covariance"), (2, 2), 91, 3.3),
    ("InverseWishart", {"df": 12.0, "scale": 12.0 * COV}, Structured("covariance"), (2, 2), 91, 3.3),
    ("LKJ", {"eta": 1.7}, Structured("correlation"), (2, 2), 2001, 5.0),
    ("LKJ", {"eta": 1.6}, Structured("correlation"), (3, 3), 81, 2.8),
    ("LKJCholesky", {"eta": 1.7}, Structured("cholesky_correlation"), (3, 3), 81, 3.0),
    (
        "Ordered",
        {"distribution": Applied(find("Normal"), {"mean": 0.3, "sd": 1.5})},
        Structured("ordered"),
        (2,),
        401,
        5.0,
    ),
    (
        "Ordered",
        {"distribution": Applied(find("Exponential"), {"rate": 2.0})},
        Structured("positive_ordered"),
        (2,),
        401,
        5.0,
    ),
]


@pytest.mark.parametrize("case", VECTORS, ids=lambda c: f"{c[0]}-{c[3]}")
def test_vectors_and_matrices(case: Any) -> None:
    name, given, support, event, each, reach = case
    if support == REAL:
        u, log_weight = by_points(each, event[0], reach)
        total = np.exp(find(name).log_density(u, **given) + log_weight).sum()
    else:
        total = integral(Applied(find(name), given), support, event, each, reach)
    assert total == pytest.approx(1, abs=1e-9)


def test_matrix_normal() -> None:
    u, log_weight = by_points(61, 2, 3.5)
    given = {"mean": np.full((1, 2, 1), 0.2), "row_cov": COV, "column_cov": np.array([[[1.7]]])}
    total = np.exp(find("MatrixNormal").log_density(u[..., None], **given) + log_weight).sum()
    assert total == pytest.approx(1, abs=1e-9)


def wrap(name: str, **given: Any) -> Applied:
    return Applied(find(name), given)


@pytest.mark.parametrize(
    ("low", "high"), [(0.5, None), (None, -1.0), (-1.0, 2.0), (9.0, None), (9.0, 9.5), (-40.0, -39.0)]
)
def test_truncated_normal(low: float | None, high: float | None) -> None:
    given = {k: v for k, v in (("lower", low), ("upper", high)) if v is not None}
    inner = wrap("Normal", mean=0.2, sd=1.0)
    assert integral(
        wrap("Truncated", distribution=inner, **given), REAL, (), 20001, 7.0, **given
    ) == pytest.approx(1, abs=1e-9)


def test_discrete_wrappers() -> None:
    x = np.arange(300.0)
    poisson = wrap("Poisson", rate=4.0)
    parts = (poisson, wrap("Geometric", p=0.2))
    for applied in (
        wrap("Truncated", distribution=poisson, upper=6.0),
        wrap("Truncated", distribution=poisson, lower=2.0, upper=6.0),
        wrap("Truncated", distribution=poisson, lower=30.0),
        wrap("Censored", distribution=poisson, upper=6.0),
        wrap("Censored", distribution=poisson, lower=2.0, upper=6.0),
        wrap("ZeroInflated", distribution=poisson, p_zero=0.3),
        wrap("Mixture", weights=np.array([0.4, 0.6]), components=parts),
        wrap(
            "Truncated",
            distribution=wrap("Mixture", weights=np.array([0.4, 0.6]), components=parts),
            lower=1.0,
        ),
        wrap("Truncated", distribution=wrap("ZeroInflated", distribution=poisson, p_zero=0.3), upper=5.0),
    ):
        log_p = np.asarray(applied.log_density(x))
        if applied.distribution.__name__ == "Censored":
            log_p = log_p[(x >= applied.given.get("lower", 0.0)) & (x <= applied.given["upper"])]
        assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-9)
