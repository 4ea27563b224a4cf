"""Labels of summands: at their best they give each logarithm of a sum exactly, and are seen nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ppl
from ppl.energy.build import energy
from ppl.energy.evaluate_terms import summed, term_value
from ppl.energy.terms import Energy, Latent
from tests.energy.tools import climb, plain_energy, swept
from tests.graph.make import Case, problem_of, values_at
from tests.graph.oracle import Oracle

Array = Any

FACTORS = """
index docs = 3, vocab = 4
index ks = 2
table cells(doc: docs, word: vocab, y: count)
theta[d, k] ~ Gamma(0.5, 1) for d in docs, k in ks
beta[k, w]  ~ Gamma(0.7, 2) for k in ks, w in vocab
"""
COUNTS = "doc,word,y\n1,1,3\n1,2,0\n2,4,1\n3,2,7\n3,3,0\n2,1,2\n"
VALUES = "x\n0.3\n-1.2\n2.5\n"
CASES = [
    Case(
        "Poisson factors",
        FACTORS + "y[n] ~ Poisson(sum(theta[doc[n], k] * beta[k, word[n]] for k in ks)) for n in cells\n",
        {"cells": COUNTS},
    ),
    Case(
        "a background and factors",
        FACTORS
        + "bg ~ Gamma(1, 1)\n"
        + "y[n] ~ Poisson(0.1 + bg + sum(theta[doc[n], k] * beta[k, word[n]] for k in ks)) for n in cells\n",
        {"cells": COUNTS},
    ),
    Case(
        "weighted rows",
        FACTORS.replace("y: count", "y: count, m: weight")
        + "y[n] ~ Poisson(2 * sum(theta[doc[n], k] * beta[k, word[n]] for k in ks)) for n in cells\n",
        {"cells": "doc,word,y,m\n1,1,3,2\n1,2,0,1\n2,4,1,3\n"},
    ),
    Case(
        "summands that data switch off",
        "index ks = 3\ntable rows(a: nonnegative, b: nonnegative, c: nonnegative, y: count)\n"
        "r[k] ~ Gamma(1, 1) for k in ks\n"
        "y[n] ~ Poisson(a[n] * r[1] + b[n] * r[2] + c[n] * r[3]) for n in rows\n",
        {"rows": "a,b,c,y\n1,0,2,4\n0,3,0,1\n1,1,1,0\n"},
    ),
    Case(
        "a table of counts",
        "index I = 3, J = 2\nindex ks = 2\ntable cells(r: I, c: J, y: count)\n"
        "u[i, k] ~ Gamma(1, 1) for i in I, k in ks\nv[j, k] ~ Gamma(1, 1) for j in J, k in ks\n"
        "s[i, j] = sum(u[i, k] * v[j, k] for k in ks) for i in I, j in J\n"
        "y[n] ~ Poisson(s[r[n], c[n]]) for n in cells\n",
        {"cells": "r,c,y\n1,1,3\n2,2,1\n3,1,0\n"},
    ),
    Case(
        "topics summed out",
        "index docs = 2, vocab = 3\nindex ks = 2\ntable tokens(doc: docs, word: vocab)\n"
        "theta[d, ks] ~ Dirichlet(0.5) for d in docs\nphi[k, vocab] ~ Dirichlet(0.4) for k in ks\n"
        "p[d, vocab] = sum(theta[d, k] * phi[k] for k in ks) for d in docs\n"
        "word[n] ~ Categorical(simplex(p[doc[n]])) for n in tokens\n",
        {"tokens": "doc,word\n1,1\n1,3\n2,2\n2,2\n"},
    ),
    Case(
        "counts of documents",
        'index vocab\nindex ks = 2\ntable docs(y[vocab]: count = "y_*")\n'
        "theta[d, ks] ~ Dirichlet(0.5) for d in docs\nphi[k, vocab] ~ Dirichlet(0.4) for k in ks\n"
        "p[d, vocab] = sum(theta[d, k] * phi[k] for k in ks) for d in docs\n"
        "y[d, vocab] ~ Multinomial(sum(y[d]), simplex(p[d])) for d in docs\n",
        {"docs": "y_a,y_b,y_c\n1,0,4\n0,2,1\n"},
    ),
    Case(
        "a mixture over a set",
        "index ks = 3\ntable rows(x: real)\nw[ks] ~ Dirichlet(1)\nm[k] ~ Normal(0, 2) for k in ks\n"
        "t ~ Gamma(2, 2)\nx[n] ~ Mixture(w, [Normal(m[k], precision = t) for k in ks]) for n in rows\n",
        {"rows": VALUES},
    ),
    Case(
        "a mixture of vectors",
        'index g = 2\nindex F\ntable rows(x[F]: real = "x_*")\nw[g] ~ Dirichlet(1)\n'
        "m[k, f] ~ Normal(0, 5) for k in g, f in F\nP[k, F, F'] ~ Wishart(4, [[1, 0.2], [0.2, 2]]) for k in g\n"
        "x[n, F] ~ Mixture(w, [MultivariateNormal(m[k], precision = P[k]) for k in g]) for n in rows\n",
        {"rows": "x_a,x_b\n1,2\n0.3,-1\n"},
    ),
    Case(
        "a mixture of a list of one kind",
        "index ks = 2\ntable rows(x: real)\nm[k] ~ Normal(0, 2) for k in ks\nt ~ Gamma(2, 2)\n"
        "x[n] ~ Mixture([0.3, 0.7], [Normal(m[2], precision = t), Normal(m[1], precision = t)]) for n in rows\n",
        {"rows": VALUES},
    ),
    Case(
        "a mixture of a list",
        "table rows(x: real)\nm ~ Normal(0, 2)\nt ~ Gamma(2, 2)\n"
        "x[n] ~ Mixture([0.3, 0.7], [Normal(m, precision = t), Normal(0, 10)]) for n in rows\n",
        {"rows": VALUES},
    ),
]


def at_best(found: Energy, point: dict[str, Array]) -> float:
    """All terms at one point of the model's latents, every label at its best distribution."""
    labels = {n: x for n, x in found.latents.items() if x.kind == "auxiliary"}
    plain = [t for t in found.terms if not any(a.name in labels for a in t.atoms)]
    total = found.constant + sum(term_value(found, t, point) for t in plain)
    return total + sum(_best(found, latent, point) for latent in labels.values())


