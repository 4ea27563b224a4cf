"""Parsing: whole models, exact spans, shapes of trees, soft keywords, layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppl.errors import ModelError, Source, Span
from ppl.language import tree as t
from ppl.language.parse import parse

HERE = Path(__file__).parent
MODELS = sorted([*HERE.glob("models/*.model"), *HERE.glob("syntax/*.model")])


def model(text: str) -> tuple[t.Statement, ...]:
    return parse(Source("m.model", text)).statements


def only(text: str) -> t.Statement:
    (statement,) = model(text)
    return statement


def value(text: str) -> t.Expr:
    statement = only(f"it = {text}")
    assert isinstance(statement, t.Assign)
    return statement.value


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_whole_models_parse(path):
    source = Source(path.name, path.read_text(encoding="utf-8"))
    tree = parse(source)
    assert tree.statements
    for statement in tree.statements:
        line_start = source.text.rfind("\n", 0, statement.span.start) + 1
        assert line_start == statement.span.start, "every statement begins its line"


def test_there_are_models():
    assert len(MODELS) >= 12


def test_eight_schools_in_full():
    table, _mu, tau, loop = model((HERE / "models" / "eight_schools.model").read_text())
    assert table == t.Table(
        "schools",
        (t.Column("effect", type=t.TypeRef("real")), t.Column("se", type=t.TypeRef("positive"))),
    )
    five = t.Argument(None, t.Number("5"))
    assert tau == t.Sample((t.Target("tau"),), t.Call(t.Name("HalfCauchy"), (five,)))
    assert isinstance(loop, t.For)
    assert loop.bindings == (t.Binding("j", "schools"),)
    assert [s.left[0] for s in loop.body] == [
        t.Target("theta", (t.Name("j"),)),
        t.Target("effect", (t.Name("j"),)),
    ]


def test_spans_are_exact():
    text = "\ufeffy[i] ~ Normal( a+b * x[i] , sd = -s )  for i in rows if i > 1 # c\r\nz = 1"
    source = Source("m", text)
    sample, assign = parse(source).statements

    def written(node: t.Node) -> str:
        return text[node.span.start : node.span.end]

    assert written(sample) == text[1:].split(" #")[0]
    assert written(assign) == "z = 1"
    mean, sd = sample.distribution.arguments
    assert written(sample.distribution) == "Normal( a+b * x[i] , sd = -s )"
    assert written(mean) == "a+b * x[i]"
    assert written(mean.value.rest[0][1]) == "b * x[i]"
    assert written(sd) == "sd = -s"
    assert written(sd.value) == "-s"
    assert written(sample.bindings[0]) == "i in rows if i > 1"
    assert written(sample.left[0]) == "y[i]"
    assert written(sample.left[0].subscripts[0]) == "i"


def test_span_of_a_block_ends_with_its_last_statement():
    loop, after = model("for i in s:\n  x = 1\n  y = 2   # c\n\nz = 3")
    assert loop.span == Span(0, 27)
    assert after.span.start == 35


@pytest.mark.parametrize(
    "text, tree",
    [
        ("1 + a - 2", t.Sum(t.Number("1"), (("+", t.Name("a")), ("-", t.Number("2"))))),
        ("a * b / c @ d", t.Product(t.Name("a"), tuple(zip("*/@", map(t.Name, "bcd"), strict=True)))),
        ("-x^2", t.Negative(t.Power(t.Name("x"), t.Number("2")))),
        ("2^-x^y", t.Power(t.Number("2"), t.Negative(t.Power(t.Name("x"), t.Name("y"))))),
        ("a <= t < b", t.Compare(t.Name("a"), (("<=", t.Name("t")), ("<", t.Name("b"))))),
        ("not a and b or c", t.Or((t.And((t.Not(t.Name("a")), t.Name("b"))), t.Name("c")))),
        (
            "a if b else c if d else e",
            t.Conditional(t.Name("a"), t.Name("b"), t.Conditional(*map(t.Name, "cde"))),
        ),
        ("words.id", t.Attribute(t.Name("words"), "id")),
        ('m["a \\"b\\"", 1]', t.Subscript(t.Name("m"), (t.String('a "b"'), t.Number("1")))),
        ("[]", t.ListLiteral(())),
        (
            "f(a, k = 2,)",
            t.Call(t.Name("f"), (t.Argument(None, t.Name("a")), t.Argument("k", t.Number("2")))),
        ),
        (
            "sum(e for a in A, b in B of a by c if b > 1)",
            t.Comprehension(
                t.Name("sum"),
                t.Name("e"),
                (
                    t.Binding("a", "A"),
                    t.Binding("b", "B", "a", "c", t.Compare(t.Name("b"), ((">", t.Number("1")),))),
                ),
            ),
        ),
        ("[e for k in c]", t.Comprehension(None, t.Name("e"), (t.Binding("k", "c"),))),
        ("true == false", t.Compare(t.Bool(True), (("==", t.Bool(False)),))),
        ("K[f, f']", t.Subscript(t.Name("K"), (t.Name("f"), t.Name("f'")))),
    ],
)
def test_expressions(text, tree):
    assert value(text) == tree


@pytest.mark.parametrize("text", ["0", "12", "1.5", "3.", ".5", "1e-3", "2.5E+10", "0.1000"])
def test_numbers_keep_their_text(text):
    assert value(text) == t.Number(text)


def test_range_needs_no_spaces():
    assert only("index g = 0..9, h = low .. max(y)").sets[0] == t.IndexDef(
        "g", t.Range(t.Number("0"), t.Number("9"))
    )


@pytest.mark.parametrize(
    "word", ["order", "key", "within", "of", "by", "q", "from", "weight", "lambda", "class"]
)
def test_soft_words_are_names(word):
    assert value(f"{word} + 1").first == t.Name(word)
    assert only(f"{word} ~ Normal({word}, sd = 1)").left == (t.Target(word),)
    assert only(f"for {word} in {word}:\n    x[{word}] = 1").bindings == (t.Binding(word, word),)
    assert only(f"x = sum({word}[i] for i in {word} of {word} by {word})").value.bindings[0].by == word
    assert only(f"table {word}({word}: real, k: order within {word})").columns[1].within == word
    assert only(f"guide:\n    q({word} | {word}) ~ {word}").body[0].targets == (t.Target(word),)
    assert only(f'given {word}: real = {word} from "h"').header == "h"


@pytest.mark.parametrize(
    "left, kind",
    [("x", t.Target), ("x[i, j]", t.Target), ("log(x[i])", t.Call), ("0", t.Number), ("x[1]", t.Subscript)],
)
def test_left_of_tilde(left, kind):
    assert isinstance(only(f"{left} ~ Flat()").left[0], kind)


def test_several_names_share_a_definition():
    assert only("b0, b_age ~ Flat()").left == (t.Target("b0"), t.Target("b_age"))
    assert only("given N, K: count").targets == (t.Target("N"), t.Target("K"))


def test_given_without_a_type_is_real():
    assert only("given x[S] = [1, 2]").type == t.TypeRef("real")


def test_both_forms_of_for_in_a_block():
    outer = only("for i in a:\n  for j in b if j > i:\n    x[i, j] = 1 for k in c\n  y[i] = 2")
    assert [type(s) for s in outer.body] == [t.For, t.Assign]
    assert outer.body[0].body[0].bindings == (t.Binding("k", "c"),)


@pytest.mark.parametrize(
    "text",
    [
        "x = (1 +\n2)\n",
        "x = (1 +  # why\n\n\n       2)",
        "\n\n# top\nx = (1 + 2)  # unterminated comment",
        "x = (1 + 2)   ",
        "\ufeffx = (1 + 2)\r\n\r\n",
        "x = (1\t+\n 2)".replace("\t", " "),
    ],
)
def test_layout_does_not_matter(text):
    assert only(text) == only("x = (1 + 2)")


def test_a_comment_never_counts_as_indent():
    loop, last = model("for i in s:\n    x = 1\n# outside\n  # uneven\n    y = 2\nz = 3")
    assert len(loop.body) == 2
    assert isinstance(last, t.Assign)


def test_primes_only_name_axes():
    with pytest.raises(ModelError, match="transpose"):
        parse(Source("m", "y = x' + 1"))
