"""Exponential families: the identity itself, the inverse of natural, and the gradient of A."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_settings import Setting, label, settings

from ppl.backend.autograd_bridge import anp, grad
from ppl.distributions import Applied, find

FAMILIES = [s for s in settings() if s.kind.family is not None]


def known(setting: Setting) -> dict[str, Any]:
    """What is not a parameter of the family: the number of trials."""
    return {"n": setting.given["n"]} if setting.name in ("Binomial", "Multinomial") else {}


def inner(eta: Any, t: Any) -> Any:
    return np.sum(np.multiply(eta, t), axis=tuple(range(1, max(np.ndim(eta), np.ndim(t)))))


@pytest.mark.parametrize("setting", FAMILIES, ids=label)
def test_log_density_is_linear_in_the_statistics(setting: Setting) -> None:
    family, n = setting.kind.family, known(setting)
    assert family is not None
    eta = family.natural(**setting.given)
    size = {"size": eta[0].shape[-1]} if setting.name == "Categorical" else {}
    t = family.statistics(setting.values, **size)
    base = family.log_base(setting.values, **(n if setting.name == "Binomial" else {}))
    total = base - family.log_normaliser(*eta, **n)
    for e, s in zip(eta, t, strict=True):
        total = total + inner(e, s)
    assert np.allclose(total, setting.applied.log_density(setting.values), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("setting", FAMILIES, ids=label)
def test_given_inverts_natural(setting: Setting) -> None:
    family, n = setting.kind.family, known(setting)
    assert family is not None
    back = family.given(*family.natural(**setting.given), **n)
    assert tuple(back) == setting.kind.signatures[0]
    other = Applied(setting.kind, back)
    assert np.allclose(
        other.log_density(setting.values), setting.applied.log_density(setting.values), rtol=1e-10
    )


@pytest.mark.parametrize("setting", FAMILIES, ids=label)
def test_gradient_of_the_log_normaliser_is_the_mean_statistic(setting: Setting) -> None:
    """z-scores of 20,000 draws' mean statistics: |z| < 5.5 fails falsely with chance 4e-8 each."""
    family, n = setting.kind.family, known(setting)
    assert family is not None
    eta = family.natural(**setting.given)
    size = {"size": eta[0].shape[-1]} if setting.name == "Categorical" else {}
    event = {"event_shape": setting.values.shape[1:]} if setting.kind.event_dims else {}
    x = setting.kind.sample(np.random.default_rng(8), (20_000,), **setting.given, **event)
    for i, t in enumerate(family.statistics(np.asarray(x, dtype=float), **size)):

        def normaliser(e: Any, i: int = i) -> Any:
            return anp.sum(family.log_normaliser(*eta[:i], e, *eta[i + 1 :], **n))

        mean = grad(normaliser)(eta[i])[0]
        t = np.broadcast_to(t, (20_000, *np.shape(mean)))
        z = (t.mean(0) - mean) / np.maximum(t.std(0) / np.sqrt(20_000), 1e-12)
        assert np.abs(z).max() < 5.5
        assert np.abs(z + 0.1 * np.sqrt(20_000)).max() > 5.5


# exact expectations, by double-exponential quadrature on the line and sums over counts
LINE, HALF, UNIT = "line", "half", "unit"
EXACT: list[tuple[str, str, dict[str, float], dict[str, float]]] = [
    ("Normal", LINE, {"mean": 0.4, "sd": 1.3}, {"mean": -1.0, "sd": 2.0}),
    ("LogNormal", HALF, {"mean": 0.4, "sd": 0.6}, {"mean": -0.2, "sd": 0.9}),
    ("Exponential", HALF, {"rate": 0.7}, {"rate": 2.0}),
    ("Gamma", HALF, {"shape": 2.5, "rate": 0.7}, {"shape": 4.0, "rate": 1.1}),
    ("InverseGamma", HALF, {"shape": 6.5, "scale": 2.7}, {"shape": 4.0, "scale": 1.1}),
    ("Beta", UNIT, {"a": 2.5, "b": 1.7}, {"a": 1.2, "b": 3.0}),
    ("Bernoulli", "count", {"p": 0.3}, {"p": 0.6}),
    ("Poisson", "count", {"rate": 3.3}, {"rate": 5.0}),
    ("Geometric", "count", {"p": 0.3}, {"p": 0.5}),
]


def nodes(domain: str) -> tuple[Any, Any]:
    """Points and weights."""
    t = np.linspace(-4.0, 4.0, 1601)
    step = t[1] - t[0]
    s, ds = 0.5 * np.pi * np.sinh(t), 0.5 * np.pi * np.cosh(t) * step
    if domain == "count":
        return np.arange(400.0), np.ones(400)
    if domain == LINE:
        return np.sinh(s[np.abs(s) < 30]), (np.cosh(s) * ds)[np.abs(s) < 30]
    if domain == HALF:
        return np.exp(s), np.exp(s) * ds
    x = 1.0 / (1.0 + np.exp(-2.0 * s))
    inside = (x > 1e-300) & (x < 1.0)
    weight = 2.0 * ds * x / (1.0 + np.exp(2.0 * s))
    return x[inside], weight[inside]


def expected(kind: Any, given: dict[str, float], domain: str, f: Any) -> Any:
    x, weight = nodes(domain)
    with np.errstate(all="ignore"):
        p = np.exp(kind.log_density(x, **given)) * weight
        kept = p > 0
        return np.sum(p[kept] * f(x[kept]))


@pytest.mark.parametrize(
    ("name", "domain", "given", "other"), EXACT, ids=lambda v: v if isinstance(v, str) else ""
)
def test_moments_covariance_and_divergence(
    name: str, domain: str, given: dict[str, float], other: dict[str, float]
) -> None:
    kind = find(name)
    family = kind.family
    eta = [np.array(e, dtype=float) for e in family.natural(**given)]
    k = len(eta)

    def mean(e: list[Any]) -> Any:
        return np.array(
            [grad(lambda v, i=i: family.log_normaliser(*e[:i], v, *e[i + 1 :]))(e[i]) for i in range(k)]
        )

    def statistic(i: int) -> Any:
        return lambda x: family.statistics(x)[i]

    mu = mean(eta)
    true = np.array([expected(kind, given, domain, statistic(i)) for i in range(k)])
    assert np.allclose(mu, true, rtol=1e-9, atol=1e-12)
    h = 1e-4
    for i in range(k):
        shifted = [[e + (j == i) * s * h * abs(e) for j, e in enumerate(eta)] for s in (2, 1, -1, -2)]
        a, b, c, d = (mean(s) for s in shifted)
        slope = (8 * (b - c) - (a - d)) / (12 * h * abs(eta[i]))
        for j in range(k):
            cov = expected(
                kind, given, domain, lambda x, i=i, j=j: (statistic(i)(x) - mu[i]) * (statistic(j)(x) - mu[j])
            )
            assert slope[j] == pytest.approx(cov, rel=1e-8)
    eta_q = family.natural(**other)
    closed = sum((p - q) * m for p, q, m in zip(eta, eta_q, mu, strict=True))
    closed += family.log_normaliser(*eta_q) - family.log_normaliser(*eta)
    direct = expected(
        kind, given, domain, lambda x: kind.log_density(x, **given) - kind.log_density(x, **other)
    )
    assert float(closed) == pytest.approx(float(direct), rel=1e-9)
    assert float(closed) + 1e-4 != pytest.approx(float(direct), rel=1e-9)