def _best(found: Energy, latent: Latent, point: dict[str, Array]) -> float:
    """sum_n m_n log sum_k exp(score_nk / m_n)."""
    assert latent.states is not None
    scores: Array = np.zeros((*latent.shape, len(latent.states)))
    for term in found.terms:
        own = [a for a in term.atoms if a.name == latent.name]
        if own:
            (cell,), state = own[0].index, own[0].state
            rest = replace(term, atoms=tuple(a for a in term.atoms if a is not own[0]))
            scores += summed(found, rest, point, (cell, state))  # type: ignore[arg-type]
    m = np.ones(latent.shape) if latent.multiplicity is None else latent.multiplicity
    return float(m @ np.logaddexp.reduce(scores / m[:, None], axis=1))


def compared(case: Case, spoil: Callable[[Energy], Energy] = lambda e: e) -> list[tuple[float, float]]:
    """The terms at their best labels, and the log joint by loops, at random points."""
    problem = problem_of(case, noncentre=False)
    found = energy(problem)
    assert not found.residuals
    assert any(x.kind == "auxiliary" for x in found.latents.values())
    out = []
    for seed in range(3):
        z = np.random.default_rng(seed).normal(0.0, 0.7, problem.layout.size)
        values = values_at(problem, z)
        want = sum(Oracle(problem.program, problem.data, values, {}).terms().values())
        out.append((at_best(spoil(found), dict(values)), want))
    return out


@pytest.mark.parametrize("case", CASES, ids=str)
def test_best_labels_give_the_log_joint(case: Case) -> None:
    for got, want in compared(case):
        assert np.isclose(got, want, rtol=1e-9, atol=1e-9)


def test_labels_that_count_once_each_are_noticed() -> None:
    def spoil(found: Energy) -> Energy:
        once = {n: replace(x, multiplicity=None) for n, x in found.latents.items()}
        return replace(found, latents=once)

    assert not any(np.isclose(got, want, rtol=1e-6) for got, want in compared(CASES[0], spoil))


