"""Folding forced on every model of the corpus, however few its rows, changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ppl.graph import fold, fold_gaussian, fold_vectors
from ppl.graph.lower import GraphTarget
from tests.graph.corpus import CONTINUOUS, DISCRETE
from tests.graph.make import Case, problem_of

ALL = [*CONTINUOUS, *DISCRETE]


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "FEWEST_ROWS", 1)
    monkeypatch.setattr(fold, "LARGEST_SHARE", 10.0)
    monkeypatch.setattr(fold_gaussian, "LARGEST_SHARE", 10.0)
    monkeypatch.setattr(fold_vectors, "LARGEST_SHARE", 10.0)


@pytest.fixture(params=[0, 100], ids=["designs", "classes"])
def _classes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "FEW_CLASSES", request.param)


def _pair(case: Case) -> tuple[GraphTarget, GraphTarget]:
    lay = problem_of(case).layout
    return GraphTarget(lay), GraphTarget(replace(lay, fold=False))


@pytest.mark.usefixtures("_classes")
@pytest.mark.parametrize("case", ALL, ids=str)
def test_folding_changes_nothing(case: Case) -> None:
    folded, plain = _pair(case)
    z = 0.4 * np.random.default_rng(6).normal(size=(5, folded.size))
    for a, b in zip(folded.value_and_grad(z), plain.value_and_grad(z), strict=True):
        assert np.array_equal(np.isfinite(a), np.isfinite(b))
        good = np.isfinite(b)
        assert np.max(np.abs(a - b)[good], initial=0.0) <= 1e-10 * np.max(np.abs(b)[good], initial=1.0)


def test_every_way_of_folding_is_met() -> None:
    ways: Counter[str] = Counter()
    for case in ALL:
        for f in _pair(case)[0].foldings:
            ways[f.how.split(" of ")[0].split(":")[0]] += 1
    assert ways["Gaussian"] >= 10
    assert ways["sufficient statistics"] >= 1
    assert ways["multiplicities"] >= 1
    assert ways["counts"] >= 3
