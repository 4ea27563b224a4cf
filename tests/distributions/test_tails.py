"""Distribution functions, far into both tails, and their slopes against mpmath; quantiles."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from ppl.backend.autograd_bridge import anp, grad
from ppl.distributions import find


@pytest.fixture(autouse=True)
def digits():
    """A hundred digits, whatever other tests set."""
    with mp.workdps(100):
        yield


def lower_gamma(a: Any, x: Any) -> Any:
    return mp.gammainc(a, 0, x, regularized=True)


def upper_gamma(a: Any, x: Any) -> Any:
    return mp.gammainc(a, x, mp.inf, regularized=True)


def beta_cdf(a: Any, b: Any, x: Any) -> Any:
    return mp.betainc(a, b, 0, x, regularized=True)


def student_cdf(df: Any, t: Any) -> Any:
    tail = beta_cdf(df / 2, mp.mpf(1) / 2, df / (df + t**2)) / 2
    return tail if t <= 0 else 1 - tail


def laplace_cdf(z: Any) -> Any:
    return mp.exp(z) / 2 if z < 0 else 1 - mp.exp(-z) / 2


HALF = mp.mpf(1) / 2
# name: (arguments, log cdf, log sf as probabilities of x and the arguments)
ORACLE: dict[str, Any] = {
    "Normal": (({"mean": 0.3, "sd": 2.0},), lambda x, mean, sd: mp.ncdf((x - mean) / sd), None),
    "HalfNormal": (({"scale": 2.0},), lambda x, scale: mp.erf(x / scale / mp.sqrt(2)), None),
    "LogNormal": (({"mean": 0.3, "sd": 0.8},), lambda x, mean, sd: mp.ncdf((mp.log(x) - mean) / sd), None),
    "Cauchy": (
        ({"loc": 0.3, "scale": 2.0},),
        lambda x, loc, scale: HALF + mp.atan((x - loc) / scale) / mp.pi,
        None,
    ),
    "HalfCauchy": (({"scale": 2.0},), lambda x, scale: 2 * mp.atan(x / scale) / mp.pi, None),
    "StudentT": (
        (
            {"df": 4.5, "loc": 0.3, "scale": 2.0},
            {"df": 0.7, "loc": 0.0, "scale": 1.0},
            {"df": 80.0, "loc": 1.0, "scale": 0.1},
        ),
        lambda x, df, loc, scale: student_cdf(df, (x - loc) / scale),
        None,
    ),
    "Exponential": (({"rate": 2.0}, {"rate": 1e-3}), lambda x, rate: 1 - mp.exp(-rate * x), None),
    "Gamma": (
        ({"shape": 2.5, "rate": 0.7}, {"shape": 0.3, "rate": 2.0}, {"shape": 400.0, "rate": 3.0}),
        lambda x, shape, rate: lower_gamma(shape, rate * x),
        lambda x, shape, rate: upper_gamma(shape, rate * x),
    ),
    "InverseGamma": (
        ({"shape": 2.5, "scale": 0.7}, {"shape": 30.0, "scale": 12.0}),
        lambda x, shape, scale: upper_gamma(shape, scale / x),
        lambda x, shape, scale: lower_gamma(shape, scale / x),
    ),
    "Beta": (
        ({"a": 2.5, "b": 0.7}, {"a": 0.3, "b": 4.0}, {"a": 300.0, "b": 120.0}),
        lambda x, a, b: beta_cdf(a, b, x),
        lambda x, a, b: beta_cdf(b, a, 1 - x),
    ),
    "Logistic": (
        ({"loc": 0.3, "scale": 2.0},),
        lambda x, loc, scale: 1 / (1 + mp.exp((loc - x) / scale)),
        None,
    ),
    "Laplace": (({"loc": 0.3, "scale": 2.0},), lambda x, loc, scale: laplace_cdf((x - loc) / scale), None),
    "Weibull": (
        ({"shape": 1.7, "scale": 2.0},),
        lambda x, shape, scale: 1 - mp.exp(-((x / scale) ** shape)),
        None,
    ),
    "Pareto": (({"scale": 1.5, "shape": 2.0},), lambda x, scale, shape: 1 - (scale / x) ** shape, None),
    "Uniform": (
        ({"lower": -1.0, "upper": 4.0},),
        lambda x, lower, upper: (x - lower) / (upper - lower),
        None,
    ),
    "Poisson": (
        ({"rate": 3.2}, {"rate": 0.01}, {"rate": 500.0}),
        lambda x, rate: upper_gamma(x + 1, rate),
        lambda x, rate: lower_gamma(x + 1, rate),
    ),
    "Binomial": (
        ({"n": 12.0, "p": 0.3}, {"n": 400.0, "p": 0.9}),
        lambda x, n, p: beta_cdf(n - x, x + 1, 1 - p) if x < n else mp.mpf(1),
        lambda x, n, p: beta_cdf(x + 1, n - x, p) if x < n else mp.mpf(0),
    ),
    "NegativeBinomial": (
        ({"mean": 3.2, "concentration": 1.7}, {"mean": 50.0, "concentration": 20.0}),
        lambda x, mean, concentration: beta_cdf(concentration, x + 1, concentration / (concentration + mean)),
        lambda x, mean, concentration: beta_cdf(x + 1, concentration, mean / (concentration + mean)),
    ),
    "Geometric": (({"p": 0.3},), lambda x, p: 1 - (1 - p) ** (x + 1), None),
}
LEVELS = (1e-12, 1e-4, 0.1, 0.5, 0.8, 0.999, 1 - 1e-9)


def cases(name: str) -> list[tuple[dict[str, float], np.ndarray]]:
    kind = find(name)
    return [(g, np.unique([kind.quantile(np.float64(q), **g) for q in LEVELS])) for g in ORACLE[name][0]]


def true_value(name: str, side: str, x: float, given: dict[str, Any]) -> Any:
    _, cdf, sf = ORACLE[name]
    if side == "log_cdf":
        return mp.log(cdf(mp.mpf(x), **given))
    return mp.log(sf(mp.mpf(x), **given) if sf else 1 - cdf(mp.mpf(x), **given))


@pytest.mark.parametrize("side", ["log_cdf", "log_sf"])
@pytest.mark.parametrize("name", ORACLE)
def test_distribution_function(name: str, side: str) -> None:
    for given, x in cases(name):
        exact = {k: mp.mpf(v) for k, v in given.items()}
        true = np.array([float(true_value(name, side, v, exact)) for v in x])
        got = getattr(find(name), side)(x, **given)
        finite = np.isfinite(true)
        assert np.array_equal(finite, np.isfinite(got))
        assert np.abs(got[finite] - true[finite]).max() <= 1e-11 * np.maximum(1, np.abs(true[finite])).max()


@pytest.mark.parametrize("side", ["log_cdf", "log_sf"])
@pytest.mark.parametrize("name", ORACLE)
def test_slopes_in_value_and_parameters(name: str, side: str) -> None:
    kind = find(name)
    for given, x in cases(name):
        x = x[:-1]
        for key in [*given, *(["x"] if kind.element == "real" else [])]:
            if key == "n":
                continue

            def total(v: Any, key: str = key, x: Any = x, given: Any = given) -> Any:
                new = given if key == "x" else {**given, key: v}
                return anp.sum(getattr(kind, side)(v if key == "x" else x, **new))

            start = x if key == "x" else np.full(x.shape, given[key])
            got = grad(total)(start)
            true = np.array([numeric(name, side, key, v, given) for v in x])
            floor = 1e-5 * np.abs(true).max() + 1e-300
            assert (np.abs(got - true) <= 1e-6 * np.maximum(np.abs(true), floor)).all(), (key, got, true)


def numeric(name: str, side: str, key: str, x: float, given: dict[str, float]) -> float:
    exact = {k: mp.mpf(v) for k, v in given.items()}
    at = mp.mpf(x) if key == "x" else exact[key]
    h = mp.mpf(10) ** -30 * (abs(at) if at else 1)

    def f(v: Any) -> Any:
        if key == "x":
            return true_value(name, side, v, exact)
        return true_value(name, side, x, {**exact, key: v})

    return float(mp.re((f(at + h) - f(at - h)) / (2 * h)))


@pytest.mark.parametrize("name", ORACLE)
def test_quantile_is_the_smallest_value_that_reaches_p(name: str) -> None:
    kind = find(name)
    for given, _ in cases(name):
        for p in (1e-9, 0.03, 0.5, 0.77, 0.9999):
            x = kind.quantile(np.float64(p), **given)
            if kind.element == "real":
                assert np.exp(kind.log_cdf(x, **given)) == pytest.approx(p, rel=1e-9)
            else:
                assert np.exp(kind.log_cdf(x, **given)) >= p * (1 - 1e-12)
                with np.errstate(divide="ignore"):
                    assert x == 0 or np.exp(kind.log_cdf(x - 1.0, **given)) < p


def test_far_tails_do_not_underflow() -> None:
    assert find("Normal").log_sf(40.0, mean=0.0, sd=1.0) == pytest.approx(-804.608442, abs=1e-6)
    assert find("Gamma").log_sf(3000.0, shape=2.0, rate=1.0) == pytest.approx(float(-3000 + np.log(3001)))
    assert np.isfinite(find("Gamma").log_cdf(1e-200, shape=4.0, rate=1.0))
    assert np.isfinite(find("Beta").log_cdf(1e-200, a=4.0, b=2.0))
    assert np.isfinite(find("StudentT").log_cdf(-1e100, df=4.0, loc=0.0, scale=1.0))
