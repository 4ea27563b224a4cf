"""Derived updates in LaTeX: formulas as on paper, and every term once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.build import energy
from ppl.errors import UsageError
from ppl.report.explain import plan_of, update_of
from ppl.report.updates import Update

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MIXTURE = """
table t(y: real)
index comps = 3
w[comps] ~ Dirichlet(1)
mu[k] ~ Normal(0, 10) for k in comps
tau[k] ~ Gamma(1, 1) for k in comps
for i in t:
    z[i] ~ Categorical(w)
    y[i] ~ Normal(mu[z[i]], precision = tau[z[i]])
"""
LINE = """
table t(y: real, x: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
tau ~ Gamma(1, 1)
y[i] ~ Normal(a + b * x[i], precision = tau) for i in t
"""
COUNTS = """
table t(y: count)
rate ~ Gamma(2, 3)
y[i] ~ Poisson(rate) for i in t
"""
TOPICS = """
index docs, vocab
index topics = 2
table tokens(doc: docs, word: vocab, count: weight)
theta[d, topics] ~ Dirichlet(1) for d in docs
phi[k, vocab] ~ Dirichlet(1) for k in topics
for n in tokens:
    z[n] ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""
CHAIN = """
table t(y: real)
index comps = 2
init[comps] ~ Dirichlet(1)
trans[s, comps] ~ Dirichlet(1) for s in comps
mu[s] ~ Normal(0, 1) for s in comps
for i in t:
    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])
    y[i] ~ Normal(mu[z[i]], 1)
"""
WORDS = {"doc": ["a", "a", "b", "c"], "word": ["u", "v", "v", "w"], "count": [2, 1, 3, 4]}


def data(text: str) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    if "tokens" in text:
        return WORDS
    if "count" in text:
        return {"y": [3, 1, 4, 1, 5]}
    columns = {"y": rng.normal(size=7), "x": rng.normal(size=7)}
    return {k: v for k, v in columns.items() if f"{k}:" in text}


def update(text: str, name: str) -> str:
    model = ppl.compile(text)
    return update_of(plan_of(model, model.bind(data(text))), name)


FORMULAS = [
    (
        MIXTURE,
        "mu",
        r"\eta\left[{\mu}_{k}\right] &= \sum_{i} {y}_{i} \, \mathbb{E}[{\tau}_{k}] \, q({z}_{i} = k) \\",
    ),
    (MIXTURE, "tau", r"\eta\left[\log {\tau}_{k}\right] &= \sum_{i} \tfrac{1}{2} \, q({z}_{i} = k) \\"),
    (MIXTURE, "w", r"\eta\left[\log {w}_{k}\right] &= \sum_{i} q({z}_{i} = k) \\"),
    (MIXTURE, "z", r"{y}_{i} \, \mathbb{E}[{\tau}_{k}] \, \mathbb{E}[{\mu}_{k}]"),
    (
        LINE,
        "a",
        r"\sum_{i} {y}_{i} \, \mathbb{E}[\tau] - \sum_{i} {x}_{i} \, \mathbb{E}[\tau] \, \mathbb{E}[b] \\",
    ),
    (LINE, "tau", r"- \sum_{i} \tfrac{1}{2} \, {{x}_{i}}^{2} \, \mathbb{E}[{b}^{2}] \\"),
    (LINE, "tau", r"q(\tau) &= \mathrm{Gamma}\left(\eta[\log \tau] + 1,\ -\eta[\tau]\right)"),
    (COUNTS, "rate", r"\eta\left[\log \mathrm{rate}\right] &= 1 + \sum_{i} {y}_{i} \\"),
    (COUNTS, "rate", r"\eta\left[\mathrm{rate}\right] &= -3 - \sum_{i} 1 \\"),
    (TOPICS, "theta", r"\sum_{n : {\mathrm{doc}}_{n} = d} {\mathrm{count}}_{n} \, q({z}_{n} = k) \\"),
    (TOPICS, "z", r"{\mathrm{count}}_{n} \, \mathbb{E}[\log {\phi}_{k,{\mathrm{word}}_{n}}]"),
    (CHAIN, "z", r"[\text{not }\mathrm{first}(i)] \, \mathbb{E}[\log {\mathrm{trans}}_{s',s}] \\"),
    (CHAIN, "z", r"[i = 1] \, \mathbb{E}[\log {\mathrm{init}}_{s}]"),
    (CHAIN, "trans", r"\sum_{i} [\text{not }\mathrm{first}(i)] \, q({z}_{i} = s', {z}_{i-1} = s) \\"),
]


@pytest.mark.parametrize(("text", "name", "formula"), FORMULAS)
def test_formulas_are_those_on_paper(text: str, name: str, formula: str) -> None:
    assert formula in update(text, name)


CASES = [
    (text, name)
    for text, names in [
        (MIXTURE, ("mu", "tau", "w", "z")),
        (LINE, ("a", "b", "tau")),
        (COUNTS, ("rate",)),
        (TOPICS, ("theta", "phi", "z")),
        (CHAIN, ("init", "trans", "mu", "z")),
    ]
    for name in names
]


@pytest.mark.parametrize(("text", "name"), CASES)
def test_every_term_is_there_once(text: str, name: str) -> None:
    model = ppl.compile(text)
    bound = model.bind(data(text))
    plan, found = plan_of(model, bound), energy(bound.problem)
    writer = Update(plan.ascent, bound, found, found.latents[name])
    expected = sum(any(a.name == name for a in t.atoms) for t in found.terms)
    assert len(list(writer.parts())) == expected
    assert "c_{" not in writer.latex()


@pytest.mark.parametrize(
    ("example", "name"),
    [
        ("nile", "level"),
        ("faithful", "cov"),
        ("wine", "w"),
        ("penguins", "b_male"),
        ("radon", "a"),
        ("coal", "change"),
    ],
)
def test_examples_have_balanced_braces(example: str, name: str) -> None:
    folder = EXAMPLES / example
    model = ppl.compile(folder / f"{example}.model")
    text = update_of(plan_of(model, model.bind(folder / "data.csv")), name)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.count("{") == body.count("}") and body.count(r"\left") == body.count(r"\right")


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="no latent is called"):
        update(LINE, "c")
