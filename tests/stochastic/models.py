"""Models for the tests of stochastic gradients, with data."""

from __future__ import annotations

from typing import Any

import numpy as np

import ppl
from ppl.graph.problem import Problem

CODED = """
index latent = 2, pixels = 6
table images(x[pixels]: bool = "p*")
network decoder(latent -> logit[pixels]) = MLP(hidden = [4], activation = "tanh")
network encoder(pixels -> mean[latent], logsd[latent]) = MLP(hidden = [3], activation = "relu")
for i in images:
    z[i, latent] ~ Normal(0, 1)
    x[i, pixels] ~ Bernoulli(logit = decoder(z[i]).logit)
guide:
    for i in images:
        q(z[i, latent]) ~ Normal(encoder(x[i]).mean, exp(encoder(x[i]).logsd))
"""
RAGGED = """
index groups
table rows(g: groups, x: real, y: real)
tau ~ HalfNormal(1)
b ~ Normal(0, 1)
a[j] ~ Gamma(2, 1 + tau) for j in groups
for i in rows if x[i] > -1:
    y[i] ~ Normal(a[g[i]] + b * x[i], 1)
"""
HOLES = """
table rows(x: real?, y: real)
m ~ Normal(0, 1)
s ~ HalfNormal(1)
for i in rows:
    x[i] ~ Normal(m, s)
    y[i] ~ Normal(x[i], 1)
"""
LINEAR = """
index one = 1, parts = 3
table rows(x[parts]: real = "x*")
network load(one -> mean[parts]) = Linear()
network code(parts -> mean[one]) = Linear()
param s: positive
param t: positive
for i in rows:
    z[i, one] ~ Normal(0, 1)
    x[i, parts] ~ Normal(load(z[i]).mean, s)
guide:
    q(z[i, one]) ~ Normal(code(x[i]).mean, t) for i in rows
"""
SENTENCES = """
index sents, tags, feats = 3
table words(sent: sents, pos: order within sent, x[feats]: real = "x*", tag: tags?, y: real)
network score(feats -> logit[tags]) = MLP(hidden = [4])
trans[a, k] ~ Normal(0, 1) for a in tags, k in tags
mu[k] ~ Normal(0, 2) for k in tags
for n in words:
    tag[n] ~ Categorical(logit = score(x[n]).logit + (0 if first(n) else trans[tag[n - 1]]))
    y[n] ~ Normal(mu[tag[n]], 1)
"""
WALKS = """
index people
table days(who: people, day: order within who, y: real)
s ~ HalfNormal(1)
for n in days:
    level[n] ~ Normal(0 if first(n) else 0.9 * level[n - 1], s)
    y[n] ~ Normal(level[n], 0.5)
"""


def pictures(n: int = 24) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"p{k}": rng.integers(0, 2, n) for k in range(6)}


def ragged(n: int = 40) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "g": np.array(list("abcdefgh"))[np.arange(n) % 8],
        "x": rng.standard_normal(n),
        "y": rng.standard_normal(n),
    }


def holes(n: int = 24) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    x = rng.standard_normal(n)
    x[::5] = np.nan
    return {"x": x, "y": rng.standard_normal(n)}


def linear(n: int = 200) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((n, 1)) * np.array([1.0, -0.5, 2.0]) + 0.3 + 0.5 * rng.standard_normal((n, 3))
    return {f"x{k}": x[:, k] for k in range(3)}


def sentences(n: int = 8) -> dict[str, Any]:
    """Sentences of 1 to 4 words, of which every third has no tag."""
    rng = np.random.default_rng(4)
    sent = np.repeat(np.arange(n), 1 + np.arange(n) % 4)
    pos = np.concatenate([np.arange(1 + k % 4) for k in range(n)])
    tag = np.array(list("abc"))[rng.integers(0, 3, len(sent))].astype(object)
    tag[::3] = ""
    x = rng.standard_normal((3, len(sent)))
    found = {"sent": sent.astype(str), "pos": pos, "tag": tag, "y": rng.standard_normal(len(sent))}
    return found | {f"x{k + 1}": x[k] for k in range(3)}


def walks() -> dict[str, Any]:
    who = np.repeat(np.arange(8), 1 + np.arange(8) % 4)
    day = np.concatenate([np.arange(1 + k % 4) for k in range(8)])
    return {"who": who.astype(str), "day": day, "y": np.random.default_rng(5).standard_normal(len(who))}


CASES = {
    "coded": (CODED, pictures(), "images"),
    "ragged": (RAGGED, ragged(), "groups"),
    "filtered": (
        RAGGED.replace("a[g[i]]", "mean_a").replace("a[j]", "c[j]").replace("mean_a", "b"),
        ragged(),
        "rows",
    ),
    "holes": (HOLES, holes(), "rows"),
    "sentences": (SENTENCES, sentences(), "sents"),
    "walks": (WALKS, walks(), "people"),
}


def problem(text: str, data: Any) -> Problem:
    return ppl.compile(text, prior=True).bind(data).problem
