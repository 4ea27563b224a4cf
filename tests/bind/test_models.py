"""Models as users write them, bound to small files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppl.data import Frame
from ppl.errors import DataError, LimitError, PplError, Source
from ppl.graph.bind import BoundData, bind, headers
from ppl.language.check import check
from ppl.language.parse import parse
from ppl.language.typed import Program
from tests.bind.make import csv, json, same

MODELS = Path(__file__).parents[1] / "language" / "models"


def program(name_or_text: str) -> Program:
    text = name_or_text if "\n" in name_or_text else (MODELS / f"{name_or_text}.model").read_text()
    source = Source("m.model", text)
    return check(parse(source), source)


def bound(name: str, *inputs: Frame | tuple[str, Frame], **more: object) -> BoundData:
    pairs = [(None, i) if isinstance(i, Frame) else i for i in inputs]
    return bind(program(name), pairs, **more)  # type: ignore[arg-type]


def test_lda_counts_are_weights() -> None:
    data = bound("lda", csv("doc,word,count\nb,cat,2\na,dog,1\na,cat,3\n"))
    assert data.sets["docs"].labels == ("a", "b")
    assert data.sets["vocab"].labels == ("cat", "dog")
    assert same(data.weights["tokens"], [2.0, 1.0, 3.0])
    assert same(data.arrays["tokens", "word"], [0, 1, 0])


def test_hmm_rows_are_sorted() -> None:
    data = bound("hmm", csv("t,y\n2,20\n1,10\n3,30\n"))
    assert same(data.arrays["series", "y"], [10.0, 20.0, 30.0])
    assert data.element("series", 0) == "d.csv line 3"


def test_pos_tagger_has_two_tables_and_missing_tags() -> None:
    words = csv("id,sent,pos,tag\nw3,s2,1,NOUN\nw1,s1,2,\nw0,s1,1,DET\n", "words.csv")
    active = csv("word,feat\nw1,cap\nw0,low\nw3,cap\n", "active.csv")
    data = bound("pos_tagger", ("words", words), ("active", active))
    assert data.sets["words"].labels == ("w3", "w0", "w1")
    assert same(data.sets["words"].group, [0, 1, 1])
    assert same(data.missing["words", "tag"], [False, False, True])
    assert data.sets["tags"].labels == ("DET", "NOUN")
    assert same(data.arrays["words", "tag"], [1, 0, 0])
    assert same(data.arrays["active", "word"], [2, 1, 0])


def test_bag_of_words_from_triples_takes_its_sets_along() -> None:
    data = bound("latent_factors", ("bow", csv("docs,vocab,count\nd1,cat,2\nd2,dog,5\n")))
    assert same(data.arrays[None, "bow"], [[2, 0], [0, 5]])
    assert float(data.arrays[None, "prior_on"]) == pytest.approx(0.3)


def test_wide_columns_and_arrays_feed_a_wide_table() -> None:
    header = ",".join(f"x_{k}" for k in range(1, 785))
    data = bound(
        "vae", csv(header + "\n" + ",".join(["1", *["0"] * 783]) + "\n" + ",".join(["0"] * 784) + "\n")
    )
    assert data.arrays["images", "x"].shape == (2, 784)
    assert data.arrays["images", "x"].dtype == np.bool_
    with pytest.raises(DataError, match="has 2 columns over pixels, which has 784"):
        bound("vae", csv("x_1,x_2\n1,0\n"))


def test_radon_from_stans_json() -> None:
    text = '{"N": 3, "J": 2, "county": [1, 2, 2], "x": [0, 1, 0.0], "y": [1.5, 2, "NaN"]}'
    with pytest.raises(DataError, match=r"1 blank in `y` \(first: `y\[3\]`\)"):
        bound("radon_json", json(text))
    data = bound("radon_json", json(text.replace('"NaN"', "3")))
    assert same(data.arrays[None, "county"], [0, 1, 1])


def test_missing_predictor() -> None:
    data = bound("missing_predictor", csv("height,weight\n170,60\nNA,70\n"))
    assert same(data.missing["people", "height"], [False, True])
    assert ("people", "weight") not in data.missing


def test_headers_ask_for_patterns_of_wide_columns() -> None:
    assert {"x", "x_*"} <= headers(program("vae"))


def test_filtered_rows_and_reference_levels() -> None:
    text = """
