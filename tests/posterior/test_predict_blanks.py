"""Prediction along a chain with blank cells: what follows a blank cell follows what was filled in there.

The tags alternate in 60 rows, so a tag repeats in prediction with probability below 0.05. A share of repeats
above 0.2 in 1000 draws would be a false alarm of probability below 1e-9. The broken twin is a chain that reads
the same tag in every blank cell's place: the tags after it are then the same, and repeat always.
"""

from __future__ import annotations

import numpy as np
import pytest

import ppl

MODEL = """
index tags
table words(t: order, tag: tags?)

begin[k] ~ Normal(0, 1) for k in tags
trans[a, k] ~ Normal(0, 3) for a in tags, k in tags
for n in words:
    tag[n] ~ Categorical(logit = begin if first(n) else trans[tag[n-1]])
"""


@pytest.fixture(scope="module")
def fit() -> ppl.Fit:
    return ppl.fit(MODEL, {"t": np.arange(60), "tag": ["A", "B"] * 30})


def repeats(tags: np.ndarray) -> np.ndarray:
    """The share of draws in which each row after the first has the tag of the row before."""
    found: np.ndarray = (tags[:, 1:] == tags[:, :-1]).mean(axis=0)
    return found


@pytest.mark.parametrize("tags", [["B", "", "", "", "", ""], None], ids=["blank", "absent"])
def test_tags_after_blanks_follow_what_was_filled_in(fit: ppl.Fit, tags: list[str] | None) -> None:
    table = {"t": np.arange(6)} | ({} if tags is None else {"tag": tags})
    drawn = fit.predict(table).draws("tag")
    assert (repeats(drawn)[1:] < 0.2).all()
    twin = np.where(np.arange(6) < 2, drawn, drawn[:, 2:3])
    assert not (repeats(twin)[1:] < 0.2).all()


def test_known_tags_are_predicted_from_the_row_before(fit: ppl.Fit) -> None:
    drawn = fit.predict({"t": np.arange(4), "tag": ["B", "B", "B", "A"]}).draws("tag")
    assert ((drawn[:, 1:] == 0).mean(axis=0) > 0.8).all()


def test_known_tags_beside_a_blank_are_still_drawn(fit: ppl.Fit) -> None:
    drawn = fit.predict({"t": np.arange(4), "tag": ["B", "B", "", "A"]}).draws("tag")
    assert (drawn[:, 1] == 0).mean() > 0.8
    assert (drawn[:, 3] != drawn[:, 2]).mean() > 0.8
