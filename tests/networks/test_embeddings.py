"""Tables of numbers for labels: their values, slopes, fits, and labels that are latent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.errors import ModelError

COUNTIES = """
index units = 2
index words
table rows(w: words, v: words, x: real, y: real)
network vector(words, words -> of[units]) = Embedding(SETTING)
network read(units -> m) = Linear()
s ~ HalfNormal(1)
y[i] ~ Normal(read(vector(w[i], v[i]).of).m * x[i], s) for i in rows
"""
GROUPS = """
index groups
table rows(g: groups, y: real)
network level(groups -> of) = Embedding(prior = Normal(0, 1))
y[i] ~ Normal(level(g[i]).of, 0.5) for i in rows
"""


def rows(rng: np.random.Generator, n: int = 30) -> dict[str, np.ndarray]:
    words = np.array(["a", "b", "c", "d"])
    w, v = words[np.arange(n) % 4], words[rng.integers(0, 4, n)]
    return {"w": w, "v": v, "x": rng.standard_normal(n), "y": rng.standard_normal(n)}


def by_hand(data: dict[str, np.ndarray], p: dict[str, np.ndarray]) -> float:
    codes = [np.searchsorted(["a", "b", "c", "d"], data[k]) for k in ("w", "v")]
    vectors = p["vector/of/weight/1"][codes[0]] + p["vector/of/weight/2"][codes[1]]
    mean = (vectors @ p["read/m/weight"] + p["read/m/bias"]) * data["x"]
    s = float(p["s"])
    prior = 0.5 * np.log(2 / np.pi) - 0.5 * s**2
    return float((-0.5 * ((data["y"] - mean) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi)).sum() + prior)


def test_value_and_slopes_agree_with_numpy() -> None:
    rng = np.random.default_rng(0)
    data = rows(rng)
    shapes = {
        "vector/of/weight/1": (4, 2),
        "vector/of/weight/2": (4, 2),
        "read/m/weight": (2,),
        "read/m/bias": (),
    }
    p = {k: rng.standard_normal(s) for k, s in shapes.items()} | {"s": np.array(0.8)}
    value, grad = ppl.compile(COUNTIES.replace("SETTING", "")).log_joint(p, data)
    assert value == pytest.approx(by_hand(data, p), rel=1e-12)
    for name in shapes:
        place = tuple(n - 1 for n in np.shape(p[name]))
        up, down = (by_hand(data, moved(p, name, place, e)) for e in (1e-6, -1e-6))
        assert float(np.asarray(grad[name])[place]) == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-6)


def moved(p: dict[str, np.ndarray], name: str, place: tuple[int, ...], by: float) -> dict[str, np.ndarray]:
    out = {k: np.array(v) for k, v in p.items()}
    out[name][place] += by
    return out


@pytest.mark.parametrize("method", ["advi", "advi_stochastic", "cavi"])
def test_a_table_with_a_prior_is_a_mean_for_each_label(method: str) -> None:
    rng = np.random.default_rng(1)
    data = {"g": np.repeat(np.array(list("abcde")), [1, 2, 4, 8, 16]), "y": rng.standard_normal(31)}
    fit = ppl.fit(GROUPS, data, method=method)
    count = np.array([1, 2, 4, 8, 16])
    total = np.array([data["y"][data["g"] == k].sum() for k in "abcde"])
    precision = 1.0 + count / 0.25
    draws = fit.draws["level/of/weight"]
    sd = precision**-0.5
    # means of draws are off by 1/sqrt(draws) sd: five of those, plus what stochastic gradients leave
    assert np.abs((draws.mean(0) - total / 0.25 / precision) / sd).max() < 0.25
    assert np.abs(draws.std(0) / sd - 1).max() < 0.15


def test_batches_of_rows_read_only_their_labels() -> None:
    rng = np.random.default_rng(2)
    truth = rng.standard_normal((40, 2))
    labels = np.array([f"w{k:02d}" for k in range(40)])
    w, v, x = rng.integers(0, 40, 4000), rng.integers(0, 40, 4000), rng.standard_normal(4000)
    y = x * (truth[w, 0] + truth[v, 1]) + 0.1 * rng.standard_normal(4000)
    text = COUNTIES.replace("SETTING", "")
    data = {"w": labels[w], "v": labels[v], "x": x, "y": y}
    fit = ppl.fit(text, data, method="advi_stochastic", batch="rows=200", max_steps=400, learning_rate=1.0)
    assert fit.draws["s"].mean() < 0.2


def test_labels_may_be_latent() -> None:
    text = """
    index kinds = 2
    table rows(y: real)
    network centre(kinds -> of) = Embedding(prior = Normal(0, 3))
    w[kinds] ~ Dirichlet(2)
    for i in rows:
        z[i] ~ Categorical(w)
        y[i] ~ Normal(centre(z[i]).of, 0.5)
    """.replace("\n    ", "\n")
    plain = text.replace(
        "network centre(kinds -> of) = Embedding(prior = Normal(0, 3))", "mu[k] ~ Normal(0, 3) for k in kinds"
    )
    plain = plain.replace("centre(z[i]).of", "mu[z[i]]")
    data = {"y": np.array([-2.0, -1.5, 1.0, 2.5])}
    at = np.array([-1.0, 2.0])
    w = np.array([0.3, 0.7])
    ours = ppl.compile(text).log_joint({"centre/of/weight": at, "w": w}, data)[0]
    assert ours == pytest.approx(ppl.compile(plain).log_joint({"mu": at, "w": w}, data)[0], rel=1e-12)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("level(y[i])", "E316.*takes a label of groups.*one number"),
        ("level(g[i], g[i])", "E301.*takes 1 label"),
    ],
)
def test_what_is_no_label_is_refused(call: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        ppl.compile(GROUPS.replace("level(g[i])", call))


def test_counties_of_the_radon_survey_get_vectors() -> None:
    """Two numbers a county say more of its houses than none: 25 nats of the bound, and the intercept and slope vary."""
    data = Path(__file__).resolve().parents[2] / "examples" / "radon" / "data.csv"
    head = "index units = 2\nindex counties\ntable houses(county: counties, floor: bool, log_radon: real)\n"
    networks = (
        "network place(counties -> of[units]) = Embedding(prior = Normal(0, 1))\n"
        "network effect(units -> level, slope) = Linear(prior = Normal(0, 1))\n"
    )
    row = "effect(place(county[i]).of).level + effect(place(county[i]).of).slope * floor[i]"
    last = "s ~ HalfNormal(1)\nlog_radon[i] ~ Normal({}, s) for i in houses\n"
    ours = ppl.fit(head + networks + last.format(row), data)
    pooled = head.replace("index units = 2\n", "") + "a ~ Normal(0, 1)\nb ~ Normal(0, 1)\n"
    alone = ppl.fit(pooled + last.format("a + b * floor[i]"), data)
    assert ours.elbo > alone.elbo + 25.0
    assert ours.draws["place/of/weight"].shape[1:] == (85, 2)
