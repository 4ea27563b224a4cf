"""Samplers against distribution functions, masses and scores, each with a broken twin.

False alarms, per test: Kolmogorov-Smirnov distances above 0.0085 at 10^5 draws have chance 1e-6
(Dvoretzky-Kiefer-Wolfowitz); chi-square p-values below 1e-6; |z| above 5, 5.7e-7 a coordinate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_settings import Setting, label, rebuilt, settings
from scipy import special

from ppl.backend.autograd_bridge import anp, grad
from ppl.distributions import Applied, find

N = 100_000
LIMIT = 0.0085
SCALAR = [s for s in settings() if s.values.ndim == 1 and s.name not in ("Flat", "Delta")]
WITH_CDF = [
    s for s in SCALAR if s.kind.element == "real" and s.kind.log_cdf is not None and s.name != "Censored"
]
DISCRETE = [s for s in SCALAR if s.kind.element != "real" or s.name == "ZeroInflated"]
WITH_CDF = [s for s in WITH_CDF if s not in DISCRETE]


def draws(setting: Setting, n: int = N, seed: int = 5) -> np.ndarray:
    event = {"event_shape": setting.values.shape[1:]} if setting.kind.event_dims else {}
    return np.asarray(setting.kind.sample(np.random.default_rng(seed), (n,), **setting.given, **event))


def distance(applied: Applied, x: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of draws from their distribution function."""
    with np.errstate(all="ignore"):
        u = np.sort(np.exp(np.broadcast_to(applied.log_cdf(x), x.shape)))
    grid = np.arange(len(u) + 1) / len(u)
    return float(max(np.max(grid[1:] - u), np.max(u - grid[:-1])))


@pytest.mark.parametrize("setting", WITH_CDF, ids=label)
def test_continuous(setting: Setting) -> None:
    x = draws(setting)
    assert distance(setting.applied, x) < LIMIT
    center = np.median(x)
    spread = np.quantile(x, 0.84) - center
    assert distance(setting.applied, center + 1.1 * (x - center)) > LIMIT
    assert distance(setting.applied, x + 0.1 * spread) > LIMIT


def p_value(applied: Applied, x: np.ndarray) -> float:
    """Chi-square over cells of at least 25 expected draws, the rest pooled."""
    top = int(x.max()) + 1
    values = np.arange(int(min(x.min(), 0)), top + 1)
    mass = np.exp(np.broadcast_to(applied.log_density(values.astype(float)), values.shape))
    seen = np.array([(x == v).sum() for v in values])
    big = mass * len(x) >= 25
    expected = np.append(mass[big], 1 - mass[big].sum()) * len(x)
    observed = np.append(seen[big], len(x) - seen[big].sum())
    if expected[-1] < 5:
        expected, observed = expected[:-1], observed[:-1]
    square = np.sum(np.square(observed - expected) / expected)
    return float(special.gammaincc(max(len(expected) - 1, 1) / 2, square / 2))


@pytest.mark.parametrize("setting", DISCRETE, ids=label)
def test_counts_and_labels(setting: Setting) -> None:
    x = draws(setting)
    assert p_value(setting.applied, x) > 1e-6
    broken = np.where(np.random.default_rng(1).random(N) < 0.03, x.max(), x)
    assert p_value(setting.applied, broken) < 1e-6


def test_far_truncation() -> None:
    for low, high in ((8.0, None), (None, -9.0), (6.0, 6.2), (-0.5, 0.3)):
        bounds = {k: np.array([v]) for k, v in (("lower", low), ("upper", high)) if v is not None}
        inner = Applied(find("Normal"), {"mean": np.zeros(1), "sd": np.ones(1)})
        applied = Applied(find("Truncated"), {"distribution": inner, **bounds})
        x = applied.sample(np.random.default_rng(2), (N,))
        assert distance(applied, x) < LIMIT
        assert x.min() >= (low if low is not None else -np.inf)


def test_truncated_counts() -> None:
    inner = Applied(find("Poisson"), {"rate": np.array([4.0])})
    for bounds in ({"lower": 1.0}, {"upper": 5.0}, {"lower": 12.0}, {"lower": 2.0, "upper": 4.0}):
        applied = Applied(
            find("Truncated"), {"distribution": inner, **{k: np.array([v]) for k, v in bounds.items()}}
        )
        x = applied.sample(np.random.default_rng(2), (N,))
        assert p_value(applied, x) > 1e-6


# scores: the sampler, the density and its gradient agree (Bartlett's first identity)
BOUND = {"Uniform", "Pareto", "Flat", "Delta", "DiscreteUniform", "Censored", "Horseshoe"}
SCORED = [s for s in settings() if s.name not in BOUND]


def score_z(setting: Setting, x: np.ndarray, key: str) -> float:
    """Largest |z| of the mean score of one argument."""
    at = np.repeat(setting.arrays[key], len(x), axis=0)

    def total(v: Any) -> Any:
        given = rebuilt(setting.given, {key: v})
        return anp.sum(Applied(setting.kind, given).log_density(x))

    with np.errstate(all="ignore"):
        score = grad(total)(at)
    if key.split(".")[-1] in ("p", "weights") and score.ndim > 1:
        score = score - score.mean(-1, keepdims=True)
    spread = score.std(0) / np.sqrt(len(x))
    # the score of a likelihood that the argument does not enter is zero throughout
    return float(np.max(np.abs(score.mean(0)) / np.where(spread > 1e-9, spread, np.inf)))


@pytest.mark.parametrize("setting", SCORED, ids=label)
def test_mean_scores_vanish(setting: Setting) -> None:
    x = draws(setting, 20_000)
    for key in setting.arrays:
        if key.split(".")[-1] in ("n", "size", "lower", "upper"):
            continue
        assert score_z(setting, x.astype(float), key) < 5.5, key


def test_a_wrong_sampler_is_found_by_its_scores() -> None:
    for setting in SCORED:
        if (
            setting.kind.element == "real"
            and setting.kind.event_dims == 1
            and setting.name.startswith("Multi")
        ):
            x = draws(setting, 20_000)
            key = "mean" if "mean" in setting.given else "loc"
            assert score_z(setting, x + 0.1, key) > 5.5
    wishart = next(s for s in SCORED if s.name == "Wishart")
    assert score_z(wishart, 1.05 * draws(wishart, 20_000), "df") > 5.5
    lkj = next(s for s in SCORED if s.name == "LKJ")
    off = draws(lkj, 20_000) * (1 - np.eye(2)) * 0.9 + np.eye(2)
    assert score_z(lkj, off, "eta") > 5.5


@pytest.mark.soak
@pytest.mark.parametrize("setting", SCORED, ids=label)
def test_bartlett_identities_with_a_million_draws(setting: Setting) -> None:
    seed = np.random.SeedSequence().entropy
    print("seed", seed)
    x = draws(setting, 1_000_000 if setting.values.ndim == 1 else 100_000, seed=int(seed) % 2**32)
    for key in setting.arrays:
        if key.split(".")[-1] not in ("n", "size", "lower", "upper"):
            assert score_z(setting, x.astype(float), key) < 5.5, key


def test_same_seed_same_draws() -> None:
    for setting in SCALAR:
        assert np.array_equal(draws(setting, 10), draws(setting, 10))
