"""Rows of labels, of counts and of Gaussian vectors fold by classes, and nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ppl
from ppl.graph import fold_vectors
from ppl.graph.lower import GraphTarget

N = 600
HEAD = """
index groups
index states
index columns
table rows(g: groups, k: int, x: real, s: states, n[columns]: count, y[columns]: real, total: int)
mu ~ Normal(0, 2)
b ~ Normal(0, 1)
tau ~ HalfNormal(1)
p[states] ~ Dirichlet(1)
move[j, states] ~ Dirichlet(1) for j in groups
score[j, states] ~ Normal(0, tau) for j in groups
slope[states] ~ Normal(0, 1)
share[columns] ~ Dirichlet(2)
odds[j, columns] ~ Normal(0, 1) for j in groups
lean[columns] ~ Normal(0, 1)
centre[j, columns] ~ Normal(mu, 1) for j in groups
L[columns, columns'] ~ LKJCholesky(2)
width[j] ~ HalfNormal(1) for j in groups
anchor ~ Normal(0, 1)
"""
CASES = {
    "one share of labels": ("counts of labels", "s[i] ~ Categorical(p) for i in rows"),
    "labels by group": ("counts of labels", "s[i] ~ Categorical(move[g[i]]) for i in rows"),
    "labels by logit": (
        "counts of labels",
        "s[i] ~ Categorical(logit = score[g[i]] + slope * k[i]) for i in rows",
    ),
    "counts": ("counts", "n[i, columns] ~ Multinomial(p = share) for i in rows"),
    "counts by logit": (
        "counts",
        "n[i, columns] ~ Multinomial(logit = odds[g[i]] + lean * k[i]) for i in rows",
    ),
    "counts of trials": ("counts", "n[i, columns] ~ Multinomial(total[i], logit = odds[g[i]]) for i in rows"),
    "Gaussian": ("Gaussian", "y[i, columns] ~ MultivariateNormal(lean, scale_tril = L) for i in rows"),
    "Gaussian by group": (
        "Gaussian",
        "y[i, columns] ~ MultivariateNormal(centre[g[i]] + b * k[i] * lean, cov = L @ transpose(L)) for i in rows",
    ),
    "Gaussian precision": (
        "Gaussian",
        "y[i, columns] ~ MultivariateNormal(centre[g[i]], precision = L @ transpose(L)) for i in rows",
    ),
    "Gaussian, spread by group": (
        "Gaussian",
        "y[i, columns] ~ MultivariateNormal(centre[g[i]], scale_tril = width[g[i]] * L) for i in rows",
    ),
    "Gaussian, cov by group": (
        "Gaussian",
        "y[i, columns] ~ MultivariateNormal(lean, cov = width[g[i]] * (L @ transpose(L))) for i in rows",
    ),
}


def _data(shift: float = 0.0, kinds: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    group = rng.integers(0, kinds, N)
    counts = rng.poisson(3.0, (N, 3))
    return {
        "g": group,
        "k": rng.integers(0, 3, N),
        "x": rng.normal(size=N),
        "s": np.array(list("uvwx"))[rng.integers(0, 4, N)],
        "n": counts,
        "total": counts.sum(1),
        "y": rng.normal(size=(N, 3)) @ rng.normal(size=(3, 3)) + shift + 0.1 * group[:, None],
        "w": rng.integers(0, 4, N).astype(float),
    }


def _pair(name: str, data: dict[str, np.ndarray], weighted: bool = False) -> tuple[GraphTarget, GraphTarget]:
    head = HEAD.replace("total: int)", "total: int, w: weight)") if weighted else HEAD
    lay = ppl.compile(head + CASES[name][1] + "\n", prior=True).bind(data).problem.layout
    return GraphTarget(lay), GraphTarget(replace(lay, fold=False))


def _gap(folded: GraphTarget, plain: GraphTarget, shift: float = 0.0) -> float:
    z = 0.5 * np.random.default_rng(0).normal(size=(6, folded.size))
    for group in folded.groups:
        if group.name in ("lean", "mu", "centre"):
            z[:, group.where] += shift
    pairs = zip(folded.value_and_grad(z), plain.value_and_grad(z), strict=True)
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", CASES)
def test_nothing_changes(name: str, weighted: bool) -> None:
    folded, plain = _pair(name, _data(), weighted)
    (note,) = folded.foldings
    assert note.how.startswith(CASES[name][0]), note
    assert note.after < note.before / 4
    assert folded.work < plain.work / 2
    assert _gap(folded, plain) < 1e-11


@pytest.mark.parametrize("name", ["Gaussian", "Gaussian, cov by group"])
def test_data_far_from_zero(name: str) -> None:
    assert _gap(*_pair(name, _data(shift=1e6)), shift=1e6) < 1e-9


@pytest.mark.parametrize("name", ["labels by group", "counts by logit", "Gaussian by group"])
def test_rows_that_are_all_different_stay(name: str) -> None:
    data = _data(kinds=500)
    folded, plain = _pair(name, data)
    (note,) = folded.foldings
    assert note.how == "row by row: too few rows agree" or note.kept > 300
    assert _gap(folded, plain) < 1e-11


def test_trials_that_are_not_the_sums() -> None:
    """The density is zero, folded or not."""
    data = _data()
    data["total"] = data["total"] + (np.arange(N) == 7)
    folded, plain = _pair("counts of trials", data)
    z = np.zeros((1, folded.size))
    assert folded.log_density(z)[0] == plain.log_density(z)[0] == -np.inf


def test_a_lost_part_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twins: the spread within classes, or the number of ways, left out."""
    true = fold_vectors._roots

    def halved(*args: object) -> tuple[np.ndarray, np.ndarray]:
        root, weights = true(*args)  # type: ignore[arg-type]
        return 0.9 * root, weights

    monkeypatch.setattr(fold_vectors, "_roots", halved)
    assert _gap(*_pair("Gaussian by group", _data())) > 1e-3
    monkeypatch.setattr(fold_vectors, "log_ways", lambda y, n: 0.0 * n)
    assert _gap(*_pair("counts", _data())) > 1e-3