index slopes = [k for k in levels_of if position(k) > 1]
index levels_of = ["a", "b", "c"]
table d(g: levels_of, y: real)
b[slopes] ~ Normal(0, 1)
y[i] ~ Normal(0 if first(g[i]) else b[g[i]], 1) for i in d if position(i) > 1
"""
    data = bound(text, csv("g,y\na,NA\nc,2\n"))
    assert data.sets["slopes"].labels == ("b", "c")
    assert same(data.arrays["d", "y"], [0.0, 2.0])


def test_a_dense_file_feeds_a_matrix_by_its_headers() -> None:
    data = bound("latent_factors", ("bow", csv("docs,dog,cat\nd2,0,2\nd1,5,1\n")))
    assert data.sets["vocab"].labels == ("dog", "cat")
    assert data.sets["docs"].size == 2
    assert same(data.arrays[None, "bow"], [[0, 2], [5, 1]])


def test_defaults_of_givens() -> None:
    text = """
index grades = ["low", "high"]
index k = 3
given base: grades = "high"
given x[k]: real = [1, 2.5, -3e-2]
given n: count = size(k) + 1
table d(y: real, g: grades)
m[grades] ~ Normal(0, 1)
y[i] ~ Normal(m[base] + m[g[i]] + x[1] * n, 1) for i in d
"""
    data = bound(text, csv("y,g\n1,low\n"))
    assert same(data.arrays[None, "x"], [1.0, 2.5, -0.03])
    assert (int(data.arrays[None, "base"]), int(data.arrays[None, "n"])) == (1, 4)
    assert int(bound(text, csv("y,g\n1,low\n"), settings={"base": "low"}).arrays[None, "base"]) == 0
    with pytest.raises(DataError, match="E402"):
        bound(text, csv("y,g\n1,low\n"), settings={"base": "mid"})


TEXTS = [
    "index g\ntable d(a: g, b: real?, c: count)\nm[g] ~ Normal(0, 1)\n"
    "b[i] ~ Normal(m[a[i]], c[i] + 1) for i in d\n",
    "index g = 3\ntable d(a: g, b: order within a, c: positive)\nm[g] ~ Normal(0, 1)\n"
    "c[i] ~ LogNormal(m[a[i]], 1) for i in d\n",
    'index f\ntable d(x[f]: real = "*")\nm[f] ~ Normal(0, 1)\nx[i, k] ~ Normal(m[k], 1) for i in d, k in f\n',
    "table p(a: key)\ntable d(b: p, c: bool)\nm[i] ~ Normal(0, 1) for i in p\n"
    "c[j] ~ Bernoulli(logit = m[b[j]]) for j in d\n",
    "index g = 0..max(c)\ntable d(a: weight, b: int, c: count)\nm[g] ~ Normal(0, 1)\n"
    "b[i] ~ Poisson(exp(m[1])) for i in d if c[i] > 1\n",
]
CELL = st.sampled_from(["1", "2", "3", "0", "-1", "2.5", "NA", "", "x", "1e9", "true", "1e400", "007"])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TEXTS), st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5), st.booleans())
def test_whatever_the_cells_binding_ends_in_data_or_a_located_error(
    text: str, rows: list[tuple[str, str, str]], drop: bool
) -> None:
    made = program(text)
    frame = csv("a,b,c\n" + "".join(",".join(r) + "\n" for r in rows))
    data = answer(made, frame, ["a", "b"] if drop else [])
    if isinstance(data, PplError):
        assert data.diagnostics
        assert all(p.place is not None or p.span is not None for p in data.diagnostics)
        return
    for (table, name), array in data.arrays.items():
        if table is not None:
            assert array.shape[0] == data.sets[table].size, name


def answer(made: Program, frame: Frame, drop: list[str]) -> BoundData | PplError:
    try:
        return bind(made, [(None, frame)], drop_missing=drop)
    except (DataError, LimitError) as problem:
        return problem