def test_a_sum_with_a_negative_summand_has_no_labels() -> None:
    text = "table rows(y: count)\na ~ Gamma(1, 1)\nb ~ Gamma(1, 1)\n"
    text += "y[n] ~ Poisson(nonnegative(5 * a - b)) for n in rows\n"
    found = energy(problem_of(Case("minus", text, {"rows": "y\n3\n1\n"}), noncentre=False))
    assert [r.statement.name for r in found.residuals] == ["y"]
    assert set(found.latents) == {"a", "b"}


# ---------------------------------------------------------------- coordinate ascent


def counts(rng: np.random.Generator, docs: int = 6, words: int = 8) -> tuple[dict[str, Array], Array]:
    """A full table of counts as rows, and as a matrix."""
    y = rng.poisson(rng.gamma(0.5, 2.0, (docs, 2)) @ rng.gamma(0.5, 2.0, (2, words)))
    d, w = np.indices(y.shape)
    return {"doc": d.ravel() + 1, "word": w.ravel() + 1, "y": y.ravel()}, y


def test_updates_are_those_by_hand() -> None:
    data, y = counts(np.random.default_rng(0))
    text = FACTORS.replace("docs = 3, vocab = 4", "docs = 6, vocab = 8")
    ascent = climb(text + CASES[0].text.splitlines()[-1], data)
    assert [b.names for b in ascent.blocks] == [("#y",), ("beta",), ("theta",)]
    assert not ascent.blocks[0].dense  # type: ignore[attr-defined]  # no table of rows by summands
    state = swept(ascent, 5)
    q = {b.names[0]: f.means for b, f in zip(ascent.blocks, state.factors, strict=True)}
    theta, beta = by_hand(y, q["theta"], q["beta"])
    after = ascent.sweep(state)
    got = {b.names[0]: f.means for b, f in zip(ascent.blocks, after.factors, strict=True)}
    assert np.allclose(got["beta"][("x", "beta")], beta, rtol=1e-9)
    assert np.allclose(got["theta"][("x", "theta")], theta, rtol=1e-9)


def by_hand(y: Array, theta: Any, beta: Any) -> tuple[Array, Array]:
    """Cemgil's updates: means of theta and beta after labels, beta and theta were renewed in this order."""
    a, b = np.exp(theta[("log", "theta")]), np.exp(beta[("log", "beta")])
    share = y / (a @ b)
    new = (0.7 + b * (a.T @ share)) / (2.0 + theta[("x", "theta")].sum(0)[:, None])
    return (0.5 + a * (share @ b.T)) / (1.0 + new.sum(1)), new


def test_the_bound_climbs_and_is_that_of_plain_sums() -> None:
    data, _ = counts(np.random.default_rng(1))
    text = FACTORS.replace("docs = 3, vocab = 4", "docs = 6, vocab = 8")
    ascent = climb(text + CASES[0].text.splitlines()[-1], data)
    state, last = swept(ascent, 1), -np.inf
    for _ in range(30):
        state = ascent.sweep(state)
        assert state.elbo >= last - 1e-9 * abs(last)
        last = state.elbo
    whole = ascent.completed(state.factors)
    total = plain_energy(ascent, whole) + sum(f.entropy for f in whole)
    assert np.isclose(total, state.elbo, rtol=1e-10)


def test_the_bound_is_below_the_evidence() -> None:
    """By a grid over two rates: log integral of Poisson(3 | a + b) Gamma(a | 2, 1) Gamma(b | 3, 2)."""
    text = "table rows(y: count)\na ~ Gamma(2, 1)\nb ~ Gamma(3, 2)\ny[n] ~ Poisson(a + b) for n in rows\n"
    state = swept(climb(text, {"y": np.array([3, 5])}))
    grid = (np.arange(1200) + 0.5) * 0.02
    a, b = grid[:, None], grid[None, :]
    log = np.log(a) - a + np.log(8 / 2) + 2 * np.log(b) - 2 * b
    log = log + 8 * np.log(a + b) - 2 * (a + b) - np.log(6.0) - np.log(120.0)
    evidence = np.log(np.exp(log).sum() * 0.02**2)
    assert evidence - 0.5 < state.elbo < evidence


