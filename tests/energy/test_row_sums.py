"""Passes over elements against plain arrays: chunks, weights, impossible states, and products that underflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppl.energy.collapsed import Collapsed
from ppl.energy.operands import Key
from ppl.energy.row_sums import CHUNK, Codes, Columns, Means, RowSums, Runs, softmax_down

Array = Any
N, K = 2 * CHUNK + 137, 5
A: Key = ("sums", "z", "a")
B: Key = ("sums", "z", "b")


def plain(scores: Array) -> tuple[Array, Array]:
    """Probabilities (N, K) and log-normalisers of scores (N, K)."""
    top = scores.max(1, keepdims=True)
    r = np.exp(scores - top)
    return r / r.sum(1, keepdims=True), np.log(r.sum(1)) + top[:, 0]


def topics(spread: float, weighted: bool) -> tuple[tuple[Codes, Codes], Array | None, dict[Key, Array]]:
    rng = np.random.default_rng(0)
    m = rng.integers(1, 5, size=N).astype(float) if weighted else None
    parts = (
        Codes(A, np.sort(rng.integers(300, size=N)).astype(np.int32), 300, m),
        Codes(B, rng.integers(70, size=N).astype(np.int32), 70, m),
    )
    tables = {A: spread * rng.normal(size=(300, K)), B: spread * rng.normal(size=(70, K))}
    return parts, m, tables


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [1.0, 400.0])
def test_exponentials_of_tables_serve_for_those_of_scores(spread: float, weighted: bool) -> None:
    """To 1e-12; at a spread of 400 hundreds of elements have norms that underflow."""
    parts, m, tables = topics(spread, weighted)
    tables[B][3, 2] = -np.inf
    found = Collapsed(parts, K, m).softmax(tables)
    r, logs = plain(tables[A][parts[0].codes] + tables[B][parts[1].codes])
    weight = np.ones(N) if m is None else m
    assert found.log_normaliser == pytest.approx(weight @ logs, rel=1e-12)
    for part in parts:
        expected = np.stack([np.bincount(part.codes, weight * c, part.places) for c in r.T], 1)
        np.testing.assert_allclose(found.sums[part.key], expected, atol=1e-12 * expected.max())


def test_the_hard_case_is_hard() -> None:
    """The broken twin of the case above: without the logs it would have lost elements."""
    parts, _, tables = topics(400.0, False)
    t = [np.exp(tables[p.key] - tables[p.key].max(1, keepdims=True))[p.codes] for p in parts]
    assert ((t[0] * t[1]).sum(1) < 1e-280).sum() > 100


def test_a_pass_in_chunks_equals_one_over_whole_arrays() -> None:
    """Columns, codes, rows of each element, weights and states that are not allowed."""
    rng = np.random.default_rng(1)
    phi, count = rng.normal(size=(4, N)), rng.integers(0, 3, size=N).astype(float)
    own = np.sort(rng.integers(N, size=3 * N))
    first = np.searchsorted(own, np.arange(N + 1))
    codes, weight = rng.integers(11, size=3 * N).astype(np.int32), rng.normal(size=3 * N)
    allowed = rng.random((K, N)) < 0.8
    allowed[0] = True
    parts = (Columns(A, phi * count), Runs(B, codes, 11, first, weight * count[own]))
    tables = {A: rng.normal(size=(K, 4)), B: rng.normal(size=(11, K))}
    found = RowSums(N, K, parts, count, count, allowed).softmax(tables, keep=True)
    scores = (tables[A] @ phi).T
    np.add.at(scores, own, weight[:, None] * tables[B][codes])
    scores = np.where(count[:, None] > 0, scores, 0.0)
    r, logs = plain(np.where(allowed.T, scores, -np.inf))
    assert found.log_normaliser == pytest.approx(count @ logs, rel=1e-12)
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, r, atol=1e-12)
    np.testing.assert_allclose(found.sums[A], (phi * count @ r).T, atol=1e-9)
    each = (weight * count[own])[:, None] * r[own]
    expected = np.stack([np.bincount(codes, c, 11) for c in each.T], 1)
    np.testing.assert_allclose(found.sums[B], expected, atol=1e-9)


def test_minus_infinity_in_a_table_rules_states_out_where_its_column_counts() -> None:
    phi = np.array([[1.0, 0.0, 2.0], [1.0, 1.0, 1.0]])
    x = RowSums(3, 2, (Columns(A, phi),)).scores(
        [(Columns(A, phi), np.array([[-np.inf, 1.0], [0.5, 0.0]]))], None, 0, 3
    )
    np.testing.assert_allclose(x, [[-np.inf, 1.0, -np.inf], [0.5, 0.0, 1.0]])


def test_probabilities_are_made_when_asked_for_and_listed_only_when_kept() -> None:
    calls = []

    def make() -> Array:
        calls.append(1)
        return np.ones(3)

    means = Means({A: np.zeros(2)}, {B: make})
    assert list(means) == [A] and B in means and not calls
    assert means[B].sum() == 3.0 and means[B].sum() == 3.0
    assert len(calls) == 1


def test_a_column_of_impossible_states_has_no_finite_normaliser() -> None:
    x = np.full((2, 1), -np.inf)
    with np.errstate(all="ignore"):
        assert softmax_down(x)[0] == -np.inf
