"""Rows with a dense and sparse design as one primitive, against their sums written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from ppl.backend import design_rows as module
from ppl.backend.design_rows import BinomialRows, DesignRows, PoissonRows, design_rows, sparse

RNG = np.random.default_rng(4)
WIDTH = 90


def _matrix(rows: DesignRows) -> np.ndarray:
    """The whole design as one dense matrix."""
    x = np.tile(rows.constant, (rows.count, 1))
    x[:, rows.places] += rows.dense
    for entry in rows.entries:
        weight = 1.0 if entry.weight is None else entry.weight
        np.add.at(x, (np.arange(rows.count), entry.places), weight)
    return x


def _rows(n: int, family: Any, ordered: bool) -> DesignRows:
    codes = RNG.integers(0, 60, n)
    codes = np.sort(codes) if ordered else codes
    entries = (
        sparse(codes, None),
        sparse(60 + RNG.integers(0, 20, n), RNG.standard_normal(n)),
        sparse(codes, -0.5),
    )
    constant = np.zeros(WIDTH)
    constant[85] = 1.5
    dense = RNG.standard_normal((n, 3))
    return DesignRows(n, family, dense, np.array([80, 82, 81]), entries, constant, RNG.standard_normal(n))


def _binomial(t: np.ndarray, yes: np.ndarray, no: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    value = special.xlog1py(yes, special.expit(t) - 1.0) + special.xlog1py(no, -special.expit(t))
    return value, yes * special.expit(-t) - no * special.expit(t)


@pytest.mark.parametrize("draws", [1, 4, 5, 70])
@pytest.mark.parametrize("n", [1, 100, 700, 2048, 5000, 40_000])
def test_value_and_gradient(n: int, draws: int) -> None:
    """Blocks, rests of blocks, long blocks of few draws; rows in the order of a code or not."""
    if n * draws > 400_000:
        draws = 5
    yes, no = RNG.integers(0, 5, n).astype(float), RNG.integers(0, 5, n).astype(float)
    rows = _rows(n, BinomialRows(yes, no), ordered=bool(draws % 2))
    beta = 0.3 * RNG.standard_normal((draws, WIDTH))
    x = _matrix(rows)
    value, slope = _binomial(beta @ x.T + rows.offset, yes, no)
    found = design_rows(beta, rows)
    assert found[:, 0] == pytest.approx(value.sum(1), rel=1e-11)
    assert np.max(np.abs(found[:, 1:] - slope @ x)) <= 1e-12 * n * max(np.max(np.abs(slope @ x)), 1.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_counts(weighted: bool) -> None:
    n = 900
    y = RNG.poisson(2.0, n).astype(float)
    w = RNG.uniform(0.5, 2.0, n) if weighted else None
    once = np.ones(n) if w is None else w
    rows = _rows(n, PoissonRows(y * once, w), ordered=False)
    beta = 0.2 * RNG.standard_normal((6, WIDTH))
    x = _matrix(rows)
    t = beta @ x.T + rows.offset
    found = design_rows(beta, rows)
    base = (once * (special.xlogy(y, y) - y)).sum()
    assert found[:, 0] + base == pytest.approx(((y * t - np.exp(t)) * once).sum(1), rel=1e-11)
    slope = ((y - np.exp(t)) * once) @ x
    assert np.max(np.abs(found[:, 1:] - slope)) <= 1e-11 * np.max(np.abs(slope))


def test_far_predictors() -> None:
    """No overflow and no warning where one outcome is certain."""
    rows = DesignRows(
        2,
        BinomialRows(np.array([1.0, 0.0]), np.array([0.0, 1.0])),
        np.ones((2, 1)),
        np.array([0]),
        (),
        np.zeros(1),
        None,
    )
    found = design_rows(np.array([[800.0], [-800.0], [0.0]]), rows)
    assert found[:2, 0].tolist() == [-800.0, -800.0]
    assert found[2, 0] == pytest.approx(-2 * np.log(2))


@pytest.mark.parametrize("wrong", [lambda c: c[::-1], lambda c: np.roll(c, 1)], ids=["turned", "rolled"])
def test_wrong_runs_are_seen(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Any], Any]) -> None:
    """The broken twin: sums of runs that go to other codes."""
    true = module._runs
    monkeypatch.setattr(
        module,
        "_runs",
        lambda codes: module.Runs(true(codes).order, true(codes).first, wrong(true(codes).codes)),
    )
    rows = _rows(700, BinomialRows(np.ones(700), np.ones(700)), ordered=True)
    beta = 0.3 * RNG.standard_normal((6, WIDTH))
    x = _matrix(rows)
    slope = _binomial(beta @ x.T + rows.offset, np.ones(700), np.ones(700))[1] @ x
    assert np.max(np.abs(design_rows(beta, rows)[:, 1:] - slope)) > 1.0