def test_expectation_maximisation_of_a_mixture_is_exact_and_shows_no_labels() -> None:
    text = (
        "index ks = 2\ntable rows(x: real)\nparam w[ks]: simplex\nparam m[k]: real for k in ks\n"
        "x[n] ~ Mixture(w, [Normal(m[k], 1) for k in ks]) for n in rows\n"
    )
    x = np.random.default_rng(3).normal(np.repeat([-2.0, 2.0], 30))
    fit = ppl.compile(text, path=False).fit({"x": x}, method="em")
    draws = fit.sample(1)
    w, m = draws["w"][0], draws["m"][0]
    want = np.log((w * np.exp(-0.5 * (x[:, None] - m) ** 2)).sum(1) / np.sqrt(2 * np.pi)).sum()
    assert np.isclose(fit.elbo, want, rtol=1e-9)
    assert fit.log_evidence is not None
    assert np.isclose(fit.log_evidence, want, rtol=1e-9)
    assert "#" not in str(fit)
    assert fit.states == ()


def test_a_mixture_is_its_model_with_labels_written_out() -> None:
    head = (
        "index ks = 3\ntable rows(x: real)\nw[ks] ~ Dirichlet(1)\nm[k] ~ Normal(0, 5) for k in ks\n"
        "t[k] ~ Gamma(2, 2) for k in ks\n"
    )
    listed = ", ".join(f"Normal(m[{k}], precision = t[{k}])" for k in (1, 2, 3))
    texts = (
        "z[n] ~ Categorical(w) for n in rows\nx[n] ~ Normal(m[z[n]], precision = t[z[n]]) for n in rows\n",
        "x[n] ~ Mixture(w, [Normal(m[k], precision = t[k]) for k in ks]) for n in rows\n",
        f"x[n] ~ Mixture(w, [{listed}]) for n in rows\n",
    )
    x = np.random.default_rng(4).normal(np.repeat([-6.0, 0.0, 5.0], 40))
    written, set_of, list_of = (swept(climb(head + text, {"x": x}), 200).elbo for text in texts)
    parts = [
        ppl.compile(head + text, path=False).fit({"x": x}, method="cavi", batch="rows=40").elbo
        for text in texts[:2]
    ]
    assert np.isclose(parts[0], parts[1], rtol=1e-9)
    assert np.isclose(written, set_of, rtol=1e-9)
    assert np.isclose(written, list_of, rtol=1e-9)


def test_factors_of_ratings_need_no_table_of_rows_by_pairs_of_factors() -> None:
    rng = np.random.default_rng(5)
    rows, people, things, k = 400, 30, 12, 3
    data = {"p": rng.integers(1, people + 1, rows), "t": rng.integers(1, things + 1, rows)}
    u, v = rng.normal(size=(people, k)), rng.normal(size=(things, k))
    data["y"] = (u[data["p"] - 1] * v[data["t"] - 1]).sum(1) + 0.3 * rng.normal(size=rows)
    text = f"""
    index people = {people}, things = {things}
    index ks = {k}
    table rows(p: people, t: things, y: real)
    tau ~ Gamma(1, 1)
    u[i, k] ~ Normal(0, 1) for i in people, k in ks
    v[j, k] ~ Normal(0, 1) for j in things, k in ks
    y[n] ~ Normal(sum(u[p[n], k] * v[t[n], k] for k in ks), precision = tau) for n in rows
    """
    ascent = climb("\n".join(line.strip() for line in text.splitlines()), data)
    assert max(np.asarray(part).size for p in ascent.polynomial.products for part, _ in p.data) <= rows
    state, last = swept(ascent, 1), -np.inf
    for _ in range(60):
        state = ascent.sweep(state)
        assert state.elbo >= last - 1e-9 * abs(last)
        last = state.elbo
    noise = next(f for b, f in zip(ascent.blocks, state.factors, strict=True) if b.names == ("tau",))
    assert (
        0.2 < float(noise.means[("x", "tau")]) ** -0.5 < 0.45
    )  # 0.3; random factors, not zeros, to begin with


@pytest.mark.parametrize("likelihood", ["Poisson(a + b)", "Mixture([0.4, 0.6], [Poisson(a), Poisson(b)])"])
def test_a_bound_that_labels_loosen_is_no_mistake(likelihood: str) -> None:
    text = f"table rows(y: count)\na ~ Gamma(2, 1)\nb ~ Gamma(3, 1)\ny[n] ~ {likelihood} for n in rows\n"
    fit = ppl.compile(text, path=False).fit({"y": np.array([1, 2, 5])}, method="cavi")
    assert fit.status in ("ok", "warn")
    assert not any(w.code == "W720" for w in fit.warnings)
