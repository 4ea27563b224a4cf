"""Figures from draws, and how they are printed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppl.posterior.assemble import spread_khat
from ppl.posterior.estimates import estimate, quantiles
from ppl.posterior.html import html_table
from ppl.posterior.numbers import decimals_for, shown
from ppl.posterior.predicted import Column, Prediction, Table
from ppl.posterior.summary import Summary
from ppl.posterior.table import text_table


def test_quantiles_are_those_of_numpy():
    draws = np.random.default_rng(0).normal(size=(37, 5))
    levels = (0.0, 0.05, 0.5, 0.95, 1.0)
    np.testing.assert_allclose(quantiles(draws, levels), np.quantile(draws, levels, axis=0), rtol=1e-12)


def test_the_sd_of_a_nearly_constant_quantity_does_not_cancel():
    draws = 1e9 + np.random.default_rng(0).normal(size=5000)
    row = estimate("x", "latent", ("x",), draws).row(0)
    assert abs(row.sd - 1) < 6 / np.sqrt(2 * 5000)  # six standard errors: false alarms below 1e-8


def test_large_quantities_are_worked_in_pieces(monkeypatch):
    draws = np.random.default_rng(0).normal(size=(50, 7))
    names = tuple("abcdefg")
    whole = estimate("x", "latent", names, draws)
    monkeypatch.setattr("ppl.posterior.estimates.CHUNK", 100)
    np.testing.assert_array_equal(whole.values, estimate("x", "latent", names, draws).values)


def test_non_finite_draws_give_null_in_json():
    row = estimate("x", "value", ("x",), np.array([1.0, np.inf, 2.0])).row(0)
    assert row.to_dict()["mean"] is None
    assert row.to_dict()["q50"] == 2.0


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(min_value=0))
def test_every_number_can_be_shown(value, sd):
    text = shown(value, decimals_for(sd))
    assert len(text) < 25
    assert text != "-0.00"


def test_long_quantities_are_shortened_only_on_request():
    labels = tuple(f"a[county number {i}]" for i in range(85))
    e = estimate("a", "latent", labels, np.random.default_rng(0).normal(size=(20, 85)))
    whole, short = text_table([e]), text_table([e], longest=12, more=" (ppl summary fit --all)")
    assert all(label in whole for label in labels)
    assert "... 77 more of a (ppl summary fit --all)" in short
    assert len(short.splitlines()) == 10


def test_elements_that_the_checks_doubt_stay_in_a_shortened_table():
    labels = tuple(f"a[{i}]" for i in range(85))
    khat = np.full(85, 0.1)
    khat[[3, 20, 40, 60, 80]] = [2.0, 0.9, 0.8, 0.6, 1.0]
    e = estimate("a", "latent", labels, np.random.default_rng(0).normal(size=(20, 85)), khat)
    lines = [line.split()[0] for line in text_table([e], longest=12).splitlines()[1:]]
    assert lines == [*labels[:8], "a[20]", "a[40]", "a[80]", "..."]
    assert "... 74 more of a" in text_table([e], longest=12)


def test_a_vast_quantity_is_shortened_where_nobody_asked_for_all():
    labels = tuple(f"a[{i}]" for i in range(10_001))
    summary = Summary((estimate("a", "latent", labels, np.ones((3, 10_001))),))
    assert "... 9993 more of a (summary.text() shows them)" in str(summary)
    assert len(summary.text().splitlines()) == 10_002


def test_columns_align_and_control_characters_are_escaped():
    e = estimate(
        "a", "latent", ("a[\x1b[31m]", "a[b]"), np.random.default_rng(0).normal(size=(20, 2)) * [1e6, 1]
    )
    lines = text_table([e]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "\x1b" not in lines[1]


def test_a_point_estimate_has_no_interval():
    e = estimate("p", "param", ("p",), np.full(20, 0.25))
    assert text_table([e]).splitlines()[1].split() == ["p", "0.2500"]


def test_html_is_escaped_and_shortened():
    labels = tuple(f"<i>{i}" for i in range(20))
    text = html_table([estimate("a", "latent", labels, np.ones((3, 20)))], "a & b")
    assert "<i>" not in text
    assert "a &amp; b" in text
    assert "12 more of a" in text


def test_a_summary_is_a_mapping():
    e = estimate("a", "latent", ("a[x]", "a[y]"), np.arange(40.0).reshape(20, 2))
    summary = Summary((e,), "fine")
    assert list(summary) == ["a[x]", "a[y]"]
    assert summary["a[y]"].mean == 20.0
    assert "nothing" not in summary
    assert str(summary).endswith("fine")


def test_khat_of_mixed_coordinates_goes_to_every_element():
    from types import SimpleNamespace as Thing

    problem = Thing(
        quantities=[Thing(name="w", labels=("w[1]", "w[2]", "w[3]")), Thing(name="m", labels=("m",))]
    )
    groups = [Thing(name="w", where=slice(0, 2)), Thing(name="m", where=slice(2, 3))]
    spread = spread_khat(problem, groups, np.array([0.1, 0.6, 0.3]))
    np.testing.assert_array_equal(spread["w"], [0.6, 0.6, 0.6])
    np.testing.assert_array_equal(spread["m"], [0.3])


def test_predictions_come_back_in_the_order_of_the_file():
    draws = np.arange(6.0).reshape(2, 3, 1)
    table = Table("t", ("line",), ((4,), (2,), (3,)), np.array([1, 2, 0]))
    lines = Prediction((table,), (Column("y", "t", draws),)).csv().splitlines()
    assert lines[0] == "line,y_mean,y_sd,y_q5,y_q50,y_q95"
    assert [line.split(",")[:2] for line in lines[1:]] == [["2", "2.5"], ["3", "3.5"], ["4", "1.5"]]


def test_labels_are_predicted_by_their_probability():
    draws = np.array([[0.0], [1.0], [1.0], [1.0]]).reshape(4, 1, 1)
    column = Column("kind", "t", draws, labels=("no", "=yes"))
    text = Prediction((Table("t", ("row",), ((1,),), np.array([0])),), (column,)).csv()
    assert text == "row,kind_most_probable,kind_probability\n1,'=yes,0.75\n"


def test_a_wrong_number_of_labels_is_our_mistake():
    with pytest.raises(ValueError, match="labels"):
        estimate("x", "latent", ("a",), np.ones((3, 2)))
