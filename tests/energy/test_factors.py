"""Factors of coefficients that are kept apart until rows are summed: every sum is that of their product.

No chance beyond fixed seeds. Bounds on sizes are made tiny, so that small models take the ways of large ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.energy import factors
from ppl.energy.factors import apart, grows, summed, widest
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim
from tests.energy.test_evidence import EXACT
from tests.energy.tools import climb, swept

Array = Any
ROW, LEFT, RIGHT = (Dim(name, "") for name in "ijk")
SIZES = {ROW: 50, LEFT: 3, RIGHT: 4}
SHAPES = [
    ((ROW,), (ROW,)),
    ((ROW, LEFT), (ROW, RIGHT)),
    ((ROW,), (ROW, LEFT), (ROW, RIGHT)),
    ((LEFT, ROW), (ROW,), ()),
    ((ROW, LEFT), (RIGHT,)),
    ((ROW,), ()),
]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors, "MANY_CELLS", 6)
    monkeypatch.setattr(factors, "ROWS", (1, 3))
    monkeypatch.setattr(factors, "CHUNK", 4)


def size(d: Dim) -> int:
    return SIZES[d]


def drawn(shapes: tuple[tuple[Dim, ...], ...]) -> list[Named]:
    rng = np.random.default_rng(7)
    return [Named(rng.normal(size=(1, *(SIZES[d] for d in own))), own) for own in shapes]


def plain(parts: list[Named], dims: tuple[Dim, ...]) -> Array:
    out: Array = 1.0
    for x in parts:
        out = out * aligned(x, dims)[0]
    return out


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("gone", [{ROW}, {ROW, LEFT}, {ROW, LEFT, RIGHT}])
def test_sums_in_chunks_are_sums_of_products(shapes: tuple[tuple[Dim, ...], ...], gone: set[Dim]) -> None:
    parts = drawn(shapes)
    dims = tuple(d for d in SIZES if any(d in own for own in shapes))
    keep = tuple(d for d in dims if d not in gone)
    want = plain(parts, dims).sum(tuple(i for i, d in enumerate(dims) if d in gone))
    got = summed(parts, keep, size)
    assert got.dims == keep
    np.testing.assert_allclose(got.numpy[0], want, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("shapes", SHAPES)
def test_factors_kept_apart_have_the_same_product(shapes: tuple[tuple[Dim, ...], ...]) -> None:
    parts = drawn(shapes)
    dims = tuple(d for d in SIZES if any(d in own for own in shapes))
    first, more = apart(parts, size)
    np.testing.assert_allclose(plain([first, *more], dims), plain(parts, dims), rtol=1e-12)


@pytest.mark.usefixtures("tiny")
def test_what_grows() -> None:
    assert (
        grows(drawn(((ROW, LEFT), (ROW, RIGHT))), size) and widest(drawn(((ROW, LEFT), (ROW, RIGHT)))) is None
    )
    assert not grows(drawn(((ROW, LEFT), (ROW,))), size) and widest(drawn(((ROW, LEFT), (ROW,)))) == {
        ROW,
        LEFT,
    }


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", sorted(EXACT))
def test_the_bound_is_the_evidence_by_chunks(name: str) -> None:
    text, data, evidence = EXACT[name]
    assert swept(climb(text, data), 2).elbo == pytest.approx(evidence(data), rel=1e-10)


@pytest.mark.usefixtures("tiny")
def test_a_lost_row_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: chunks that end a row early."""
    piece = factors._piece
    monkeypatch.setattr(factors, "_piece", lambda x, rows, c: piece(x, rows, slice(c.start, c.stop - 1)))
    text, data, evidence = EXACT["regression with weights"]
    assert swept(climb(text, data), 2).elbo != pytest.approx(evidence(data), rel=1e-6)
