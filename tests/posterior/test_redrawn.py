"""Draws of large latents are not kept: they are made from q, the same each time and from a saved fit."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import ppl
from ppl.graph.element_labels import ElementLabels
from ppl.posterior import redrawn as lazy
from ppl.posterior.redrawn import Draws, Redrawn, redrawn

MODEL = """
index docs = 0..399, vocab = 0..99
index topics = 5
table tokens(doc: docs, word: vocab)
theta[d, topics] ~ Dirichlet(0.3) for d in docs
phi[k, vocab] ~ Dirichlet(0.3) for k in topics
for n in tokens:
    z[n] ~ Categorical(theta[doc[n]])
    word[n] ~ Categorical(phi[z[n]])
"""


def fitted(draws: int = 40) -> ppl.posterior.fit.Fit:
    rng = np.random.default_rng(0)
    data = {"doc": rng.integers(400, size=4000), "word": rng.integers(100, size=4000)}
    return ppl.compile(MODEL, path=False).fit(data, "cavi", draws=draws, max_sweeps=3, restarts=1)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "LARGE", 50_000)
    monkeypatch.setattr(lazy, "AT_ONCE", 10_000)


def test_only_large_latents_are_left_to_be_made(small: None) -> None:
    draws = fitted().draws
    assert isinstance(draws, Draws)
    assert set(draws.made) == {"theta"}
    assert set(draws.kept) == {"phi"}
    assert list(draws) == ["theta", "phi"] or list(draws) == ["phi", "theta"]
    assert draws.count == 40


def test_a_saved_fit_makes_the_same_draws_and_is_small(small: None, tmp_path) -> None:
    fit = fitted()
    fit.save(tmp_path / "a.fit")
    replace(fit, draws=dict(fit.draws)).save(tmp_path / "b.fit")
    back, whole = ppl.load(tmp_path / "a.fit"), ppl.load(tmp_path / "b.fit")
    for name in ("theta", "phi"):
        np.testing.assert_array_equal(fit.draws[name], back.draws[name])
        np.testing.assert_array_equal(fit.draws[name], whole.draws[name])
    assert str(fit) == str(back)
    kept = 8 * 40 * 400 * 5
    assert os.path.getsize(tmp_path / "b.fit") - os.path.getsize(tmp_path / "a.fit") > 0.95 * kept


def test_predictions_are_those_from_kept_draws(small: None, tmp_path) -> None:
    fit = fitted()
    new = {"doc": np.arange(50), "word": np.arange(50)}
    kept = replace(fit, draws=dict(fit.draws)).predict(new)
    assert fit.predict(new).csv() == kept.csv()
    fit.save(tmp_path / "a.fit")
    assert ppl.load(tmp_path / "a.fit").predict(new).csv() == kept.csv()


def test_the_figures_are_those_of_the_draws(small: None) -> None:
    fit = fitted()
    theta = next(e for e in fit.estimates if e.name == "theta")
    flat = fit.draws["theta"].reshape(40, -1)
    np.testing.assert_allclose(theta.values[:, 3], np.quantile(flat, 0.5, axis=0))


@pytest.mark.parametrize("wrong", [False, True])
def test_draws_have_the_moments_of_the_family(wrong: bool) -> None:
    """Means of 20,000 draws of 12 elements within 5 standard errors: a false alarm once in 140,000 runs."""
    alpha = np.arange(1.0, 13.0).reshape(4, 3)
    made = Redrawn("Dirichlet", {"concentration": alpha}, 20_000, (4, 3), (0, 7), 3)
    draws = made.whole()
    mean = (alpha + wrong) / (alpha + wrong).sum(1, keepdims=True)
    error = draws.std(0) / np.sqrt(20_000)
    assert (np.abs(draws.mean(0) - mean) < 5 * error).all() != wrong


def test_parts_are_independent_and_the_same_each_time() -> None:
    made = Redrawn("Normal", {"mean": np.zeros(6), "sd": np.ones(6)}, 500, (6,), (3,), 2)
    np.testing.assert_array_equal(np.concatenate(list(made.parts()), axis=1), made.whole())
    np.testing.assert_array_equal(made.whole(), made.whole())
    away = np.abs(np.corrcoef(made.whole().T) - np.eye(6)).max()
    assert away < 0.25  # 15 correlations with sd 0.045: chance is 4e-7


def test_figures_of_draws_that_are_not_kept_take_little_memory() -> None:
    """Forty draws of a million numbers are 320 MB; a part of them at a time, with 5 figures of each, is 60."""
    made = redrawn(
        "Gamma", {"shape": np.full(1_000_000, 2.0), "rate": np.ones(1_000_000)}, 40, (1_000_000,), (1,)
    )
    assert made is not None
    labels = ElementLabels("a", (tuple(map(str, range(1000))), tuple(map(str, range(1000)))))
    tracemalloc.start()
    from ppl.posterior.estimates import estimate_parts

    found = estimate_parts("a", "latent", labels, made.parts())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 75e6
    assert abs(found.values[:, 0].mean() - 2.0) < 0.01


def test_a_record_that_does_not_fit_its_block_is_refused() -> None:
    with pytest.raises(ValueError, match="parameters of Gamma"):
        Redrawn("Gamma", {"shape": np.ones(3), "rate": np.ones(2)}, 10, (3,), (0,), 1)
    with pytest.raises(ValueError, match="draws of Nothing"):
        Redrawn("Nothing", {}, 10, (3,), (0,), 1)


def test_labels_made_when_read_are_those_written_out() -> None:
    names = ElementLabels("x", (("a", "b"), ("1", "2", "3")))
    assert tuple(names) == tuple(names[i] for i in range(6)) == names[:]
    assert names == tuple(names)
    assert names != ("x[a,1]",)
    assert "x[b,3]" in names
    with pytest.raises(IndexError):
        names[6]
