"""Folding leaves the log joint and its gradient unchanged, for every way of folding."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.backend import design_rows
from ppl.graph import fold_families, fold_gaussian, gram
from tests.graph.fold_cases import GAUSSIAN, OTHER, data, note, pair, worst_gap


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", GAUSSIAN)
def test_gaussian_rows(name: str, weighted: bool) -> None:
    folded, plain = pair(GAUSSIAN[name], data(), weighted)
    assert note(folded).how.startswith("Gaussian"), note(folded)
    assert folded.work < plain.work / 2
    assert worst_gap(folded, plain) < 1e-11


@pytest.mark.parametrize("name", ["one mean", "simple", "scaled groups", "dot", "offset", "choice"])
def test_data_far_from_zero(name: str) -> None:
    """y, x and t about 1e6: the slopes multiply x, so that everything of 1e6 cancels in the residuals."""
    folded, plain = pair(GAUSSIAN[name], data(shift=1e6))
    assert worst_gap(folded, plain, shift=1e6) < 1e-9


ONE_DESIGN = [name for name in OTHER if "one design" in name or "many classes" in name]
ONE_DESIGN += ["counts, dense", "counts, slopes by group"]


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_other_rows(name: str, weighted: bool) -> None:
    folded, plain = pair(OTHER[name], data(), weighted)
    if name in ONE_DESIGN:
        assert "one design" in note(folded).how
        assert folded.widest <= plain.widest
    elif name not in ("robust", "logistic", "dense logistic"):
        assert note(folded).kept < note(folded).rows / 2, note(folded)
    assert worst_gap(folded, plain) < 1e-11


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", ["groups", "variance", "precision", "crossed", "slopes", "log"])
def test_gaussian_rows_of_many_groups(name: str, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments would hold as much as the rows: squares through the design in their place."""
    monkeypatch.setattr(fold_gaussian, "LARGEST_SHARE", 0.0)
    folded, plain = pair(GAUSSIAN[name], data(), weighted)
    assert "one design" in note(folded).how
    assert worst_gap(folded, plain) < 1e-11


def test_squares_far_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_gaussian, "LARGEST_SHARE", 0.0)
    folded, plain = pair(GAUSSIAN["scaled groups"], data(shift=1e6))
    assert "one design" in note(folded).how
    assert worst_gap(folded, plain, shift=1e6) < 1e-9


@pytest.mark.parametrize("name", ["counts, one design", "counts, slopes by group"])
def test_large_counts(name: str) -> None:
    """Counts about 1e6, each row's density about -8: the rows' own log rates are near log 1e6."""
    columns = data()
    columns["c"] = np.random.default_rng(1).poisson(1e6, len(columns["c"]))
    statement = (
        OTHER[name].replace("log_rate = ", "log_rate = log(1000000) + 0.001 * (").replace(") for", ")) for")
    )
    folded, plain = pair(statement, columns)
    assert "one design" in note(folded).how
    assert worst_gap(folded, plain) < 1e-9


@pytest.mark.parametrize("name", ["counts, one design", "trials, one design", "yes or no, one design"])
def test_covariates_far_from_zero(name: str) -> None:
    """A covariate about 1e6, less 1e6 in the predictor: columns that read one latent become one."""
    columns = data()
    columns["x"] = columns["x"] + 1e6
    folded, plain = pair(OTHER[name].replace("x[i]", "(x[i] - 1000000)"), columns)
    assert worst_gap(folded, plain) < 1e-9


def test_collinear_columns() -> None:
    """A column twice: the factor is singular, the density the same."""
    columns = data()
    columns["t"] = columns["x"]
    assert worst_gap(*pair(GAUSSIAN["simple"], columns)) < 1e-11
    assert worst_gap(*pair(GAUSSIAN["slopes, sd by group"], columns)) < 1e-11


def test_a_perfect_fit() -> None:
    columns = data()
    columns["y"] = 1.0 + 2.0 * columns["x"]
    assert worst_gap(*pair(GAUSSIAN["groups"], columns)) < 1e-11


def test_an_uncentred_factor_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: raw moments of data far from zero lose the digits that centring keeps."""
    monkeypatch.setattr(gram.Rows, "mean", lambda self, x: np.zeros(len(self.count)))
    folded, plain = pair(GAUSSIAN["slopes"], data(shift=1e6))
    assert worst_gap(folded, plain, shift=1e6) > 1e-9


def test_a_lost_class_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twins: what varies within classes, or a base measure, is left out."""
    monkeypatch.setattr(fold_gaussian, "_within", lambda m, beta: None)
    assert worst_gap(*pair(GAUSSIAN["groups"], data())) > 1e-3
    monkeypatch.setattr(design_rows.Sparse, "add_slope", lambda *_: None)
    assert worst_gap(*pair(OTHER["counts, one design"], data())) > 1e-3
    monkeypatch.setattr(fold_families.ClassRows, "total_of", lambda self, f: 0.0)
    assert worst_gap(*pair(OTHER["counts"], data())) > 1e-3
