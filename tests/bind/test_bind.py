"""Binding: sizes, levels, order, keys, blanks and settings, on programs made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.errors import DataError, LimitError, UsageError
from ppl.graph.bind import bind
from ppl.language import typed as t
from tests.bind.make import (
    HERE,
    apply,
    column,
    csv,
    given,
    index,
    json,
    kind,
    number,
    observe,
    program,
    ref,
    same,
)


def fails(*args: object, **more: object) -> list[tuple[str, int | None, str | None, str]]:
    with pytest.raises(DataError) as caught:
        bind(*args, **more)  # type: ignore[arg-type]
    return [
        (d.code, d.place.line if d.place else None, d.place.column if d.place else None, d.message)
        for d in caught.value.diagnostics
    ]


def test_one_csv_binds_the_only_table() -> None:
    p = program(column("schools", "effect"), column("schools", "se"), observe("schools", "effect"))
    data = bind(p, [(None, csv("school,effect,se\nA,28,15\nB,8,10\n"))])
    assert same(data.arrays["schools", "effect"], [28.0, 8.0])
    assert data.sets["schools"].size == 2
    assert data.label("schools", 1) == "2"
    assert data.unused == ("d.csv: school",)
    assert data.element("schools", 1) == "d.csv line 3"


def test_levels_are_the_union_in_natural_order() -> None:
    p = program(index("g"), column("d", "a", "g"), column("d", "b", "g"))
    data = bind(p, [(None, csv("a,b\ng10,g2\ng1,g10\n"))])
    assert data.sets["g"].labels == ("g1", "g2", "g10")
    assert same(data.arrays["d", "a"], [2, 0])
    assert same(data.arrays["d", "b"], [1, 2])


def test_numeric_levels_sort_by_value() -> None:
    p = program(index("g"), column("d", "a", "g"))
    assert bind(p, [(None, csv("a\n10\n9\n-1\n"))]).sets["g"].labels == ("-1", "9", "10")


def test_sized_set_takes_labels_from_one() -> None:
    p = program(given("K"), index("g", "fixed", size=ref("K")), column("d", "a", "g"))
    data = bind(p, [(None, csv("a\n1\n3\n")), (None, json('{"K": 3}', "c.json"))])
    assert same(data.arrays["d", "a"], [0, 2])
    assert data.sets["g"].labels is None
    found = fails(p, [(None, csv("a\n0\n2\n1\n0\n"))], {"K": "3"})
    assert found == [
        ("E402", 2, "a", '`a` should be a label of g (1 to 3); 2 cells are not: line 2 "0", line 5 "0"')
    ]
    found = fails(p, [(None, csv("a\n1\n7\n"))], {"K": 6})
    assert found[0][:3] == ("E402", 3, "a")


def test_range_set_from_a_column() -> None:
    p = program(
        column("d", "y", "count"),
        index("g", "range", low=number(0), size=apply("max", ref("y", "d", "count", ("d",)))),
    )
    data = bind(p, [(None, csv("y\n4\n2\n"))])
    assert (data.sets["g"].size, data.sets["g"].low, data.label("g", 4)) == (5, 0, "4")


def test_labelled_set() -> None:
    p = program(index("g", "labelled", labels=("low", "NA", "high")), column("d", "a", "g"))
    assert same(bind(p, [(None, csv("a\nhigh\nNA\nlow\n"))]).arrays["d", "a"], [2, 1, 0])
    assert fails(p, [(None, csv("a\nmid\n"))])[0][3].startswith(
        '`a` should be a label of g ("low", "NA", "high")'
    )


def test_keys_and_foreign_keys_follow_sorted_rows() -> None:
    p = program(
        column("person", "id", role="key"),
        column("person", "at", role="order"),
        column("visit", "who", "person"),
    )
    people = csv("id,at\nbob,2\nann,1\n", "people.csv")
    data = bind(p, [("person", people), ("visit", csv("who\nann\nbob\nann\n"))])
    assert data.sets["person"].labels == ("ann", "bob")
    assert same(data.arrays["visit", "who"], [0, 1, 0])
    assert same(data.lines["person"], [3, 2])
    found = fails(p, [("person", people), ("visit", csv("who\nann\ncid\nbob\ncid\ndan\n"))])
    assert found == [
        (
            "E406",
            3,
            "who",
            '3 cells of `who` point to person that are not there: "cid", "dan" (lines 3, 5, 6)',
        )
    ]


def test_unkeyed_parent_is_numbered_by_file_row() -> None:
    p = program(column("word", "at", role="order"), column("active", "of", "word"))
    data = bind(p, [("word", csv("at\n5\n1\n3\n")), ("active", csv("of\n1\n2\n3\n"))])
    assert same(data.arrays["active", "of"], [2, 0, 1])


def test_duplicate_key() -> None:
    p = program(column("d", "id", role="key"))
    found = fails(p, [(None, csv("id\na\nb\na\n"))])
    assert found == [("E406", 4, "id", '`id`: 1 key stands more than once: "a" (lines 2, 4)')]


def test_order_sorts_within_groups_and_reports_gaps() -> None:
    p = program(
        index("g"), column("d", "who", "g"), column("d", "t", role="order", within="who"), column("d", "y")
    )
    data = bind(p, [(None, csv("who,t,y\nb,2,1\na,1,2\nb,1,3\na,2,4\na,3,5\na,5,6\n"))])
    assert same(data.arrays["d", "y"], [3.0, 1.0, 2.0, 4.0, 5.0, 6.0])
    assert same(data.sets["d"].group, [0, 0, 1, 1, 1, 1])
    assert [w.message for w in data.warnings] == ["`t` has 1 gap: 3 to 5 (line 7)"]
    found = fails(p, [(None, csv("who,t,y\nb,1,1\na,1,2\nb,1,3\n"))])
    assert found == [
        ("E406", 4, "t", "`t` orders the rows, but 1 value stands twice within one who: 1 (lines 2, 4)")
    ]


def test_dates_order_as_text() -> None:
    p = program(column("d", "t", role="order"), column("d", "y"))
    data = bind(p, [(None, csv("t,y\n2020-02-01,2\n2020-01-10,1\n"))])
    assert same(data.arrays["d", "y"], [1.0, 2.0])


def test_missing_cells_need_a_question_mark() -> None:
    y = observe("d", "y")
    plain = program(column("d", "y"), y)
    text = "y\n1\nNA\n\n4\n"
    assert fails(plain, [(None, csv(text))]) == [("E404", 3, "y", "2 blanks in `y` (lines 3, 4)")]
    optional = program(column("d", "y", optional=True), y)
    data = bind(optional, [(None, csv(text))])
    assert same(data.arrays["d", "y"], [1.0, 0.0, 0.0, 4.0])
    assert same(data.missing["d", "y"], [False, True, True, False])
    dropped = bind(plain, [(None, csv(text))], drop_missing=["y"])
    assert same(dropped.arrays["d", "y"], [1.0, 4.0])
    assert same(dropped.lines["d"], [2, 5])


def test_blanks_of_rows_that_a_filter_leaves_out_are_not_asked_for() -> None:
    loop = t.Loop("i", "d", HERE)
    test = apply("gt", apply("position", t.Var(kind("d"), HERE, loop)), number(1))
    loop = t.Loop("i", "d", HERE, condition=test)
    object.__setattr__(test.arguments[0].arguments[0], "loop", loop)
    p = program(column("d", "y"), observe("d", "y", loop=loop))
    assert same(bind(p, [(None, csv("y\nNA\n2\n3\n"))]).arrays["d", "y"], [0.0, 2.0, 3.0])
    assert fails(p, [(None, csv("y\n1\nNA\n3\n"))])[0][:3] == ("E404", 3, "y")


def test_missing_codes() -> None:
    p = program(column("d", "y", "count", optional=True), column("d", "x", "int"), observe("d", "y"))
    data = bind(p, [(None, csv("y,x\n-1,-1\n3,2\n"))], na={"y": ["-1"]})
    assert same(data.missing["d", "y"], [True, False])
    assert same(data.arrays["d", "y"], [0, 3])
    assert same(data.arrays["d", "x"], [-1, 2])


def test_every_problem_in_one_run() -> None:
    p = program(column("d", "x"), column("d", "n", "count"), column("d", "z"), observe("d", "x"))
    found = fails(p, [(None, csv("x,n,Z\nforty,2.5,1\n1,1,1\n"))])
    assert [(f[0], f[1], f[2]) for f in found] == [("E401", None, "z"), ("E402", 2, "x"), ("E403", 2, "n")]


def test_missing_column_suggests_the_mapping() -> None:
    p = program(column("d", "income"))
    with pytest.raises(DataError) as caught:
        bind(p, [(None, csv("Income,age\n1,2\n"))])
    assert caught.value.diagnostics[0].message == "the file has no `income`; it has `Income`, `age`"
    assert 'map it: `income: real = "Income"`' in caught.value.diagnostics[0].help


def test_declared_support_is_checked() -> None:
    from ppl.supports import POSITIVE

    p = program(column("d", "time", support=POSITIVE), observe("d", "time"))
    found = fails(p, [(None, csv("time\n0\n2\n-1\n"))])
    assert found == [("E405", 2, "time", "`time` is declared positive; it holds 0 and 1 more (lines 2, 4)")]
    n = program(column("d", "n", "count"), observe("d", "n", "count"))
    assert fails(n, [(None, csv("n\n3\n-2\n"))])[0][:3] == ("E405", 3, "n")


def test_stan_json() -> None:
    p = program(
        given("N"), given("J"),
        index("obs", "fixed", size=ref("N")), index("counties", "fixed", size=ref("J")),
        given("county", "counties", axes=("obs",)), given("x", "real", axes=("obs",)),
    )  # fmt: skip
    data = bind(p, [(None, json('{"N": 3, "J": 2.0, "county": [1, 2, 1], "x": [1, 2.5, 3], "z": 0}'))])
    assert same(data.arrays[None, "county"], [0, 1, 0])
    assert same(data.arrays[None, "x"], [1.0, 2.5, 3.0])
    assert data.unused == ("d.json: z",)
    found = fails(p, [(None, json('{"N": 4, "J": 2, "county": [1, 2, 1], "x": [1, 2.5, 3]}'))])
    assert found[0][0] == "E408"
    assert "`county` has 3 entries over obs, which has 4" in found[0][3]


def test_json_arrays_bind_to_a_table() -> None:
    p = program(column("d", "x"), column("d", "y"))
    data = bind(p, [(None, json('{"x": [1, 2], "y": [3, 4], "N": 2}'))])
    assert same(data.arrays["d", "y"], [3.0, 4.0])
    found = fails(p, [(None, json('{"x": [1, 2], "y": [3]}'))])
    assert found[0][3] == "the columns of d have different lengths: `x` has 2, `y` has 1"


def test_settings_replace_defaults() -> None:
    p = program(
        given("K", default=number(3)),
        given("a", "real", axes=("g",), default=None),
        index("g", "fixed", size=ref("K")),
    )
    data = bind(p, [], {"K": "2", "a": "[1, 2.5]"})
    assert same(data.arrays[None, "a"], [1.0, 2.5])
    with pytest.raises(UsageError, match="no given `k`"):
        bind(p, [], {"k": "2"})
    assert fails(p, [], {"K": "2.5", "a": "[1]"})[0][0] == "E403"
    assert fails(p, [], {"a": "[1, 2]"})[0][0] == "E408"


def test_wide_columns() -> None:
    glob = program(index("genes", "glob"), column("d", "x", axes=("genes",), header="gene_*"))
    data = bind(glob, [(None, csv("gene_b,id,gene_a\n1,7,2\n3,8,4\n"))])
    assert data.sets["genes"].labels == ("b", "a")
    assert same(data.arrays["d", "x"], [[1.0, 2.0], [3.0, 4.0]])
    sized = program(index("f", "fixed", size=number(2)), column("d", "x", axes=("f",), header="X_*"))
    data = bind(sized, [(None, csv("X_2,X_1\n1,2\n"))])
    assert same(data.arrays["d", "x"], [[2.0, 1.0]])
    assert (
        fails(sized, [(None, csv("X_1,X_2,X_3\n1,2,3\n"))])[0][3] == "`x` has 3 columns over f, which has 2"
    )


def test_saved_levels_and_new_ones() -> None:
    p = program(index("g"), column("d", "a", "g"))
    saved = {"g": ("x", "y")}
    data = bind(p, [(None, csv("a\ny\n"))], levels=saved)
    assert data.sets["g"].labels == ("x", "y")
    assert same(data.arrays["d", "a"], [1])
    found = fails(p, [(None, csv("a\ny\nOhio\n"))], levels=saved)
    assert found == [("E407", 3, "a", '"Ohio" was not in the fit (1 new label of g)')]
    data = bind(p, [(None, csv("a\nOhio\ny\n"))], levels=saved, new_levels=True)
    assert data.sets["g"].labels == ("x", "y", "Ohio")
    assert same(data.arrays["d", "a"], [2, 1])


def test_new_keys_of_a_table_with_latents_are_unseen_levels() -> None:
    loop = t.Loop("j", "classes", HERE)
    effect = t.Definition("a", "latent", (loop,), (loop,), kind("real", ("classes",)), number(0), HERE)
    columns = (column("classes", "id", role="key"), column("pupils", "of", "classes"))
    files = [("classes", csv("id\nK1\nK9\n", "c.csv")), ("pupils", csv("of\nK9\n"))]
    saved = {"classes": ("K0", "K1")}
    found = fails(program(*columns, effect), files, levels=saved)
    assert found == [("E407", 3, "id", '"K9" was not in the fit (1 new label of classes)')]
    data = bind(program(*columns, effect), files, levels=saved, new_levels=True)
    assert data.sets["classes"].labels == ("K1", "K9")
    assert bind(program(*columns), files, levels=saved).sets["classes"].size == 2


def test_a_size_that_came_from_rows_stays_the_fits() -> None:
    most = apply("max", ref("y", "d", "count", ("d",)))
    p = program(
        column("d", "y", "count"), index("g", "range", low=number(0), size=most), column("d", "a", "g")
    )
    first = bind(p, [(None, csv("y,a\n4,3\n"))])
    data = bind(p, [(None, csv("a\n1\n"))], levels=first.levels(), absent=[("d", "y")])
    assert (data.sets["g"].size, data.sets["g"].low) == (5, 0)
    found = fails(p, [(None, csv("a\n7\n"))], levels=first.levels(), absent=[("d", "y")])
    assert found[0][:2] == ("E402", 2)


def test_absent_columns_are_all_missing() -> None:
    p = program(column("d", "x"), column("d", "y", "count"), observe("d", "y"))
    data = bind(p, [(None, csv("x\n1\n2\n"))], absent=[("d", "y")])
    assert same(data.missing["d", "y"], [True, True])
    assert data.arrays["d", "y"].dtype == np.int64
    data = bind(p, [], rows={"d": 4})
    assert data.sets["d"].size == 4
    assert same(data.missing["d", "x"], [True] * 4)


def test_derived_sets() -> None:
    features = index("features", "labelled", labels=("a", "b", "c"))
    loop = t.Loop("k", "features", HERE)
    test = apply("gt", apply("position", t.Var(kind("features"), HERE, loop)), number(1))
    p = program(
        features,
        index("slopes", "filtered", parent="features", loop=loop, condition=test),
        index("cuts", "gaps", parent="features"),
        index("both", "pairs", parent="features"),
    )
    data = bind(p, [])
    assert data.sets["slopes"].labels == ("b", "c")
    assert same(data.sets["slopes"].positions, [1, 2])
    assert data.sets["cuts"].labels == ("a|b", "b|c")
    assert data.sets["both"].labels == ("a,b", "a,c", "b,c")


def test_triples_and_dense_frames() -> None:
    p = program(index("docs"), index("vocab"), given("bow", axes=("docs", "vocab")))
    data = bind(p, [("bow", csv("docs,vocab,count\nd2,cat,3\nd1,dog,1\n"))])
    assert data.sets["docs"].labels == ("d1", "d2")
    assert same(data.arrays[None, "bow"], [[0, 1], [3, 0]])
    dense = bind(p, [("bow", json('{"bow": [[0, 1], [3, 0], [2, 2]]}'))])
    assert (dense.sets["docs"].size, dense.sets["docs"].labels) == (3, None)
    assert fails(p, [("bow", csv("docs,vocab,count\nd2,cat,3\nd2,cat,1\n"))])[0][0] == "E406"


def test_huge_plates_are_refused_before_allocation() -> None:
    g = index("g", "fixed", size=ref("K"))
    loop = t.Loop("k", "g", HERE)
    latent = t.Definition("theta", "latent", (loop,), (loop,), kind("real", ("g",)), number(0), HERE)
    p = program(given("K"), g, latent)
    for size in ("1000000000", "9000000000000000000"):
        with pytest.raises(LimitError, match="E601"):
            bind(p, [], {"K": size}, max_memory=10**10)
    assert bind(p, [], {"K": "1000"}).sets["g"].size == 1000


def test_odd_columns_are_warned_about() -> None:
    p = program(
        column("d", "y"), column("d", "one"), column("d", "big"), observe("d", "y", predictors=["one"]),
        observe("d", "y", predictors=["big"]),
    )  # fmt: skip
    data = bind(p, [(None, csv("y,one,big\n1,5,2000\n2,5,1\n"))])
    assert [w.code for w in data.warnings] == ["W601", "W601"]
    assert "the same" in data.warnings[0].message or "every row" in data.warnings[0].message


def test_repeated_rows_are_warned_about_only_where_they_are_unlikely() -> None:
    p = program(column("d", "y"))
    once = [f"{0.37 * i}" for i in range(30)]
    assert [w.code for w in bind(p, [(None, csv("\n".join(["y", *once, once[3]])))]).warnings] == ["W602"]
    assert not bind(p, [(None, csv("\n".join(["y", *"0101010101011"])))]).warnings


def test_weights() -> None:
    p = program(column("d", "n", role="weight"), column("d", "y"))
    assert same(bind(p, [(None, csv("n,y\n2,1\n3,1\n"))]).weights["d"], [2.0, 3.0])


def test_two_tables_from_unnamed_files_are_told_apart_by_their_headers() -> None:
    p = program(column("a", "x"), column("b", "z"))
    data = bind(p, [(None, csv("z\n1\n")), (None, csv("x\n5\n"))])
    assert same(data.arrays["a", "x"], [5.0])
    assert fails(p, [(None, csv("z\n1\n")), (None, csv("q\n5\n"))])[0][0] == "E401"
