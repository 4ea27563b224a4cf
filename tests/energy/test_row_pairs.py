"""Products of two columns of a row, weighted by probabilities and summed: never an array of rows x columns x columns.

No chance beyond fixed seeds.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from ppl.energy import factors
from ppl.energy.ascent import Ascent, ascent
from ppl.energy.build import energy
from ppl.energy.outer import Outer, columns, outer
from ppl.energy.plan import plan
from ppl.energy.row_pairs import Pairs
from ppl.energy.row_sums import Columns
from ppl.energy.starting import first
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from tests.energy.test_cost import MIXTURE, gaps, wide
from tests.energy.tools import bound

Array = Any
ROW, LEFT, RIGHT = (Dim(name, "") for name in "ndk")
SIZES = {ROW: 20, LEFT: 3, RIGHT: 4}
CHAIN = """
index states = 3
index dims
table points(x[dims]: real = "x_*")
given scale[dims, dims']: covariance = SCALE

start[states]         ~ Dirichlet(1)
turn[k, states]       ~ Dirichlet(1)                                            for k in states
mu[k, dims]           ~ MultivariateNormal(0, cov = diag([100 for d in dims]))  for k in states
prec[k, dims, dims']  ~ Wishart(12, scale)                                      for k in states
for i in points:
    z[i]       ~ Categorical(start if first(i) else turn[z[i-1]])
    x[i, dims] ~ MultivariateNormal(mu[z[i]], precision = prec[z[i]])
"""


def of(text: str, dims: int) -> str:
    """The model of rows of that many columns."""
    scale = str(np.eye(dims).tolist())
    return (
        text.replace("SCALE", scale)
        .replace("[[1, 0, 0], [0, 1, 0], [0, 0, 1]]", scale)
        .replace("Wishart(6,", f"Wishart({dims + 3},")
    )


def rows(n: int, dims: int) -> dict[str, Array]:
    x = 3 * np.random.default_rng(2).integers(6, size=n)[:, None] + np.random.default_rng(3).normal(
        size=(n, dims)
    )
    return {f"x_{d + 1}": x[:, d] for d in range(dims)}


def pair_of(climb: Ascent) -> Pairs:
    found = [p for b in climb.blocks for p in getattr(b, "parts", ()) if isinstance(p, Pairs)]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are kept as factors too."""
    monkeypatch.setattr(factors, "MANY_CELLS", 1000)


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("text", [MIXTURE, CHAIN])
def test_gram_matrices_equal_reads_of_each_row(text: str) -> None:
    """Every update, bound and gain to 1e-11 of the largest number in it."""
    made = plan(energy(bound(of(text, 9), wide(np.random.default_rng(4), 400))))
    assert any(isinstance(t.coefficient.array, Outer) for t in made.energy.terms)
    short, plain = ascent(made), ascent(made, sums=False)
    assert pair_of(short).left is pair_of(short).right
    assert gaps(short, plain) < 1e-11


@pytest.mark.usefixtures("early")
def test_a_wrong_column_of_pairs_would_be_seen() -> None:
    """The broken twin: one column off by a millionth."""
    made = plan(energy(bound(of(MIXTURE, 9), wide(np.random.default_rng(4), 400))))
    short, plain = ascent(made), ascent(made, sums=False)
    part = pair_of(short)
    object.__setattr__(part, "left", part.left * np.where(np.arange(9) == 2, 1.000001, 1.0)[:, None])
    assert gaps(short, plain) > 1e-9


def test_mixtures_of_wide_rows_hold_no_product_of_columns() -> None:
    """Energy, plan, start and sweeps of rows of 40 columns need less than ten times these; products are forty."""
    n, dims = 5000, 40
    first(ascent(plan(energy(bound(of(MIXTURE, 40), rows(50, dims))))), np.random.default_rng(0))  # imports
    problem = bound(of(MIXTURE, 40), rows(n, dims))
    tracemalloc.start()
    climb = ascent(plan(energy(problem)))
    climb.sweep(first(climb, np.random.default_rng(0)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 8 * n * dims


def size(d: Dim) -> int:
    return SIZES[d]


def drawn(*dims: Dim) -> Named:
    return Named(np.random.default_rng(len(dims)).normal(size=(1, *(SIZES[d] for d in dims))), dims)


def test_an_outer_product_reads_as_its_array_under_any_names() -> None:
    a, b = drawn(ROW, LEFT), drawn(RIGHT, ROW)
    c = outer((a, b), size)
    other = Dim("other", "")
    named = c.renamed({LEFT: other})
    want = np.einsum("nd,kn->ndk", a.numpy[0], b.numpy[0])
    order = [1 + c.dims.index(d) for d in (ROW, LEFT, RIGHT)]
    np.testing.assert_allclose(c.numpy.transpose([0, *order])[0], want)
    np.testing.assert_allclose(named.numpy, c.numpy)
    assert {d for x in named.array.over(named.dims) for d in x.dims} == {ROW, other, RIGHT}


def test_pairs_are_columns_of_products() -> None:
    """Scores and sums, the weight of rows among the factors."""
    a, b, w = drawn(ROW, LEFT), drawn(ROW, RIGHT), drawn(ROW)
    found = columns([a, b, w], (LEFT, RIGHT), (ROW,), size)
    assert found is not None
    pairs = Pairs(("sums",), *found)
    phi = np.einsum("nd,nk,n->dkn", a.numpy[0], b.numpy[0], w.numpy[0]).reshape(12, 20)
    table, r = np.random.default_rng(5).normal(size=(2, 12)), np.random.default_rng(6).random(size=(2, 7))
    x, y = np.zeros((2, 7)), np.zeros((2, 7))
    pairs.add_scores(x, table, 3, 10)
    stored = Columns(("sums",), phi)
    stored.add_scores(y, table, 3, 10)
    np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-13)
    s, t = pairs.zero(2), stored.zero(2)
    pairs.add_sums(s, r, 3, 10)
    stored.add_sums(t, r, 3, 10)
    np.testing.assert_allclose(s, t, rtol=1e-12, atol=1e-13)


def test_what_is_no_product_of_two_columns_is_left() -> None:
    assert columns([drawn(ROW, LEFT, RIGHT)], (LEFT, RIGHT), (ROW,), size) is None
    assert columns([drawn(ROW, LEFT)], (LEFT,), (ROW,), size) is None
