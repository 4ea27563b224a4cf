"""What sweeps allocate and how their cost grows; sums over elements against reads of every element.

No chance beyond fixed seeds. Times are compared as ratios of the least of several, with wide bounds.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ppl.energy.ascent import Ascent, ascent
from ppl.energy.blocks.base import Factor
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.build import energy
from ppl.energy.plan import Plan, plan
from ppl.energy.row_sums import Columns
from ppl.energy.starting import first
from tests.energy.reference.cases import CASES
from tests.energy.tools import bound

Array = Any

MIXTURE = """
index comps = 6
index dims
table points(x[dims]: real = "x_*")
given scale[dims, dims']: covariance = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]

weight[comps]        ~ Dirichlet(1)
mu[k, dims]          ~ MultivariateNormal(0, cov = diag([100 for d in dims]))  for k in comps
prec[k, dims, dims'] ~ Wishart(6, scale)                                       for k in comps
for i in points:
    z[i]       ~ Categorical(weight)
    x[i, dims] ~ MultivariateNormal(mu[z[i]], precision = prec[z[i]])
"""
TOPICS = """
index docs, vocab
index topics = 20
table tokens(doc: docs, word: vocab, count: weight)

theta[d, topics] ~ Dirichlet(0.1)             for d in docs
phi[k, vocab]    ~ Dirichlet(0.05)            for k in topics
for n in tokens:
    z[n]    ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""
MEMBERS = """
index groups
index kinds = 3
table rows(y: real, g: groups, w: weight)

share[j, kinds] ~ Dirichlet(1)                        for j in groups
level[j, k]     ~ Normal(0, 10)                       for j in groups, k in kinds
tau[k]          ~ Gamma(2, 2)                         for k in kinds
for i in rows:
    z[i] ~ Categorical(share[g[i]])
    y[i] ~ Normal(level[g[i], z[i]], precision = tau[z[i]])
"""
CLASSES = """
index people, items
index kinds = 3
table answers(right: bool, who: people, item: items)

weight[kinds] ~ Dirichlet(1)
ease[k, j]    ~ Beta(1, 1)                            for k in kinds, j in items
z[p]          ~ Categorical(weight)                   for p in people
right[n]      ~ Bernoulli(ease[z[who[n]], item[n]])   for n in answers
"""
GROUPS = """
index G
table rows(y: real, u: real, g: G)
m    ~ Normal(0, 2)
b    ~ Normal(0, 1)
t    ~ Gamma(2, 2)
a[j] ~ Normal(m, 1)                                   for j in G
y[i] ~ Normal(a[g[i]] + b * u[i], precision = t)      for i in rows
"""
WIDE = MIXTURE.replace("[[1, 0, 0], [0, 1, 0], [0, 0, 1]]", str(np.eye(9).tolist())).replace(
    "Wishart(6,", "Wishart(12,"
)
BLANK = """
index kinds = ["a", "b"], sites
table rows(site: sites, kind: kinds?, y: real)

share[j, kinds] ~ Dirichlet(1)                        for j in sites
level[k]        ~ Normal(0, 10)                       for k in kinds
tau             ~ Gamma(2, 2)
for i in rows:
    kind[i] ~ Categorical(share[site[i]])
    y[i]    ~ Normal(level[kind[i]], precision = tau)
"""
REGRESSION = """
table rows(y: real, u: real, v: real)
b ~ Normal(0, 1)
c ~ Normal(0, 1)
t ~ Gamma(2, 2)
y[i] ~ Normal(b * u[i] + c * v[i], precision = t)     for i in rows
"""


def mixture(rng: np.random.Generator, n: int) -> dict[str, Array]:
    centre = 4 * rng.normal(size=(6, 3))
    x = centre[rng.integers(6, size=n)] + rng.normal(size=(n, 3))
    return {f"x_{d + 1}": x[:, d] for d in range(3)}


def wide(rng: np.random.Generator, n: int) -> dict[str, Array]:
    x = 3 * rng.integers(6, size=n)[:, None] + rng.normal(size=(n, 9))
    return {f"x_{d + 1}": x[:, d] for d in range(9)}


def blank(rng: np.random.Generator, n: int) -> dict[str, Array]:
    kind = rng.integers(2, size=n)
    seen = np.where(rng.random(n) < 0.7, np.array(["a", "b"], dtype=object)[kind], "")
    site = rng.integers(4, size=n).astype(str)
    return {"site": site, "kind": seen.astype(str), "y": 3.0 * kind + rng.normal(size=n)}


def topics(rng: np.random.Generator, n: int) -> dict[str, Array]:
    doc = np.sort(rng.integers(max(n // 50, 2), size=n))
    word = (rng.pareto(1.0, size=n) * 10).astype(int) % 400 + 7 * (doc % 3)
    return {"doc": doc.astype(str), "word": word.astype(str), "count": rng.integers(1, 5, size=n)}


def members(rng: np.random.Generator, n: int) -> dict[str, Array]:
    g = rng.integers(max(n // 30, 2), size=n)
    y = 3.0 * rng.integers(3, size=n) + g % 4 + rng.normal(size=n)
    return {"y": y, "g": g.astype(str), "w": rng.integers(0, 4, size=n)}


def classes(rng: np.random.Generator, n: int) -> dict[str, Array]:
    who, item = rng.integers(max(n // 12, 3), size=n), rng.integers(9, size=n)
    right = rng.random(n) < (0.2 + 0.6 * ((who % 3) == (item % 3)))
    return {"right": right.astype(int), "who": who.astype(str), "item": item.astype(str)}


def groups(rng: np.random.Generator, n: int) -> dict[str, Array]:
    return {"y": rng.normal(size=n), "u": rng.normal(size=n), "g": rng.integers(n // 40, size=n).astype(str)}


def regression(rng: np.random.Generator, n: int) -> dict[str, Array]:
    return {name: rng.normal(size=n) for name in "yuv"}


MODELS: Mapping[str, tuple[str, Callable[[np.random.Generator, int], dict[str, Array]]]] = {
    "mixture": (MIXTURE, mixture),
    "wide mixture": (WIDE, wide),
    "blank labels": (BLANK, blank),
    "topics": (TOPICS, topics),
    "members": (MEMBERS, members),
    "classes": (CLASSES, classes),
    "groups": (GROUPS, groups),
    "regression": (REGRESSION, regression),
}


def planned(name: str, n: int) -> Plan:
    text, columns = MODELS[name]
    return plan(energy(bound(text, columns(np.random.default_rng(4), n))))


def of_case(name: str) -> Plan:
    case = CASES[name]
    return plan(energy(bound(case.model, dict(case.columns(np.random.default_rng(3))))))


def plainly(climb: Ascent, factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """The factors with the arrays that reads of every element need, and no others."""
    return tuple(
        replace(f, means={k: f.means[k] for k in b.shapes()}) if discrete(b) else f
        for b, f in zip(climb.blocks, factors, strict=True)
    )


def discrete(block: Any) -> bool:
    return isinstance(block, DiscreteBlock | DiscreteChain)


def gaps(short: Ascent, plain: Ascent, sweeps: int = 2) -> float:
    """The largest difference, relative to the largest element, in any update of the two; and in bounds and gains."""
    state = first(short, np.random.default_rng(1))
    factors, worst = state.factors, 0.0
    for _ in range(sweeps):
        for i, block in enumerate(short.blocks):
            there, gain, scale = plain.update(plainly(short, factors), i)
            factors, own, _ = short.update(factors, i)
            for key in block.shapes():
                a, b = factors[i].means[key], there[i].means[key]
                worst = max(worst, float(np.max(np.abs(a - b)) / (1e-300 + np.max(np.abs(b)))))
            (a, size), (b, _) = short.elbo(factors), plain.elbo(plainly(short, factors))
            worst = max(worst, abs(a - b) / size, abs(own - gain) / (scale + size))
    return worst


@pytest.mark.parametrize(
    "name", sorted({*CASES, "members", "topics", "classes", "wide mixture", "blank labels"})
)
def test_sums_over_elements_equal_reads_of_each(name: str) -> None:
    """Every update, bound and gain to 1e-12 of the largest number in it."""
    made = planned(name, 400) if name in MODELS else of_case(name)
    short, plain = ascent(made), ascent(made, sums=False)
    if name in MODELS:
        assert all(op.key[0] != "is" for p in short.polynomial.products for op in p.operands)
    assert gaps(short, plain) < 1e-12


def test_a_wrong_column_would_be_seen() -> None:
    """The broken twin: one data column off by a millionth."""
    made = planned("mixture", 400)
    short, plain = ascent(made), ascent(made, sums=False)
    block = next(b for b in short.blocks if isinstance(b, DiscreteBlock))
    part = block.parts[0]
    assert isinstance(part, Columns)
    part.phi[2] *= 1.000001
    assert gaps(short, plain) > 1e-9


def test_every_mixture_of_the_references_reads_sums() -> None:
    for name in ("full mixture", "diagonal mixture", "hidden Markov model", "Poisson mixture"):
        for block in ascent(of_case(name)).blocks:
            if isinstance(block, DiscreteBlock | DiscreteChain):
                assert block.parts and not block.dense, name


def sweeping(climb: Ascent, n: int = 2) -> int:
    """Peak bytes beyond what was there, of a start and some sweeps."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    state = first(climb, np.random.default_rng(0))
    for _ in range(n):
        state = climb.sweep(state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - before


def test_sweeps_of_a_mixture_hold_nothing_of_its_rows() -> None:
    """No array of rows x classes x dims, nor of rows x classes."""
    n = 60_000
    climb = ascent(planned("mixture", n))
    state = first(climb, np.random.default_rng(0))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(2):
        state = climb.sweep(state)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 8 * n * 6 / 2


def test_no_array_of_tokens_by_topics() -> None:
    n = 60_000
    assert sweeping(ascent(planned("topics", n))) < 8 * n * 20 / 1.5


def test_plans_of_topics_copy_no_column_of_data() -> None:
    """Two codes of four bytes for each token and little else: five columns of eight more would be forty bytes."""
    n = 60_000
    ascent(planned("topics", 500))  # imports are not counted
    problem = bound(TOPICS, topics(np.random.default_rng(4), n))
    tracemalloc.start()
    climb = ascent(plan(energy(problem)))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert climb.blocks and held < 24 * n


def test_no_array_of_rows_by_groups() -> None:
    n = 20_000
    tracemalloc.start()
    climb = ascent(planned("groups", n))
    state = first(climb, np.random.default_rng(0))
    climb.sweep(state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * n * (n // 40) / 4


def test_sums_of_data_alone_are_taken_once() -> None:
    """After lowering a regression holds no array of its rows."""
    climb = ascent(planned("regression", 20_000))
    assert max(np.size(p.coefficient) for p in climb.polynomial.products) <= 2


def test_energies_of_regressions_make_no_column_of_data() -> None:
    """Products of columns are summed by chunks: less than two more columns, where there are six pairs."""
    n = 200_000
    energy(bound(REGRESSION, regression(np.random.default_rng(4), 500)))  # imports are not counted
    problem = bound(REGRESSION, regression(np.random.default_rng(4), n))
    tracemalloc.start()
    made = energy(problem)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.terms and peak < 16 * n


def seconds(name: str, n: int) -> float:
    """The least time of a sweep."""
    climb = ascent(planned(name, n))
    state = climb.sweep(first(climb, np.random.default_rng(0)))
    times = []
    for _ in range(5):
        start = time.process_time()
        state = climb.sweep(state)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("name", ["mixture", "topics"])
def test_the_cost_grows_with_the_rows(name: str) -> None:
    """Ten times the rows take at most 25 times the time: far from the square, 100."""
    assert seconds(name, 200_000) < 25 * seconds(name, 20_000)
